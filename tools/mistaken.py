"""What a number that the service does not find may be instead."""

from collections.abc import Mapping

from tools.desk import Desk


def mistaken(desk: Desk, arguments: Mapping[str, object]) -> str:
    """What to do with a number given for another record's; empty if nothing is known of it."""
    number, demarche = arguments.get("number"), arguments.get("demarche_number")
    if number in desk.demarches:
        return (
            f"{number} is a démarche of this counter: query_dossiers lists its dossiers, with "
            f"demarche_number={number}."
        )
    if demarche is not None and demarche not in desk.demarches:
        return f"If {demarche} is a dossier's number, get_dossier tells which démarche it is of."
    return ""
