"""What the carpooling registry means when it does not do what was asked.

It says no in eleven shapes, some of which repeat what was sent or hold a raw database message.
Hence the rule here: only sentences it is known to say are passed on, never those it makes up.
"""

import re
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from clients.errors import (
    AccessDeniedError,
    ApiError,
    FaultyServiceError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    WithdrawnError,
)
from clients.http import from_response, in_words

SERVICE = "Registre de preuve de covoiturage"

KEYS = "Check GUICHET_COVOITURAGE_ACCESS_KEY and GUICHET_COVOITURAGE_SECRET_KEY."
CREDENTIALS = f"{KEYS[:-1]}, or GUICHET_COVOITURAGE_TOKEN."

Route = Literal["IMPORT", "CERTIFICATES"]
"""The two routes have their own version, each set by `GUICHET_COVOITURAGE_<route>_VERSION`."""

_REFUSES_EVERY_LIST = [": must be array"]
"""The import turns the list into an object before it checks that it is a list."""


def refused_certificate(response: httpx.Response) -> ApiError:
    """Why a certificate was not given."""
    match response.status_code, _said(response):
        case 404, _Envelope():
            return NotFoundError(SERVICE, "no such certificate.", remedy="Check its uuid.")
        case _:
            return refusal(response, "CERTIFICATES")


def refused_import(response: httpx.Response) -> ApiError:
    """Why an import was not done, or that nobody knows whether it was."""
    match response.status_code, _said(response):
        case 400, said if said == _REFUSES_EVERY_LIST:
            return FaultyServiceError(
                SERVICE, "the service refuses every list by a defect of its own, whatever it holds."
            )
        case 405, _:
            remedy = "Nothing was changed. Ask the service's team whether it will come back."
            return WithdrawnError(SERVICE, "this import is switched off.", remedy=remedy)
        case (413, _) | (500, _Envelope(error=_Fault(data="PayloadTooLargeError"))):
            return RejectedError(SERVICE, "the list is too large. Nothing was changed.")
        case 500, _Envelope(error=_Fault(data="SyntaxError")):
            return RejectedError(SERVICE, "the list was not read as JSON. Nothing was changed.")
        case 503, _Envelope(error="Service Unavailable"):
            return UnavailableError(SERVICE, "it is under maintenance.")
        case _:
            return refusal(response, "IMPORT", writing=True)


def refusal(response: httpx.Response, route: Route, *, writing: bool = False) -> ApiError:
    """What any route may answer instead of what was asked."""
    match response.status_code, _said(response):
        case 404, said if not isinstance(said, _Envelope):
            return withdrawn(route)
        case 403, _:
            told = "the credentials are missing, or not an operator's."
            return AccessDeniedError(SERVICE, told, remedy=CREDENTIALS)
        case _ if refuses_token(response):
            told = "the token is missing, expired or not one of this service's."
            return AccessDeniedError(SERVICE, told, remedy=CREDENTIALS)
        case _:
            return from_response(SERVICE, response, f"{reason(response)}.", writing=writing)


def withdrawn(route: Route) -> WithdrawnError:
    """That a route is gone: a page or nothing at all comes where a JSON answer would."""
    return WithdrawnError(
        SERVICE,
        "withdrawn, or this version is not served.",
        remedy=(
            f"GUICHET_COVOITURAGE_{route}_VERSION and GUICHET_COVOITURAGE_URL say "
            "where it is looked for; what the service has withdrawn, no setting brings back."
        ),
    )


def refuses_token(response: httpx.Response) -> bool:
    """Whether the token is what is wrong; a malformed or foreign one gets a 500.

    That 500 carries the name of the JOSE library's exception, such as JWSInvalid. It is raised
    before anything is done, so that the same request may be sent again.
    """
    match response.status_code, _said(response):
        case 401, _:
            return True
        case 500, _Envelope(error=_Fault(data=str(name))):
            return name.startswith(("JWS", "JWT", "JWK", "JsonWebToken"))
        case _:
            return False


