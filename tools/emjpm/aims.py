"""What a change to mesures aims at, as the ledger keeps it: ids, counts and marks, never a text."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from clients.emjpm import Mesure, content
from tools.results import Outcome

Standing = Literal["applied", "not_applied", "undetermined"]
Mark = Callable[[str], str]
Marks = Callable[[str], tuple[str, ...]]
Told = TypeVar("Told", bound=Outcome)


class Witness(BaseModel):
    """A mesure that tells whether a change was made: what it held before, and holds after."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: int = 0
    """0 for one that is to be created, known by the mark of its number and tribunal."""
    key: str = ""
    before: str = ""
    after: str = ""

    @property
    def tells(self) -> bool:
        """Whether anything will be seen to have changed."""
        return self.before != self.after

    def standing(self, marks: Marks, found: Mesure | None, *, whole: bool) -> Standing:
        """What the mesure says of the change, as it is now found."""
        if found is None:
            return "undetermined" if self.id else "not_applied"
        if not self.id:
            return "applied"
        now = marks(content(found, whole=whole))
        if self.after in now:
            return "applied"
        return "not_applied" if self.before in now else "undetermined"


class Aim(BaseModel):
    """For whom a change is made, and what will show that it was."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    owner: str
    count: int = 0
    """How many mesures it is about."""
    requests: int = 1
    """How many requests it takes."""
    witnesses: tuple[Witness, ...] = ()

    @property
    def goal(self) -> str:
        return self.model_dump_json(exclude_defaults=True)

    @property
    def beginning(self) -> str:
        """What the goal of any change made for this owner begins with."""
        return Aim(owner=self.owner).goal.removesuffix("}")


def witness(mark: Mark, before: Mesure | None, after: Mesure, *, whole: bool = True) -> Witness:
    """What will tell that a mesure was written, or created."""
    if before is None:
        return Witness(key=mark(key(after)), after=mark(content(after, whole=whole)))
    marks = (mark(content(mesure, whole=whole)) for mesure in (before, after))
    return Witness(id=before.id, before=next(marks), after=next(marks))


def key(mesure: Mesure) -> str:
    """What the service finds a mesure of the account by."""
    return f"{mesure.numero_rg} {mesure.tribunal_siret}"


def found(marks: Marks, wanted: Witness, mesures: Iterable[Mesure]) -> Mesure | None:
    """The mesure that a witness is about, if it is there."""
    if wanted.id:
        return next((mesure for mesure in mesures if mesure.id == wanted.id), None)
    return next((mesure for mesure in mesures if wanted.key in marks(key(mesure))), None)


def told(result: CallToolResult, kind: type[Told]) -> Told:
    """What came of a part.

    Raises:
        ToolError: It was refused.
    """
    if why := refused(result):
        raise ToolError(why)
    return kind.model_validate(result.structured_content)


def refused(result: CallToolResult) -> str:
    """Why a part was refused; empty if it was not."""
    match result.structured_content, result.content:
        case None, [TextContent(text=text), *_]:
            return text
        case _:
            return ""
