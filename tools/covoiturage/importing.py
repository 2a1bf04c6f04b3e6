"""The tool that imports the identity keys of CEE applications."""

import hashlib
from functools import partial
from typing import Annotated

import anyio.to_thread
from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from clients import Approval
from clients.covoiturage import (
    MOST_ROWS,
    Application,
    Problem,
    applications,
    duplicates,
)
from clients.http import Outgoing
from tools.dependencies import Covoiturage, Files, Saying
from tools.files import MEGABYTE, Folder
from tools.guard import asks
from tools.language import Say
from tools.parameters import DryRun
from tools.questions import Asked, Change, Question, Typed, Words
from tools.results import Outcome, Result
from tools.settling import Settlement

MOST_INLINE = 100
MOST_FILE_BYTES = 10 * MEGABYTE
MOST_SHOWN = 10
MOST_EXPLAINED = 150
"""Failures that are given their reason: the lines of the others, up to 1,000, fit beside them."""

Rows = Annotated[
    tuple[Application, ...],
    Field(max_length=MOST_INLINE, description="Documented rows, 100 at most; or give `file`."),
]
FileName = Annotated[
    str,
    Field(
        max_length=200,
        description="A CSV or JSON-lines file of GUICHET_FILES, 1,000 rows at most: documented "
        "rows, or `phone` and `last_name` from which the keys are computed on this machine.",
    ),
]


class Failure(Result):
    """A row that was not imported."""

    row: int = Field(description="Its line in the file, or its rank in `rows`, from 1.")
    reason: str


class Imported(Outcome):
    """What the registry did with each row."""

    imported: int | None = Field(
        default=None, description="Rows whose key is now recorded; absent if not known."
    )
    failed: int | None = Field(
        default=None, description="Rows whose key is not; absent if not known."
    )
    failures: list[Failure]
    also_failed: list[int] = Field(
        description="Rows that failed too, when there are too many to give each its reason."
    )


