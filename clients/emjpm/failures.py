"""What eMJPM's refusals stand for. Their messages may hold SQL: compared, never passed on."""

from http import HTTPStatus

import httpx

from clients.emjpm.models import Wire
from clients.errors import AccessDeniedError, ApiError, UnexpectedReplyError
from clients.http import document, from_response

SERVICE = "eMJPM"


class Message(Wire):
    msg: str = ""
    error: str = ""


class Refused(Wire):
    """Why a request was refused."""

    error: str = ""
    error_description: str = ""
    errors: tuple[Message, ...] = ()


_RENEW = "Run `guichet login emjpm`, or renew GUICHET_EMJPM_TOKEN if it is set."
_ADDRESS = "Check GUICHET_EMJPM_URL: it is not that of eMJPM's API."
_ACCOUNT = "Use the account of a mandataire or of a service: no other has mesures."
_DIRECTION = "Use the account of a direction: no other watches over services."


def refusal(response: httpx.Response, *, writing: bool = False) -> ApiError:
    """The error that an unsuccessful response stands for."""
    status = response.status_code
    if response.is_redirect or status == HTTPStatus.NOT_FOUND:
        return UnexpectedReplyError(SERVICE, f"HTTP {status}: not its address.", remedy=_ADDRESS)
    told = refused(response)
    if status == HTTPStatus.UNAUTHORIZED:
        expired = told.error_description.endswith("has expired")
        reason = "the token has expired." if expired else "the token is revoked, or unknown."
        return AccessDeniedError(SERVICE, reason, remedy=_RENEW)
    if told.error == "invalid_request":
        return AccessDeniedError(SERVICE, "the token is malformed.", remedy=_RENEW)
    if any(each.msg == "mandataire not found" for each in told.errors):
        return AccessDeniedError(SERVICE, "this account answers for no mesure.", remedy=_ACCOUNT)
    if any("only allowed for user of type 'direction'" in each.error for each in told.errors):
        return AccessDeniedError(SERVICE, "this account is no direction's.", remedy=_DIRECTION)
    return from_response(SERVICE, response, writing=writing)


def refused(response: httpx.Response) -> Refused:
    """What a refusal says, if anything: several of them have no body, or one that is not JSON."""
    try:
        return Refused.model_validate(document(response.content))
    except (ValueError, RecursionError):
        return Refused()
