"""A file as rows of named texts, before they mean anything: CSV, or a JSON object per line.

Nothing is lost: what cannot be read comes out as a `Problem`, in its place. Nothing is repeated
either: the words of a file may be people's names and phone numbers. Whatever the size of a file,
no more of it is held than a few lines.
"""

import csv
import json
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from itertools import chain
from typing import BinaryIO

from pydantic import TypeAdapter

from clients.surveys import LONGEST_LINE, Encoding, Survey, UnreadableError, surveyed

MOST_BYTES = 10_000_000
"""The largest file that is read at once; a thousand rows hold about 300 kB."""
MOST_LINE = 999_999_999
"""The last line that an object may say it was made from."""
MOST_LINES = 1_000
"""Lines that a row of a CSV file may go over, inside quotation marks."""
BLOCK = 64 * 1024
"""Bytes that are read together, up to the end of a line: what comes of them stays in the cache."""

SEPARATORS = (",", ";", "\t")
LOST = "a character is lost, here or in an earlier copy: save it anew, in UTF-8."
MISREAD = "not in UTF-8, so that names may be misread: save it as UTF-8."
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
    if len(content) > MOST_BYTES:
        yield _TOO_LARGE
    else:
        yield from streamed(BytesIO(content), suffix=suffix, columns=columns, exact=exact)


def streamed(
    stream: BinaryIO,
    *,
    suffix: str,
    columns: Collection[str],
    exact: Collection[str] = (),
    origin: str = "",
) -> Iterator[Found]:
    """The same of a file of any size; a CSV one is read again from its start: it must be seekable.

    An object may tell the line that it was made from, as a whole number in the `origin` member:
    its row then has that line.
    """
    try:
        if suffix.lower() in OBJECTS:
            yield from _from_json(stream, columns, origin)
        else:
            yield from _from_csv(stream, columns, exact)
    except UnreadableError as error:
        yield Problem(error.line, error.reason)


