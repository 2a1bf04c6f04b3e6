"""From settings to a server ready to run."""

import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mcp.server.context import ServerMiddleware

from server import instance, logs
from server.app import Connect, May, Server
from server.sandboxed import sandboxed
from server.settings import Settings, SettingsError, load
from server.spared import without
from tools import TOOLS, Tool

if TYPE_CHECKING:
    from tools.desk import Desk
    from tools.sealing import Seal

HTTPX_COMMAND = "httpx._main"
MISUSE = 2
"""The exit code of a command that cannot run as it was asked to."""


def configured(*, sandbox: bool, read_only: bool) -> Settings:
    """The settings of this process, after its options; leaves the process if they are wrong."""
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"guichet: {error}\n")
        raise SystemExit(MISUSE) from None
    logs.to_stderr(settings)
    chosen = settings.model_copy(update={"read_only": settings.read_only or read_only})
    return sandboxed(chosen) if sandbox else chosen


def observed(settings: Settings) -> None:
    """Offer figures and send traces, if the settings say so; leaves the process if it cannot."""
    if not settings.observed:
        return
    try:
        from server.observing.exporting import export  # noqa: PLC0415  (the extra `team`)

        export(settings)
    except ImportError:
        sys.stderr.write("guichet: GUICHET_METRICS and GUICHET_TRACES need the extra `team`.\n")
        raise SystemExit(MISUSE) from None
    except OSError as error:
        sys.stderr.write(f"guichet: GUICHET_METRICS: {error.strerror}.\n")
        raise SystemExit(MISUSE) from None


def connection(settings: Settings, *, sandbox: bool) -> "tuple[Connect, Seal]":
    """What opens a desk when the server starts, and the seal of its ledger."""
    if sandbox:
        seal = instance.throwaway_seal()
        return partial(_miniatures, settings, seal), seal
    seal = instance.seal(settings)
    return partial(_services, settings, seal), seal


def build(
    settings: Settings, connection: Connect, seal: "Seal", may: May = lambda _: True
) -> Server:
    """A server offering the tools that these settings allow, to those who may call them."""
    relays = settings.consent == "dangerously-relay"
    return Server(
        offered(settings),
        connection,
        seal,
        language=settings.language,
        relays=relays,
        watching=_watching(settings),
        may=may,
    )


def offered(settings: Settings) -> tuple[Tool, ...]:
    """The tools whose needs are met, without those that change anything if so asked."""
    met = settings.needs_met
    return tuple(
        _within(settings, tool)
        for tool in TOOLS
        if tool.needs in met and not (tool.writes and settings.read_only)
    )


# What a desk is made of is loaded when it opens: a host that only lists needs none of it.


def _services(settings: Settings, seal: "Seal") -> "AbstractAsyncContextManager[Desk]":
    with without(HTTPX_COMMAND):
        from server.connect import services  # noqa: PLC0415

    return services(settings, seal)


def _miniatures(settings: Settings, seal: "Seal") -> "AbstractAsyncContextManager[Desk]":
    with without(HTTPX_COMMAND):
        from server.connect import sandbox  # noqa: PLC0415

    return sandbox(settings, seal)


def _watching(settings: Settings) -> "Sequence[ServerMiddleware[Desk]]":
    """What times the calls, if anybody looks at figures or traces."""
    if not settings.observed:
        return ()
    from server.observing import timed  # noqa: PLC0415  (what a laptop never loads)

    return (timed,)


def _within(settings: Settings, tool: Tool) -> Tool:
    """The tool, with what these settings leave to choose from."""
    if tool.needs != "faire_simple_flows":
        return tool
    return replace(tool, choices={"flow": tuple(settings.faire_simple.paths)})
