"""What a tool does: a function, a title for people, what it may do to the world, what it needs."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Concatenate, ParamSpec, get_args

from mcp.server.mcpserver.tools import Tool as RegisteredTool
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel

from clients import Approval
from tools.asking import Rung
from tools.catalogue import Need
from tools.guard import performing
from tools.results import Outcome, structured
from tools.settling import Settlement

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What a tool does, and what the catalogue tells of it; make one with `read` or `mutation`."""

    function: Callable[..., Awaitable[Any]]
    title: str
    needs: Need
    annotations: ToolAnnotations
    rung: Rung | None = None
    settlement: Settlement | None = None
    """How a change is settled whose answer was lost; a read changes nothing."""
    saves: bool = False
    shares: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""


def read(
    function: Callable[P, Awaitable[BaseModel]],
    title: str,
    needs: Need,
    *,
    saves: bool = False,
    shares: bool = False,
) -> Work:
    """A tool that changes no service; with `saves`, it leaves a new file in the one folder.

    With `shares`, that file can then be read as a resource: it holds nothing that no tool gives.
    """
    if _takes_approval(function):
        raise TypeError(f"{function.__name__} asks for an Approval: it is a mutation")
    hints = ToolAnnotations(
        read_only_hint=not saves,
        destructive_hint=False,
        idempotent_hint=not saves,
        open_world_hint=True,
    )
    return Work(_answering(function), title, needs, hints, saves=saves, shares=shares)


def mutation(
    function: Callable[Concatenate[Approval, P], Awaitable[Outcome]],
    title: str,
    needs: Need,
    rung: Rung,
    settlement: Settlement,
    *,
    destructive: bool = True,
    idempotent: bool = False,
) -> Work:
    """A tool that changes a service; its first parameter is the `Approval` to do so."""
    if not _asks_approval(function):
        raise TypeError(f"{function.__name__} changes a service without asking for an Approval")
    hints = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=True,
    )
    return Work(performing(function, settlement), title, needs, hints, rung, settlement)


@cache
def registered(work: Work, *, published: bool = False) -> RegisteredTool:
    """A tool as the SDK runs it, whichever the server: a signature takes 5 ms to analyse.

    Only one that is to be published knows the schema of its results: they are dumped from the very
    model that the SDK would hold each against, once more.
    """
    return RegisteredTool.from_function(
        work.function,
        name=work.name,
        title=work.title,
        description=work.description,
        annotations=work.annotations,
        structured_output=None if published else False,
    )


def _answering(
    function: Callable[P, Awaitable[BaseModel]],
) -> Callable[P, Awaitable[CallToolResult]]:
    @functools.wraps(function)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        return structured(await function(*args, **kwargs))

    return answering


def _asks_approval(function: Callable[..., Any]) -> bool:
    """Whether an `Approval` is filled in by the guard; a bare one would be the model's to fill."""
    return any(Approval in get_args(annotation) for annotation in _annotations(function))


def _takes_approval(function: Callable[..., Any]) -> bool:
    return _asks_approval(function) or Approval in _annotations(function)


def _annotations(function: Callable[..., Any]) -> list[Any]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter.annotation for parameter in parameters]
