"""Annotations as places to fill in: what each is called, what it takes, what it holds.

An annotation is meant by its label or by its id, and one in a row of a repetition by
`repetition/row/label`, rows being counted from 1. Any value has a plain text, by which what was
asked for is compared with what can be read; the service words some values in its own way.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from sys import float_info
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
)

from clients.dates import in_iso
from clients.demarches import AnnotatedDossier, Question
from clients.demarches.champs import Champ, RepetitionChamp
from clients.text import quoted, shortened
from tools.demarches.acting import Text
from tools.language import Say
from tools.understood import whole

MOST_OPTIONS = 20
"""Options or names that a refusal lists."""
MOST_ROWS = 20
"""Rows that may be added to a repetition at once."""
MOST_CHARACTERS = 5000
PARIS = ZoneInfo("Europe/Paris")

Number = Annotated[StrictInt | StrictFloat, WithJsonSchema({"type": "number"})]
Given = StrictBool | Number | Annotated[Text, Field(max_length=MOST_CHARACTERS)] | list[Text]
"""What a model gives, of whatever type."""


def told_once(value: object, given: ValidatorFunctionWrapHandler) -> object:
    """What is given, or what is wrong with it: once, and not for each type that it is not of."""
    try:
        return given(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        own = [each["msg"] for each in found if each["type"] == "value_error"]
        raise ValueError(own[0].removeprefix("Value error, ") if own else _TAKEN) from None


_TAKEN = f"a text, a number, a boolean or a list of texts; {MOST_CHARACTERS} characters at most"


class UnfitError(ValueError):
    """The value is not one of its annotation's."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of annotation that can be filled in."""

    key: str
    """Under which its value is sent."""
    fr: str
    en: str
    """What it takes."""
    read: Callable[[Given, Question], JsonValue]
    """The value to send.

    Raises:
        UnfitError: It is not one.
    """


@dataclass(frozen=True, slots=True)
class Place:
    """An annotation of a dossier."""

    id: str
    name: str
    asked: Question
    champ: Champ

    @property
    def kind(self) -> Kind:
        return KINDS[self.asked.type]

    @property
    def held(self) -> str:
        """What it holds, as plain text."""
        if isinstance(self.champ, RepetitionChamp):
            return str(len(self.champ.rows))
        return plain(self.kind, self.champ.value)

    def value(self, given: Given) -> JsonValue:
        """The value to send for what is given.

        Raises:
            UnfitError: It is not of its type, or not among its options.
        """
        return self.kind.read(given, self.asked)

    def after(self, value: JsonValue) -> str:
        """What it will hold once this value was sent, as plain text."""
        if isinstance(self.champ, RepetitionChamp) and isinstance(value, int):
            return str(len(self.champ.rows) + value)
        return plain(self.kind, value)


def places(dossier: AnnotatedDossier) -> Sequence[Place]:
    """The annotations of a dossier that can be filled in and that no condition hides."""
    asked = {
        each.id: each
        for question in dossier.form.revision.questions
        for each in (question, *(question.champ_descriptors or ()))
    }
    return [
        Place(champ.id, name, asked[champ.champ_descriptor_id], champ)
        for name, champ in _named(dossier)
        if champ.champ_descriptor_id in asked and asked[champ.champ_descriptor_id].type in KINDS
    ]


def meant(found: Sequence[Place], name: str) -> Place | None:
    """The one annotation of that id, or else of that name; None when it is not one."""
    by_id = [place for place in found if place.id == name]
    by_name = [place for place in found if place.name == name.strip()]
    candidates = by_id or by_name
    return candidates[0] if len(candidates) == 1 else None


def expected(say: Say, place: Place) -> str:
    """What an annotation takes, in words."""
    takes = say(fr=place.kind.fr, en=place.kind.en)
    return f"{takes} {listed(place.asked.options)}" if place.asked.options else takes


def listed(names: Sequence[str]) -> str:
    """Names by others, as many as fit."""
    shown = ", ".join(quoted(shortened(name)) for name in names[:MOST_OPTIONS])
    return f"{shown}…" if len(names) > MOST_OPTIONS else shown


def plain(kind: Kind, value: JsonValue) -> str:
    """A value as a text that is the same whoever wrote it, and empty when it is blank."""
    match value:
        case None:
            return ""
        case list():
            return json.dumps(sorted(map(str, value)), ensure_ascii=False)
        case {"code": str(code)}:
            return code
        case _:
            return _plain_text(kind, value)


def _plain_text(kind: Kind, value: JsonValue) -> str:
    text = "\n".join(str(value).strip().splitlines())
    try:
        match kind.key:
            case "integerNumber" | "decimalNumber":
                return str(float(text))
            case "datetime":
                return datetime.fromisoformat(text).astimezone(UTC).isoformat()
            case _:
                return text
    except (ValueError, OverflowError):  # filled in while the form took something else there
        return text