class Batch(BaseModel):
    """Rows to import, all of them valid, with where each came from."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    file: str
    sha256: str
    rows: tuple[Application, ...]
    lines: tuple[int, ...]
    doubtful: tuple[int, ...]
    """Lines whose name or phone is unusual, though usable."""


async def to_import(rows: Rows, file: FileName, files: Files, say: Saying) -> Batch:
    """The rows to import, from the file or inline; refused if there are none, or one is wrong."""
    if bool(rows) == bool(file):
        raise ToolError(_one_or_the_other(say))
    if file:
        return await _read(files, say, file)
    texts = "\n".join(row.model_dump_json() for row in rows)
    digest = hashlib.sha256(texts.encode()).hexdigest()
    ranks = tuple(range(1, len(rows) + 1))
    return Batch(file="", sha256=digest, rows=rows, lines=ranks, doubtful=())


ToImport = Annotated[Batch, Resolve(to_import)]


async def importing(
    batch: ToImport,
    rows: Rows,
    file: FileName,
    files: Files,
    covoiturage: Covoiturage,
    say: Saying,
) -> Question:
    """What a person has to agree to before identity keys are imported."""
    return Question(
        asked=_asked(say, batch, covoiturage.importation(batch.rows)),
        subject=f"{len(batch.rows)} rows",
        facts=batch,
        read_again=partial(to_import, rows, file, files, say),
    )


async def import_cee_identities(
    approval: Annotated[Approval, asks(importing)],
    batch: ToImport,
    covoiturage: Covoiturage,
    rows: Rows = (),
    file: FileName = "",
    dry_run: DryRun = False,  # noqa: FBT002  (a tool's parameters are named by whoever calls it)
) -> Imported:
    """Import the identity keys of an operator's CEE applications into the carpooling registry.

    Names and phones come by file only: never read, type or repeat them, nor compute keys yourself.
    Every row is checked before anything is sent; a key is written once, and cannot be taken back.
    The user is asked first, and types the number of rows: do not ask them yourself.
    """
    report = await covoiturage.import_identities(batch.rows, approval=approval)
    failures = [
        Failure(row=batch.lines[failure.index], reason=failure.reason)
        for failure in report.failures
        if failure.index is not None
    ]
    shown = failures[:MOST_EXPLAINED]
    conclusion = f"{report.imported} imported, {report.failed} not."
    if report.unexplained:
        conclusion += f" The registry's answer does not account for {report.unexplained} rows."
    return Imported(
        outcome="applied",
        conclusion=conclusion,
        imported=report.imported,
        failed=report.failed,
        failures=shown,
        also_failed=[failure.row for failure in failures[len(shown) :]],
    )


def _unknown(subject: str) -> Imported:
    conclusion = (
        f"The answer was lost: the registry may have imported all of the {subject}, some or none. "
        "A key is written once, so importing the same rows again is safe: those already imported "
        "will come back as failed."
    )
    return Imported(
        outcome="undetermined",
        conclusion=conclusion,
        failures=[],
        also_failed=[],
    )


IMPORT = Settlement(unread=_unknown)


async def _read(files: Folder, say: Say, name: str) -> Batch:
    content = await files.content(name, most=MOST_FILE_BYTES)
    read = await anyio.to_thread.run_sync(partial(applications, content, name=name))
    if read.problems:
        raise ToolError(_problems(say, read.problems))
    if not 1 <= len(read.rows) <= MOST_ROWS:
        raise ToolError(_too_many(say, len(read.rows)))
    return Batch(
        file=name,
        sha256=read.sha256,
        rows=tuple(row.application for row in read.rows),
        lines=tuple(row.line for row in read.rows),
        doubtful=tuple(sorted({warning.line for warning in read.warnings})),
    )


def _asked(say: Say, batch: Batch, request: Outgoing) -> Asked:
    count, kinds = len(batch.rows), [row.cee_application_type for row in batch.rows]
    specific, standardized = kinds.count("specific"), kinds.count("standardized")
    repeated = duplicates(batch.rows)
    counts = say(
        fr=f"{specific} « specific » et {standardized} « standardized », {_dates(say, batch)} ; "
        f"{repeated} en double.",
        en=f"{specific} specific and {standardized} standardized, {_dates(say, batch)}; "
        f"{repeated} duplicates.",
    )
    for_good = say(
        fr="Une clé ne s'écrit qu'une fois : elle ne peut être ni changée ni reprise.",
        en="A key is written once: it can be neither changed nor taken back.",
    )
    nobody = say(fr="Le registre n'écrit à personne.", en="The registry writes to nobody.")
    return Asked(
        title=say(
            fr=f"Importer {count} clés d'identité de demandes CEE au registre de covoiturage ?",
            en=f"Import {count} identity keys of CEE applications into the carpooling registry?",
        ),
        says=tuple(
            filter(None, (counts, for_good, nobody, _doubts(say, batch), _source(say, batch)))
        ),
        changes=(
            Change(
                field=say(
                    fr=f"Clé d'identité de {count} demandes", en=f"Key of {count} applications"
                ),
                before=say(fr="aucune", en="none"),
                after=say(fr="celle de chaque ligne", en="that of each row"),
            ),
        ),
        words=_named(say, batch),
        typed=Typed(
            label=say(fr="Nombre de lignes", en="Number of rows"),
            asks=say(
                fr="Pour confirmer, recopiez le nombre de lignes",
                en="To confirm, type the number of rows",
            ),
            value=str(count),
        ),
        request=request,
    )


def _doubts(say: Say, batch: Batch) -> str:
    doubtful = len(batch.doubtful)
    lines = ", ".join(map(str, batch.doubtful[:MOST_SHOWN]))
    doubts = say(
        fr=f"{doubtful} lignes ont un nom ou un téléphone inhabituel : {lines}.",
        en=f"{doubtful} lines have an unusual name or phone: {lines}.",
    )
    return doubts if doubtful else ""


def _source(say: Say, batch: Batch) -> str:
    if batch.file:
        return say(
            fr=f"Empreinte SHA-256 du fichier : {batch.sha256}",
            en=f"SHA-256 of the file: {batch.sha256}",
        )
    return say(
        fr=f"Lignes données par l'assistant, empreinte SHA-256 : {batch.sha256}",
        en=f"Rows given by the assistant, SHA-256: {batch.sha256}",
    )


def _named(say: Say, batch: Batch) -> tuple[Words, ...]:
    """What the model named: the file, or each of the applications it gave inline."""
    if batch.file:
        label = say(fr="fichier, nommé par l'assistant", en="the file, named by the assistant")
        return (Words(label=label, text=batch.file),)
    label = say(fr="demandes, données par l'assistant", en="applications, given by the assistant")
    named = (
        row.cee_application_uuid or f"{row.journey_type} {row.datetime} {row.phone_trunc}…"
        for row in batch.rows
    )
    return (Words(label=label, text=" ; ".join(named)),)


def _dates(say: Say, batch: Batch) -> str:
    dated = sorted(row.datetime for row in batch.rows if row.datetime)
    if not dated:
        return say(fr="sans date", en="without dates")
    first, last = dated[0][:10], dated[-1][:10]
    return say(fr=f"datées du {first} au {last}", en=f"dated from {first} to {last}")


def _problems(say: Say, problems: tuple[Problem, ...]) -> str:
    shown = "\n".join(f"- {problem.line}: {problem.reason}" for problem in problems[:MOST_SHOWN])
    count, more = len(problems), len(problems) - MOST_SHOWN
    rest = say(fr=f"\n… et {more} autres.", en=f"\n… and {more} more.") if more > 0 else ""
    return (
        say(
            fr=f"{count} lignes du fichier sont à corriger, rien n'a été envoyé. Par ligne :\n",
            en=f"{count} lines of the file must be corrected, nothing was sent. By line:\n",
        )
        + shown
        + rest
    )


def _too_many(say: Say, count: int) -> str:
    return say(
        fr=f"Le fichier a {count} lignes à importer : il en faut de 1 à {MOST_ROWS}. "
        "Rien n'a été envoyé.",
        en=f"The file has {count} rows to import: it takes 1 to {MOST_ROWS}. Nothing was sent.",
    )


def _one_or_the_other(say: Say) -> str:
    return say(
        fr="Donnez `file`, ou `rows`, mais pas les deux : rien n'a été envoyé.",
        en="Give `file`, or `rows`, and not both: nothing was sent.",
    )
