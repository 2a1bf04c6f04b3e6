"""Champs and their descriptors: what a form asks, and what was answered.

A kind of champ is the service's `TypeDeChamp`, plus `titre_identite`, which that enum has lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.sandbox.demarches.records import Facts, number_in, typed_id


@dataclass(frozen=True)
class Kind:
    """How a kind of champ shows in the schema."""

    descriptor: str
    champ: str = "TextChamp"
    older: str = ""
    """The type served to a document without a fragment on `champ`; empty, `champ` all the same."""
    column: str = "TextColumn"


KINDS = {
    "address": Kind("AddressChampDescriptor", "AddressChamp", older="TextChamp"),
    "carte": Kind("CarteChampDescriptor", "CarteChamp", column="GeoJSONColumn"),
    "checkbox": Kind("CheckboxChampDescriptor", "CheckboxChamp", column="BooleanColumn"),
    "civilite": Kind("CiviliteChampDescriptor", "CiviliteChamp"),
    "communes": Kind("CommuneChampDescriptor", "CommuneChamp", older="TextChamp"),
    "date": Kind("DateChampDescriptor", "DateChamp", column="DateColumn"),
    "datetime": Kind(
        "DatetimeChampDescriptor", "DatetimeChamp", older="DateChamp", column="DateTimeColumn"
    ),
    "decimal_number": Kind(
        "DecimalNumberChampDescriptor", "DecimalNumberChamp", column="DecimalColumn"
    ),
    "departements": Kind("DepartementChampDescriptor", "DepartementChamp", older="TextChamp"),
    "dossier_link": Kind("DossierLinkChampDescriptor", "DossierLinkChamp"),
    "drop_down_list": Kind(
        "DropDownListChampDescriptor", "DropDownListChamp", older="TextChamp", column="EnumColumn"
    ),
    "email": Kind("EmailChampDescriptor"),
    "engagement_juridique": Kind("EngagementJuridiqueChampDescriptor", "EngagementJuridiqueChamp"),
    "epci": Kind("EpciChampDescriptor", "EpciChamp"),
    "explication": Kind("ExplicationChampDescriptor", "ExplicationChamp", older="TextChamp"),
    "header_section": Kind("HeaderSectionChampDescriptor", "HeaderSectionChamp", older="TextChamp"),
    "iban": Kind("IbanChampDescriptor"),
    "integer_number": Kind(
        "IntegerNumberChampDescriptor", "IntegerNumberChamp", column="IntegerColumn"
    ),
    "linked_drop_down_list": Kind("LinkedDropDownListChampDescriptor", "LinkedDropDownListChamp"),
    "multiple_drop_down_list": Kind(
        "MultipleDropDownListChampDescriptor", "MultipleDropDownListChamp", column="EnumsColumn"
    ),
    "pays": Kind("PaysChampDescriptor", "PaysChamp", older="TextChamp"),
    "phone": Kind("PhoneChampDescriptor"),
    "piece_justificative": Kind(
        "PieceJustificativeChampDescriptor", "PieceJustificativeChamp", column="AttachmentsColumn"
    ),
    "regions": Kind("RegionChampDescriptor", "RegionChamp", older="TextChamp"),
    "repetition": Kind("RepetitionChampDescriptor", "RepetitionChamp"),
    "rna": Kind("RNAChampDescriptor", "RNAChamp"),
    "rnf": Kind("RNFChampDescriptor", "RNFChamp"),
    "siret": Kind("SiretChampDescriptor", "SiretChamp"),
    "text": Kind("TextChampDescriptor"),
    "textarea": Kind("TextareaChampDescriptor"),
    "titre_identite": Kind(
        "TitreIdentiteChampDescriptor", "TitreIdentiteChamp", older="PieceJustificativeChamp"
    ),
    "yes_no": Kind(
        "YesNoChampDescriptor", "YesNoChamp", older="CheckboxChamp", column="BooleanColumn"
    ),
}


def descriptor(
    stable_id: int,
    kind: str,
    label: str,
    *,
    required: bool = False,
    particulars: Facts | None = None,
) -> Facts:
    """A question of a form; `particulars` are the members of its own subtype."""
    return {
        "__typename": KINDS[kind].descriptor,
        "id": typed_id("Champ", stable_id),
        "type": "piece_justificative" if kind == "titre_identite" else kind,
        "kind": kind,
        "label": label,
        "required": required,
        **(particulars or {}),
    }


def champ(
    question: Facts,
    text: str | None,
    updated_at: datetime,
    answer: Facts | None = None,
    *,
    row: str = "",
) -> Facts:
    """What was answered to a question: as text, and in the members of its own subtype.

    Its id is its question's, the same in every dossier; in a repetition the row is added to it.
    """
    identifier = str(question["id"])
    members = {"value": text, **(answer or {})}
    return {
        "kind": question["kind"],
        "required": question["required"],
        "id": _in_row(identifier, row) if row else identifier,
        "champDescriptorId": identifier,
        "label": question["label"],
        "stringValue": text,
        "updatedAt": updated_at,
        "prefilled": False,
        "prefilledValueModified": False,
        "columns": _columns(question, text, members),
        **members,
    }


def empty(question: Facts, at: datetime, *, row: str = "") -> Facts:
    """The champ of a question that nobody answered."""
    kind = str(question["kind"])
    text = "false" if kind == "checkbox" else None
    return champ(question, text, at, _BLANK.get(kind), row=row)


_BLANK: Mapping[str, Facts] = {
    "checkbox": {"value": False},
    "date": {"date": None},
    "datetime": {"date": None, "datetime": None},
    "header_section": {"level": 1},
    "multiple_drop_down_list": {"values": ()},
    "piece_justificative": {"files": (), "nature": "NON_SPECIFIE"},
    "repetition": {"rows": (), "champs": ()},
}
"""What a blank answer holds besides the `value` that it has not."""


def served_type(record: Facts, fragments: frozenset[str]) -> str:
    """The type of a champ for a document with `fragments`: older ones get what they expect."""
    kind = KINDS[str(record["kind"])]
    return kind.older if kind.older and kind.champ not in fragments else kind.champ


def _in_row(identifier: str, row: str) -> str:
    return typed_id("Champ", f"{number_in('Champ', identifier)}|{row}")


def _columns(question: Facts, text: str | None, members: Facts) -> Sequence[Facts]:
    """The one column of a champ; a repetition has none, its rows do."""
    kind = KINDS[str(question["kind"])]
    if kind.champ == "RepetitionChamp":
        return ()
    number = number_in("Champ", str(question["id"]))
    column: Facts = {
        "__typename": kind.column,
        "id": typed_id("Column", f"type_de_champ/{number}"),
        "label": question["label"],
        "stringValue": text,
        "value": members[_COLUMN_MEMBERS.get(kind.column, "value")],
    }
    return (column,)


_COLUMN_MEMBERS = {
    "AttachmentsColumn": "files",
    "DateColumn": "date",
    "DateTimeColumn": "datetime",
    "EnumsColumn": "values",
    "GeoJSONColumn": "features",
}
"""Where the value of a column is found in a champ, when that is not in `value`."""