def _named(dossier: AnnotatedDossier) -> Iterator[tuple[str, Champ]]:
    for champ in dossier.answers:
        yield champ.label, champ
        for rank, row in enumerate(champ.rows if isinstance(champ, RepetitionChamp) else (), 1):
            for each in row.champs:
                yield f"{champ.label}/{rank}/{each.label}", each


def _text(given: Given, _: Question) -> JsonValue:
    match given:
        case str():
            return given
        case _:
            raise UnfitError


def _yes_or_no(given: Given, _: Question) -> JsonValue:
    match given:
        case bool():
            return given
        case _:
            raise UnfitError


def _whole(given: Given, _: Question) -> JsonValue:
    try:
        number = whole(given)
    except ValueError:
        raise UnfitError from None
    if isinstance(number, int) and -(2**31) <= number < 2**31:
        return number
    raise UnfitError


def _rows(given: Given, asked: Question) -> JsonValue:
    match _whole(given, asked):
        case int(count) if 1 <= count <= MOST_ROWS:
            return count
        case _:
            raise UnfitError


def _decimal(given: Given, _: Question) -> JsonValue:
    match given:
        case int() | float() if not isinstance(given, bool) and abs(given) <= float_info.max:
            return float(given)
        case _:
            raise UnfitError


def _day(given: Given, asked: Question) -> JsonValue:
    try:
        return date.fromisoformat(in_iso(str(_text(given, asked)))).isoformat()
    except ValueError:
        raise UnfitError from None


def _moment(given: Given, asked: Question) -> JsonValue:
    """A moment, in Paris unless it says otherwise, and in a year that every computer can tell."""
    try:
        moment = datetime.fromisoformat(str(_text(given, asked)))
        placed = moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
        placed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnfitError from None
    return placed.isoformat()


def _option(given: Given, asked: Question) -> JsonValue:
    if isinstance(given, str) and (given in (asked.options or ()) or asked.other_option):
        return given
    raise UnfitError


def _options(given: Given, asked: Question) -> JsonValue:
    if isinstance(given, list) and {*given} <= {*(asked.options or ())}:
        return [*given]
    raise UnfitError


def _civilite(given: Given, _: Question) -> JsonValue:
    match given:
        case "M" | "Mme":
            return given
        case _:
            raise UnfitError


def _number(given: Given, _: Question) -> JsonValue:
    """The number of a dossier, which the service takes as a text."""
    number = str(given)
    if isinstance(given, bool) or not (number.isascii() and number.isdecimal()):
        raise UnfitError
    return number


KINDS: Mapping[str, Kind] = {
    "CheckboxChampDescriptor": Kind("checkbox", "vrai ou faux", "true or false", _yes_or_no),
    "CiviliteChampDescriptor": Kind("civilite", "M ou Mme", "M or Mme", _civilite),
    "DateChampDescriptor": Kind("date", "une date (2026-09-01)", "a date (2026-09-01)", _day),
    "DatetimeChampDescriptor": Kind(
        "datetime", "une date et une heure ISO", "an ISO date and time", _moment
    ),
    "DecimalNumberChampDescriptor": Kind("decimalNumber", "un nombre", "a number", _decimal),
    "DepartementChampDescriptor": Kind(
        "departements", "le code d'un département", "the code of a département", _text
    ),
    "DossierLinkChampDescriptor": Kind(
        "dossierLink", "le numéro d'un dossier", "the number of a dossier", _number
    ),
    "DropDownListChampDescriptor": Kind("dropDownList", "un choix parmi", "one of", _option),
    "EmailChampDescriptor": Kind("email", "un e-mail", "an e-mail", _text),
    "FormattedChampDescriptor": Kind("formatted", "un texte", "a text", _text),
    "IbanChampDescriptor": Kind("iban", "un IBAN", "an IBAN", _text),
    "IntegerNumberChampDescriptor": Kind("integerNumber", "un entier", "a whole number", _whole),
    "MultipleDropDownListChampDescriptor": Kind(
        "multipleDropDownList", "une liste de choix parmi", "a list out of", _options
    ),
    "PaysChampDescriptor": Kind("pays", "le code d'un pays", "the code of a country", _text),
    "PhoneChampDescriptor": Kind("phone", "un téléphone", "a phone number", _text),
    "RegionChampDescriptor": Kind("regions", "le code d'une région", "the code of a region", _text),
    "RepetitionChampDescriptor": Kind(
        "repetition",
        f"combien de lignes ajouter, jusqu'à {MOST_ROWS}",
        f"how many rows to add, {MOST_ROWS} at most",
        _rows,
    ),
    "TextChampDescriptor": Kind("text", "un texte", "a text", _text),
    "TextareaChampDescriptor": Kind("textarea", "un texte", "a text", _text),
    "YesNoChampDescriptor": Kind("yesNo", "vrai ou faux", "true or false", _yes_or_no),
}
"""By the type of the form's annotation. Files, maps and registers are filled in elsewhere."""
