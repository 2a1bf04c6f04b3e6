"""The tool that imports the identity keys of CEE applications.

Up to a thousand rows leave in one request. A larger file is planned, agreed to on the page, and
sent by chunks; the same file again goes on from where it stopped.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from clients import Approval
from clients.covoiturage import CovoiturageClient
from clients.covoiturage.applications import Application
from tools.covoiturage.asking import asked_about, asked_of
from tools.covoiturage.chunks import MOST_FILE_BYTES, MOST_SHOWN, Chunk, Remarks, reading
from tools.covoiturage.dependencies import Covoiturage
from tools.covoiturage.plans import Batch, Count, Plan, drawn, place, standings
from tools.covoiturage.reports import Report, reported
from tools.covoiturage.sending import CHUNK, Answered, Sending
from tools.dependencies import Counter, Files, Progress, Reporting, Saying
from tools.desk import Desk
from tools.files import Folder
from tools.guard import asks, planned
from tools.journal import Operation
from tools.language import Say, counted
from tools.parameters import DryRun
from tools.questions import Question
from tools.replays import AlreadyDoneError
from tools.results import Filed, Result
from tools.settling import Settlement

MOST_INLINE = 100
MOST_EXPLAINED = 120
"""Failures that are given their reason: the lines of the others, up to 1,000, fit beside them."""

AGAIN = (
    "Import the same file again for the rest: what was answered is not sent again, and the user "
    "is asked anew."
)

Rows = Annotated[
    tuple[Application, ...],
    Field(max_length=MOST_INLINE, description="Documented rows, 100 at most; or give `file`."),
]
FileName = Annotated[
    str,
    Field(
        max_length=200,
        description="A CSV or JSON-lines file of GUICHET_FILES, of any size: documented rows, or "
        "`phone` and `last_name` from which the keys are computed on this machine.",
    ),
]


class Failure(Result):
    """A row that was not imported."""

    row: int = Field(description="Its line in the file, or its rank in `rows`, from 1.")
    reason: str


class Imported(Filed):
    """What the registry did with each row."""

    imported: int | None = Field(
        default=None, description="Rows whose key is now recorded; absent if not known."
    )
    failed: int | None = Field(
        default=None, description="Rows whose key is not; absent if not known."
    )
    indeterminate: int = Field(
        default=0, description="Rows already imported or unknown: an answer was lost."
    )
    left: int = Field(default=0, description="Rows for a next call with the same file.")
    failures: list[Failure] = Field(default=[], description="Up to 1,000 rows only.")
    also_failed: list[int] = Field(
        default=[],
        description="Rows that failed too, when there are too many to give each its reason.",
    )


async def to_import(
    rows: Rows,
    file: FileName,
    desk: Counter,
    files: Files,
    covoiturage: Covoiturage,
    say: Saying,
    report: Reporting,
) -> Batch | Plan:
    """What is to be imported, from the file or inline; refused if there is nothing, or wrong."""
    if bool(rows) == bool(file):
        raise ToolError(_one_or_the_other(say))
    if file:
        kept = await _kept(desk, files, file)
        return kept or await _read(desk, files, covoiturage, report, file)
    texts = "\n".join(row.model_dump_json() for row in rows)
    digest = hashlib.sha256(texts.encode()).hexdigest()
    ranks = tuple(range(1, len(rows) + 1))
    return _sole(say, Batch(file="", sha256=digest, rows=rows, lines=ranks))


ToImport = Annotated[Batch | Plan, Resolve(to_import)]


async def importing(
    found: ToImport,
    rows: Rows,
    file: FileName,
    desk: Counter,
    files: Files,
    covoiturage: Covoiturage,
    say: Saying,
    report: Reporting,
) -> Question:
    """What a person has to agree to before identity keys are imported."""
    if isinstance(found, Batch):
        return Question(
            asked=asked_of(say, found, covoiturage.importation(found.rows)),
            subject=counted(len(found.rows), "row", "rows"),
            facts=found,
            read_again=partial(to_import, rows, file, desk, files, covoiturage, say, report),
        )
    return Question(
        asked=asked_about(say, found),
        subject=counted(found.left, "row", "rows"),
        facts=found,
        read_again=partial(_as_it_is, desk, files, found),
        goal=str(found.left),
        keeps_facts=True,
        by_page=True,
    )


async def import_cee_identities(
    approval: Annotated[Approval, asks(importing)],
    found: ToImport,
    desk: Counter,
    files: Files,
    covoiturage: Covoiturage,
    report: Reporting,
    rows: Rows = (),
    file: FileName = "",
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> Imported:
    """Import the identity keys of an operator's CEE applications into the carpooling registry.

    Names and phones come by file only: never read, type or repeat them, nor compute keys yourself.
    Every row is checked before anything is sent; a key is written once, and cannot be taken back.
    The user is asked first, on a page beyond 1,000 rows: do not ask them yourself. If it stops,
    call again with the same file: it goes on, and ends with a file of results.
    """
    if isinstance(found, Batch):
        return await _at_once(found, covoiturage, approval)
    at = await place(desk, covoiturage, anew=False)
    sending = Sending(at, covoiturage, approval, found, report)
    async with reading(files, found.file) as content:
        await sending.all(content)
    if sending.stopped and not sending.made:
        raise ToolError(sending.stopped)
    return _told(await reported(at, files, found.file, sent=sending), sending)


async def _at_once(batch: Batch, covoiturage: CovoiturageClient, approval: Approval) -> Imported:
    report = await covoiturage.import_identities(batch.rows, approval=approval)
    failures = sorted(
        (
            Failure(row=batch.lines[failure.index], reason=failure.reason)
            for failure in report.failures
            if failure.index is not None
        ),
        key=lambda failure: failure.row,
    )
    shown = failures[:MOST_EXPLAINED]
    conclusion = f"{report.imported} imported, {report.failed} not."
    if report.unexplained:
        rows = counted(report.unexplained, "row", "rows")
        conclusion += f" The registry's answer does not account for {rows}."
    return Imported(
        outcome="applied",
        conclusion=conclusion,
        imported=report.imported,
        failed=report.failed,
        failures=shown,
        also_failed=[failure.row for failure in failures[len(shown) :]],
    )


def _told(report: Report, sending: Sending | None = None) -> Imported:
    """What came of a large file, line by line in its file of results."""
    counts = report.counts
    conclusion = (
        f"{counts['imported']} imported, {counts['failed']} failed, {counts['indeterminate']} "
        f"already imported or unknown, {counts['left']} left. {report.saved.file} tells each line."
    )
    if sending and report.sha256 != sending.plan.sha256:
        conclusion += (
            " But the file changed since it was agreed to, and this is of what it now holds: of "
            f"what was agreed to, {sending.done} rows were answered, {sending.imported} imported."
        )
    if sending and sending.stopped:
        conclusion += f" It stopped. {sending.stopped} {AGAIN}"
    return Imported(
        outcome=_came(sending) if sending else "applied",
        conclusion=conclusion,
        results=report.saved,
        imported=counts["imported"],
        failed=counts["failed"],
        indeterminate=counts["indeterminate"],
        left=counts["left"],
    )


def _came(sending: Sending) -> Literal["applied", "not_applied", "undetermined"]:
    if sending.lost:
        return "undetermined"
    return "applied" if sending.made else "not_applied"


async def _by_chunks(desk: Desk, operation: Operation) -> Imported:
    """What came of a large file that was cut short: what the ledger says of each chunk."""
    parts = await desk.journal.parts(operation.id)
    results = [desk.journal.recorded(one) for one in parts if one.status == "applied"]
    answers = [Answered.model_validate(result.structured_content) for result in results if result]
    rows = sum(answer.rows for answer in answers)
    imported = sum(answer.imported for answer in answers)
    lost = any(one.status in {"executing", "undetermined"} for one in parts)
    made = "applied" if answers else "not_applied"
    return Imported(
        outcome="undetermined" if lost else made,
        conclusion=f"{rows} rows were answered of the {operation.goal} to send, {imported} of "
        f"which imported; then it was cut short. {AGAIN}",
    )


def _unknown(subject: str) -> Imported:
    conclusion = (
        f"The answer was lost: the registry may have imported all of the {subject}, some or none. "
        "A key is written once, so importing the same rows again is safe: those already imported "
        "will come back as failed."
    )
    return Imported(outcome="undetermined", conclusion=conclusion)


IMPORT = Settlement(unread=_unknown, read=_by_chunks, part=CHUNK)


async def _kept(desk: Desk, files: Folder, name: str) -> Plan | None:
    """The plan that the person was shown on the page, if the file still is what it was."""
    kept = await planned(desk)
    if not kept:
        return None
    plan = Plan.model_validate_json(kept)
    return plan if plan.sha256 == await files.sha256(name, most=MOST_FILE_BYTES) else None


async def _as_it_is(desk: Desk, files: Folder, plan: Plan) -> Plan:
    """The plan with the file as it is now, and what was done of it since."""
    now = await standings(desk, [portion.key for portion in plan.portions])
    portions = tuple(
        portion.model_copy(update={"standing": standing, "trials": trials})
        for portion, (standing, trials) in zip(plan.portions, now, strict=True)
    )
    sha256 = await files.sha256(plan.file, most=MOST_FILE_BYTES)
    return plan.model_copy(update={"sha256": sha256, "portions": portions})


async def _read(
    desk: Desk, files: Folder, covoiturage: CovoiturageClient, report: Progress, name: str
) -> Batch | Plan:
    """What a file holds: rows that can leave at once, or a plan.

    Raises:
        ToolError: A row of it is wrong, or it is being imported.
        AlreadyDoneError: All that it holds was imported before.
    """
    async with reading(files, name) as content:
        chunks = await content.chunks()
        if len(chunks) <= 1:
            _check(desk.say, content.remarks)
            return _sole(desk.say, _batch(name, await content.sha256(), chunks, content.remarks))
        count = Count()
        while chunks:
            for chunk in chunks:
                count.add(chunk)
            await report(count.rows, f"{count.rows} rows read.")
            chunks = await content.chunks()
        _check(desk.say, content.remarks)
        sha256 = await content.sha256()
    if conflicts := count.identifications.conflicts:
        told = desk.say(
            fr="prepare_cee_identities dit lesquelles.", en="prepare_cee_identities tells which."
        )
        raise ToolError(_conflicting(desk.say, conflicts, told))
    at, request = await place(desk, covoiturage), covoiturage.importation(())
    plan = await drawn(at, count, request, file=name, sha256=sha256, remarks=content.remarks)
    if not plan.left:
        raise AlreadyDoneError(_told(await reported(at, files, name)))
    return plan


def _batch(name: str, sha256: str, chunks: Sequence[Chunk], remarks: Remarks) -> Batch:
    return Batch(
        file=name,
        sha256=sha256,
        rows=tuple(Application.model_validate_json(row) for each in chunks for row in each.rows),
        lines=tuple(line for each in chunks for line in each.lines),
        doubts=remarks.doubts,
        doubtful=tuple(remarks.doubtful),
    )


def _sole(say: Say, batch: Batch) -> Batch:
    """The batch, in which every application has one key.

    Raises:
        ToolError: One has two: the first to be written would stay for good.
    """
    keys = dict[tuple[str, ...], str]()
    others = [
        line
        for line, row in zip(batch.lines, batch.rows, strict=True)
        if keys.setdefault(row.identification, row.identity_key) != row.identity_key
    ]
    if others:
        shown = ", ".join(map(str, others[:MOST_SHOWN]))
        more = ", …" if len(others) > MOST_SHOWN else "."
        is_one = len(others) == 1
        which = say(fr="Ligne" if is_one else "Lignes", en="Row" if is_one else "Rows")
        raise ToolError(_conflicting(say, len(others), f"{which} {shown}{more}"))
    return batch


def _check(say: Say, remarks: Remarks) -> None:
    """Return if nothing is wrong with what was read.

    Raises:
        ToolError: Something is.
    """
    if not remarks.wrong:
        return
    shown = "\n".join(f"- {problem.line}: {problem.reason}" for problem in remarks.problems)
    count, more = remarks.wrong, remarks.wrong - len(remarks.problems)
    rest = say(fr=f"\n… et {more} de plus.", en=f"\n… and {more} more.") if more else ""
    lines = say(
        fr=counted(count, "ligne du fichier est", "lignes du fichier sont"),
        en=counted(count, "line", "lines"),
    )
    lead = say(
        fr=f"{lines} à corriger, rien n'a été envoyé. Par ligne :\n",
        en=f"{lines} of the file must be corrected, nothing was sent. By line:\n",
    )
    raise ToolError(f"{lead}{shown}{rest}")


def _conflicting(say: Say, count: int, which: str) -> str:
    return say(
        fr=f"{counted(count, 'ligne donne', 'lignes donnent')} une autre clé à une demande qui en "
        f"a déjà une plus haut : rien n'a été envoyé. {which}",
        en=f"{counted(count, 'row gives', 'rows give')} another key to an application that has "
        f"one already, above: nothing was sent. {which}",
    )


def _one_or_the_other(say: Say) -> str:
    return say(
        fr="Donnez `file`, ou `rows`, mais pas les deux : rien n'a été envoyé.",
        en="Give `file`, or `rows`, and not both: nothing was sent.",
    )
