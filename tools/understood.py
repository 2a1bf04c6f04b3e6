"""What callers write for a number or a date: understood when it can mean one thing only.

A model copies what it has at hand: a number in quotes, the id that the service gives beside it, the
address of its page, a date as people write it. What could mean something else is refused with the
way to say it, never with the words of a library.
"""

import base64
import re
from contextvars import ContextVar
from typing import Literal
from urllib.parse import urlsplit

from clients.dates import in_iso

Kind = Literal["Dossier", "Procedure", "GroupeInstructeur"]
"""A record, by the word that its id begins with at Démarches simplifiées."""

SERVICE_HOSTS = frozenset(
    {"demarche.numerique.gouv.fr", "www.demarches-simplifiees.fr", "demarches-simplifiees.fr"}
)
"""The hosts of the service's pages, today's and those before."""
PAGES: ContextVar[frozenset[str]] = ContextVar("pages", default=SERVICE_HOSTS)
"""Whose pages name the records of this counter: elsewhere, the same number is another's."""

_ASKED: dict[Kind, str] = {
    "Dossier": "a dossier's number, such as 200001",
    "Procedure": "a démarche's number, such as 1001",
    "GroupeInstructeur": "a groupe instructeur's number, such as 501",
}
_INSTEAD: dict[tuple[Kind, str], str] = {
    ("Dossier", "Procedure"): "query_dossiers lists its dossiers",
    ("Procedure", "Dossier"): "get_dossier tells which démarche it is of",
}
_FIGURES = re.compile(
    r"(?:n ?° ?)?([+-]?(?:\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,6}|\d{1,20}))", re.ASCII
)
"""A number, whose thousands may be apart; two numbers side by side are none."""
_SPACES = re.compile(r"[ \u00a0\u202f]")
_ID = re.compile(r"([A-Za-z]+)-(\d{1,18})", re.ASCII)
_IN_A_PATH: dict[Kind, re.Pattern[str]] = {
    "Dossier": re.compile(r"/dossiers/(\d{1,18})(?=/|$)", re.ASCII),
    "Procedure": re.compile(r"/procedures/(\d{1,18})(?=/|$)", re.ASCII),
}


def whole(value: object) -> object:
    """A whole number, also sent as text or as 3.0; never a boolean, which Python takes for one."""
    match value:
        case bool():
            raise ValueError("a number, not a boolean")
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if (figures := _figures(value)) is not None:
            return figures
        case _:
            raise ValueError("a whole number, such as 20")


def dossier(value: object) -> object:
    """A dossier's number, also given as its id or the address of its page."""
    return _number(value, "Dossier")


def demarche(value: object) -> object:
    """A démarche's number, likewise; the page of one of its dossiers names it too."""
    return _number(value, "Procedure")


def group(value: object) -> object:
    """The number of a groupe instructeur, also given as its id."""
    return _number(value, "GroupeInstructeur")


def day(value: object) -> object:
    """A date in ISO form, also given as people write it in France."""
    return in_iso(value) if isinstance(value, str) else value


def several(value: object) -> object:
    """A list, also given as a text whose commas separate."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _number(value: object, kind: Kind) -> object:
    if not isinstance(value, str) or _figures(value) is not None:
        return whole(value)
    named = _in_id(value.strip()) or _in_address(value.strip())
    if kind in named:
        return named[kind]
    other = next(iter(named), "")
    if not other:
        address = " or its page's address" if kind in _IN_A_PATH else ""
        raise ValueError(f"{_ASKED[kind]}; its id{address} will do")
    instead = _INSTEAD.get((kind, other), "")
    raise ValueError(f"{_ASKED[kind]}, and this is another record's. {instead}".rstrip(". "))


def _figures(text: str) -> int | None:
    found = _FIGURES.fullmatch(text.strip())
    return int(_SPACES.sub("", found[1])) if found else None


def _in_id(text: str) -> dict[str, int]:
    """What an id of the service names: it is the record's type and number, in base64."""
    try:
        plain = base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", validate=True).decode("ascii")
    except ValueError:
        return {}
    found = _ID.fullmatch(plain)
    return {found[1]: int(found[2])} if found else {}


def _in_address(text: str) -> dict[str, int]:
    """What the address of a page names: a démarche, one of its dossiers, or both."""
    try:
        place = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return {}
    found = {kind: path.search(place.path) for kind, path in _IN_A_PATH.items()}
    named: dict[str, int] = {kind: int(number[1]) for kind, number in found.items() if number}
    if named and place.hostname not in PAGES.get():
        raise ValueError("the address of another site's page: give the number alone")
    return named