def reason(response: httpx.Response) -> str:
    """Why, in a few words that repeat nothing of what was sent."""
    told = (_harmless(sentence) for sentence in _sentences(_said(response)))
    known = list(dict.fromkeys(words for words in told if words))
    if not known:
        return in_words(response.status_code)
    more = f"; and {len(known) - _MOST_REASONS} more" if len(known) > _MOST_REASONS else ""
    return "; ".join(known[:_MOST_REASONS]) + more


class _Fault(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    data: str | list[str] | None = None
    message: str = ""

    def sentences(self) -> list[str]:
        data = self.data or []
        return [*([data] if isinstance(data, str) else data), self.message]


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    error: _Fault | str


class _Registered(BaseModel):
    """Another application stands in the way; it comes with no words at all."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    datetime: str


class _Disabled(BaseModel):
    """An empty object."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


_Said = _Envelope | _Registered | _Disabled | list[str] | str
_SAID: TypeAdapter[_Said] = TypeAdapter(_Said)

_MOST_REASONS = 5
_SAYINGS = frozenset(
    {
        "Bad Request",
        "Conflict",
        "Date should be before 7 days from now",
        "Failed to create access token",
        "Forbidden Error",
        "Internal Server Error",
        "Invalid access key or secret key",
        "Invalid params",
        "Invalid permissions",
        "Invalid Request",
        "Not found",
        "Service Unavailable",
        "Too many requests",
        "Unauthorized application",
        "Unauthorized Error",
    }
)
_RULES = frozenset(
    {
        "must be 3 caps characters long string",
        "must be a valid ISO 8601 UTC date",
        "must be a valid identity key",
        "must be a valid truncated phone number",
        "must be a valid uuid",
        "must be array",
        "must be either short or long",
        "must be either specific or standardized",
        "must be object",
        "must be string",
        "must match a schema in anyOf",
        "must NOT have additional properties",
        "must NOT have fewer than 1 items",
        "must NOT have more than 1000 items",
    }
)
_FIELDS = frozenset(
    {
        "access_key",
        "cee_application_type",
        "cee_application_uuid",
        "datetime",
        "identity_key",
        "journey_type",
        "last_name_trunc",
        "phone_trunc",
        "secret_key",
    }
)
_COMPLAINT = re.compile(r"(?:/(?P<row>\d{1,4}))?(?:/(?P<field>\w+))?: (?P<rule>.+)")
_LACKING = re.compile(r"must have required property '(?P<field>\w+)'")


def _said(response: httpx.Response) -> _Said | None:
    """What the body says in a shape of the service's own; None for a page, nothing or others."""
    try:
        return _SAID.validate_json(response.content)
    except ValidationError:
        return None


def _sentences(said: _Said | None) -> list[str]:
    match said:
        case list():
            return said
        case str(text) | _Envelope(error=str(text)):
            return [text]
        case _Envelope(error=_Fault() as fault):
            return fault.sentences()
        case _Registered():
            return ["Conflict"]
        case _:
            return []


def _harmless(sentence: str) -> str:
    """The sentence if the service is known to say it, put in words; or nothing."""
    if sentence in _SAYINGS:
        return sentence
    complaint = _COMPLAINT.fullmatch(sentence)
    return _complaint(complaint) if complaint else ""


def _complaint(complaint: re.Match[str]) -> str:
    """Which row, which field and which rule, as far as each is one we know.

    A row is told by its rank among those sent, from 1: the service knows of no line of a file.
    """
    row = f"row {int(complaint['row']) + 1} of those sent" if complaint["row"] else ""
    field = complaint["field"] if complaint["field"] in _FIELDS else ""
    place = ", ".join(part for part in (row, field) if part) or "the list"
    return f"{place}: {_rule(complaint['rule'])}"


def _rule(rule: str) -> str:
    lacking = _LACKING.fullmatch(rule)
    known = lacking["field"] in _FIELDS if lacking else rule in _RULES
    return rule if known else "is not accepted"
