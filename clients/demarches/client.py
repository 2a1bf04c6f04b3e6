"""The GraphQL API of Démarches simplifiées, as calls that give dossiers."""

import json
from collections.abc import Mapping
from datetime import datetime

import httpx
from pydantic import TypeAdapter

from clients.approval import Approval
from clients.demarches.auth import DemarcheTokens
from clients.demarches.failures import failure, refusal
from clients.demarches.models import Dossier, DossiersPage, State
from clients.demarches.queries import document
from clients.demarches.replies import new_state, page, whole
from clients.demarches.wire import SERVICE, read
from clients.errors import RejectedError
from clients.http import ONCE, REPEATABLE, Outgoing, outgoing, upstream

READ = 65.0
"""Seconds to wait for an answer: the service gives its own database 60."""

_BODY = TypeAdapter(dict[str, object])

MOST_PER_PAGE = 100
"""The service gives no more, but counts what was asked for against its limits."""


NO_DEMARCHE = 0
"""A number that no démarche has: what is asked for it goes with the default token."""


class DemarchesClient:
    """The dossiers that the tokens cover.

    The base URL of `http` is the whole endpoint. The tokens are not its own authentication, since
    each call chooses among them.
    """

    def __init__(self, http: httpx.AsyncClient, *, tokens: DemarcheTokens) -> None:
        self._http = http
        self._tokens = tokens

    async def dossiers(
        self,
        demarche: int,
        *,
        state: State | None = None,
        updated_since: datetime | None = None,
        created_since: datetime | None = None,
        archived: bool | None = None,
        first: int = 20,
        after: str = "",
    ) -> DossiersPage:
        """A page of the dossiers of a démarche, oldest first: at most 100 of them.

        They are in the order of their filing, or of their last change with `updated_since`; a
        cursor is of no use in the other order. What the service cannot give of a page is among
        its `problems`, and does not hide the rest.

        Raises:
            RejectedError: Both dates were given, or the cursor is not one of this list.
            AccessDeniedError: No token covers this démarche.
            NotFoundError: There is no such démarche.
            ApiError: The page could not be read.
        """
        if updated_since and created_since:
            raise RejectedError(
                SERVICE,
                "it filters on one date at a time.",
                remedy="Give either updated_since or created_since.",
            )
        variables = {
            "demarche": demarche,
            "state": state,
            "updatedSince": updated_since and updated_since.isoformat(),
            "createdSince": created_since and created_since.isoformat(),
            "archived": archived,
            "first": min(first, MOST_PER_PAGE),
            "after": after or None,
        }
        with upstream(SERVICE):
            extensions = {**REPEATABLE, "demarche": demarche}
            request = self._request("dossiers", variables, extensions)
            return page(read(await self._send(request)))

    async def dossier(self, number: int) -> Dossier:
        """The dossier with this number, complete or not at all: a decision is taken on it.

        Raises:
            NotFoundError: There is none, or it is a draft, deleted or expired.
            AccessDeniedError: It exists, and no token covers its démarche.
            ApiError: It could not be read.
        """
        with upstream(SERVICE):
            response = await self._send(self._request("dossier", {"number": number}, REPEATABLE))
            dossier = whole(read(response))
        self._tokens.remember(dossier.demarche.number, response.request)
        return dossier

    async def check_token(self, demarche: int = NO_DEMARCHE) -> None:
        """Return once the service has accepted the default token, or the one of a démarche for it.

        Nothing is read of anybody. A token that admits the first machine to use it, and no other
        from then on, is used here.

        Raises:
            AccessDeniedError: The token is not valid, not from here, or not for this démarche.
            NotFoundError: There is no such démarche.
            ApiError: The service does not answer, or not as itself.
        """
        operation = "demarche" if demarche else "jeton"
        variables = {"number": demarche} if demarche else {}
        request = self._request(operation, variables, {**ONCE, "demarche": demarche})
        with upstream(SERVICE):
            reply = read(await self._send(request))
            if reply.errors or not reply.data:
                raise failure(reply)

    async def accept(
        self,
        dossier: Dossier,
        *,
        instructeur: str,
        motivation: str,
        notify: bool,
        approval: Approval,
    ) -> State:
        """Accept a dossier that is en_instruction, and get its new state.

        The instructeur is an id among the members of the dossier's groupe. With `notify`, the
        service e-mails the decision and its motivation to the usager.

        Raises:
            RejectedError: It cannot be accepted, for instance because it was decided on meanwhile.
            LostAnswerError: It may have been accepted: read it again.
            ApiError: It was not accepted.
        """
        request = self._accepting(dossier, instructeur, motivation, notify=notify)
        with upstream(SERVICE, writing=True):
            return new_state(read(await self._send(request, writing=True)), dossier)

    def acceptance(
        self, dossier: Dossier, *, instructeur: str, motivation: str, notify: bool
    ) -> Outgoing:
        """The request by which `accept` accepts a dossier; nothing is sent."""
        request = self._accepting(dossier, instructeur, motivation, notify=notify)
        return outgoing(request, _without_document(request))

    def _accepting(
        self, dossier: Dossier, instructeur: str, motivation: str, *, notify: bool
    ) -> httpx.Request:
        decision = {
            "dossierId": dossier.id,
            "instructeurId": instructeur,
            "motivation": motivation,
            "disableNotification": not notify,
        }
        of_demarche = {"demarche": dossier.demarche.number}
        return self._request("accepter", {"input": decision}, of_demarche)

    def _request(
        self,
        operation: str,
        variables: Mapping[str, object],
        extensions: Mapping[str, object],
    ) -> httpx.Request:
        return self._http.build_request(
            "POST",
            _without_last_slash(self._http.base_url),
            json={
                "query": document(operation),
                "operationName": operation,
                "variables": variables,
            },
            extensions=dict(extensions),
        )

    async def _send(self, request: httpx.Request, *, writing: bool = False) -> httpx.Response:
        response = await self._http.send(request, auth=self._tokens)
        if not response.is_success:
            raise refusal(response, writing=writing)
        return response


def _without_document(request: httpx.Request) -> str:
    """The body, without the text of the document: it is always the same."""
    body = _BODY.validate_json(request.content)
    return json.dumps({k: v for k, v in body.items() if k != "query"}, ensure_ascii=False)


def _without_last_slash(url: httpx.URL) -> httpx.URL:
    """The address as it was configured: httpx ends a base URL with a slash of its own."""
    return url.copy_with(raw_path=url.raw_path.rstrip(b"/"))
