"""What goes wrong at the service, sorted by whose move it is.

GraphQL answers 200 whatever happens: the cause is in the root errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from clients.demarches.models import PartialError
from clients.demarches.wire import SERVICE, Reply, RootError, read_if_any
from clients.errors import (
    AccessDeniedError,
    ApiError,
    FaultyServiceError,
    LostAnswerError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import from_response


def failure(reply: Reply, *, writing: bool = False) -> ApiError:
    """The error that the absence of data stands for."""
    unlisted = _UNFIT if reply.refused_unread else _UNKNOWN
    cause = _cause(reply.errors[0]) if reply.errors else None
    return (cause or unlisted).error(writing=writing)


def most_telling(errors: Sequence[ApiError]) -> ApiError:
    """The error to tell, of those that one token after the other led to.

    A token that is turned away says nothing of what was asked for: that is told besides.
    """
    told = max(errors, key=_telling)
    away = next((error for error in errors if error.reason in _OF_NO_USE), told)
    if away is told:
        return told
    besides = f"Another of the tokens is of no use: {away.reason} `guichet doctor` says which."
    return type(told)(SERVICE, told.reason, remedy=f"{told.remedy} {besides}".lstrip())


def partial(error: RootError) -> PartialError:
    """What a reader of the rest of the answer is told."""
    return PartialError(error.place, (_cause(error) or _UNKNOWN).reason)


def refusal(response: httpx.Response, *, writing: bool = False) -> ApiError:
    """The error that an unsuccessful response stands for."""
    status = response.status_code
    if response.is_redirect or status in _NOT_AN_ENDPOINT:
        return UnexpectedReplyError(SERVICE, f"HTTP {status}: not its address.", remedy=_ADDRESS)
    reply = read_if_any(response)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and reply.maintenance:
        return UnavailableError(SERVICE, "it is under maintenance.")
    if status == HTTPStatus.UNAUTHORIZED:
        return _EXPIRED.error(writing=writing)
    if reply.cause in _CAUSES:
        return failure(reply, writing=writing)
    return from_response(SERVICE, response, writing=writing)


@dataclass(frozen=True, slots=True)
class _Cause:
    kind: type[ApiError]
    reason: str
    remedy: str = ""
    harmless: bool = True
    """Whether a change that was asked for was certainly not made."""

    def error(self, *, writing: bool) -> ApiError:
        if writing and not self.harmless:
            return LostAnswerError(SERVICE, self.reason)
        return self.kind(SERVICE, self.reason, remedy=self.remedy)


def _telling(error: ApiError) -> int:
    """How much it says of what was asked for."""
    if error.reason in _OF_NO_USE:
        return 0
    return 1 if error.reason == _CAUSES["unauthorized"].reason else 2


def _cause(error: RootError) -> _Cause | None:
    """What an error stands for, if it is known; what was not found is named when it can be."""
    absent = _ABSENT.get(error.message.partition(" not found")[0])
    return absent if error.cause == "not_found" and absent else _CAUSES.get(error.cause)


_NOT_AN_ENDPOINT = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
_ADDRESS = (
    "Check GUICHET_DEMARCHES_URL: it is the whole address of the GraphQL endpoint, and"
    " redirections are not followed."
)
_RENEW = (
    "Create a token in the profile of an administrator of the démarche, and set it as"
    " GUICHET_DEMARCHES_TOKEN, or in [demarches.tokens]."
)

_EXPIRED = _Cause(AccessDeniedError, "the token has expired.", _RENEW)

_CAUSES = {
    "forbidden": _Cause(AccessDeniedError, "there is no token, or an unknown one.", _RENEW),
    "deprecated_token": _Cause(AccessDeniedError, "the token is of a withdrawn kind.", _RENEW),
    "forbidden_network": _Cause(
        AccessDeniedError,
        "the token may not be used from this machine.",
        "Add the address of this machine to the networks allowed for the token, in the profile of"
        " the administrator who created it.",
    ),
    "unauthorized": _Cause(
        AccessDeniedError,
        "this exists, but the token does not cover its démarche.",
        "Set the token of an administrator of that démarche: GUICHET_DEMARCHES_TOKEN, or"
        " [demarches.tokens] for this démarche alone.",
    ),
    "not_found": _Cause(
        NotFoundError,
        "there is no such record; drafts, deleted and expired dossiers count as none.",
    ),
    "invalid_value": _Cause(RejectedError, "it does not accept one of the values sent."),
    "bad_request": _Cause(
        RejectedError,
        "it does not accept one of the values sent.",
        "Check the number, and that the cursor comes from the same list with the same filters.",
    ),
    "too_much": _Cause(
        RejectedError, "that is more than it gives at once.", "Ask for a smaller page."
    ),
    "timeout": _Cause(
        UnavailableError,
        "it ran out of time.",
        "Nothing was changed. Ask for a smaller page, or try again in a few minutes.",
        harmless=False,
    ),
    "invalid_null": _Cause(
        FaultyServiceError, "one of its own records is incomplete.", harmless=False
    ),
    "internal_server_error": _Cause(
        FaultyServiceError, "it crashed on this request.", harmless=False
    ),
}

_TURNED_AWAY = ("forbidden", "deprecated_token", "forbidden_network")
_OF_NO_USE = {_EXPIRED.reason, *(_CAUSES[cause].reason for cause in _TURNED_AWAY)}
"""Why a token is of no use, whatever is asked for."""

_NO_DEMARCHE = _Cause(NotFoundError, "there is no démarche with this number.")
_ABSENT = {
    "Demarche": _NO_DEMARCHE,
    "DemarcheDescriptor": _NO_DEMARCHE,
    "Dossier": _Cause(
        NotFoundError,
        "there is no dossier with this number; drafts, deleted and expired ones count as none.",
    ),
    "GroupeInstructeurWithDossiers": _Cause(
        NotFoundError, "there is no groupe instructeur with this number."
    ),
}
"""What the service calls the records that it does not find."""

_UNFIT = _Cause(UnexpectedReplyError, "it does not understand the query sent.")
_UNKNOWN = _Cause(UnexpectedReplyError, "it gives no data and no known reason.", harmless=False)
