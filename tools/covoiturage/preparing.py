"""Preparing a file of CEE applications for their import: on this machine, and without a request."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, TypeVar

import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients.covoiturage.preparation import Preparation, Slice
from clients.covoiturage.repeats import Repeat
from clients.rows import Problem
from clients.surveys import UnreadableError
from clients.text import Line
from tools.covoiturage.spreadsheets import separated
from tools.dependencies import Files, Progress, Reporting, Saying
from tools.files import MEGABYTE, Draft, Folder, Kept, keep_all
from tools.language import Say
from tools.results import Result, Saved

MOST_FILE_BYTES = 1_000 * MEGABYTE
MOST_TOLD = 20
"""Problems, doubts, and columns left aside that a result tells."""
MOST_HEADING = 60
"""Characters of what a column is called."""
MOST_REASON = 200
"""Characters of a reason."""
AT_ONCE = 0.05
"""Seconds that a worker thread is busy before a call may be ended: to wake it four times as often
would cost a twentieth more."""
COLUMNS = ("line", "reason")

Piece = TypeVar("Piece")

FileName = Annotated[
    str,
    Field(
        max_length=200,
        description="A CSV or JSON-lines file of GUICHET_FILES, of any number of rows.",
    ),
]


class Taken(Result):
    """A column, as it was understood."""

    field: str
    column: Line


class Told(Result):
    line: int
    reason: str


class Prepared(Saved):
    """A file ready for `import_cee_identities`."""

    rows: int = Field(description="Rows that are ready.")
    refused: int = Field(description="Rows left out, each with its line in `errors_file`.")
    duplicates: int = Field(description="Of them: the same application again.")
    conflicts: int = Field(description="Of them: the same application with another key.")
    errors_file: str = Field(description="Empty when nothing was left out.")
    problems: list[Told] = Field(description="The first of them.")
    doubts: list[Told] = Field(description="Ready, but to be looked at: the first ones.")
    doubts_count: int
    columns: list[Taken]
    left_aside: list[Line] = Field(description="Columns that stand for nothing known.")
    encoding: str
    accented: int = Field(description="Rows whose last name has accents: have a few checked.")
    dated: int = Field(description="Ready rows whose French date was taken for Paris time.")


async def prepare_cee_identities(
    files: Files, report: Reporting, say: Saying, file: FileName
) -> Prepared:
    """Prepare a file of CEE applications for `import_cee_identities`, computing keys locally.

    Use it before any import of a spreadsheet, and show what was understood of its columns. It saves
    the ready rows and the errors as new files; nothing is sent.
    """
    async with (
        files.opened(file, most=MOST_FILE_BYTES) as source,
        files.draft() as ready,
        files.draft() as errors,
    ):
        run = _Run(files, Preparation(source, name=file), ready, errors, report)
        try:
            await run.rows()
            await run.repeats()
        except UnreadableError as error:
            raise ToolError(_unreadable(say, error)) from None
        if not run.ready:
            raise ToolError(_nothing(say, run.told))
        drafts = [(ready, f"{Path(file).stem}.ready.jsonl")]
        if run.left_out:
            drafts.append((errors, f"{Path(file).stem}.errors.csv"))
        kept = await keep_all(drafts)
    return _prepared(run, *kept)


class _Run:
    """A preparation under way, and what it met."""

    def __init__(
        self,
        files: Folder,
        preparation: Preparation,
        ready: Draft,
        errors: Draft,
        report: Progress,
    ) -> None:
        self._files = files
        self.preparation = preparation
        self._to = ready
        self._errors = errors
        self._report = report
        self.ready = 0
        self.left_out = 0
        self.duplicates = 0
        self.conflicts = 0
        self.told: list[Told] = []
        self.doubts: list[Told] = []
        self.doubts_count = 0

    async def rows(self) -> None:
        """Write the rows that are ready, and tell those that are not."""
        await self._errors.write(separated([COLUMNS]).encode())
        async for some in self._each(self._written()):
            for made in some:
                await self._note(made)
            if any(made.rows for made in some):
                await self._report(self.ready, f"{self.ready} rows are ready.")

    async def repeats(self) -> None:
        """Take out what is there more than once."""
        repeats = self.preparation.repeats
        with await anyio.to_thread.run_sync(self._to.reading) as lines:
            async for some in self._each(repeats.found(lines)):
                for found in some:
                    self.conflicts += sum(each.is_conflict for each in found)
                    self.duplicates += len(found)
                    await self._leave_out(list(_explained(found)))
            self.duplicates -= self.conflicts
            if self.duplicates or self.conflicts:
                self.ready -= self.duplicates + self.conflicts
                await self._to.cut(repeats.spans(lines))

    async def _each(self, pieces: Iterator[Piece]) -> AsyncIterator[Sequence[Piece]]:
        """The pieces, a few at a time, made in a worker thread: this may be ended in between."""
        while some := await self._files.reading(partial(_few, pieces)):
            yield some

    def _written(self) -> Iterator[Slice]:
        """Slices without their rows that are ready, just written; for a worker thread."""
        for made in self.preparation.slices():
            self._to.add(made.ready)
            yield replace(made, ready=b"")

    async def _note(self, made: Slice) -> None:
        self.ready += made.rows
        self.doubts_count += len(made.doubts)
        for doubt in made.doubts[: MOST_TOLD - len(self.doubts)]:
            self.doubts.append(Told(line=doubt.line, reason=doubt.reason[:MOST_REASON]))
        if made.problems:
            await self._leave_out(made.problems)

    async def _leave_out(self, problems: Sequence[Problem]) -> None:
        self.left_out += len(problems)
        self.told += [
            Told(line=each.line, reason=each.reason[:MOST_REASON])
            for each in problems[: MOST_TOLD - len(self.told)]
        ]
        lines = separated((each.line, each.reason) for each in problems)
        await self._errors.write(lines.encode())


def _few(pieces: Iterator[Piece]) -> Sequence[Piece]:
    """The next of them: one at least, if there is any left, however long it takes."""
    until, some = monotonic() + AT_ONCE, list[Piece]()
    for piece in pieces:
        some.append(piece)
        if monotonic() > until:
            break
    return some


def _explained(repeats: Sequence[Repeat]) -> Iterator[Problem]:
    for each in repeats:
        if each.is_conflict:
            reason = f"line {each.other} gives another key for this application: none is imported."
        else:
            reason = f"the same application as on line {each.other}."
        yield Problem(each.line, reason)


def _prepared(run: _Run, kept: Kept, errors: Kept | None = None) -> Prepared:
    preparation = run.preparation
    return Prepared(
        file=kept.name,
        uri=kept.uri,
        bytes=kept.size,
        sha256=kept.sha256,
        rows=run.ready,
        refused=run.left_out,
        duplicates=run.duplicates,
        conflicts=run.conflicts,
        errors_file=errors.name if errors else "",
        problems=run.told,
        doubts=run.doubts,
        doubts_count=run.doubts_count,
        columns=[Taken(field=field, column=column) for field, column in preparation.headings.taken],
        left_aside=[
            column[:MOST_HEADING] for column in preparation.headings.left_aside[:MOST_TOLD]
        ],
        encoding=preparation.encoding,
        accented=preparation.accented,
        dated=preparation.dated,
    )


def _unreadable(say: Say, error: UnreadableError) -> str:
    return (
        say(
            fr=f"Le fichier ne peut pas être lu, rien n'a été écrit. Ligne {error.line} : ",
            en=f"The file cannot be read, nothing was written. Line {error.line}: ",
        )
        + error.reason
    )


def _nothing(say: Say, problems: Sequence[Told]) -> str:
    if not problems:
        return say(
            fr="Le fichier n'a aucune ligne sous ses titres : rien n'a été écrit.",
            en="The file has no row below its header: nothing was written.",
        )
    shown = "\n".join(f"- {problem.line}: {problem.reason}" for problem in problems)
    return (
        say(
            fr="Aucune ligne du fichier ne peut être importée, rien n'a été écrit. Par ligne :\n",
            en="No row of the file can be imported, nothing was written. By line:\n",
        )
        + shown
    )
