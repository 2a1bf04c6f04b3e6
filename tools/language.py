"""What a person reads, in their language: French by default, English on demand.

Both wordings stand side by side where they are used, `say(fr="…", en="…")`, so that one cannot
change without the other.
"""

from typing import Literal, Protocol

Language = Literal["fr", "en"]


class Say(Protocol):
    """Gives the wording of one language out of two."""

    def __call__(self, *, fr: str, en: str) -> str: ...


def in_french(*, fr: str, en: str) -> str:
    return fr


def in_english(*, fr: str, en: str) -> str:
    return en


def counted(count: int, one: str, several: str) -> str:
    """How many of what there are, in words that agree."""
    return f"{count} {one if count == 1 else several}"


def speaking(language: Language) -> Say:
    """The wording in this language."""
    return in_french if language == "fr" else in_english
