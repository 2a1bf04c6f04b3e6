"""A file as rows of named texts, before they mean anything: CSV, or a JSON object per line.

Nothing is lost: what cannot be read comes out as a `Problem`, in its place. Nothing is repeated
either: the words of a file may be people's names and phone numbers.
"""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

MOST_BYTES = 10_000_000
"""The largest file that is read; a thousand rows hold about 300 kB."""

SEPARATORS = (",", ";", "\t")
OBJECTS = frozenset({".json", ".jsonl", ".ndjson"})
"""Suffixes of the files that hold a JSON object per line; others are CSV."""


@dataclass(frozen=True, slots=True)
class Row:
    """The texts of a row, by column.

    Lines are those of the file, from 1, whether blank, a header, or inside quotation marks; a row
    has the number of the one it starts on.
    """

    line: int
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row, or the rest of the file, cannot be used."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """What to look at before using a row, or the file."""

    line: int
    reason: str


Found = Row | Problem | Doubt

_LIST = TypeAdapter(list[object])


@dataclass(frozen=True, slots=True)
class Document:
    """The JSON object of a line, whole."""

    line: int
    members: Mapping[str, object] = field(repr=False)


def rows(
    content: bytes, *, suffix: str, columns: Collection[str], exact: Collection[str] = ()
) -> Iterator[Found]:
    """What a file holds, in its order. Columns are known in any case, whatever their order.

    A file with one of the `exact` columns is read in UTF-8 or not at all: what is computed from a
    wrong letter shows nothing of it.
    """
    if unusable := _unusable(content):
        yield unusable
    elif suffix.lower() in OBJECTS:
        yield from _from_json(content, columns)
    else:
        yield from _from_csv(content, columns, exact)


def _unusable(content: bytes) -> Problem | None:
    """Why there is nothing to read in a file at all."""
    if len(content) > MOST_BYTES:
        return Problem(1, f"the file is larger than {MOST_BYTES // 1_000_000} MB.")
    if (nul := content.find(0)) >= 0:
        return Problem(_line(content, nul), "a NUL byte: this is no text, or it is not in UTF-8.")
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        return Problem(1, "the file is empty.")
    return None


def documents(content: bytes) -> Iterator[Document | Problem]:
    """The JSON objects of a file with one per line, whatever they hold."""
    if unusable := _unusable(content):
        yield unusable
        return
    for found in _objects(content):
        yield found if isinstance(found, Problem) else _document(*found)


def _from_json(content: bytes, columns: Collection[str]) -> Iterator[Found]:
    for found in _objects(content):
        yield found if isinstance(found, Problem) else _from_object(*found, columns)


def _objects(content: bytes) -> "Iterator[tuple[int, _Object] | Problem]":
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        yield Problem(1, "a JSON array: write one object per line instead.")
        return
    # Not splitlines(): a JSON string may hold what only Python takes for the end of a line.
    for line, raw in enumerate(content.split(b"\n"), 1):
        if raw.strip():
            yield _object(line, raw)


def _object(line: int, raw: bytes) -> "tuple[int, _Object] | Problem":
    try:
        value: object = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_Object)
    except UnicodeDecodeError:
        return Problem(line, "not in UTF-8.")
    except (ValueError, RecursionError):
        return Problem(line, "not in JSON.")
    if not isinstance(value, _Object):
        return Problem(line, "not a JSON object.")
    return line, value


def _document(line: int, value: "_Object") -> Document | Problem:
    try:
        return Document(line, value.members())
    except ValueError:
        return Problem(line, "an object has two members of the same name.")


def _from_object(line: int, value: "_Object", columns: Collection[str]) -> Row | Problem:
    names = _known(name for name, _ in value.pairs)
    if objection := _objection(names, columns, "field"):
        return Problem(line, objection)
    texts = {name: text for name, (_, text) in zip(names, value.pairs, strict=True)}
    cells = {name: text for name, text in texts.items() if isinstance(text, str)}
    if others := texts.keys() - cells.keys():
        return Problem(line, f"{', '.join(sorted(others))}: write a text, in quotation marks.")
    return Row(line, cells)


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object, with its names as often as they are written."""

    pairs: Sequence[tuple[str, object]]

    def members(self) -> dict[str, object]:
        """What it holds, by name, all the way down.

        Raises:
            ValueError: A name is written twice.
        """
        found = {name: _plain(value) for name, value in self.pairs}
        if len(found) != len(self.pairs):
            raise ValueError("repeated")
        return found


def _plain(value: object) -> object:
    match value:
        case _Object():
            return value.members()
        case list():
            return [_plain(item) for item in _LIST.validate_python(value)]
        case _:
            return value


def _from_csv(content: bytes, columns: Collection[str], exact: Collection[str]) -> Iterator[Found]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, text = _line(content, error.start), content.decode("cp1252", errors="replace")
        if not _header(text).isdisjoint(exact):
            yield Problem(line, "not in UTF-8, so that names may be misread: save it as UTF-8.")
            return
        yield Doubt(
            line, "not in UTF-8, hence read as Windows-1252: check that accents came out right."
        )
    if "\ufffd" in text:
        line = text.count("\n", 0, text.index("\ufffd")) + 1
        yield Problem(
            line, "a character is lost, here or in an earlier copy: save it anew, in UTF-8."
        )
    else:
        yield from _below_header(_records(text), columns)


def _below_header(
    records: Iterator[tuple[int, list[str]] | Problem], columns: Collection[str]
) -> Iterator[Found]:
    first = next(records, None)
    if not isinstance(first, tuple):
        yield first or Problem(1, "the file is empty.")
        return
    line, header = first
    names = _known(header)
    if objection := _objection(names, columns, "column"):
        yield Problem(line, objection)
        return
    for record in records:
        yield record if isinstance(record, Problem) else _from_record(*record, names)


def _from_record(line: int, texts: Sequence[str], names: Sequence[str]) -> Row | Problem:
    if len(texts) != len(names):
        return Problem(line, f"{len(texts)} cells below a header of {len(names)}.")
    return Row(line, dict(zip(names, texts, strict=True)))


def _records(text: str) -> Iterator[tuple[int, list[str]] | Problem]:
    """The records that hold something, each with the line it starts on."""
    header = text.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Problem(line, "a quotation mark is out of place, or never closed.")
        else:
            if any(cell.strip() for cell in record):
                yield line, record


def _header(text: str) -> set[str]:
    first = next(_records(text), None)
    return set(_known(first[1])) if isinstance(first, tuple) else set()


def _known(names: Iterable[str]) -> list[str]:
    return [name.strip().lower() for name in names]


def _objection(names: Sequence[str], columns: Collection[str], kind: str) -> str:
    """What is wrong with names, each told by its place, since it may be a person's."""
    expected = f"expected are {', '.join(sorted(columns))}."
    if not set(names) & set(columns):
        return f"no {kind} has a name; {expected}"
    if unknown := [str(place) for place, name in enumerate(names, 1) if name not in columns]:
        return f"{kind} {', '.join(unknown)}: unknown name; {expected}"
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        return f"{', '.join(repeated)}: more than one {kind} has this name."
    return ""


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
