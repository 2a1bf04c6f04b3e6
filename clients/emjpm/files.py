"""A file of mesures to import: CSV with a line per état, or a JSON object per line.

In CSV the lines of one numero_rg and one tribunal_siret make one mesure, wherever they are. Each
has an état, a ressource, or both; what is said of the mesure itself is said once, or the same each
time. An empty cell says nothing. In JSON, null clears, and what is absent says nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from pydantic import ValidationError

from clients.emjpm.writing import (
    EtatToSend,
    MesureToSend,
    RessourceToSend,
    mistakes,
    numero_rg,
)
from clients.rows import OBJECTS, Document, Doubt, Problem, Row, documents, rows

ETAT = frozenset(EtatToSend.model_fields)
RESSOURCE = frozenset(RessourceToSend.model_fields)
MESURE = frozenset(MesureToSend.model_fields) - {"etats", "ressources", "antenne_id"}
COLUMNS = MESURE | ETAT | RESSOURCE
NO_ANTENNE = "antenne_id: an import cannot set it; import without it, then update each mesure."


@dataclass(frozen=True, slots=True)
class NumberedMesure:
    """A mesure, and the line of the file where it starts."""

    line: int
    mesure: MesureToSend
    written_rg: str
    """Its numero_rg as the file has it, which may have been converted."""


@dataclass(frozen=True, slots=True)
class MesuresFile:
    """A file, read. Each of its mesures is either among `mesures` or has `problems`.

    `sha256` is of its bytes: what was agreed to can be compared with what is about to be sent.
    """

    sha256: str
    mesures: tuple[NumberedMesure, ...]
    problems: tuple[Problem, ...]
    doubts: tuple[Problem, ...]


def mesures(content: bytes, *, name: str, convert: bool = False) -> MesuresFile:
    """The mesures of a file, whose suffix says what it holds: `.jsonl`, `.ndjson`, `.json`, or CSV.

    With `convert`, a numero_rg that the service would not keep becomes the one it would make of it.
    """
    in_json = PurePath(name).suffix.lower() in OBJECTS
    read = _from_json(content) if in_json else _from_csv(content, PurePath(name).suffix)
    found = [*_checked(read, convert=convert)] or [Problem(1, "there is no mesure in it.")]
    return MesuresFile(
        sha256=hashlib.sha256(content).hexdigest(),
        mesures=tuple(item for item in found if isinstance(item, NumberedMesure)),
        problems=tuple(sorted(_of(Problem, found), key=lambda problem: problem.line)),
        doubts=tuple(Problem(item.line, item.reason) for item in found if isinstance(item, Doubt)),
    )


@dataclass(slots=True)
class _Written:
    """A mesure as the file says it, before its rules are looked at."""

    line: int
    told: dict[str, object]
    first_lines: dict[str, int] = field(default_factory=dict[str, int])
    """Where each thing was first said."""
    etats: list[EtatToSend] = field(default_factory=list[EtatToSend])
    ressources: list[RessourceToSend] = field(default_factory=list[RessourceToSend])
    is_wrong: bool = False
    """Whether one of its lines has a problem of its own."""


def _from_json(content: bytes) -> Iterator[_Written | Problem]:
    for found in documents(content):
        if isinstance(found, Document) and "antenne_id" in found.members:
            yield Problem(found.line, NO_ANTENNE)
        elif isinstance(found, Document):
            yield _Written(found.line, dict(found.members))
        else:
            yield found


def _from_csv(content: bytes, suffix: str) -> Iterator[_Written | Problem | Doubt]:
    gathered = dict[tuple[str, str], _Written]()
    for found in rows(content, suffix=suffix, columns=COLUMNS):
        if isinstance(found, Row):
            yield from _gather(found, gathered)
        else:
            yield found
    yield from (_whole(written) for written in gathered.values() if not written.is_wrong)


def _gather(row: Row, gathered: dict[tuple[str, str], _Written]) -> Iterator[Problem]:
    """Add what a row says to what is known of its mesure."""
    cells = {name: text.strip() for name, text in row.cells.items() if text.strip()}
    key = cells.get("numero_rg", ""), cells.get("tribunal_siret", "")
    written = gathered.setdefault(key, _Written(row.line, {}))
    for name in sorted(MESURE & cells.keys()):
        if written.told.setdefault(name, cells[name]) != cells[name]:
            written.is_wrong = True
            yield Problem(row.line, f"{name}: not as on line {written.first_lines[name]}.")
        written.first_lines.setdefault(name, row.line)
    yield from _part(row.line, cells, ETAT, written)
    yield from _part(row.line, cells, RESSOURCE, written)


def _part(
    line: int, cells: Mapping[str, str], names: frozenset[str], written: _Written
) -> Iterator[Problem]:
    """Add the état, or the ressource, of a row, if it has one."""
    told: dict[str, object] = {name: cells[name] for name in names & cells.keys()}
    if "prestations_sociales" in told:
        told["prestations_sociales"] = re.findall(r"\w+", cells["prestations_sociales"])
    if not told:
        return
    try:
        if names is ETAT:
            written.etats.append(EtatToSend.model_validate(told))
        else:
            written.ressources.append(RessourceToSend.model_validate(told))
    except ValidationError as error:
        written.is_wrong = True
        yield Problem(line, _said(error))


def _whole(written: _Written) -> _Written:
    lists = {"etats": written.etats, "ressources": written.ressources}
    said = {name: told for name, told in lists.items() if told}
    return _Written(written.line, written.told | said)


def _checked(
    read: Iterable[_Written | Problem | Doubt], *, convert: bool
) -> Iterator[NumberedMesure | Problem | Doubt]:
    """Each mesure that can be sent, or why it cannot; no two of them are the same."""
    lines = dict[tuple[str, str], int]()
    for found in read:
        if not isinstance(found, _Written):
            yield found
            continue
        mesure = _meant(found, convert=convert)
        if isinstance(mesure, NumberedMesure):
            first = lines.setdefault(mesure.mesure.key, mesure.line)
            if first != mesure.line:
                told = f"the same numero_rg and tribunal_siret as line {first}."
                mesure = Problem(mesure.line, told)
        yield mesure


def _meant(written: _Written, *, convert: bool) -> NumberedMesure | Problem:
    told, given = written.told, written.told.get("numero_rg")
    if isinstance(given, str):
        told = told | {"numero_rg": numero_rg(given, convert=convert)}
    try:
        return NumberedMesure(written.line, MesureToSend.model_validate(told), f"{given}".strip())
    except ValidationError as error:
        return Problem(written.line, _said(error))


def _said(error: ValidationError) -> str:
    return f"{'; '.join(mistakes(error))}."


def _of(kind: type[Problem], found: Iterable[object]) -> Iterator[Problem]:
    return (item for item in found if isinstance(item, kind))