def documents(content: bytes) -> Iterator[Document | Problem]:
    """The JSON objects of a file with one per line, whatever they hold."""
    if len(content) > MOST_BYTES:
        yield _TOO_LARGE
        return
    try:
        for found in objects(BytesIO(content)):
            yield found if isinstance(found, Problem) else _document(*found)
    except UnreadableError as error:
        yield Problem(error.line, error.reason)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines without a quotation mark: each is a record, and is cut at every separator."""

    numbers: range
    """Those that they have in the file."""
    text: str = field(repr=False)
    """All of them, with a newline between two."""


Record = tuple[int, list[str]]
"""The line that a record starts on, and its cells, one of which at least holds something."""


class Records:
    """The records of a CSV file that hold something.

    The first one is the header: the separator that it has most of, outside quotation marks, is that
    of the file. To be iterated over once.
    """

    def __init__(self, stream: BinaryIO, encoding: Encoding) -> None:
        stream.seek(0)
        self.separator = ""
        """Known from the header on."""
        self._last = 0
        """The line that the last record ended on."""
        self._stream = stream
        self._encoding: str = encoding
        self._reader = csv.reader(())

    def __iter__(self) -> Iterator[Record | Problem]:
        """What is there, in order.

        Raises:
            UnreadableError: A quotation mark is never closed: rows would be lost inside a cell.
        """
        for piece in self.pieces():
            if isinstance(piece, Lines):
                yield from self.cut(piece)
            else:
                yield piece

    def pieces(self) -> Iterator[Lines | Record | Problem]:
        """The same, with the lines that need no more than to be cut left as they are, together.

        The header is none of these.

        Raises:
            UnreadableError: A quotation mark is never closed.
        """
        size = 0
        while block := self._block(size):
            if size and (text := _cuttable(block)):
                yield self._lines(text)
                continue
            if not size:
                block = self._header(block)
                self.separator = _separator(block)
            for record in self._parsed(block):
                size = BLOCK
                yield record

    def cut(self, lines: Lines) -> Iterator[Record]:
        """The records that lines are."""
        for line, text in zip(lines.numbers, lines.text.split("\n"), strict=True):
            record = text.split(self.separator)
            if _holds(record):
                yield line, record

    def _header(self, block: str) -> str:
        """A first line, and those after it that its cells may go over inside quotation marks."""
        while block.count('"') % 2 and len(block) < BLOCK and (more := self._block(0)):
            block += more
        return block

    def _lines(self, block: str) -> Lines:
        text, first = block.removesuffix("\n"), self._last + 1
        self._last += text.count("\n") + 1
        return Lines(range(first, self._last + 1), text)

    def _parsed(self, block: str) -> Iterator[Record | Problem]:
        """The records that start in a block; the last of them may end in another one."""
        before = self._last
        lines = chain(StringIO(block, newline=""), self._more(before))
        self._reader = reader = csv.reader(lines, delimiter=self.separator, strict=True)
        more = True
        while more:
            try:
                for record in reader:
                    line, self._last = self._last + 1, before + reader.line_num
                    if _holds(record):
                        yield line, record
                more = False
            except csv.Error as error:
                line, self._last = self._last + 1, before + reader.line_num
                reason = _TOO_LONG if "field limit" in str(error) else _UNCLOSED
                if self._last > line:
                    raise UnreadableError(line, reason) from None
                yield Problem(line, reason)

    def _more(self, before: int) -> Iterator[str]:
        """The lines of the following blocks, as long as a record goes on in them."""
        while (unended := before + self._reader.line_num - self._last) and (
            block := self._block(BLOCK)
        ):
            if unended > MOST_LINES:
                raise UnreadableError(self._last + 1, _UNCLOSED)
            yield from StringIO(block, newline="")

    def _block(self, size: int) -> str:
        """The next lines, whole."""
        block = self._stream.read(size) + self._stream.readline()
        encoding, self._encoding = self._encoding, self._encoding.removesuffix("-sig")
        try:
            return block.decode(encoding)
        except UnicodeDecodeError:
            raise UnreadableError(self._last + 1, "the file changed while it was read.") from None


def blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with a JSON object per line, some together, after the first one's number.

    Raises:
        UnreadableError: It is no such file, which may show once some of it was read.
    """
    survey, line, is_blank = Survey(), 1, True
    while block := stream.read(BLOCK) + stream.readline(LONGEST_LINE + 1):
        survey.add(block)
        if is_blank and (text := block.removeprefix(BOM_UTF8).strip()):
            is_blank = False
            if text.startswith(b"["):
                line += block.count(b"\n", 0, block.index(b"["))
                raise UnreadableError(line, "a JSON array: write one object per line instead.")
        yield line, block
        line += block.count(b"\n")
    survey.end()


def object_rows(
    first: int, block: bytes, *, columns: Collection[str], origin: str = ""
) -> Iterator[Row | Problem]:
    """What is on the lines of a block, each with a JSON object, in order."""
    for found in _objects(first, block):
        yield found if isinstance(found, Problem) else _from_object(*found, columns, origin)


