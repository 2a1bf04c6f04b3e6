"""What the sandbox answers, recorded: the services then answer it at once, as often as asked."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import anyio
import httpx
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult
from starlette.applications import Starlette

from bench.hosts import CallFailedError
from server import connect, instance
from server.build import build
from server.sandbox import covoiturage, demarches, emjpm, faire_simple
from server.sandboxed import sandboxed
from server.services.ways import InProcess, Transports
from server.settings import Settings

GRAPHQL = "/demarches/api/v2/graphql"
Arguments = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that a tool made, and what it was answered."""

    key: str
    """What tells it from the others: its path, and the operation of a GraphQL query."""
    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    answer: str

    @property
    def bare(self) -> Mapping[str, object]:
        """The same request, for a reference to make."""
        told = asdict(self)
        return {name: told[name] for name in ("method", "path", "headers", "body")}


class Recorder(httpx.AsyncBaseTransport):
    """A way to a service of the sandbox, that keeps what goes through."""

    def __init__(self, name: str, service: Starlette, kept: list[Exchange]) -> None:
        self._name = name
        self._to = InProcess(service)
        self._kept = kept

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._to.handle_async_request(request)
        body, answer = request.content.decode(), (await response.aread()).decode()
        path = f"/{self._name}{request.url.raw_path.decode()}"
        kept = {k: v for k, v in request.headers.items() if k in {"authorization", "content-type"}}
        self._kept.append(
            Exchange(key(path, body), request.method, path, kept, body, answer),
        )
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(answer.encode()),
        )


def key(path: str, body: str) -> str:
    """What an answer is found by."""
    return f"{path} {json.loads(body)['operationName']}" if path == GRAPHQL else path


def recorded(tool: str, arguments: Arguments) -> Sequence[Exchange]:
    """What a tool exchanges with the services when a person agrees to everything."""
    exchanges, _ = anyio.run(_called, tool, arguments)
    return exchanges


def result(tool: str, arguments: Arguments) -> CallToolResult:
    """What a tool of the sandbox gives."""
    _, given = anyio.run(_called, tool, arguments)
    return given


def answers(exchanges: Iterable[Exchange]) -> dict[str, str]:
    """What to answer, by key: whatever came last."""
    return {each.key: each.answer for each in exchanges}


def typed(question: str) -> dict[str, object]:
    """The form of a question filled in by someone who agrees."""
    numbers = [line.rpartition(": ")[2].removesuffix(".") for line in question.splitlines()]
    return {"agreed": True, "typed": next((n for n in numbers if n.isdecimal()), "")}


async def _called(tool: str, arguments: Arguments) -> tuple[Sequence[Exchange], CallToolResult]:
    kept: list[Exchange] = []
    settings, seal = sandboxed(Settings()), instance.throwaway_seal()
    transports = Transports(
        covoiturage=Recorder("covoiturage", covoiturage.create(), kept),
        demarches=Recorder("demarches", demarches.create(), kept),
        emjpm=Recorder("emjpm", emjpm.create(), kept),
        faire_simple=Recorder("faire_simple", faire_simple.create(), kept),
    )
    desk = partial(connect.sandbox, settings, seal, transports)
    async with Client(build(settings, desk, seal), elicitation_callback=_agree) as client:
        given = await client.call_tool(tool, dict[str, Any](arguments))
    if given.is_error:
        raise CallFailedError(given.content)
    return kept, given


async def _agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult.model_validate({"action": "accept", "content": typed(params.message)})
