"""`guichet journal`: what a person reads of the journal, proves of it, takes out of it.

The journal is that of the configured ledger; the sandbox's ends with the sandbox.
"""

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import anyio
import typer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from server import instance
from server.build import MISUSE, configured
from server.cli.tables import show_table
from tools.chain import Ledger, Verdict, verdict
from tools.journal import SHORT, Entry, Journal
from tools.operations import EVENTS, local

Given = TypeVar("Given")

FAILED = 1
"""The exit code when there is no such operation, or when the journal does not hold."""
app = typer.Typer(
    name="journal", no_args_is_help=True, help="Read, prove, export, purge the journal."
)


@app.command("list")
def list_operations(
    *, limit: Annotated[int, typer.Option(min=1, help="How many operations at most.")] = 20
) -> None:
    """List the operations, those that something happened to last first."""
    last: dict[str, Entry] = {}
    for entry in reversed(_had(lambda journal: journal.entries())):
        last.setdefault(entry.operation, entry)
    show_table(
        ("when", "operation", "tool", "subject", "last event", "consent", "principal"),
        [
            (_when(e), e.operation[:SHORT], e.tool, e.subject, e.event, _consent(e), e.principal)
            for e in list(last.values())[:limit]
        ],
    )
    typer.echo(f"{min(limit, len(last))} of {len(last)} operations.", err=True)


@app.command()
def show(
    operation: Annotated[str, typer.Argument(help="Its identifier, or how that begins.")],
) -> None:
    """Show what happened to one operation, oldest first."""
    entries = _had(lambda journal: journal.entries())
    told = [entry for entry in entries if entry.operation.startswith(operation)]
    names = {entry.operation for entry in told}
    if len(names) != 1:
        _leave(f"{len(names)} operations have an identifier that begins so, not one.", FAILED)
    typer.echo(f"Operation {told[0].operation}: {told[0].tool}, {told[0].subject}.")
    show_table(
        ("when", "entry", "event", "consent", "meaning"),
        [(_when(e), str(e.number), e.event, _consent(e), EVENTS[e.event]) for e in told],
    )


@app.command()
def verify(
    *,
    head: Annotated[
        str, typer.Option(help="A head noted earlier, that must still be in the journal.")
    ] = "",
) -> None:
    """Prove that no entry was altered, removed or inserted; the exit code is 1 if one was."""
    ledger, found = _had(_verified)
    _leave_if_broken(found)
    if head and head not in _marks(ledger):
        _leave(
            "The journal holds, but the head that was noted is not in it: its entry was purged, or "
            "an older copy was put back.",
            FAILED,
        )
    typer.echo(_holding(found))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; nothing may be there yet.")],
) -> None:
    """Write every entry as a line of JSON, and the head last; also when they do not hold."""
    ledger, found = _had(_verified)
    lines = [*ledger.entries, {"head": asdict(ledger.head), "proof": ledger.proof}]
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        _leave(f"{file}: {error.strerror}. Nothing was written.", MISUSE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.writelines(f"{_json(line)}\n" for line in lines)
    _leave_if_broken(found)
    typer.echo(_holding(found))


@app.command()
def purge(
    *,
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day kept.")],
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
) -> None:
    """Delete for good what happened before a day; what is left still verifies."""
    if before.timestamp() > time.time():
        _leave(f"{before:%Y-%m-%d} has not come yet: nothing was deleted.", MISUSE)
    if not yes and not sys.stdin.isatty():
        _leave("There is nobody to ask: nothing was deleted. Or say --yes.", MISUSE)
    if not yes:
        typer.confirm(f"Delete for good what happened before {before:%Y-%m-%d}?", abort=True)
    count = _had(lambda journal: journal.purge(before.timestamp()))
    typer.echo(f"{count} entries deleted.")


def _had(wanted: Callable[[Journal], Awaitable[Given]]) -> Given:
    """What is wanted of the configured journal; leaves the process if it cannot be had."""
    settings = configured(sandbox=False, read_only=False)

    async def having() -> Given:
        journal = Journal(lambda: instance.ledger(settings), instance.seal(settings))
        try:
            return await wanted(journal)
        finally:
            await journal.close()

    # Loading SQLAlchemy takes 0.3 s: not for the help of this command, and of others.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        return anyio.run(having)
    except ToolError as error:
        _leave(str(error), MISUSE)
    except (SQLAlchemyError, ValidationError):
        _leave("The journal cannot be read: its database is damaged, or was altered.", FAILED)


async def _verified(journal: Journal) -> tuple[Ledger, Verdict]:
    """The ledger, and what its verification finds in that very reading."""
    ledger = await journal.ledger()
    return ledger, verdict(ledger, journal.seal.marks)


def _marks(ledger: Ledger) -> set[object]:
    return {ledger.head.purged_mark, *(entry["mark"] for entry in ledger.entries)} - {""}


def _holding(found: Verdict) -> str:
    first, last = found.head.purged + 1, found.head.number
    numbers = f", numbered {first} to {last}" if found.entries else ""
    head = found.head.mark or "none yet"
    return f"The journal holds: {found.entries} entries{numbers}.\nHead: {head}"


def _leave_if_broken(found: Verdict) -> None:
    if found.fault:
        _leave(
            f"The journal does not hold: {found.fault}. Something else than Guichet wrote to its "
            "database; or GUICHET_SECRET, or the file that stands for it, was replaced, and "
            "GUICHET_SECRET_PREVIOUS lacks the one before.",
            FAILED,
        )


def _leave(text: str, code: int) -> NoReturn:
    typer.echo(f"guichet: {text}", err=True)
    raise typer.Exit(code)


def _json(line: Mapping[str, object]) -> str:
    return json.dumps(dict(line), ensure_ascii=False, default=repr)


def _consent(entry: Entry) -> str:
    """How it was given, and who gave or refused it if not the one who asked."""
    by = f"by {entry.decided_by}" if entry.decided_by else ""
    return ", ".join(filter(None, (entry.evidence, by)))


def _when(entry: Entry) -> str:
    return local(entry.at).isoformat(sep=" ")
