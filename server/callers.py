"""Who calls over HTTP, and what they may do.

A scope is `read` or `write`, everywhere or at one service (`demarches:write`); to write includes to
read. The journal needs none: everybody reads what they did themselves. `approve` lets nothing be
called: it is to decide, on the page, on what others ask for.
"""

from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass

from tools import Tool
from tools.catalogue import SERVICES

APPROVE = "approve"


class UnknowableError(Exception):
    """Nobody can tell at the moment whose a token is, good or bad."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are."""

    principal: str
    """Told apart from anybody else's, whoever vouched for them."""
    scopes: frozenset[str]
    has_page: bool = False
    """Whether they can sign in to the page of approvals."""

    def may(self, tool: Tool) -> bool:
        """Whether one of the scopes lets this tool be called."""
        service, reach = service_of(tool), "write" if tool.writes else "read"
        enough = {reach, "write", f"{service}:{reach}", f"{service}:write"}
        return not service or bool(self.scopes & enough)


CALLER: ContextVar[Caller] = ContextVar("caller")
"""Whoever makes the current request; nobody has a default."""


def principal() -> str:
    """On whose behalf the current call is made."""
    return CALLER.get().principal


def may(tool: Tool) -> bool:
    """Whether whoever calls may call this tool."""
    return CALLER.get().may(tool)


def has_page() -> bool:
    """Whether whoever calls can sign in to the page of approvals."""
    return CALLER.get().has_page


def approves(scopes: Collection[str], tool: Tool) -> bool:
    """Whether one of these scopes lets one decide on what others ask of a tool."""
    return not {APPROVE, f"{service_of(tool)}:{APPROVE}"}.isdisjoint(scopes)


def scope_of(tool: Tool) -> str:
    """The least scope that lets a tool be called; empty if none is needed."""
    service = service_of(tool)
    return service and f"{service}:{'write' if tool.writes else 'read'}"


def service_of(tool: Tool) -> str:
    """The service that a tool works at; empty for the ledger's own."""
    return next((name for name in SERVICES if tool.needs.startswith(name)), "")


def widest(tools: Collection[Tool]) -> tuple[str, ...]:
    """The scopes that let all of these be called."""
    return ("read", "write") if any(tool.writes for tool in tools) else ("read",)
