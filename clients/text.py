"""Text from strangers, made harmless: it stays data, on its own line, within its own quotes."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, TypeVar

from pydantic import AfterValidator, TypeAdapter

Json = TypeVar("Json")

LONGEST_LINE = 300
"""Characters of a stranger's text in a result."""
MOST_MARKS = 4
"""Combining marks on one letter; no language in use needs more."""

_KNOWN = "\\n\\t\\x20-\\x7e\\xa0-\\xac\\xae-\\u02ff\\u2010-\\u2027\\u20ac"
"""What almost every text is made of, and in which nothing has to be cleaned: no soft hyphen."""
_ORDINARY = re.compile(f"[{_KNOWN}]*")
_PECULIAR = re.compile(f"[^{_KNOWN}]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Controls, formats (bidi, zero-width, tags), private use, surrogates, line and paragraph ends."""
_UNSEEN_LETTERS = {"\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0", "\u2800"}
"""Letters and symbols that draw nothing."""
_VARIATIONS = re.compile(
    "[\u034f\u180b-\u180d\u180f\u2065\ufe00-\ufe0f\ufff0-\ufff8"
    "\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e0fff]"
)
"""Selectors, and the places kept for more of them: they draw nothing and can carry hidden text."""
_MARKS = {"Mn", "Mc", "Me"}
_QUOTES = str.maketrans({"«": "‹", "»": "›", "“": "‘", "”": "’", "„": "‚"})


def clean(text: str) -> str:
    """The text without what a reader cannot see; line breaks and tabs stay.

    Nor are there marks without a letter, or so many that they cover the lines around.
    """
    if _ORDINARY.fullmatch(text):
        return text
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _PECULIAR.sub(_seen, _VARIATIONS.sub("", plain))


def one_line(text: str) -> str:
    """The text, clean and on one line."""
    return " ".join(clean(text).split())


def shortened(text: str) -> str:
    """The text, clean, on one line and no longer than what is told of a stranger's text."""
    line = one_line(text)
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def quoted(text: str) -> str:
    """The whole text, clean, on one line, between quotation marks that it cannot close itself."""
    return f"« {one_line(text).translate(_QUOTES)} »"


def without_surrogates(values: object) -> object:
    """The same JSON values, where half characters are replaced: no encoder accepts them."""
    match values:
        case str():
            return _SURROGATES.sub("\ufffd", values)
        case list():
            return [without_surrogates(value) for value in _LIST.validate_python(values)]
        case dict():
            members = _DICT.validate_python(values).items()
            return {_SURROGATES.sub("\ufffd", k): without_surrogates(v) for k, v in members}
        case _:
            return values


Line = Annotated[str, AfterValidator(shortened)]
"""A stranger's text in a result: clean, on one line, cut short when it would fill the result."""


def _seen(peculiar: re.Match[str]) -> str:
    """What a reader may see of peculiar characters, after the ordinary one that they follow."""
    before = peculiar.string[peculiar.start() - 1 : peculiar.start()]
    return "".join(
        character if _visible(character) else "\ufffd"
        for character in _borne(peculiar[0], after=before)
    )


def _borne(text: str, *, after: str) -> Iterator[str]:
    """The characters, without the combining marks that no letter bears."""
    # At the start of a text, there is nothing of its own to bear one.
    marks = 0 if after.strip() else MOST_MARKS
    for character in text:
        if unicodedata.category(character) not in _MARKS:
            marks = MOST_MARKS if character.isspace() else 0
        elif marks < MOST_MARKS:
            marks += 1
        else:
            continue
        yield character


def _visible(character: str) -> bool:
    return (
        unicodedata.category(character) not in _UNSEEN and character not in _UNSEEN_LETTERS
    ) or character == "\u00a0"


_LIST = TypeAdapter(list[object])
_DICT = TypeAdapter(dict[str, object])
