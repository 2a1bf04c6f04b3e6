"""JSON as editors keep it, comments and trailing commas included, edited in place.

A library would lay the whole file out anew, or lose its comments: here, every byte stays where it
is. What comes out is read again, and must hold what was there and what was added.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

Document = dict[str, object]
Span = tuple[int, int]

UNEDITABLE = "it cannot be edited without touching the rest"
_DOCUMENT = TypeAdapter(Document)
_LIST = TypeAdapter(list[object])
_COMMENTED = re.compile(r'"(?:\\.|[^"\\])*"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)
_TRAILING = re.compile(r'"(?:\\.|[^"\\])*"|(,)(?=\s*[}\]])', re.DOTALL)
_NOT_A_BREAK = re.compile(r"[^\r\n]")
_SPACE = re.compile(r"\s*")
_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)


class UnusableError(ValueError):
    """The text is not a JSON object, or cannot be edited; says why, after the name of a file."""


@dataclass(frozen=True, slots=True)
class _Block:
    """An object or an array, as it lies in the text."""

    start: int
    end: int
    """Of its last sign, the closing one."""
    values: Mapping[str, Span]
    """Where each value is, by name in an object, by rank in an array."""
    first: int
    """Where the first name or value begins; the closing sign, if there is none."""


def parsed(text: str, *, comments: bool) -> Document:
    """The object that the text holds.

    Raises:
        UnusableError: It holds none, or comments where they are not allowed.
    """
    try:
        document: object = json.loads(_bare(text) if comments else text)
    except (ValueError, RecursionError):
        raise UnusableError("it is not valid JSON") from None
    if not isinstance(document, dict):
        raise UnusableError("it holds no JSON object")
    return _DOCUMENT.validate_python(document)


def members(document: Document, of: str) -> Document:
    """The object that a member is; an empty one, if it is no object."""
    return as_object(document.get(of))


def as_object(value: object) -> Document:
    """The value, if it is an object; an empty one otherwise."""
    return _DOCUMENT.validate_python(value) if isinstance(value, dict) else {}


def listed(document: Document, of: str) -> list[object]:
    """The items of the array that a member is; none, if it is no array."""
    found = document.get(of)
    return _LIST.validate_python(found) if isinstance(found, list) else []


def with_member(text: str, of: str, name: str, value: object) -> str:
    """The text with this member of the object that its member `of` is, or becomes.

    Raises:
        UnusableError: What is there is not an object, or cannot be edited.
    """
    document, root = parsed(text, comments=True), _root(text)
    if of not in root.values:
        return _checked(_added(text, root, of, {name: value}), document | {of: {name: value}})
    if not isinstance(document[of], dict):
        raise UnusableError(f'its "{of}" is not an object')
    inner = _block(_bare(text), root.values[of][0])
    if name in inner.values:
        start, end = inner.values[name]
        edited = text[:start] + _laid_out(value, text, _indentation(text, start)) + text[end:]
    else:
        edited = _added(text, inner, name, value)
    return _checked(edited, document | {of: members(document, of) | {name: value}})


def with_items(text: str, of: str, items: Sequence[object]) -> str:
    """The text with these items at the end of the array that its member `of` is, or becomes.

    Raises:
        UnusableError: What is there is not an array, or cannot be edited.
    """
    document, root = parsed(text, comments=True), _root(text)
    if of not in root.values:
        return _checked(_added(text, root, of, list(items)), document | {of: list(items)})
    if not isinstance(document[of], list):
        raise UnusableError(f'its "{of}" is not an array')
    for item in items:
        array = _block(_bare(text), _root(text).values[of][0])
        text = _added(text, array, None, item)
    return _checked(text, document | {of: [*listed(document, of), *items]})


def _checked(text: str, expected: Document) -> str:
    if parsed(text, comments=True) != expected:
        raise UnusableError(UNEDITABLE)
    return text


def _added(text: str, block: _Block, name: str | None, value: object) -> str:
    """The text with one more value in a block, after the others, each on a line of its own."""
    outer, new_line = _indentation(text, block.start), _new_line(text)
    inner = _indentation(text, block.first) if block.values else outer
    if inner == outer:  # empty, or all on one line
        inner = outer + _unit(text)
    key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
    added = f"{new_line}{inner}{key}{_laid_out(value, text, inner)}"
    if not block.values:
        ends = f"{new_line}{outer}" if text[block.start + 1] in "}]" else ""
        return text[: block.start + 1] + added + ends + text[block.start + 1 :]
    last = max(end for _, end in block.values.values())
    comma = _without_comments(text).find(",", last, block.end)
    after = last if comma < 0 else comma + 1
    at = _end_of_line(text, after, block.end)
    return text[:last] + ("," if comma < 0 else "") + text[last:at] + added + text[at:]


def _end_of_line(text: str, position: int, limit: int) -> int:
    """The end of this line, a comment on it included, unless something else is on it."""
    end = re.compile(r"[\r\n]").search(text, position, limit)
    if end is None or _bare(text)[position : end.start()].strip():
        return position
    return end.start()


def _laid_out(value: object, text: str, indentation: str) -> str:
    written = json.dumps(value, indent=_unit(text), ensure_ascii=False)
    return written.replace("\n", f"{_new_line(text)}{indentation}")


def _root(text: str) -> _Block:
    bare = _bare(text)
    return _block(bare, _past_space(bare, 0))


def _block(bare: str, start: int) -> _Block:
    named, decoder, values = bare[start] == "{", json.JSONDecoder(), dict[str, Span]()
    first = at = _past_space(bare, start + 1)
    while bare[at] not in "}]":
        name: object = len(values)
        if named:
            name, at = decoder.raw_decode(bare, at)
            at = _past_space(bare, _past_space(bare, at) + 1)
        _, end = decoder.raw_decode(bare, at)
        values[str(name)] = at, end
        at = _past_space(bare, end)
        at = _past_space(bare, at + 1) if bare[at] == "," else at
    return _Block(start, at, values, first)


def _past_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _bare(text: str) -> str:
    """Strict JSON, where every sign has kept its place."""
    return _TRAILING.sub(lambda found: " " if found[1] else found[0], _without_comments(text))


def _without_comments(text: str) -> str:
    return _COMMENTED.sub(
        lambda found: _NOT_A_BREAK.sub(" ", found[1]) if found[1] else found[0], text
    )


def _indentation(text: str, position: int) -> str:
    """What the line of this position begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str) -> str:
    found = _INDENTED.search(text)
    return found[1] if found else "  "


def _new_line(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
