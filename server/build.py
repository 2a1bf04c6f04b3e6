"""From settings to a server ready to run."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from server import connect, instance, logs
from server.app import Connect, May, Server
from server.settings import Settings, SettingsError, load
from tools import TOOLS, Tool
from tools.sealing import Seal

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
    return connect.sandboxed(chosen) if sandbox else chosen


def connection(settings: Settings, *, sandbox: bool) -> tuple[Connect, Seal]:
    """What opens a desk when the server starts, and the seal of its ledger."""
    if sandbox:
        seal = instance.throwaway_seal()
        return partial(connect.sandbox, settings, seal), seal
    seal = instance.seal(settings)
    return partial(connect.services, settings, seal), seal


def build(settings: Settings, connection: Connect, seal: Seal, may: May = lambda _: True) -> Server:
    """A server offering the tools that these settings allow, to those who may call them."""
    relays = settings.consent == "dangerously-relay"
    return Server(offered(settings), connection, seal, relays=relays, may=may)


def offered(settings: Settings) -> tuple[Tool, ...]:
    """The tools whose needs are met, without those that change anything if so asked."""
    met = settings.needs_met
    return tuple(
        replace(tool, choices=_choices(tool, settings))
        for tool in TOOLS
        if tool.needs in met and not (tool.writes and settings.read_only)
    )


def _choices(tool: Tool, settings: Settings) -> Mapping[str, Collection[str]]:
    return {"flow": settings.faire_simple.paths} if tool.needs == "faire_simple_flows" else {}
