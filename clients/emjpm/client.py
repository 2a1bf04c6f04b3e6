"""The eMJPM API for software editors, as calls that give mesures."""

from http import HTTPStatus

import httpx
from pydantic import TypeAdapter

from clients.emjpm.models import Mesure, Status, Wire, newest_first
from clients.errors import AccessDeniedError, ApiError, UnexpectedReplyError
from clients.http import ONCE, document, from_response, upstream

SERVICE = "eMJPM"


class EmjpmClient:
    """The mesures of the mandataire, or of the service, whose token authenticates `http`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def mesures(self, status: Status | None = None) -> tuple[Mesure, ...]:
        """Every mesure with this status, or every mesure, newest nomination first.

        The service gives them all at once and in no order, whichever software wrote them.

        Raises:
            AccessDeniedError: The token is not valid, or its account has no mesures of its own.
            ApiError: The mesures could not be read.
        """
        params = {"status": status} if status else None
        with upstream(SERVICE):
            response = await self._http.get("/api/editors/mesures", params=params)
            if not response.is_success:
                raise _refusal(response)
            return newest_first(_MESURES.validate_python(_rows(document(response.content))))

    async def check_token(self) -> None:
        """Return once the service has accepted the token; nothing is read of anybody.

        Raises:
            AccessDeniedError: The token is not valid.
            ApiError: The service does not answer, or not as itself.
        """
        with upstream(SERVICE):
            response = await self._http.get("/api/editors/service-antennes", extensions=ONCE)
            if not response.is_success:
                raise _refusal(response)
            _ANTENNES.validate_python(document(response.content))


class _Wrapped(Wire):
    mesures: object


class _Antenne(Wire):
    id: int


class _Antennes(Wire):
    antennes: tuple[_Antenne, ...]


class _Message(Wire):
    msg: str = ""


class _Refused(Wire):
    """Why a request was refused. Its messages may hold SQL: they are compared, never passed on."""

    error: str = ""
    error_description: str = ""
    errors: tuple[_Message, ...] = ()


_MESURES = TypeAdapter(tuple[Mesure, ...])
_ANTENNES: TypeAdapter[_Antennes | tuple[_Antenne, ...]] = TypeAdapter(
    _Antennes | tuple[_Antenne, ...]
)

_RENEW = "Authorise this software again on eMJPM, or renew GUICHET_EMJPM_TOKEN."
_ADDRESS = "Check GUICHET_EMJPM_URL: it is not that of eMJPM's API."
_ACCOUNT = "Use the token of a mandataire or of a service: no other account has mesures."


def _rows(reply: object) -> object:
    """The list: the documentation shows it bare, the service wraps it."""
    return _Wrapped.model_validate(reply).mesures if isinstance(reply, dict) else reply


def _refusal(response: httpx.Response) -> ApiError:
    """The error that an unsuccessful response stands for."""
    status = response.status_code
    if response.is_redirect or status == HTTPStatus.NOT_FOUND:
        return UnexpectedReplyError(SERVICE, f"HTTP {status}: not its address.", remedy=_ADDRESS)
    told = _told(response)
    if status == HTTPStatus.UNAUTHORIZED:
        expired = told.error_description.endswith("has expired")
        reason = "the token has expired." if expired else "the token is revoked, or unknown."
        return AccessDeniedError(SERVICE, reason, remedy=_RENEW)
    if told.error == "invalid_request":
        return AccessDeniedError(SERVICE, "the token is malformed.", remedy=_RENEW)
    if any(error.msg == "mandataire not found" for error in told.errors):
        return AccessDeniedError(SERVICE, "this account answers for no mesure.", remedy=_ACCOUNT)
    return from_response(SERVICE, response)


def _told(response: httpx.Response) -> _Refused:
    """What a refusal says, if anything: several of them have no body, or one that is not JSON."""
    try:
        return _Refused.model_validate(document(response.content))
    except (ValueError, RecursionError):
        return _Refused()
