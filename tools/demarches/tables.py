"""Dossiers as the lines of a file: a table for spreadsheets, or one JSON object a line.

Applicants wrote most of what is in it: hidden characters are taken out, and nothing that a
spreadsheet would take for a formula is left as one.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue, TypeAdapter
from pydantic_core import to_json

from clients.demarches import Column, Columns, DeletedDossier, ExportedDossier
from clients.text import clean, one_line

OWN = (
    "number",
    "state",
    "archived",
    "deposited_at",
    "changed_at",
    "instruction_at",
    "decided_at",
    "deleted_at",
    "motivation",
    "demandeur",
    "civilite",
    "nom",
    "prenom",
    "siret",
    "usager",
    "group",
)
"""The columns that every table has; those of the form follow, then those of the administration."""
OTHERS = "other_answers"
"""The last column: answers to questions that no published revision has, should there be any."""
ANNOTATION = "annotation: "
"""Before the label of what the administration itself fills in."""


class Table(Protocol):
    """How dossiers are written."""

    @property
    def head(self) -> bytes: ...

    def line(self, dossier: ExportedDossier) -> bytes: ...

    def gone(self, removed: DeletedDossier) -> bytes:
        """A dossier that was deleted, or will be: nothing is known of it but its number."""
        ...


class Csv:
    """A table for spreadsheets: semicolons, UTF-8 with a byte order mark, one column a question.

    What has no place in a cell, as the rows of a repetition, is JSON there.
    """

    def __init__(self, columns: Columns) -> None:
        self._in_rows = _labels_in_rows(columns)
        annotations = (Column(c.id, f"{ANNOTATION}{c.label}") for c in columns.annotations)
        labels = _unique((*columns.champs, *annotations), taken=(*OWN, OTHERS))
        self._header = (*OWN, *labels.values(), OTHERS)
        self._places = {question: place for place, question in enumerate(labels, len(OWN))}
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=";", lineterminator="\r\n")

    @property
    def head(self) -> bytes:
        return "\ufeff".encode() + self._written(map(_cell, self._header))

    def line(self, dossier: ExportedDossier) -> bytes:
        cells = [_cell(value) for value in _own(dossier).values()]
        cells += [""] * (len(self._header) - len(OWN))  # few of the questions are answered in each
        others: dict[str, JsonValue] = {}
        for question, answer in (*dossier.champs.items(), *dossier.annotations.items()):
            if question in self._places:
                cells[self._places[question]] = _cell(_shown(answer, self._in_rows))
            else:
                others[question] = answer
        cells[-1] = _cell(_shown(others or None, self._in_rows))
        return self._written(cells)

    def gone(self, removed: DeletedDossier) -> bytes:
        known = _removal(removed)
        return self._written(_cell(known.get(name)) for name in self._header)

    def _written(self, cells: Iterable[str]) -> bytes:
        self._text.seek(0)
        self._text.truncate()
        self._writer.writerow(cells)
        return self._text.getvalue().encode()


class JsonLines:
    """One object a line, in UTF-8: `champs` and `annotations` hold the answers by their label.

    What is not known or not answered is absent.
    """

    head = b""

    def __init__(self, columns: Columns) -> None:
        self._in_rows = _labels_in_rows(columns)
        self._champs = _unique(columns.champs)
        self._annotations = _unique(columns.annotations)

    def line(self, dossier: ExportedDossier) -> bytes:
        told = {name: value for name, value in _own(dossier).items() if value is not None}
        told["champs"] = self._labelled(dossier.champs, self._champs)
        told["annotations"] = self._labelled(dossier.annotations, self._annotations)
        return to_json(told) + b"\n"

    def gone(self, removed: DeletedDossier) -> bytes:
        return to_json(_removal(removed)) + b"\n"

    def _labelled(
        self, answers: Mapping[str, JsonValue], labels: Mapping[str, str]
    ) -> dict[str, JsonValue]:
        return {labels.get(q, q): _shown(answer, self._in_rows) for q, answer in answers.items()}


TABLES: Mapping[str, Callable[[Columns], Table]] = {"csv": Csv, "jsonl": JsonLines}


def _own(dossier: ExportedDossier) -> dict[str, JsonValue]:
    """What is known of a dossier besides its answers, in the order of `OWN`."""
    return {
        "number": dossier.number,
        "state": dossier.state,
        "archived": dossier.archived,
        "deposited_at": dossier.date_depot,
        "changed_at": dossier.date_derniere_modification,
        "instruction_at": dossier.date_passage_en_instruction,
        "decided_at": dossier.date_traitement,
        "deleted_at": None,
        "motivation": _cleaned(dossier.motivation),
        "demandeur": dossier.demandeur,
        "civilite": dossier.civilite,
        "nom": _cleaned(dossier.nom),
        "prenom": _cleaned(dossier.prenom),
        "siret": _cleaned(dossier.siret),
        "usager": _cleaned(dossier.usager),
        "group": _cleaned(dossier.groupe),
    }


def _removal(removed: DeletedDossier) -> dict[str, JsonValue]:
    deleted_at = removed.date_supression.isoformat()
    return {"number": removed.number, "state": removed.state, "deleted_at": deleted_at}


def _unique(columns: Sequence[Column], *, taken: Sequence[str] = ()) -> dict[str, str]:
    """The labels by id; the id follows a label that is not alone to be what it is."""
    labels = {column.id: one_line(column.label) for column in columns}
    met = Counter([*taken, *labels.values()])
    return {
        question: label if met[label] == 1 else f"{label} ({question})"
        for question, label in labels.items()
    }


def _labels_in_rows(columns: Columns) -> dict[str, str]:
    """The labels by id of what repetitions ask, each unique within its repetition."""
    return {q: label for in_row in columns.in_rows for q, label in _unique(in_row).items()}


def _shown(answer: JsonValue, in_rows: Mapping[str, str]) -> JsonValue:
    """An answer, its texts clean, and the answers of its rows by their label."""
    match answer:
        case str():
            return clean(answer)
        case list():
            return [_shown(part, in_rows) for part in answer]
        case dict():
            return {in_rows.get(q, q): _shown(part, in_rows) for q, part in answer.items()}
        case _:
            return answer


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _cell(value: JsonValue) -> str:
    match value:
        case str():
            return _harmless(value)
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _ if names := _texts(value):
            return _harmless(", ".join(names))
        case _:
            return to_json(_harmless_within(value)).decode()


def _texts(value: JsonValue) -> list[str]:
    """The options chosen in a list, or the names of files: what reads well with commas."""
    match value:
        case [str(), *_]:
            return _OPTIONS.validate_python(value)
        case [{"name": str(), "checksum": _}, *_]:
            return [str(file["name"]) for file in _FILES.validate_python(value)]
        case _:
            return []


def _harmless_within(value: JsonValue) -> JsonValue:
    """The same value, each of its texts harmless."""
    match value:
        case str():
            return _harmless(value)
        case list():
            return [_harmless_within(part) for part in value]
        case dict():
            return {_harmless(name): _harmless_within(part) for name, part in value.items()}
        case _:
            return value


def _harmless(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would compute.

    What follows a separator is no better than what comes first: a spreadsheet that expects commas
    makes a cell of it. A number or a phone is left as it is: a sign, then digits, spaces, dots and
    commas alone.
    """
    if _ORDINARY.fullmatch(text):
        return text
    first = text.lstrip()[:1]
    computed = text[:1] in _LEADING or (first in _SIGNS and not _NUMBER.fullmatch(text))
    parted = _COMPUTED_WITHIN.sub(r"\1'", text)
    return f"'{parted}" if text and computed else parted


_OPTIONS = TypeAdapter(list[str])
_FILES = TypeAdapter(list[dict[str, JsonValue]])
_ORDINARY = re.compile(r"[^\s=+\-@＝＋－＠,;][^,;\t\r\n]*")
"""What most texts are, in which nothing can be computed: neither first nor after a separator."""
_LEADING = ("\t", "\r", "\n")
_SIGNS = tuple("=+-@＝＋－＠")
_NUMBER = re.compile(r"[+-][0-9][0-9 .,\u00a0\u202f]*")
_COMPUTED_WITHIN = re.compile(
    r"""([,;\t\r\n])                     # what a spreadsheet may take for a separator,
    (?=(?:[^\S\t\r\n]|")*[=+\-@＝＋－＠])  # before a sign, whatever spaces and quotes there are,
    (?!(?:[^\S\t\r\n]|")*[+-][0-9][0-9\ .\u00a0\u202f]*(?:[,;\t\r\n]|$))  # but neither a number
    (?![^\S\t\r\n]*-\s[^(|!,;\t\r\n]*(?:[,;\t\r\n]|$))  # nor an item of a list, without a call
    """,
    re.VERBOSE,
)
