"""A counter to test at: a real server on services in miniature, and people to answer it."""

import json
import logging
import os
import re
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import anyio
import httpx
import uvicorn
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)
from sqlalchemy import RowMapping, create_engine, select
from starlette.applications import Starlette
from starlette.types import ASGIApp

from server import connect, instance, logs
from server.app import Connect, Server
from server.approvals import Pages
from server.build import build
from server.sandbox import covoiturage, demarches, emjpm, faire_simple
from server.sandboxed import sandboxed
from server.services.ways import InProcess, Transports
from server.settings import Settings
from tools import TOOLS
from tools.catalogue import SERVICES
from tools.desk import Desk
from tools.journal import Journal
from tools.sealing import Seal
from tools.storage import OPERATIONS

Button = Literal["approve", "refuse"]
BUTTONS: tuple[Button, ...] = ("approve", "refuse")
Content = dict[str, str | int | float | bool | list[str] | None]

ERAS = ("2025-11-25", "2026-07-28")
NO_PAGE = "http://127.0.0.1:1/approvals"
OFFERED = [tool.name for tool in TOOLS if tool.needs != "emjpm_delete_all"]
"""What the sandbox offers: everything but what a setting of its own unlocks."""
MODES = {"2025-11-25": "legacy", "2026-07-28": "auto"}


class Clock:
    """A time that passes when told to; sleeping takes none of ours."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Person:
    """Someone who answers every question the same way, and remembers having been asked."""

    action: str = "accept"
    content: Content | None = None
    """What is sent back; None fills the form in as the question asks."""
    before: Callable[[], Awaitable[None]] | None = None
    """What happens while they read."""
    questions: list[str] = field(default_factory=list[str])
    forms: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def __call__(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        self.questions.append(params.message)
        self.forms.append(getattr(params, "requested_schema", {}))
        if self.before:
            await self.before()
        return self.answer(params.message)

    def answer(self, question: str) -> ElicitResult:
        if self.action != "accept":
            return ElicitResult.model_validate({"action": self.action})
        filled_in: Content = {"agreed": True, "typed": asked_for(question)}
        content = filled_in if self.content is None else self.content
        return ElicitResult(action="accept", content=content)


class Between(httpx.AsyncBaseTransport):
    """A network to a service in miniature: it keeps the requests, and may rewrite the answers."""

    def __init__(self, app: Starlette, rewrite: Callable[[Any], None] | None = None) -> None:
        self._to = httpx.ASGITransport(app=app)
        self._rewrite = rewrite
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        response = await self._to.handle_async_request(request)
        if self._rewrite is None:
            return response
        document = json.loads(await response.aread())
        self._rewrite(document)
        return httpx.Response(
            response.status_code, stream=httpx.ByteStream(json.dumps(document).encode())
        )


@dataclass
class Counter:
    """The services in miniature, one ledger, and servers on both: what arrives can be counted."""

    folder: Path
    registry: Starlette = field(default_factory=covoiturage.create)
    dossiers: Starlette = field(default_factory=demarches.create)
    mesures: Starlette = field(default_factory=emjpm.create)
    partners: Starlette = field(default_factory=faire_simple.create)
    clock: Clock = field(default_factory=Clock)
    ledger: str = ""
    """The address of its database; a file of the folder by default."""
    principal: str = "local"
    answer_within: float = 600.0
    wait: Callable[[float], Awaitable[None]] = anyio.sleep
    """How the ledger waits."""
    down: bool = False
    """Whether no service can be reached."""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    over: dict[str, httpx.AsyncBaseTransport] = field(
        default_factory=dict[str, httpx.AsyncBaseTransport]
    )
    """Transports that replace the direct ones, by service."""
    presented: list[str] = field(default_factory=list[str])
    """The operations shown to the person outside the client."""
    page: bool = False
    """Whether they are shown on the real page, whose addresses with a key are in `opened`."""
    opened: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.seal = instance.throwaway_seal()
        self.ledger = self.ledger or instance.sqlite(self.folder / "ledger.db")

    @property
    def accepted(self) -> list[demarches.Write]:
        """The acceptances that arrived at the service, whatever it made of them."""
        return [w for w in self.dossiers.state.writes if w.operation == "dossierAccepter"]

    @property
    def imports(self) -> list[covoiturage.Write]:
        return self.registry.state.writes

    @property
    def statuses(self) -> list[faire_simple.Write]:
        return self.partners.state.writes

    def server(self) -> Server:
        return build(*self.connection())

    def connection(self) -> tuple[Settings, Connect, Seal]:
        """What a server is built of."""
        ours = {name: self.settings[name] for name in self.settings.keys() & set(SERVICES)}
        settings = sandboxed(Settings(**self.settings)).model_copy(update=ours)
        return settings, partial(self._desk, settings), self.seal

    def host(self, era: str, person: Person | None = None) -> Client:
        return Client(self.server(), mode=MODES[era], elicitation_callback=person)

    def journal(self) -> Journal:
        return Journal(
            lambda: self.ledger,
            self.seal,
            answer_within=self.answer_within,
            clock=self.clock,
            sleep=self.wait,
        )

    async def present(self, operation: str) -> str:
        self.presented.append(operation)
        return NO_PAGE

    async def browse(self, address: str) -> bool:
        self.opened.append(address)
        return True

    async def rows(self) -> list[RowMapping]:
        """The operations as the ledger keeps them."""
        engine = create_engine(self.ledger)
        with engine.connect() as connection:
            found = list(connection.execute(select(OPERATIONS)).mappings())
        engine.dispose()
        return found

    def put_file(self, name: str, content: str) -> None:
        (self.folder / "files").mkdir(exist_ok=True)
        (self.folder / "files" / name).write_bytes(content.encode())  # its line ends as they are

    @asynccontextmanager
    async def _desk(self, settings: Settings) -> AsyncGenerator[Desk]:
        direct = {
            "covoiturage": InProcess(self.registry),
            "demarches": InProcess(self.dossiers),
            "emjpm": InProcess(self.mesures),
            "faire_simple": InProcess(self.partners),
        }
        through = {name: Wire(self, by) for name, by in (direct | self.over).items()}
        transports = Transports(**through, sleep=self.clock.sleep, clock=self.clock)
        journal = self.journal()
        async with (
            connect.sandbox(settings, self.seal, transports) as desk,
            Pages(journal, desk.say, browse=self.browse, clock=self.clock) as pages,
        ):
            files = replace(desk.files, root=self.folder / "files")
            yield replace(
                desk,
                journal=journal,
                files=files if files.root and files.root.exists() else desk.files,
                principal=lambda: self.principal,
                present=pages.present if self.page else self.present,
                sleep=self.clock.sleep,
            )
        await journal.close()


class Browser:
    """What a browser does at the page: it follows, keeps cookies, and says where forms are from."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(follow_redirects=True, timeout=5)
        self.address = ""
        self.page = ""
        """Its HTML, every space being an ordinary one."""
        self.status = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    @property
    def origin(self) -> str:
        return self.address.partition("/approvals")[0]

    @property
    def token(self) -> str:
        """What the form shown comes with."""
        found = re.search(r'name="token" value="([^"]+)"', self.page)
        return found[1] if found else ""

    async def open(self, address: str) -> str:
        return self._shown(await self.http.get(address))

    async def press(self, button: Button, **fields: str) -> str:
        """Send the form shown."""
        shown = self.address.removesuffix("/approve").removesuffix("/refuse")
        return self._shown(
            await self.http.post(
                f"{shown}/{button}",
                data={"token": self.token} | fields,
                headers={"Origin": self.origin},
            )
        )

    async def sign_in(self, home: str, name: str, password: str) -> str:
        """Send the form of who signs in."""
        origin = {"Origin": home.partition("/approvals")[0]}
        fields = {"name": name, "password": password}
        return self._shown(await self.http.post(f"{home}/sign-in", data=fields, headers=origin))

    @property
    def plans(self) -> list[str]:
        """The addresses of the plans that are listed."""
        return re.findall(r'href="(/approvals/[^"]{64})"', self.page)

    def _shown(self, response: httpx.Response) -> str:
        self.address = str(response.url)
        self.page = response.text.replace("\u00a0", " ")
        self.status = response.status_code
        return self.page


