"""The GraphQL API of Démarches simplifiées, as calls that give dossiers."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import anyio
import httpx
from pydantic import TypeAdapter

from clients.approval import Approval
from clients.demarches.acts import Act, Made
from clients.demarches.auth import NO_DEMARCHE, DemarcheTokens, out_of_reach
from clients.demarches.details import SECTIONS, ReadDossier, Section
from clients.demarches.exports import Columns, Wanted, columns
from clients.demarches.failures import failure, most_telling, refusal
from clients.demarches.forms import Form
from clients.demarches.handled import AnnotatedDossier, Choices, HandledDossier
from clients.demarches.models import (
    Dossier,
    DossiersPage,
    Overview,
    RemovalsPage,
    State,
    Unread,
)
from clients.demarches.pages import (
    overview,
    page,
    page_of_groupe,
    removals,
    removals_of_groupe,
)
from clients.demarches.pieces import Stored
from clients.demarches.queries import document, together
from clients.demarches.replies import detail, each, form, made, public_form, whole
from clients.demarches.scroll import Scroll
from clients.demarches.uploads import (
    Attachment,
    DirectUpload,
    address,
    announced,
    check_stored,
)
from clients.demarches.wire import SERVICE, Reply, read
from clients.errors import AccessDeniedError, ApiError, RejectedError, UnavailableError
from clients.http import ONCE, PATIENT, REPEATABLE, Outgoing, outgoing, upstream

READ = 65.0
"""Seconds to wait for an answer: the service gives its own database 60."""

_BODY = TypeAdapter(dict[str, object])

MOST_ATTEMPTS = 6
"""Times that what is left of those is asked for: each time, what cannot be given is left out."""

MOST_PER_PAGE = 100
"""The service gives no more, but counts what was asked for against its limits."""

MOST_AT_ONCE = 4
"""Démarches read together: the service allows 400 requests a minute."""

MOST_TOGETHER = 50
"""Dossiers read by one request: their documents count against the limits of the service."""

Known = TypeVar("Known", bound=Dossier)
Heard = Callable[[int], Awaitable[None]]
"""Is told how many records were read."""


async def unheard(_: int) -> None:
    """Nobody waits to be told."""


class DemarchesClient:
    """The dossiers that the tokens cover.

    The base URL of `http` is the whole endpoint. The tokens are not its own authentication, since
    each call chooses among them.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, tokens: DemarcheTokens, only: Collection[int] = ()
    ) -> None:
        """With `only`, nothing of any other démarche is read or changed."""
        self._http = http
        self._endpoint = _without_last_slash(http.base_url)
        self._tokens = tokens
        self._only = frozenset(only)

    async def dossiers(
        self,
        demarche: int,
        *,
        groupe: int | None = None,
        state: State | None = None,
        revision: str = "",
        updated_since: datetime | None = None,
        created_since: datetime | None = None,
        archived: bool | None = None,
        first: int = 20,
        after: str = "",
        newest_first: bool = False,
    ) -> DossiersPage:
        """A page of the dossiers of a démarche, or of one of its groupes: at most 100 of them.

        They are in the order of their filing, or of their last change with `updated_since`; a
        cursor is of no use in the other order. What the service cannot give of a page is among
        its `problems`, and does not hide the rest.

        Raises:
            RejectedError: Both dates were given, or a groupe and a revision, or the groupe is of
                another démarche, or the cursor is not one of this list.
            AccessDeniedError: No token covers this démarche.
            NotFoundError: There is no such démarche, or no such groupe.
            ApiError: The page could not be read.
        """
        if updated_since and created_since:
            raise RejectedError(SERVICE, _ONE_DATE, remedy=_ONE_DATE_REMEDY)
        if groupe and revision:
            raise RejectedError(SERVICE, _NO_REVISION, remedy=_NO_REVISION_REMEDY)
        wanted = {
            "state": state,
            "updatedSince": _written(updated_since),
            "createdSince": _written(created_since),
            "archived": archived,
            **_window(first, after, newest_first=newest_first),
        }
        with upstream(SERVICE):
            if groupe is None:
                variables = {"revision": revision or None, **wanted}
                reply = await self._read("dossiers", demarche, variables)
                return page(reply, newest_first=newest_first)
            variables = {"groupe": groupe, **wanted}
            reply = await self._read("dossiers_du_groupe", demarche, variables)
            return page_of_groupe(reply, demarche, groupe, newest_first=newest_first)

    async def removals(
        self,
        demarche: int,
        *,
        groupe: int | None = None,
        since: datetime | None = None,
        deleted: bool = True,
        pending: bool = True,
        first: int = 20,
        after: tuple[str, str] = ("", ""),
    ) -> RemovalsPage:
        """A page of the dossiers that were deleted, and one of those that will be, oldest first.

        `after` holds a cursor of each list. What expired is in neither until it is purged.

        Raises:
            RejectedError: The groupe is of another démarche, or a cursor is not one of its list.
            AccessDeniedError: No token covers this démarche.
            NotFoundError: There is no such démarche, or no such groupe.
            ApiError: The pages could not be read.
        """
        wanted: dict[str, object] = {
            "since": _written(since),
            "deleted": deleted,
            "pending": pending,
            "first": min(first, MOST_PER_PAGE),
            "afterDeleted": after[0] or None,
            "afterPending": after[1] or None,
        }
        with upstream(SERVICE):
            if groupe is None:
                return removals(await self._read("supprimes", demarche, wanted))
            variables = {"groupe": groupe, **wanted}
            reply = await self._read("supprimes_du_groupe", demarche, variables)
            return removals_of_groupe(reply, demarche, groupe)

    async def overviews(
        self, demarches: Sequence[int], heard: Heard = unheard
    ) -> tuple[Overview | Unread, ...]:
        """Each démarche with how much of it awaits somebody; one that fails hides no other.

        `heard` is told how many were read, as they are.
        """
        found: dict[int, Overview | Unread] = {}
        limit = anyio.CapacityLimiter(MOST_AT_ONCE)

        async def look(demarche: int) -> None:
            async with limit:
                found[demarche] = await self._overview(demarche)
                await heard(len(found))

        async with anyio.create_task_group() as tasks:
            for demarche in demarches:
                tasks.start_soon(look, demarche)
        return tuple(found[demarche] for demarche in demarches)

    async def form(self, demarche: int) -> Form:
        """A démarche with its form; what is public alone, if the token does not cover it.

        Raises:
            AccessDeniedError: The token does not cover it, and nothing of it is public.
            NotFoundError: There is no such démarche.
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            reply = await self._read("formulaire", demarche, {})
            if reply.cause != "unauthorized" or reply.data:
                return form(reply)
            return public_form(await self._read("descripteur", demarche, {}))

    async def detail(self, number: int, include: Collection[Section]) -> ReadDossier:
        """The dossier with this number, and the sections of it that are asked for.

        What the service cannot give of it is among its `problems`, and does not hide the rest; a
        linked dossier out of reach is not one of them.

        Raises:
            NotFoundError: There is none, or it is a draft, deleted or expired.
            AccessDeniedError: It exists, and no token covers its démarche.
            ApiError: It could not be read.
        """
        sections = {section: section in include for section in SECTIONS}
        with upstream(SERVICE):
            request = self._request("detail", {"number": number, **sections}, REPEATABLE)
            response = await self._send(request)
            found = detail(read(response))
        self._found_in(found.dossier.demarche.number, response)
        return replace(found, dossier=found.dossier.within(self._only)) if self._only else found

    async def dossier(self, number: int) -> Dossier:
        """The dossier with this number, complete or not at all: a decision is taken on it.

        Raises:
            NotFoundError: There is none, or it is a draft, deleted or expired.
            AccessDeniedError: It exists, and no token covers its démarche.
            ApiError: It could not be read.
        """
        return await self._whole("dossier", number, Dossier)

    async def dossiers_together(
        self, numbers: Sequence[int], heard: Heard = unheard
    ) -> tuple[dict[int, Dossier], dict[int, ApiError]]:
        """The dossiers with these numbers, and what hides those that are not given.

        They are read fifty at a time, with each of the tokens, so that none hides another; `heard`
        is told how many were read.
        """
        found: dict[int, Dossier] = {}
        met = {number: list[ApiError]() for number in numbers}
        for place in self._tokens.places or (NO_DEMARCHE,):
            awaited = [number for number in numbers if number not in found]
            for start in range(0, len(awaited), MOST_TOGETHER):
                some = awaited[start : start + MOST_TOGETHER]
                given, hidden = await self._some(some, place)
                found |= given
                for number, error in hidden.items():
                    met[number].append(error)
                if given:
                    await heard(len(found))
        return found, {n: most_telling(errors) for n, errors in met.items() if n not in found}

    async def _some(
        self, numbers: Sequence[int], place: int
    ) -> tuple[dict[int, Dossier], dict[int, ApiError]]:
        """Those of the dossiers that one token gives, and why it does not give each other."""
        found: dict[int, Dossier] = {}
        hidden: dict[int, ApiError] = {}
        left = list(numbers)
        for _ in range(MOST_ATTEMPTS):
            given, refused = await self._together(left, place)
            found |= given
            hidden |= refused
            left = [number for number in left if number not in found and number not in hidden]
            if not left:
                break
        return found, hidden | dict.fromkeys(left, UnavailableError(SERVICE, "it gives too few."))

    async def _together(
        self, numbers: Sequence[int], place: int
    ) -> tuple[dict[int, Dossier], dict[int, ApiError]]:
        """Some of the dossiers, what hides some others, and never neither."""
        variables = {f"n{rank}": number for rank, number in enumerate(numbers)}
        extensions = {**REPEATABLE, "demarche": place}
        try:
            with upstream(SERVICE):
                request = self._posted("together", together(len(numbers)), variables, extensions)
                response = await self._send(request)
                found, hidden = each(read(response), numbers)
        except ApiError as error:
            return {}, dict.fromkeys(numbers, error)
        given: dict[int, Dossier] = {}
        for number, dossier in found.items():
            try:
                self._found_in(dossier.demarche.number, response)
            except AccessDeniedError as error:
                hidden[number] = error
            else:
                given[number] = dossier
        return given, hidden

    async def pieces(self, number: int) -> Stored:
        """The files of the dossier with this number, wherever they are in it.

        Those that a virus is in are left out by the service.

        Raises:
            ApiError: They could not be read.
        """
        with upstream(SERVICE):
            response = await self._send(self._request("pieces", {"number": number}, REPEATABLE))
            stored = Stored.of(read(response))
        self._found_in(stored.demarche, response)
        return stored

    async def columns(self, demarche: int) -> Columns:
        """What a démarche asks and ever asked: the columns of an export.

        Raises:
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            return columns(await self._read("colonnes", demarche, {}))

    def every(self, demarche: int, wanted: Wanted, *, after: str = "") -> Scroll:
        """Every dossier of a démarche with what was answered, by pages, after a cursor."""
        asked = {
            "demarche": demarche,
            "groupe": wanted.groupe or 0,
            "ofGroupe": wanted.groupe is not None,
            "state": wanted.state,
            "archived": wanted.archived,
            "createdSince": _written(wanted.created_since),
            "updatedSince": _written(wanted.updated_since),
        }
        extensions = {**REPEATABLE, **PATIENT, "demarche": demarche}

        async def ask(operation: str, first: int, after: str) -> httpx.Response:
            self._check_within(demarche)
            variables = {**asked, "first": first, "after": after or None}
            request = self._request(operation, variables, extensions)
            return await self._http.send(request, auth=self._tokens)

        return Scroll(ask, after=after)

    async def check_token(self, demarche: int = NO_DEMARCHE) -> None:
        """Return once the service has accepted the default token, or the one of a démarche for it.

        Nothing is read of anybody. A token that admits the first machine to use it, and no other
        from then on, is used here.

        Raises:
            AccessDeniedError: The token is not valid, not from here, or not for this démarche.
            NotFoundError: There is no such démarche.
            ApiError: The service does not answer, or not as itself.
        """
        if demarche:
            self._check_within(demarche)
        operation = "demarche" if demarche else "jeton"
        variables = {"number": demarche} if demarche else {}
        request = self._request(operation, variables, {**ONCE, "demarche": demarche})
        with upstream(SERVICE):
            reply = read(await self._send(request))
            if reply.errors or not reply.data:
                raise failure(reply)

    async def handled(self, number: int) -> HandledDossier:
        """The dossier with this number, its messages and what was done with it, or nothing at all.

        Raises:
            ApiError: As `dossier` does.
        """
        return await self._whole("suivi", number, HandledDossier)

    async def annotated(self, number: int) -> AnnotatedDossier:
        """The dossier with this number, and its annotations, or nothing at all.

        Raises:
            ApiError: As `dossier` does.
        """
        return await self._whole("annotations", number, AnnotatedDossier)

    async def choices(self, demarche: int) -> Choices:
        """The labels and the groupes that a dossier of this démarche can be given.

        Raises:
            ApiError: They could not be read.
        """
        self._check_within(demarche)
        extensions = {**REPEATABLE, "demarche": demarche}
        request = self._request("choix", {"demarche": demarche}, extensions)
        with upstream(SERVICE):
            return whole(read(await self._send(request)), "demarche", Choices)

    def request(self, act: Act[Made]) -> Outgoing:
        """What an act would send; nothing is sent."""
        request = self._acting(act)
        return outgoing(request, _without_document(request))

    async def perform(self, act: Act[Made], *, approval: Approval) -> Made:
        """Do what an act says, once, and get what it made.

        Raises:
            RejectedError: The service refuses, in its own words; nothing was changed.
            LostAnswerError: It may have been done: read the dossier again.
            ApiError: It was not done.
        """
        with upstream(SERVICE, writing=True):
            response = await self._send(self._acting(act), writing=True)
            return made(read(response), act)

    async def upload(self, dossier: Dossier, attachment: Attachment, *, approval: Approval) -> str:
        """Send a file, and get the signed id by which an act can carry it for an hour.

        Nothing of the dossier changes: whatever goes wrong here, nothing was done.

        Raises:
            AccessDeniedError: The token only reads.
            ApiError: The file was not sent.
        """
        announcement = {
            "dossierId": dossier.id,
            "filename": attachment.name,
            "byteSize": len(attachment.content),
            "checksum": attachment.checksum,
            "contentType": attachment.content_type,
        }
        of_demarche = {"demarche": dossier.demarche.number}
        request = self._request("televerser", {"input": announcement}, of_demarche)
        with upstream(SERVICE):
            place = announced(read(await self._send(request)))
            await self._put(place, attachment.content)
        return place.signed_blob_id

    async def _put(self, place: DirectUpload, content: bytes) -> None:
        """Hand a file to the storage, which is another host: no token goes there."""
        request = self._http.build_request(
            "PUT", address(place, self._http.base_url), content=content, headers=place.headers
        )
        check_stored(await self._http.send(request, auth=None))

    async def _whole(self, operation: str, number: int, kind: type[Known]) -> Known:
        request = self._request(operation, {"number": number}, REPEATABLE)
        with upstream(SERVICE):
            response = await self._send(request)
            dossier = whole(read(response), "dossier", kind)
        self._found_in(dossier.demarche.number, response)
        return dossier

    def _found_in(self, demarche: int, response: httpx.Response) -> None:
        """Take a dossier for one of this démarche, for which its token is then known.

        Raises:
            AccessDeniedError: It is outside those that are served: nothing of it may be told.
        """
        self._check_within(demarche)
        self._tokens.remember(demarche, response.request)

    def _check_within(self, demarche: int) -> None:
        if self._only and demarche not in self._only:
            raise AccessDeniedError(SERVICE, _OUTSIDE, remedy=_OUTSIDE_REMEDY)

    def _acting(self, act: Act[Made]) -> httpx.Request:
        self._check_within(act.dossier.demarche.number)
        extensions = {"demarche": act.dossier.demarche.number, **(PATIENT if act.patient else {})}
        return self._request(act.operation, {"input": act.input}, extensions)

    async def _overview(self, demarche: int) -> Overview | Unread:
        try:
            with upstream(SERVICE):
                return overview(await self._read("attente", demarche, {"first": MOST_PER_PAGE}))
        except ApiError as error:
            return Unread(demarche, str(error))

    async def _read(self, operation: str, demarche: int, variables: Mapping[str, object]) -> Reply:
        """What is answered to a query about a démarche."""
        self._check_within(demarche)
        extensions = {**REPEATABLE, "demarche": demarche}
        request = self._request(operation, {"demarche": demarche, **variables}, extensions)
        return read(await self._send(request))

    def _request(
        self,
        operation: str,
        variables: Mapping[str, object],
        extensions: Mapping[str, object],
    ) -> httpx.Request:
        return self._posted(operation, document(operation), variables, extensions)

    def _posted(
        self,
        operation: str,
        query: str,
        variables: Mapping[str, object],
        extensions: Mapping[str, object],
    ) -> httpx.Request:
        return self._http.build_request(
            "POST",
            self._endpoint,
            json={"query": query, "operationName": operation, "variables": variables},
            extensions=dict(extensions),
        )

    async def _send(self, request: httpx.Request, *, writing: bool = False) -> httpx.Response:
        response = await self._http.send(request, auth=self._tokens)
        if response.history and out_of_reach(response):
            raise most_telling([_denial(each) for each in (*response.history, response)])
        if not response.is_success:
            raise refusal(response, writing=writing)
        return response


