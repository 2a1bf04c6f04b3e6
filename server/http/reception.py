"""What serves the callers of a team: the desk, each call being its caller's, and the page."""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import anyio
import httpx
from mcp.server.mcpserver.exceptions import ToolError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from clients.http import connected
from server import callers, tokens
from server.app import Connect
from server.approvals.app import FROM_ISSUER, HOME, Door, create
from server.approvals.code_flow import Client, CodeFlow
from server.approvals.passwords import Entry, OwnTries, Passwords
from server.approvals.visits import Visits
from server.approvers import Approvers
from server.callers import Caller
from server.connect import shared_state
from server.openid import Issuer
from server.settings import Settings
from tools.desk import Desk

LOOKED_AT_EVERY = 5.0
"""Seconds for which the ledger is taken to be as it was: anybody may ask."""
LEDGER_WITHIN = 5.0


class Reception:
    """The desk of a running server, and what can be told of it to anybody: whether it is open."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._desk: Desk | None = None
        self._looking = anyio.Lock()
        self._found = (-LOOKED_AT_EVERY, False)

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Desk]:
        async with self._connect() as desk:
            self._desk = desk
            try:
                yield desk
            finally:
                self._desk = None

    async def alive(self, _: Request) -> Response:
        return PlainTextResponse("alive")

    async def ready(self, _: Request) -> Response:
        """Whether calls can be served: the desk is open, and its ledger answers."""
        async with self._looking:
            if time.monotonic() - self._found[0] >= LOOKED_AT_EVERY:
                self._found = time.monotonic(), await self._answers()
        is_ready = self._found[1]
        return PlainTextResponse("ready" if is_ready else "not ready", 200 if is_ready else 503)

    async def _answers(self) -> bool:
        if self._desk is None:
            return False
        with anyio.move_on_after(LEDGER_WITHIN):
            try:
                await self._desk.journal.unsettled()
            except ToolError:
                return False
            return True
        return False


class SignedIn:
    """The way to a desk for callers who proved who they are, and an app: their page."""

    def __init__(self, settings: Settings, connect: Connect, address: str, resource: str) -> None:
        self._settings = settings
        self._known = settings.http.tokens
        self._oidc = settings.oidc
        self._approvers = Approvers(settings)
        self._connect = connect
        self._address = address
        self._audience = settings.oidc.audience or resource
        self._issuer: Issuer | None = None
        self._page: ASGIApp | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Desk]:
        """A desk where each call is made on behalf of its caller."""
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(self._connect())
            http = await stack.enter_async_context(connected(self._oidc.issuer or ""))
            if self._oidc.issuer:
                self._issuer = Issuer(http, self._oidc.issuer, self._audience)
            seal = desk.journal.seal
            shared = await stack.enter_async_context(shared_state(self._settings, seal))
            passwords = Passwords(self._entries(), shared.tries() if shared else OwnTries())
            visits = Visits(seal, time.time, partial(self._ground, passwords))
            door = Door(passwords, self._flow(http, desk))
            self._page = create(
                desk.journal, desk.say, visits, (self._address,), door, self._approvers
            )
            yield replace(
                desk,
                principal=callers.principal,
                present=self._present,
                signs_in=callers.has_page,
                somebody_else=self._somebody_else,
            )

    async def recognised(self, token: str) -> Caller | None:
        """Whoever a token belongs to, whether the configuration or the issuer knows them.

        Raises:
            UnknowableError: The issuer cannot be asked.
        """
        known = tokens.recognised(self._known, token)
        if known or self._issuer is None:
            return known
        user = await self._issuer.recognised(token)
        return user and replace(user, has_page=bool(self._oidc.client_id))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the page, which opens with the desk."""
        await (self._page or PlainTextResponse("Not open yet", 503))(scope, receive, send)

    def _somebody_else(self, tool: str) -> bool:
        return self._approvers.anybody_but(callers.principal(), tool)

    async def _present(self, operation: str) -> str:
        """Where a plan awaits whoever signs in."""
        return f"{self._address}{HOME}"

    def _flow(self, http: httpx.AsyncClient, desk: Desk) -> CodeFlow | None:
        """How the issuer's users sign in to the page, if the issuer knows it."""
        if self._issuer is None or not self._oidc.client_id:
            return None
        back = f"{self._address}{FROM_ISSUER}"
        client = Client(self._oidc.client_id, self._oidc.client_secret, back)
        return CodeFlow(http, self._issuer, client, desk.journal.seal, time.time)

    def _ground(self, passwords: Passwords, principal: str) -> str:
        """What lets a principal in to the page: a password, or the issuer that knows the page."""
        if self._settings.profiles and self._settings.profile_of(principal) is None:
            return ""
        issuer, client = self._oidc.issuer, self._oidc.client_id
        by_issuer = issuer and client and principal.startswith(f"{issuer} ")
        return f"{issuer} {client}" if by_issuer else passwords.kept(principal)

    def _entries(self) -> Mapping[str, Entry]:
        return {
            name: Entry(tokens.principal(name), token.page_password.get_secret_value())
            for name, token in self._known.items()
            if token.page_password
        }
