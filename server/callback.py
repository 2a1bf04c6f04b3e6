"""What a consent page sends a browser back with: a code, at the address registered for it."""

import secrets
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, parse_qsl, urlsplit

import anyio
import uvicorn
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from server.approvals.serving import quiet
from server.approvals.shield import HOSTS, Shield, on_loopback
from tools.language import Say

LAST_WORDS = 2
"""Seconds left, when stopping, to the answer being sent."""


class NoCodeError(Exception):
    """What came back holds no code of ours; the text says why."""


def code_in(address: str, state: str) -> str:
    """The code in the address that a browser was sent to.

    Raises:
        NoCodeError: The person refused, or it is not the answer to this very request.
    """
    try:
        given = dict(parse_qsl(urlsplit(address.strip()).query))
    except ValueError:  # its text would repeat the address
        raise NoCodeError("this is no address.") from None
    return _code(given, state)


def receives(redirect_uri: str) -> bool:
    """Whether a program of this machine can answer at this address."""
    parts = urlsplit(redirect_uri)
    return parts.scheme == "http" and parts.hostname in HOSTS and bool(parts.port)


class Callback:
    """The answer to one request for consent, awaited at its redirection address."""

    def __init__(self, redirect_uri: str, state: str, say: Say) -> None:
        self._at: SplitResult = urlsplit(redirect_uri)
        self._state = state
        self._say = say
        self._came = anyio.Event()
        self._code = ""

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Answer browsers at the address, as long as the block runs.

        Raises:
            OSError: The port is taken, or may not be had.
        """
        host, port = self._at.hostname or HOSTS[0], self._at.port or 80
        app = Starlette(routes=[Route(self._at.path or "/", self._answer)])
        app.router.redirect_slashes = False
        with socket.create_server((host, port)) as listener:
            server = uvicorn.Server(quiet(Shield(app, on_loopback(port)), LAST_WORDS))
            async with anyio.create_task_group() as tasks:
                await _serving(server, listener, tasks)
                try:
                    yield
                finally:
                    server.should_exit = True

    async def answered(self, within: float) -> None:
        """Return once the person has answered, or when that takes too long."""
        with anyio.move_on_after(within):
            await self._came.wait()

    def code(self) -> str:
        """The code that came.

        Raises:
            NoCodeError: None did, or the person refused.
        """
        if not self._code:
            raise NoCodeError(REFUSED if self._came.is_set() else "nobody answered in time.")
        return self._code

    async def _answer(self, request: Request) -> Response:
        """Take the first answer that is one; anything else is turned away, and changes nothing."""
        try:
            self._code = self._code or _code(request.query_params, self._state)
        except NoCodeError as error:
            if str(error) != REFUSED:
                return PlainTextResponse(self._say(fr=NOT_OURS_FR, en=NOT_OURS), 400)
        self._came.set()
        return PlainTextResponse(self._say(fr=CLOSE_FR, en=CLOSE))


REFUSED = "access was refused on eMJPM's page."
NOT_OURS = "This is not the answer to the request for consent that was made last."
NOT_OURS_FR = "Ce n'est pas la réponse à la dernière demande d'autorisation."
CLOSE = "Guichet has its answer: this tab can be closed. The terminal says what came of it."
CLOSE_FR = "Guichet a sa réponse : vous pouvez fermer cet onglet. Le terminal dit la suite."


def _code(given: Mapping[str, str], state: str) -> str:
    """The code, if it comes with the state that was sent; a refusal comes without it."""
    if given.get("error") == "access_denied":
        raise NoCodeError(REFUSED)
    if not secrets.compare_digest(given.get("state", "").encode(), state.encode()):
        raise NoCodeError("this is not the answer to the request just made.")
    code = given.get("code", "")
    if not code:
        raise NoCodeError("this address holds no code.")
    return code


async def _serving(server: uvicorn.Server, listener: socket.socket, tasks: TaskGroup) -> None:
    async def serve() -> None:
        await server.serve([listener])

    tasks.start_soon(serve)