_ONE_DATE = "it filters on one date at a time."
_ONE_DATE_REMEDY = "Give either updated_since or created_since."
_OUTSIDE = "this démarche is not among those that Guichet was set up for."
_OUTSIDE_REMEDY = (
    "Nothing of it is read or changed (GUICHET_FENCES_DEMARCHES): look for no way round."
)
_NO_REVISION = "it cannot tell the revisions of a groupe's dossiers apart."
_NO_REVISION_REMEDY = "Give either a groupe or a revision."


def _window(first: int, after: str, *, newest_first: bool) -> dict[str, object]:
    """The arguments of a connection: the newest are the last, which come in ascending order."""
    count, cursor = ("last", "before") if newest_first else ("first", "after")
    return {count: min(first, MOST_PER_PAGE), cursor: after or None}


def _denial(response: httpx.Response) -> ApiError:
    """Why one of the tokens does not lead to what was asked for."""
    return failure(read(response)) if response.is_success else refusal(response)


def _written(moment: datetime | None) -> str | None:
    return moment and moment.isoformat()


def _without_document(request: httpx.Request) -> str:
    """The body, without the text of the document: it is always the same."""
    body = _BODY.validate_json(request.content)
    return json.dumps({k: v for k, v in body.items() if k != "query"}, ensure_ascii=False)


def _without_last_slash(url: httpx.URL) -> httpx.URL:
    """The address as it was configured: httpx ends a base URL with a slash of its own."""
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/"))