class Wire(httpx.AsyncBaseTransport):
    """What carries requests from a counter, as long as it is not down."""

    def __init__(self, counter: Counter, by: httpx.AsyncBaseTransport) -> None:
        self._counter = counter
        self._by = by

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._counter.down:
            raise httpx.ConnectError("down", request=request)
        return await self._by.handle_async_request(request)

    async def aclose(self) -> None:
        await self._by.aclose()


async def elsewhere(counter: Counter, *operations: str) -> None:
    """Somebody decides on dossier 200001 through the service's own pages."""
    transport = httpx.ASGITransport(app=counter.dossiers)
    headers = {"Authorization": "Bearer sandbox"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as http:
        query = "{ dossier(number: 200001) { id groupeInstructeur { instructeurs { id } } } }"
        dossier = (await http.post("/api/v2/graphql", json={"query": query})).json()["data"][
            "dossier"
        ]
        signer = dossier["groupeInstructeur"]["instructeurs"][0]["id"]
        for operation in operations:
            more = ', motivation: "Non."' if operation == "dossierRefuser" else ""
            change = f'dossierId: "{dossier["id"]}", instructeurId: "{signer}"{more}'
            query = f"mutation {{ {operation}(input: {{ {change} }}) {{ errors {{ message }} }} }}"
            reply = (await http.post("/api/v2/graphql", json={"query": query})).json()
            assert reply["data"][operation]["errors"] is None


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[str]:
    """The address of an app served on a free port, for as long as the block runs."""
    config = uvicorn.Config(app, port=0, log_config=None)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        while not server.started:
            await anyio.lowlevel.checkpoint()
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
        server.should_exit = True


@contextmanager
def own_log() -> Generator[None]:
    """Let the block set up the log of a process; it is as it was afterwards."""
    root, quiet = logging.getLogger(), [logging.getLogger(name) for name in logs.QUIET]
    handlers, levels = root.handlers, {logger: logger.level for logger in (root, *quiet)}
    root.handlers = []
    for logger in quiet:
        logger.setLevel(logging.NOTSET)
    try:
        yield
    finally:
        root.handlers = handlers
        for logger, level in levels.items():
            logger.setLevel(level)


def environ(**variables: str) -> dict[str, str]:
    """An environment of these variables alone, with what Windows starts no program without."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return needed | variables


def is_private(path: Path) -> bool:
    """Whether a file is for its owner alone, where the system tells."""
    return os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600


def asked_for(question: str) -> str:
    """What a question asks to be typed: a number that ends a line of ours."""
    found = re.search(r": (\d+)\.$", question, re.MULTILINE)
    return found[1] if found else ""


def put(first: InputRequiredResult) -> tuple[str, str]:
    """The one question of a call, by its key, and its text."""
    assert first.input_requests is not None
    ((key, request),) = first.input_requests.items()
    assert isinstance(request.params, ElicitRequestFormParams)
    return key, request.params.message


def text(result: CallToolResult) -> str:
    (content,) = (part for part in result.content if isinstance(part, TextContent))
    return content.text


def facts(result: CallToolResult) -> dict[str, Any]:
    """The structured content, which the text must repeat."""
    assert result.structured_content is not None
    assert json.loads(text(result)) == result.structured_content
    return result.structured_content