def objects(stream: BinaryIO) -> "Iterator[tuple[int, Object] | Problem]":
    """The JSON objects of a file with one per line, each with its line.

    Raises:
        UnreadableError: It is no such file.
    """
    for first, block in blocks(stream):
        yield from _objects(first, block)


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object, with its names as often as they are written."""

    pairs: Sequence[tuple[str, object]] = field(repr=False)

    def members(self) -> dict[str, object]:
        """What it holds, by name, all the way down.

        Raises:
            ValueError: A name is written twice.
        """
        found = {name: _plain(value) for name, value in self.pairs}
        if len(found) != len(self.pairs):
            raise ValueError("repeated")
        return found


def _from_json(stream: BinaryIO, columns: Collection[str], origin: str) -> Iterator[Found]:
    for first, block in blocks(stream):
        yield from object_rows(first, block, columns=columns, origin=origin)


def _objects(first: int, block: bytes) -> Iterator[tuple[int, Object] | Problem]:
    # Not lines of text: a JSON string may hold what only Python takes for the end of a line.
    for line, raw in enumerate(block.split(b"\n"), first):
        if text := raw.removeprefix(BOM_UTF8).strip():
            yield _object(line, text)


def _object(line: int, raw: bytes) -> tuple[int, Object] | Problem:
    try:
        value: object = json.loads(raw.decode(), object_pairs_hook=Object)
    except UnicodeDecodeError:
        return Problem(line, "not in UTF-8.")
    except (ValueError, RecursionError):
        return Problem(line, "not in JSON.")
    if not isinstance(value, Object):
        return Problem(line, "not a JSON object.")
    return line, value


def _document(line: int, value: Object) -> Document | Problem:
    try:
        return Document(line, value.members())
    except ValueError:
        return Problem(line, "an object has two members of the same name.")
    except RecursionError:
        return Problem(line, "objects or lists inside one another without end.")


def _from_object(line: int, value: Object, columns: Collection[str], origin: str) -> Row | Problem:
    line, pairs = _origin(line, value.pairs, origin)
    names = _known(name for name, _ in pairs)
    if objection := _objection(names, columns, "field"):
        return Problem(line, objection)
    texts = {name: text for name, (_, text) in zip(names, pairs, strict=True)}
    cells = {name: text for name, text in texts.items() if isinstance(text, str)}
    if others := texts.keys() - cells.keys():
        return Problem(line, f"{', '.join(sorted(others))}: write a text, in quotation marks.")
    return Row(line, cells)


def _origin(
    line: int, pairs: Sequence[tuple[str, object]], origin: str
) -> tuple[int, Sequence[tuple[str, object]]]:
    """The line that an object says it comes from, if it does, and the rest of it."""
    match [value for name, value in pairs if name == origin]:
        case [int(told)] if 0 < told <= MOST_LINE and told is not True:
            return told, [pair for pair in pairs if pair[0] != origin]
        case _:
            return line, pairs


def _plain(value: object) -> object:
    match value:
        case Object():
            return value.members()
        case list():
            return [_plain(item) for item in _LIST.validate_python(value)]
        case _:
            return value


def _from_csv(
    stream: BinaryIO, columns: Collection[str], exact: Collection[str]
) -> Iterator[Found]:
    survey, signs = surveyed(stream)
    if lost := survey.lost or signs.lost:
        raise UnreadableError(lost, LOST)
    records = iter(Records(stream, survey.encoding))
    first = next(records, None)
    if not isinstance(first, tuple):
        yield first or Problem(1, "the file is empty.")
        return
    line, header = first
    names = _known(header)
    if survey.not_utf8 and not set(names).isdisjoint(exact):
        raise UnreadableError(survey.not_utf8, MISREAD)
    if survey.not_utf8:
        yield Doubt(
            survey.not_utf8,
            "not in UTF-8, hence read as Windows-1252: check that accents came out right.",
        )
    if objection := _objection(names, columns, "column"):
        raise UnreadableError(line, objection)
    for record in records:
        yield record if isinstance(record, Problem) else _from_record(*record, names)


def _from_record(line: int, texts: Sequence[str], names: Sequence[str]) -> Row | Problem:
    if len(texts) != len(names):
        return Problem(line, f"{len(texts)} cells below a header of {len(names)}.")
    return Row(line, dict(zip(names, texts, strict=True)))


def _cuttable(block: str) -> str:
    """These lines with newlines only; nothing if the csv module would do more than cut them."""
    if '"' in block or len(block) > csv.field_size_limit():
        return ""
    text = block.replace("\r\n", "\n") if "\r" in block else block
    return "" if "\r" in text else text


def _separator(header: str) -> str:
    """The one that a header has most of: outside quotation marks, if it has any there."""
    text = header.lstrip()
    unquoted = "".join(text.split('"')[::2])
    return max(SEPARATORS, key=lambda each: (unquoted.count(each), text.count(each)))


def _holds(record: Iterable[str]) -> bool:
    return any(map(str.strip, record))


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


_LIST = TypeAdapter(list[object])
_TOO_LARGE = Problem(1, f"the file is larger than {MOST_BYTES // 1_000_000} MB.")
_TOO_LONG = (
    f"a cell of more than {csv.field_size_limit()} characters, or a quotation mark never closed."
)
_UNCLOSED = "a quotation mark is out of place, or never closed."
