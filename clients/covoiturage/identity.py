"""Who a person is for the carpooling registry, computed here: neither phone nor name leaves.

The rules are those published with the import (`POST /policies/cee/import/identity`). They leave
open what becomes of œ, ß, dots or double spaces: letters are spelt out, and every other character
is a space, at most one in a row.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from clients.covoiturage.columns import expression, found
from clients.covoiturage.refusals import SERVICE
from clients.errors import RejectedError

MOST_NAMES = 40_000
"""Spelt names that are remembered: a few megabytes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What stands for a person's phone and last name; personal data still, since it can be guessed.

    `warnings` say what to look at before trusting the key, without repeating it.
    """

    identity_key: str = field(repr=False)
    phone_trunc: str = field(repr=False)
    last_name_trunc: str = field(repr=False)
    warnings: tuple[str, ...] = ()


def identity_of(*, phone: str, last_name: str) -> Identity:
    """The identity of a person by their whole phone number and whole last name.

    A number without a country code is French. One with a letter or an extension is refused: as on
    a keypad, letters would be read as digits.

    Raises:
        RejectedError: The phone cannot be understood or truncated, or the name has no letter, or
            letters that were misread before.
    """
    from clients.covoiturage import phones  # noqa: PLC0415  (what no ready file needs)

    number, name = phones.phone(phone), _letters(last_name)
    e164 = number.e164
    if not _TRUNC.fullmatch(e164[:-2]):
        raise RejectedError(SERVICE, "the phone number is too short or too long.")
    if not name:
        raise RejectedError(SERVICE, "the last name has no letter from A to Z.")
    if _MISREAD.search(last_name):
        raise RejectedError(SERVICE, "a letter of the last name was misread in an earlier copy.")
    return Identity(
        identity_key=identity_key(e164, name),
        phone_trunc=e164[:-2],
        last_name_trunc=name[:3].ljust(3),
        warnings=tuple(_doubts(last_name, phone_is_known=number.is_known)),
    )


class Names(dict[str, str]):
    """Names as they are in a key, each spelt once; nothing for those that have to be looked at.

    Among these are those where `suspect` is found.
    """

    def __init__(self, suspect: re.Pattern[str] | None = None) -> None:
        super().__init__()
        self._suspect = suspect

    def __missing__(self, last_name: str) -> str:
        if len(self) >= MOST_NAMES:
            self.clear()
        self[last_name] = name = "" if self._is_odd(last_name) else _letters(last_name)
        return name

    def _is_odd(self, last_name: str) -> bool:
        if last_name.isascii() and last_name.isalpha():
            return False
        if _MISREAD.search(last_name) or (self._suspect and self._suspect.search(last_name)):
            return True
        return bool(_UNUSUAL.search(_plain(last_name)))


def ordinary_numbers(phones: Sequence[str]) -> Sequence[str]:
    """The nine digits, after +33, of each French number as people write them; nothing for others.

    Only what libphonenumber's own pattern of French numbers knows is read here: all the rest has
    to go through `identity_of`, which is twenty times slower.
    """
    return found(_ordinary(), phones, bare=_bare)


def identity_key(e164: str, name: str) -> str:
    """The documented key of a whole number and of a name from A to Z."""
    return sha256(f"{e164}-{name}".encode()).hexdigest()


def _bare(phone: str) -> str:
    return phone.replace(" ", "").replace(".", "").replace("-", "").replace("\u00a0", "")


@cache
def _ordinary() -> re.Pattern[str]:
    """A line, with the digits of a French number if that is all it holds, unseparated."""
    from clients.covoiturage import phones  # noqa: PLC0415  (as above)

    return expression(rf"(?:\+33|0033|0)({phones.french()})")


def _letters(name: str) -> str:
    """The name in capitals from A to Z, with single spaces for all the rest."""
    return " ".join(_BEYOND_LETTERS.sub(" ", _plain(name)).split())


def _plain(name: str) -> str:
    """The name in capitals, without accents, its joined letters spelt out."""
    if name.isascii():
        return name.upper()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", name))
    if not bare.isascii():
        bare = "".join(character for character in bare if not unicodedata.combining(character))
    return bare.upper().translate(_SPELT_OUT)


def _doubts(last_name: str, *, phone_is_known: bool) -> list[str]:
    doubts = {
        "libphonenumber knows no such phone number.": not phone_is_known,
        "the last name holds more than letters, accents, hyphens, apostrophes and spaces.": bool(
            _UNUSUAL.search(_plain(last_name))
        ),
    }
    return [doubt for doubt, holds in doubts.items() if holds]


_TRUNC = re.compile(r"\+[0-9]{8,12}")
_SPELT_OUT = str.maketrans(
    {
        "Œ": "OE",
        "Æ": "AE",
        "ẞ": "SS",  # upper() has already made SS of ß
        "Ø": "O",
        "Ł": "L",
        "Đ": "D",
        "Ð": "D",
        "Þ": "TH",
        "Ħ": "H",
        "Ŧ": "T",
        "Ŋ": "NG",
        "Ĳ": "IJ",
    }
)
_ACCENTS = re.compile("[\u0300-\u034e\u0350-\u036f]+")
"""Those that almost every accent is made of; all of them combine."""
_BEYOND_LETTERS = re.compile(r"[^A-Z]+")
_UNUSUAL = re.compile(r"[^A-Z\s\-‐‑'’ʼ]")
_SECOND_BYTES = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
_MISREAD = re.compile(f"[ÂÃÅ][\u0080-\u00bf{_SECOND_BYTES}]|â[€\u0080]|[\ufffd\ud800-\udfff]")
"""What letters in UTF-8 become when they are read as Windows-1252: BENOÎT would make BENOAZT. Or
what stands for those that were lost, and half a character."""
