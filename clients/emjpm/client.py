"""The eMJPM API for software editors, as calls that give mesures."""

from http import HTTPStatus

import httpx
from pydantic import TypeAdapter

from clients.emjpm.failures import SERVICE, refusal
from clients.emjpm.models import (
    Antenne,
    Mesure,
    Status,
    Tribunal,
    User,
    WatchedService,
    newest_first,
)
from clients.errors import NotFoundError, UnexpectedReplyError
from clients.http import ONCE, document, upstream

EDITORS = "/api/editors"
MANDOLINE = "/api/mandoline"


class EmjpmClient:
    """The mesures of the mandataire, or of the service, whose token authenticates `http`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def mesures(self, status: Status | None = None) -> tuple[Mesure, ...]:
        """Every mesure with this status, or every mesure, newest nomination first.

        The service gives them all at once and in no order, whichever software wrote them; it
        leaves out the prestations sociales.

        Raises:
            AccessDeniedError: The token is not valid, or its account has no mesures of its own.
            ApiError: The mesures could not be read.
        """
        params = {"status": status} if status else None
        with upstream(SERVICE):
            reply = await self._read(f"{EDITORS}/mesures", params)
            return newest_first(_MESURES.validate_python(_unwrapped(reply, "mesures")))

    async def mesure(self, number: int) -> Mesure:
        """The mesure with this id, whole.

        Raises:
            NotFoundError: There is none, or it is another's.
            AccessDeniedError: The token is not valid, or its account has no mesures of its own.
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            response = await self._http.get(f"{EDITORS}/mesures/{number}")
            if response.status_code == HTTPStatus.NOT_FOUND and not response.content:
                raise _no_mesure(number)
            mesure = Mesure.model_validate(_document(response))
        if mesure.id != number:
            raise UnexpectedReplyError(SERVICE, "another mesure than the one asked for.")
        return mesure

    async def antennes(self) -> tuple[Antenne, ...]:
        """The antennes of the service, which a mandataire on his own has none of.

        Raises:
            ApiError: They could not be read.
        """
        with upstream(SERVICE):
            reply = await self._read(f"{EDITORS}/service-antennes")
            return _ANTENNES.validate_python(_unwrapped(reply, "antennes"))

    async def tribunaux(self) -> tuple[Tribunal, ...]:
        """The tribunaux of all of France, some 290 of them.

        Raises:
            ApiError: They could not be read.
        """
        with upstream(SERVICE):
            reply = await self._read(f"{EDITORS}/tribunaux")
            return _TRIBUNAUX.validate_python(_unwrapped(reply, "tribunaux"))

    async def user(self) -> User:
        """Who the token stands for.

        Raises:
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            return User.model_validate(await self._read(f"{MANDOLINE}/user"))

    async def direction_services(self) -> tuple[WatchedService, ...]:
        """The services that a direction watches over.

        Raises:
            AccessDeniedError: The token is not valid, or its account is no direction's.
            ApiError: They could not be read.
        """
        with upstream(SERVICE):
            reply = await self._read(f"{MANDOLINE}/direction-services")
            return _WATCHED.validate_python(reply)

    async def check_token(self) -> None:
        """Return once the service has accepted the token; nothing is read of anybody.

        Raises:
            AccessDeniedError: The token is not valid.
            ApiError: The service does not answer, or not as itself.
        """
        with upstream(SERVICE):
            response = await self._http.get(f"{EDITORS}/service-antennes", extensions=ONCE)
            _ANTENNES.validate_python(_unwrapped(_document(response), "antennes"))

    async def _read(self, address: str, params: dict[str, str] | None = None) -> object:
        return _document(await self._http.get(address, params=params))


_OBJECT = TypeAdapter(dict[str, object])
_MESURES = TypeAdapter(tuple[Mesure, ...])
_ANTENNES = TypeAdapter(tuple[Antenne, ...])
_TRIBUNAUX = TypeAdapter(tuple[Tribunal, ...])
_WATCHED = TypeAdapter(tuple[WatchedService, ...])


def _document(response: httpx.Response) -> object:
    """What a successful response holds.

    Raises:
        ApiError: It is not successful.
    """
    if not response.is_success:
        raise refusal(response)
    return document(response.content)


def _unwrapped(reply: object, name: str) -> object:
    """The list: the documentation shows it bare, the service wraps it."""
    if not isinstance(reply, dict):
        return reply
    members = _OBJECT.validate_python(reply)
    if name not in members:
        raise UnexpectedReplyError(SERVICE, f"an answer without its {name}.")
    return members[name]


def _no_mesure(number: int) -> NotFoundError:
    return NotFoundError(SERVICE, f"no mesure of this account has the id {number}.")
