"""What became of each row of a large file, as the ledger tells it: the file of results."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import PurePath
from typing import Literal

from clients.covoiturage.imports import NOT_FOUND
from tools.covoiturage.chunks import FEW, MOST_FILE_BYTES, Chunk, reading
from tools.covoiturage.plans import Place
from tools.covoiturage.sending import RESENT, Answered, Sending
from tools.covoiturage.spreadsheets import separated
from tools.files import Draft, Folder
from tools.journal import Journal, Operation
from tools.results import Saved, told

Verdict = Literal["imported", "failed", "indeterminate", "left"]
"""Imported now; not, for good; nobody knows; not, and importing the file again sends it."""

SUREST: Sequence[Verdict] = ("imported", "indeterminate", "failed")
"""Which verdict on a row prevails over another."""
LOST = "its answer was lost: import the same file again."
COLUMNS = ("line", "result", "reason")


@dataclass(frozen=True, slots=True)
class Report:
    """The file of results, and how many rows came to what."""

    saved: Saved
    sha256: str
    """Of the file that it tells of, as it was read."""
    counts: Counter[Verdict] = field(default_factory=Counter[Verdict])


async def reported(at: Place, files: Folder, name: str, *, sent: Sending | None = None) -> Report:
    """What the ledger tells of each row of a file, in a new file beside it.

    The file is not read again if it still is what was `sent`. A report that says the very same as
    one that is there is left as it is.

    Raises:
        ToolError: It cannot be written.
    """
    counts, imported = Counter[Verdict](), await _imported(at, sent)
    async with files.draft(beside=name) as draft:
        await draft.write(separated([COLUMNS]).encode())
        if (
            sent
            and sent.all_read
            and await files.sha256(name, most=MOST_FILE_BYTES) == sent.plan.sha256
        ):
            for first in range(0, len(sent.read), FEW):
                counts += await _reported(at, draft, sent.read[first : first + FEW], imported)
            sha256 = sent.plan.sha256
        else:
            async with reading(files, name) as file:
                while some := await file.chunks():
                    counts += await _reported(at, draft, some, imported)
                sha256 = await file.sha256()
        kept = await draft.keep(f"{PurePath(name).stem}.results.csv", once=True)
    saved = Saved(file=kept.name, uri=kept.uri, bytes=kept.size, sha256=kept.sha256)
    return Report(saved, sha256, counts)


async def _imported(at: Place, sent: Sending | None) -> Collection[str]:
    """The names of the trials, among those of what was sent, by which every row was imported."""
    journal = at.desk.journal
    parts = await journal.parts(sent.approval.operation) if sent else ()
    answers = ((part.id, _answer(journal, part)) for part in parts)
    return {name for name, answer in answers if answer and answer.imported == answer.rows}


async def _reported(
    at: Place, draft: Draft, chunks: Sequence[Chunk], imported: Collection[str]
) -> Counter[Verdict]:
    """How many rows of these chunks came to what; each was told on a line."""
    counts, lines = Counter[Verdict](), list[str]()
    for chunk in chunks:
        verdicts = [*await _verdicts(at, chunk, imported)]
        found = Counter(verdicts)
        ends = {verdict: separated([verdict]) for verdict in found}
        told = zip(chunk.lines, verdicts, strict=True)
        lines += [f"{line};{ends[verdict]}" for line, verdict in told]
        for (verdict, _), rows in found.items():
            counts[verdict] += rows
    await draft.write("".join(lines).encode())
    return counts


async def _verdicts(
    at: Place, chunk: Chunk, imported: Collection[str]
) -> Iterable[tuple[Verdict, str]]:
    """What became of each row of a chunk, and why."""
    journal, key, rows = at.desk.journal, at.key(chunk.content), len(chunk.lines)
    if journal.trial(key, 0) in imported:  # whatever came of others
        return repeat(("imported", ""), rows)
    trials = await journal.trials(key)
    answers = [answer for trial in trials if (answer := _answer(journal, trial))]
    is_lost = any(trial.status not in {"applied", "not_applied"} for trial in trials)
    if answers:
        first, *others = (_told(answer, again=is_lost) for answer in answers)
        return map(_surest, zip(first, *others, strict=True)) if others else first
    if is_lost:
        return repeat(("indeterminate", LOST), rows)
    refusal = journal.recorded(trials[-1]) if trials else None
    return repeat(("left", told(refusal) if refusal else ""), rows)


def _answer(journal: Journal, trial: Operation) -> Answered | None:
    """What the registry answered to a trial, if it did."""
    result = journal.recorded(trial) if trial.status == "applied" else None
    return Answered.model_validate(result.structured_content) if result else None


def _surest(verdicts: Iterable[tuple[Verdict, str]]) -> tuple[Verdict, str]:
    """What came of a row that was answered for more than once, whichever answer came first.

    A process that was suspended may send after another took it for dead, and is then told that
    what the other has just imported is not found.
    """
    return min(verdicts, key=lambda each: SUREST.index(each[0]))


def _told(answer: Answered, *, again: bool) -> list[tuple[Verdict, str]]:
    """What an answer says of each row; it may not know that another one was lost."""
    verdicts: list[tuple[Verdict, str]] = [("imported", "")] * answer.rows
    for reason, places in answer.failed.items():
        is_sure = not (again and reason == NOT_FOUND)
        for place in places:
            verdicts[place] = ("failed", reason) if is_sure else ("indeterminate", RESENT)
    for reason, places in answer.unsure.items():
        for place in places:
            verdicts[place] = ("indeterminate", reason)
    return verdicts
