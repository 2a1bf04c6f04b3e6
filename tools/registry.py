"""What a tool is: a function, a title for people, what it may do to the world, what it needs."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Literal, ParamSpec, get_args

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel

from clients import Approval
from tools.guard import performing
from tools.questions import Rung
from tools.results import Outcome, structured
from tools.settling import Settlement

P = ParamSpec("P")

Service = Literal["covoiturage", "demarches", "emjpm", "faire_simple"]
SERVICES: tuple[Service, ...] = get_args(Service)
Need = Literal[
    "ledger",
    "covoiturage",
    "covoiturage_credentials",
    "demarches",
    "demarches_numbers",
    "emjpm",
    "emjpm_delete_all",
    "faire_simple",
    "faire_simple_flows",
]
"""What must be there for a tool to be offered: `ledger` always is, `covoiturage` needs no secret.

Before a tool that needs the ledger, what a process left unsettled is settled.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A row of the catalogue, equal to itself alone; make one with `read` or `mutation`."""

    function: Callable[..., Awaitable[Any]]
    title: str
    needs: Need
    annotations: ToolAnnotations
    rung: Rung | None = None
    settlement: Settlement | None = None
    choices: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    """What the settings leave to choose from, for the parameters that accept more by their type."""
    saves: bool = False
    """Whether it leaves a file on this machine, and changes nothing else."""
    shares: bool = False
    """Whether that file may be read back at the address that its result links to."""

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def description(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def writes(self) -> bool:
        return self.rung is not None

    @property
    def service(self) -> Service | None:
        """The service that it works with, by which what it needs is named; the ledger is none."""
        return next((each for each in SERVICES if self.needs.startswith(each)), None)


def read(
    function: Callable[P, Awaitable[BaseModel]],
    title: str,
    needs: Need,
    *,
    saves: bool = False,
    shares: bool = False,
) -> Tool:
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
    return Tool(_answering(function), title, needs, hints, saves=saves, shares=shares)


def mutation(
    function: Callable[Concatenate[Approval, P], Awaitable[Outcome]],
    title: str,
    needs: Need,
    rung: Rung,
    settlement: Settlement,
    *,
    destructive: bool = True,
    idempotent: bool = False,
) -> Tool:
    """A tool that changes a service; its first parameter is the `Approval` to do so."""
    if not _asks_approval(function):
        raise TypeError(f"{function.__name__} changes a service without asking for an Approval")
    hints = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=True,
    )
    return Tool(performing(function, settlement), title, needs, hints, rung, settlement)


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
