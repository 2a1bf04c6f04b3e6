"""What a person reads and proves of the journal at a terminal."""

import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from typer.testing import CliRunner, Result

import server
from server.cli import app
from tests.tools.changes import INTENT, SECRET, journal_of, make
from tools.results import error

SOURCES = Path(server.__file__).parents[1]
AA, BB, CC = "aa11" * 16, "bb22" * 16, "bb33" * 16


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The configured ledger; a command sends the log to its own stderr, and that ends with it."""
    monkeypatch.setenv("GUICHET_STATE_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("GUICHET_SECRET", SECRET)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield tmp_path / "ledger.db"
    root.handlers[:], root.level = handlers, level


@pytest.fixture(name="ledger")
def _ledger(file: Path) -> Path:
    """One change that was made, one that was declined, one that awaits its answer on the page."""

    async def fill() -> None:
        journal = journal_of(file)
        await make(journal, AA)
        await journal.ask(BB, INTENT)
        await journal.refuse(BB, "declined", error("Non."))
        await journal.ask(CC, INTENT, by_page=True)
        await journal.close()

    anyio.run(fill)
    return file


def guichet(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["journal", *arguments])


def written(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def day(days: int) -> str:
    """The date of so many days from now, as it is here."""
    return f"{datetime.now(UTC).astimezone() + timedelta(days=days):%Y-%m-%d}"


def aged(file: Path, days: int) -> None:
    """As many days pass: everything is made again, as it would have been then."""
    file.unlink()

    async def fill() -> None:
        journal = journal_of(file, clock=lambda: time.time() - days * 86_400)
        await make(journal, AA)
        await journal.close()
        journal = journal_of(file)
        await make(journal, BB)
        await journal.close()

    anyio.run(fill)


def test_nothing_happened_before_anything_was_asked(file: Path):
    listed, verified = guichet("list"), guichet("verify")

    assert (listed.exit_code, listed.stderr) == (0, "0 of 0 operations.\n")
    assert (verified.exit_code, verified.stdout) == (
        0,
        "The journal holds: 0 entries.\nHead: none yet\n",
    )


def test_operations_are_listed_newest_first(ledger: Path):
    listed = guichet("list")
    lines = listed.stdout.splitlines()[1:]

    assert listed.exit_code == 0
    assert [line.split()[2] for line in lines] == [CC[:16], BB[:16], AA[:16]]
    assert [line.split()[5] for line in lines] == ["asked", "declined", "applied"]
    assert all("accept_dossier" in line and "200001" in line for line in lines)
    assert listed.stderr == "3 of 3 operations.\n"


def test_as_many_are_listed_as_were_asked_for(ledger: Path):
    listed = guichet("list", "--limit", "1")

    assert CC[:16] in listed.stdout
    assert BB[:16] not in listed.stdout
    assert listed.stderr == "1 of 3 operations.\n"


def test_times_are_those_of_this_place_and_say_so(ledger: Path):
    (found,) = re.findall(r"^\S+ \S+", guichet("list").stdout.splitlines()[1])
    when = datetime.fromisoformat(found)

    assert when.utcoffset() == datetime.now(UTC).astimezone().utcoffset()
    assert abs(when - datetime.now(UTC).astimezone()) < timedelta(minutes=1)


@pytest.mark.parametrize("start", [AA, AA[:16], "aa"])
def test_an_operation_is_shown_from_the_question_to_its_end(ledger: Path, start: str):
    shown = guichet("show", start)

    assert shown.exit_code == 0
    assert f"Operation {AA}: accept_dossier, 200001." in shown.stdout
    events = re.findall(r" (asked|executing|applied) ", shown.stdout)
    assert events == ["asked", "executing", "applied"]
    assert "It was made, once" in shown.stdout


@pytest.mark.parametrize(("start", "count"), [("bb", 2), ("cc", 0), ("", 3)])
def test_an_operation_is_shown_only_if_it_is_the_only_one_meant(
    ledger: Path, start: str, count: int
):
    shown = guichet("show", start)

    assert shown.exit_code == 1
    assert f"{count} operations have an identifier that begins so" in shown.stderr


def test_entries_are_read_alone_when_the_operations_are_gone(ledger: Path):
    before = guichet("show", "aa").stdout, guichet("list").stdout
    written(ledger, "DELETE FROM operations")

    assert (guichet("show", "aa").stdout, guichet("list").stdout) == before


def test_a_journal_that_holds_is_said_to(ledger: Path):
    verified = guichet("verify")

    assert verified.exit_code == 0
    assert verified.stdout.startswith("The journal holds: 6 entries, numbered 1 to 6.\nHead: ")


def test_a_journal_that_was_altered_is_said_to_be_and_where(ledger: Path):
    written(ledger, "UPDATE entries SET event = 'applied' WHERE number = 5")
    verified = guichet("verify")

    assert verified.exit_code == 1
    assert "The journal does not hold: entry 5 was altered" in verified.stderr


def test_a_journal_under_another_secret_may_be_the_reason(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GUICHET_SECRET", "another secret, as long as it has to be")
    verified = guichet("verify")

    assert verified.exit_code == 1
    assert "GUICHET_SECRET" in verified.stderr
    assert "another secret" not in verified.output


def test_an_older_copy_put_back_shows_by_a_head_noted_since(ledger: Path):
    """It holds by itself: only what was noted elsewhere tells that something is missing."""
    older = ledger.read_bytes()

    async def more() -> None:
        journal = journal_of(ledger)
        await make(journal, "dd44" * 16)
        await journal.close()

    anyio.run(more)
    head = guichet("verify").stdout.split()[-1]
    assert guichet("verify", "--head", head).exit_code == 0
    ledger.write_bytes(older)

    assert guichet("verify").exit_code == 0
    missing = guichet("verify", "--head", head)
    assert missing.exit_code == 1
    assert "is not in it" in missing.stderr


def test_an_export_is_every_entry_and_the_head(ledger: Path, tmp_path: Path):
    exported = guichet("export", str(tmp_path / "journal.jsonl"))
    lines = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    *entries, last = map(json.loads, lines)

    assert exported.exit_code == 0
    assert [entry["event"] for entry in entries] == [
        *("asked", "executing", "applied"),
        *("asked", "declined"),
        "asked",
    ]
    assert all(entry["tool"] == "accept_dossier" and entry["at"] for entry in entries)
    assert last["head"]["number"] == 6
    assert last["head"]["mark"] == entries[-1]["mark"]
    assert last["head"]["mark"] in exported.stdout


def test_an_export_is_for_its_owner_alone_and_replaces_nothing(ledger: Path, tmp_path: Path):
    file = tmp_path / "journal.jsonl"
    guichet("export", str(file))
    before = file.read_bytes()
    again = guichet("export", str(file))
    nowhere = guichet("export", str(tmp_path / "nowhere" / "journal.jsonl"))

    assert file.stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert (again.exit_code, nowhere.exit_code) == (2, 2)
    assert "Nothing was written" in again.stderr
    assert file.read_bytes() == before


def test_an_export_of_what_was_altered_is_written_and_says_so(ledger: Path, tmp_path: Path):
    written(ledger, "UPDATE entries SET at = 'once', event = x'ff' WHERE number = 2")
    exported = guichet("export", str(tmp_path / "journal.jsonl"))

    assert exported.exit_code == 1
    assert "entry 2 was altered" in exported.stderr
    assert len((tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()) == 7


def test_what_was_altered_beyond_reading_is_said_to_be(ledger: Path):
    written(ledger, "UPDATE entries SET at = 'once' WHERE number = 2")
    listed = guichet("list")

    assert listed.exit_code == 1
    assert "damaged, or was altered" in listed.stderr
    assert "once" not in listed.output


def test_nothing_personal_is_ever_shown(ledger: Path, tmp_path: Path):
    file = tmp_path / "journal.jsonl"
    shown = [guichet(*c).output for c in (("list",), ("show", "bb33"), ("export", str(file)))]
    everything = "".join((*shown, file.read_text(encoding="utf-8")))

    for said in ("Jeanne", "Ferrand", "06 12", "motivation", "Accepter", SECRET):
        assert said not in everything


def test_a_purge_deletes_what_is_older_and_what_is_left_holds(ledger: Path):
    aged(ledger, days=40)
    purged = guichet("purge", "--before", day(-30), "--yes")

    assert (purged.exit_code, purged.stdout) == (0, "3 entries deleted.\n")
    assert "3 entries, numbered 4 to 6" in guichet("verify").stdout
    assert guichet("show", "aa").exit_code == 1


def test_a_purge_asks_and_where_there_is_nobody_to_ask_deletes_nothing(ledger: Path):
    aged(ledger, days=40)
    purged = guichet("purge", "--before", day(-30))

    assert purged.exit_code == 2
    assert "nobody to ask" in purged.stderr
    assert "6 entries" in guichet("verify").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
@pytest.mark.parametrize(("answer", "left"), [("n", 6), ("", 6), ("y", 3)])
def test_a_purge_is_what_the_person_at_the_terminal_answers(ledger: Path, answer: str, left: int):
    import pty  # noqa: PLC0415  (there is none on Windows)

    aged(ledger, days=40)
    command = [sys.executable, "-m", "server", "journal", "purge", "--before", day(-30)]
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    subprocess.run(command, stdin=theirs, cwd=SOURCES, check=False, timeout=60)  # noqa: S603  (ours)
    os.close(ours)
    os.close(theirs)

    assert f"The journal holds: {left} entries" in guichet("verify").stdout


def test_a_day_to_come_is_no_day_to_purge_before(ledger: Path):
    purged = guichet("purge", "--before", day(2), "--yes")

    assert purged.exit_code == 2
    assert "6 entries" in guichet("verify").stdout


def test_a_ledger_that_cannot_be_used_is_said_to_be_so(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_STATE_URL", "sqlite:////nowhere/ledger.db")
    listed = guichet("list")

    assert listed.exit_code == 2
    assert "GUICHET_STATE_URL" in listed.stderr
