"""What a model has to read: the tools, and what they answer, in tokens of o200k.

Of a tool, hosts show the model its name, its description and its parameters.
"""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Protocol

import anyio
from mcp import Client
from mcp.types import Tool as ListedTool

from bench.recordings import result
from bench.rows import Row, Rows, count
from server import connect, instance
from server.build import build
from server.sandboxed import sandboxed
from server.settings import Settings
from tools import TOOLS
from tools.catalogue import SERVICES
from tools.results import told

UNIT = "tokens"
PER_SERVICE, WHOLE = 4_500, 10_000
SHOWN = {"name", "description", "input_schema"}
SENT = set(ListedTool.model_fields)
ANSWERS: Mapping[str, tuple[str, Mapping[str, object], int]] = {
    "a page of 20 dossiers": ("query_dossiers", {"demarche_number": 1001}, 1_500),
    "a page of 20 mesures": ("list_mesures", {}, 1_500),
    "a dossier": ("get_dossier", {"number": 200002, "include": ["champs"]}, 2_500),
}


def tokens(_: int) -> Rows:
    """The sandbox's tools and answers, counted: the same in every run."""
    listed = anyio.run(_listed)
    tools = [
        count(
            f"tools/list, {service}", _weight(_of(service, listed)), target=PER_SERVICE, unit=UNIT
        )
        for service in SERVICES
    ]
    whole = [
        count("tools/list, whole", _weight(listed), target=WHOLE, unit=UNIT),
        count("the same with all that hosts keep", _weight(listed, SENT), unit=UNIT),
    ]
    return [*tools, *whole, *(_answer(what) for what in ANSWERS)]


def _answer(what: str) -> Row:
    tool, arguments, most = ANSWERS[what]
    return count(what, _tokens(told(result(tool, arguments))), target=most, unit=UNIT)


async def _listed() -> list[ListedTool]:
    settings, seal = sandboxed(Settings()), instance.throwaway_seal()
    async with Client(build(settings, partial(connect.sandbox, settings, seal), seal)) as client:
        return (await client.list_tools()).tools


def _of(service: str, listed: Iterable[ListedTool]) -> list[ListedTool]:
    own = {tool.name for tool in TOOLS if tool.needs.startswith(service)}
    return [tool for tool in listed if tool.name in own]


def _weight(tools: Iterable[ListedTool], members: set[str] = SHOWN) -> int:
    sent = [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True, include=members)
        for tool in tools
    ]
    return _tokens(json.dumps(sent, ensure_ascii=False, separators=(",", ":")))


def _tokens(text: str) -> int:
    return len(_ENCODING.encode(text))


class _Encoding(Protocol):
    def encode(self, text: str) -> list[int]: ...


# Its annotations are not declared complete, which a strict type checker does not forgive.
_ENCODING: _Encoding = import_module("bpe_openai").get_encoding("o200k_base")
