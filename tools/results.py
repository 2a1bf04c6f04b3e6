"""What goes back to the model: the same facts as structured content and as compact text."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal, TypeVar

from mcp.types import CallToolResult, ResourceLink, TextContent
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from tools.files import content_type

MOST_BYTES = 20_000
"""The largest result: what is longer is cut into pages, and says so."""


UNSUCCESSFUL = {"not_applied", "undetermined"}
ENVELOPE_BYTES = 1_000
"""What surrounds the rows of a page."""

Row = TypeVar("Row", bound=BaseModel)


class Result(BaseModel):
    """A tool's result, made for its reader; what is not known is absent, never null."""

    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)


class Saved(Result):
    """A new file of the folder, linked to from the result and never shown in it."""

    file: str = Field(description="Its name in GUICHET_FILES.")
    uri: str = Field(description="Where it is on this machine.")
    bytes: int
    sha256: str


class Preview(Result):
    """What a dry run shows."""

    question: str = Field(description="What the person would be asked; cut if very long.")
    method: str
    address: str = Field(description="Where the request would go.")
    body: str = Field(description="What it would hold; personal data is described, not shown.")


class Outcome(Result):
    """What came of a change."""

    outcome: Literal["applied", "not_applied", "undetermined", "dry_run"] = Field(
        description="applied: done, once. not_applied: not done. undetermined: the answer was lost "
        "and reading could not tell. dry_run: nothing was sent."
    )
    conclusion: str = Field(description="What happened and what to do next, in one sentence.")
    preview: Preview | None = Field(default=None, description="After a dry run only.")


class Filed(Outcome):
    """What came of a change that may be too long to tell but in a file."""

    results: Saved | None = Field(default=None, description="What became of each line.")


def structured(result: BaseModel) -> CallToolResult:
    """A result in both channels: some hosts show the model only one of them."""
    told = TextContent(type="text", text=result.model_dump_json(exclude_none=True))
    saved = result.results if isinstance(result, Filed) else result
    return CallToolResult(
        content=[told, _link(saved)] if isinstance(saved, Saved) else [told],
        structured_content=result.model_dump(mode="json", exclude_none=True),
        is_error=isinstance(result, Outcome) and result.outcome in UNSUCCESSFUL,
    )


def fitting(rows: Sequence[Row], *, beside: Sequence[BaseModel] = ()) -> Sequence[Row]:
    """The first rows, as many as a result may hold beside the rest, and one at least."""
    room = MOST_BYTES - ENVELOPE_BYTES - sum(size(other) for other in beside)
    for count, row in enumerate(rows):
        room -= size(row)
        if room < 0 and count:
            return rows[:count]
    return rows


def size(part: BaseModel) -> int:
    """Bytes in the result, the comma included."""
    return len(part.model_dump_json(exclude_none=True).encode()) + 1


def shortened(text: str, most: int) -> str:
    """A text that takes so many bytes of a result at most, and how many it has if it is cut."""
    lengths = range(1, min(len(text), most) + 1)  # a character takes a byte at least
    fits = bisect_right(lengths, most, key=lambda length: _written(text[:length]))
    if fits == len(text):
        return text
    return f"{text[:fits]}\n… ({len(text.encode())} bytes in all)"


def told(result: CallToolResult) -> str:
    """What a result says in words: why a change was refused."""
    return next((part.text for part in result.content if isinstance(part, TextContent)), "")


def _written(text: str) -> int:
    """Bytes in the result, the quotation marks left out."""
    return len(to_json(text)) - 2


def _link(saved: Saved) -> ResourceLink:
    """What a host opens, or shows to its user."""
    return ResourceLink(
        type="resource_link",
        uri=saved.uri,
        name=saved.file,
        mime_type=content_type(saved.file),
        size=saved.bytes,
    )


def error(text: str) -> CallToolResult:
    """A failure, in words."""
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
