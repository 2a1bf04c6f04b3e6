"""The eMJPM API for software editors, as calls that give mesures."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

import httpx
from pydantic import TypeAdapter

from clients.approval import Approval
from clients.emjpm.failures import SERVICE, refusal
from clients.emjpm.models import (
    Antenne,
    Mesure,
    Status,
    Tribunal,
    User,
    WatchedService,
    Wire,
    newest_first,
)
from clients.emjpm.refusals import refused_write
from clients.emjpm.writing import MesureToSend
from clients.errors import LostAnswerError, NotFoundError, RejectedError, UnexpectedReplyError
from clients.garbage import no_garbage
from clients.http import CONNECT, ONCE, Outgoing, document, outgoing, upstream

EDITORS = "/api/editors"
MANDOLINE = "/api/mandoline"
MOST_IN_BATCH = 1000
"""Mesures that the service takes at once."""
READ_BATCH = 85.0
"""Seconds that it is given to save them: it took five, and is not always that fast."""


Condition = Callable[[Mesure], bool]
"""Says which mesures are wanted."""


def anything(_: Mesure) -> bool:
    """Every one is."""
    return True


class EmjpmClient:
    """The mesures of the mandataire, or of the service, whose token authenticates `http`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def mesures(
        self, status: Status | None = None, where: Condition = anything
    ) -> tuple[Mesure, ...]:
        """Every mesure with this status, or every mesure, newest nomination first.

        The service gives them all at once and in no order, whichever software wrote them; it
        leaves out the prestations sociales. All of them are read; those that `where` wants are
        given, since to let go of twenty thousand costs least as soon as they are read.

        Raises:
            AccessDeniedError: The token is not valid, or its account has no mesures of its own.
            ApiError: The mesures could not be read.
        """
        params = {"status": status} if status else None
        with upstream(SERVICE):
            response = await self._http.get(f"{EDITORS}/mesures", params=params)
            return newest_first(_mesures(response, where))

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

    async def create(self, mesure: MesureToSend, *, approval: Approval) -> Mesure:
        """The mesure as it is saved: a new one, or the one that has its number at its tribunal.

        Its antenne is not sent, since the service would ignore it: `update` gives it one. A mesure
        that awaited its mandataire is thereby accepted.

        Raises:
            RejectedError: It breaks a rule, or has what another mesure alone may have.
            LostAnswerError: It was sent, and nobody knows whether it was saved.
            ApiError: It was not saved, for another reason.
        """
        with upstream(SERVICE, writing=True):
            return _saved(await self._http.send(self._creating(mesure)))

    def creation(self, mesure: MesureToSend) -> Outgoing:
        """The request by which `create` saves a mesure; nothing is sent."""
        return outgoing(self._creating(mesure))

    async def create_batch(
        self, mesures: Sequence[MesureToSend], lines: Sequence[int], *, approval: Approval
    ) -> tuple[Mesure, ...]:
        """The mesures as they are saved, in the order given: all of them, or none.

        `lines` say where each comes from, should one be refused. The service answers in no order
        and calls a success what it did not understand: each is looked for in the answer.

        Raises:
            RejectedError: One of them breaks a rule, or has an antenne: none was saved.
            LostAnswerError: They were sent, and nobody knows whether they were saved.
            ApiError: None was saved, for another reason.
        """
        if not 1 <= len(mesures) <= MOST_IN_BATCH:
            told = f"1 to {MOST_IN_BATCH} mesures at a time, not {len(mesures)}."
            raise RejectedError(SERVICE, told)
        with upstream(SERVICE, writing=True):
            response = await self._http.send(self._importing(mesures))
            if not response.is_success:
                raise refused_write(response, lambda rank: f"line {lines[rank]}")
            reply = _unwrapped(document(response.content), "mesures", writing=True)
            saved = {(m.numero_rg, m.tribunal_siret): m for m in _MESURES.validate_python(reply)}
        if saved.keys() != {mesure.key for mesure in mesures}:
            raise LostAnswerError(SERVICE, "the answer does not account for what was sent.")
        return tuple(saved[mesure.key] for mesure in mesures)

    def importation(self, mesures: Sequence[MesureToSend]) -> Outgoing:
        """The requests by which `create_batch` saves mesures, described rather than shown."""
        size = len(self._importing(mesures).content)
        return outgoing(
            self._importing(mesures[:1]), f"{len(mesures)} mesures in JSON, {size} bytes"
        )

    async def update(self, number: int, mesure: MesureToSend, *, approval: Approval) -> Mesure:
        """The mesure with this id as it is saved, its antenne included.

        Raises:
            NotFoundError: There is none, or it is another's.
            RejectedError: It breaks a rule, or has what another mesure alone may have.
            LostAnswerError: It was sent, and nobody knows whether it was saved.
            ApiError: It was not saved, for another reason.
        """
        with upstream(SERVICE, writing=True):
            return _saved(await self._http.send(self._updating(number, mesure)))

    def updating(self, number: int, mesure: MesureToSend) -> Outgoing:
        """The request by which `update` saves a mesure; nothing is sent."""
        return outgoing(self._updating(number, mesure))

    async def delete(self, number: int, *, approval: Approval) -> None:
        """Delete a mesure of this account, which is read first.

        Of anybody else's, the service would delete the états and the ressources, and say that it
        deleted nothing: an id that was not just confirmed is never sent.

        Raises:
            NotFoundError: There is none, or it is another's.
            LostAnswerError: It was sent, and nobody knows whether it was deleted.
            ApiError: It was not deleted, for another reason.
        """
        await self.mesure(number)
        with upstream(SERVICE, writing=True):
            deleted = _deleted(await self._http.send(self._deleting(number)))
        if deleted != 1:
            raise LostAnswerError(SERVICE, f"{deleted} mesures deleted, instead of one.")

    def deletion(self, number: int) -> Outgoing:
        """The request by which `delete` deletes a mesure; nothing is sent."""
        return outgoing(self._deleting(number))

    async def delete_all(self, *, include_awaiting: bool, approval: Approval) -> int:
        """How many mesures were deleted: all of this account's.

        Those that await their mandataire are deleted whatever `include_awaiting` says, which only
        sends the documented parameter: the service does not do what it documents.

        Raises:
            LostAnswerError: It was sent, and nobody knows what was deleted.
            ApiError: Nothing was deleted.
        """
        request = self._deleting_all(include_awaiting=include_awaiting)
        with upstream(SERVICE, writing=True):
            return _deleted(await self._http.send(request))

    def deletion_of_all(self, *, include_awaiting: bool) -> Outgoing:
        """The request by which `delete_all` deletes mesures; nothing is sent."""
        asked = "forceDeleteAwaitingMesures=true in the address" if include_awaiting else ""
        return outgoing(self._deleting_all(include_awaiting=include_awaiting), asked)

    async def check_token(self) -> None:
        """Return once the service has accepted the token; nothing is read of anybody.

        Raises:
            AccessDeniedError: The token is not valid.
            ApiError: The service does not answer, or not as itself.
        """
        with upstream(SERVICE):
            response = await self._http.get(f"{EDITORS}/service-antennes", extensions=ONCE)
            _ANTENNES.validate_python(_unwrapped(_document(response), "antennes"))

    def _creating(self, mesure: MesureToSend) -> httpx.Request:
        return self._http.build_request("POST", f"{EDITORS}/mesures", json=mesure.body())

    def _importing(self, mesures: Sequence[MesureToSend]) -> httpx.Request:
        bodies = {"mesures": [mesure.body() for mesure in mesures]}
        patience = httpx.Timeout(READ_BATCH, connect=CONNECT)
        address = f"{EDITORS}/mesures/batch"
        return self._http.build_request("POST", address, json=bodies, timeout=patience)

    def _updating(self, number: int, mesure: MesureToSend) -> httpx.Request:
        body = mesure.body(antenne=True)
        return self._http.build_request("PUT", f"{EDITORS}/mesures/{number}", json=body)

    def _deleting(self, number: int) -> httpx.Request:
        return self._http.build_request("DELETE", f"{EDITORS}/mesures/{number}")

    def _deleting_all(self, *, include_awaiting: bool) -> httpx.Request:
        params = {"forceDeleteAwaitingMesures": "true"} if include_awaiting else None
        return self._http.build_request("DELETE", f"{EDITORS}/mesures", params=params)

    async def _read(self, address: str) -> object:
        return _document(await self._http.get(address))


class _Affected(Wire):
    affected_rows: int


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


@no_garbage()
def _mesures(response: httpx.Response, where: Condition) -> list[Mesure]:
    every = _MESURES.validate_python(_unwrapped(_document(response), "mesures"))
    return [mesure for mesure in every if where(mesure)]


def _saved(response: httpx.Response) -> Mesure:
    if not response.is_success:
        raise refused_write(response)
    return Mesure.model_validate(document(response.content))


def _deleted(response: httpx.Response) -> int:
    if not response.is_success:
        raise refused_write(response)
    return _Affected.model_validate(document(response.content)).affected_rows


def _unwrapped(reply: object, name: str, *, writing: bool = False) -> object:
    """The list: the documentation shows it bare, the service wraps it."""
    if not isinstance(reply, dict):
        return reply
    members = _OBJECT.validate_python(reply)
    if name not in members:
        kind = LostAnswerError if writing else UnexpectedReplyError
        raise kind(SERVICE, f"an answer without its {name}.")
    return members[name]


def _no_mesure(number: int) -> NotFoundError:
    return NotFoundError(SERVICE, f"no mesure of this account has the id {number}.")
