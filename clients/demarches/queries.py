"""The documents sent: each operation is a file of its own, and so is each fragment they share.

Nothing newer than January 2026 is in them, so that an instance that is not the latest understands
them.
"""

import re
from functools import cache
from importlib.resources import files

_SPREAD = re.compile(r"\.\.\.(?!\s*on\b)\s*(\w+)")


@cache
def document(operation: str) -> str:
    """The text of an operation, and of every fragment it uses."""
    return with_fragments(_source(operation))


@cache
def together(count: int) -> str:
    """An operation named `together` that reads so many dossiers, each as `dossier` does.

    The nth is asked for by the variable `n` and its rank, and given under the same name.
    """
    ranks = range(count)
    variables = ", ".join(f"$n{rank}: Int!" for rank in ranks)
    dossiers = "\n".join(
        f"  n{rank}: dossier(number: $n{rank}) {{ ...Decision }}" for rank in ranks
    )
    return with_fragments(f"query together({variables}) {{\n{dossiers}\n}}\n")


def with_fragments(text: str) -> str:
    """The text, and the fragments that it uses by name, those that they use themselves included."""
    found: dict[str, str] = {}
    awaited = _SPREAD.findall(text)
    while awaited:
        name = awaited.pop()
        if name not in found:
            found[name] = _source(f"fragments/{name}")
            awaited += _SPREAD.findall(found[name])
    return "\n".join((text, *found.values()))


def _source(name: str) -> str:
    place = files("clients.demarches") / "documents" / f"{name}.graphql"
    return place.read_text(encoding="utf-8")
