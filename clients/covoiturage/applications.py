"""The rows of an import: what identifies an application for an energy saving certificate (CEE).

`Application` is the documented row; `numbered` reads a file of them, or of phones and names from
which the documented ones are made here.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime as moment
from pathlib import PurePath
from typing import BinaryIO, Literal, NewType

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clients.covoiturage.identity import identity_of
from clients.covoiturage.refusals import SERVICE
from clients.errors import RejectedError
from clients.rows import Doubt, Found, Problem, Row, object_rows, streamed

Written = NewType("Written", str)
"""A row as it is sent: a JSON object that is an `Application`."""


class Application(BaseModel):
    """One application, in one of the two documented forms.

    By uuid: type, uuid, key. By person, when the type is `specific`: type, key, phone, name,
    journey and date.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    cee_application_type: Literal["specific", "standardized"] = Field(
        description="The kind of CEE application; identified by person, it is 'specific'."
    )
    identity_key: str = Field(
        repr=False,
        pattern=r"^[a-f0-9]{64}$",
        description=(
            "SHA-256, in lowercase hexadecimal, of '{phone}-{LAST NAME}': whole phone number in "
            "E.164, whole last name in capitals from A to Z and spaces."
        ),
    )
    cee_application_uuid: str = Field(
        default="",
        pattern=r"^([a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12})?$",
        description="The application's uuid; empty when it is identified by person.",
    )
    journey_type: Literal["short", "long", ""] = Field(
        default="", description="The journey's length; empty when identified by uuid."
    )
    phone_trunc: str = Field(
        default="",
        repr=False,
        pattern=r"^(\+[0-9]{8,12})?$",
        description=(
            "The phone number in E.164 without its last two digits, such as +336010203; "
            "empty when identified by uuid."
        ),
    )
    last_name_trunc: str = Field(
        default="",
        repr=False,
        pattern=r"^([A-Z ]{3})?$",
        description=(
            "The first three characters of the last name as it is in the key, completed with "
            "spaces, such as 'TO '; empty when identified by uuid."
        ),
    )
    datetime: str = Field(
        default="",
        repr=False,
        description=(
            "When the operation was committed to, in RFC 3339 with its timezone, such as "
            "2024-01-31T09:00:00+01:00; empty when identified by uuid."
        ),
    )

    @model_validator(mode="after")
    def _one_form(self) -> "Application":
        person = (self.journey_type, self.phone_trunc, self.last_name_trunc, self.datetime)
        if self.cee_application_uuid:
            if any(person):
                raise ValueError("identify by uuid or by person, not both")
            return self
        if not all(person):
            raise ValueError(
                "give cee_application_uuid, or all of journey_type, phone_trunc, last_name_trunc "
                "and datetime"
            )
        if self.cee_application_type != "specific":
            raise ValueError("a standardized application is identified by its uuid")
        if not _is_rfc3339(self.datetime):
            raise ValueError("datetime must be in RFC 3339, with its timezone")
        return self

    @property
    def identification(self) -> tuple[str, ...]:
        """What the service finds the application by, besides the operator."""
        if self.cee_application_uuid:
            return (self.cee_application_uuid.lower(),)
        return (self.journey_type, self.last_name_trunc, self.phone_trunc)

    def body(self) -> dict[str, str]:
        """The JSON object to send, with the fields of its form only."""
        return self.model_dump(exclude_defaults=True)

    @property
    def written(self) -> Written:
        """The same, as it is sent."""
        return Written(self.model_dump_json(exclude_defaults=True))


@dataclass(frozen=True, slots=True)
class NumberedApplication:
    line: int
    application: Application


def numbered(stream: BinaryIO, *, name: str) -> Iterator[NumberedApplication | Problem | Doubt]:
    """The applications of a file of any size, one by one, or what prevents each; 0 rows is told.

    The suffix of `name` decides: `.jsonl`, `.ndjson` and `.json` hold an object per line; others
    are CSV. The columns are the documented fields; `phone` and `last_name` may stand in for
    `identity_key`, `phone_trunc` and `last_name_trunc`, which are then made from them: a file with
    these two must be in UTF-8. An object's `line` is that of the file it was prepared from.

    A CSV file is read again from its start. No more of a file is held than a few lines.
    """
    is_empty = True
    suffix = PurePath(name).suffix
    for found in streamed(stream, suffix=suffix, columns=_COLUMNS, exact=_WHOLE, origin="line"):
        is_empty = is_empty and isinstance(found, Doubt)
        yield from meant(found)
    if is_empty:
        yield Problem(1, "there is no row below the header.")


