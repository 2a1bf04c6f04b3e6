"""What can be told of every tool without loading any: to a host that lists them, to the settings.

It is read from `catalogue.json`, which is made from the tools themselves and never typed: a test
holds one against the other, and writes the file anew with `UPDATE_SNAPSHOTS=1`. Loading the tools
takes as long as half of the SDK, and the SDK 5 ms to analyse each; this takes 3 ms in all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Literal, get_args

from mcp.types import Prompt, Resource, ResourceTemplate
from mcp.types import Tool as ListedTool
from pydantic import TypeAdapter

from tools.asking import Rung
from tools.language import Language

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tool:
    """A row of the catalogue, equal to itself alone."""

    listed: ListedTool
    """As hosts are told of it, wherever the settings leave everything to choose from."""
    needs: Need
    rung: Rung | None = None
    """How much a person must do before it changes anything; None, and it changes nothing."""
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """What the settings leave to choose from, for the parameters that accept more by their type."""
    saves: bool = False
    """Whether it leaves a file on this machine, and changes nothing else."""
    shares: bool = False
    """Whether that file may be read back at the address that its result links to."""

    @property
    def name(self) -> str:
        return self.listed.name

    @property
    def title(self) -> str:
        return self.listed.title or ""

    @property
    def description(self) -> str:
        return self.listed.description or ""

    @property
    def writes(self) -> bool:
        return self.rung is not None

    @property
    def service(self) -> Service | None:
        """The service that it works with; the ledger is none."""
        return service_of(self.needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrompt:
    """A prompt, as hosts are told of it; it is offered only with all the tools that it names."""

    tools: tuple[str, ...]
    by_language: Mapping[Language, Prompt]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedGuide:
    """The guide of a service, as hosts are told of it."""

    service: Service
    listed: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecord:
    """What a tool reads at an address, as hosts are told of it."""

    tool: str
    listed: ResourceTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    tools: tuple[Tool, ...]
    prompts: tuple[ListedPrompt, ...]
    guides: tuple[ListedGuide, ...]
    records: tuple[ListedRecord, ...]


def service_of(needs: Need) -> Service | None:
    """The service by which what a tool needs is named."""
    return next((each for each in SERVICES if needs.startswith(each)), None)


FILE = files("tools") / "catalogue.json"
FORMAT: TypeAdapter[Catalogue] = TypeAdapter(Catalogue)
CATALOGUE = FORMAT.validate_json(FILE.read_bytes())
TOOLS = CATALOGUE.tools
