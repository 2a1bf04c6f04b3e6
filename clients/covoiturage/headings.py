"""What people call the columns of a file of CEE applications, and the field each stands for."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from clients.covoiturage.refusals import SERVICE
from clients.errors import RejectedError

NAMES = {
    "cee_application_type": (
        "type",
        "application type",
        "type cee",
        "type de demande",
        "type de demande cee",
        "type de la demande",
    ),
    "cee_application_uuid": (
        "uuid",
        "identifiant",
        "identifiant cee",
        "identifiant de la demande",
        "identifiant de la demande cee",
        "uuid de la demande",
        "uuid cee",
    ),
    "journey_type": ("type de trajet", "type du trajet", "type trajet"),
    "datetime": (
        "date",
        "date et heure",
        "date d engagement",
        "date engagement",
        "date d engagement de l operation",
    ),
    "phone": (
        "telephone",
        "tel",
        "n de telephone",
        "no de telephone",
        "n tel",
        "numero de telephone",
        "telephone portable",
        "telephone mobile",
        "portable",
        "mobile",
        "phone number",
    ),
    "last_name": ("nom", "nom de famille", "lastname", "surname"),
    "identity_key": ("cle d identite", "cle identite"),
    "phone_trunc": ("telephone tronque",),
    "last_name_trunc": ("nom tronque",),
}
"""By field, besides its own name: in any case, without accents, with a space for every sign."""
FIELDS = tuple(NAMES)


@dataclass(frozen=True, slots=True)
class Headings:
    """What was understood of the first line of a table."""

    fields: tuple[str, ...]
    """The field that each column was taken for, or nothing."""
    taken: tuple[tuple[str, str], ...]
    """Each field that is there, with what its column is called."""
    left_aside: tuple[str, ...]
    """What the other columns are called."""


def field_of(heading: str) -> str:
    """The field that a column is for, or nothing."""
    apart = unicodedata.normalize("NFKD", heading.replace("°", " ")).casefold()
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return _FIELD.get(" ".join(re.sub(r"[^a-z0-9]+", " ", bare).split()), "")


def headings(header: Sequence[str]) -> Headings:
    """What the columns of a table stand for.

    Raises:
        RejectedError: Two stand for one field, or a field is missing. Columns are told by their
            place, since a first line that is no header holds people's names.
    """
    fields = tuple(map(field_of, header))
    if twice := sorted({field for field in fields if field and fields.count(field) > 1}):
        places = [str(n) for n, field in enumerate(fields, 1) if field in twice]
        raise RejectedError(
            SERVICE, f"columns {', '.join(places)}: more than one is for {', '.join(twice)}."
        )
    if lack := _lack({*fields}):
        unknown = ", ".join(str(n) for n, field in enumerate(fields, 1) if not field)
        others = f" Columns {unknown} have names that are not known." if unknown else ""
        raise RejectedError(SERVICE, f"no column is for {lack}.{others}")
    named = tuple(zip(fields, header, strict=True))
    return Headings(
        fields,
        tuple((field, heading) for field, heading in named if field),
        tuple(heading for field, heading in named if not field),
    )


def _lack(fields: set[str]) -> str:
    """The fields without which no row can be made."""
    if "cee_application_type" not in fields:
        return "cee_application_type"
    if not (fields >= _WHOLE or "identity_key" in fields):
        return "phone and last_name, nor for identity_key"
    by_person = fields >= _JOURNEY and (fields >= _WHOLE or fields >= _TRUNCATED)
    if not (by_person or "cee_application_uuid" in fields):
        return "cee_application_uuid, nor for journey_type and datetime with who it is"
    return ""


_WHOLE = {"phone", "last_name"}
_TRUNCATED = {"phone_trunc", "last_name_trunc"}
_JOURNEY = {"journey_type", "datetime"}
_FIELD = {name.replace("_", " "): name for name in FIELDS} | {
    name: field for field, names in NAMES.items() for name in names
}