def one_by_one(first: int, block: bytes) -> Iterator[NumberedApplication | Problem | Doubt]:
    """The same of some lines of a file of objects, from this one on."""
    for found in object_rows(first, block, columns=_COLUMNS, origin="line"):
        yield from meant(found)


def meant(found: Found) -> Iterator[NumberedApplication | Problem | Doubt]:
    """The application that a row stands for and what is doubtful about it, or why it has none."""
    if not isinstance(found, Row):
        yield found
        return
    try:
        fields, doubts = _documented(found.cells)
        application = Application.model_validate(fields)
    except RejectedError as error:
        yield Problem(found.line, error.reason)
    except ValidationError as error:
        yield Problem(found.line, _mistakes(error))
    else:
        yield NumberedApplication(found.line, application)
        yield from (Doubt(found.line, doubt) for doubt in doubts)


def duplicates(rows: Iterable[Application]) -> int:
    """How many of them identify the same application as an earlier one."""
    identifications = [row.identification for row in rows]
    return len(identifications) - len(set(identifications))


def identified(rows: Sequence[Written]) -> Sequence[tuple[str, str]]:
    """The key of each row, and what the service finds its application by."""
    return [(key, told.lower()) for key, told in _IDENTIFIED.findall("\n".join(rows))]


def specific(rows: Sequence[Written]) -> int:
    """How many of them are for specific applications."""
    return "\n".join(rows).count('"cee_application_type":"specific"')


def dated(rows: Sequence[Written]) -> Collection[str]:
    """The days that they are of, if any."""
    return {*_DAY.findall("\n".join(rows))}


_IDENTIFIED = re.compile(
    r'"identity_key":"(.{64})",'
    r'"(cee_application_uuid":".{36}|journey_type":"\w+","phone_trunc":"\+\d+","last_name_trunc":"...)"'
)
_DAY = re.compile(r'"datetime":"(.{10})')
_MADE = {"identity_key", "phone_trunc", "last_name_trunc"}
_WHOLE = {"phone", "last_name"}
_COLUMNS = _WHOLE | Application.model_fields.keys()
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:[0-5]\d)",
    re.ASCII,
)
"""Neither 24:00 nor +01:60, which the registry refuses: Python takes the second, and the first
from 3.14 on."""


def _is_rfc3339(text: str) -> bool:
    try:
        return bool(_RFC3339.fullmatch(text) and moment.fromisoformat(text.upper()))
    except ValueError:  # the 31st of February
        return False


def _documented(cells: Mapping[str, str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The documented fields, some made from the phone and the name, and what to doubt in them."""
    fields = {name: text for name, text in _trimmed(cells) if text}
    phone, last_name = fields.pop("phone", ""), fields.pop("last_name", "")
    if not (phone or last_name):
        return fields, ()
    if fields.keys() & _MADE:
        raise RejectedError(
            SERVICE, f"phone and last_name, or {', '.join(sorted(_MADE))}: not both."
        )
    identity = identity_of(phone=phone, last_name=last_name)
    fields["identity_key"] = identity.identity_key
    if "cee_application_uuid" not in fields:
        fields["phone_trunc"] = identity.phone_trunc
        fields["last_name_trunc"] = identity.last_name_trunc
    return fields, identity.warnings


def _trimmed(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in cells.items():
        bare = text.strip()
        yield name, text if bare and name == "last_name_trunc" else bare


def _mistakes(error: ValidationError) -> str:
    """What is wrong with a row: fields and rules, without what was written."""
    found = error.errors(include_input=False, include_context=False, include_url=False)
    told = (
        ": ".join([*map(str, mistake["loc"]), mistake["msg"].removeprefix("Value error, ")])
        for mistake in found
    )
    return "; ".join(told) + "."
