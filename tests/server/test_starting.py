"""How a process begins: where garbage is looked for, and how texts leave it."""

import gc
import sys
from collections.abc import Generator
from io import BytesIO, TextIOWrapper

import pytest

from server.__main__ import in_utf8
from server.starting import started, starting


@pytest.fixture(autouse=True)
def _as_it_was() -> Generator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_garbage_is_looked_for_once_the_process_has_started_and_not_in_what_was_there():
    starting()
    looked_for_while_starting = gc.isenabled()
    there = [object() for _ in range(10)]
    started()

    assert not looked_for_while_starting
    assert gc.isenabled()
    assert not any(each is there for each in gc.get_objects())


def test_what_a_program_reads_is_utf_8_whatever_the_system_writes(monkeypatch: pytest.MonkeyPatch):
    """As `guichet call … > dossiers.json` does on Windows."""
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="cp1252"))

    in_utf8()
    print("Łukasz Garçon", end="", flush=True)  # noqa: T201  (as commands do, in the end)

    assert written.getvalue().decode() == "Łukasz Garçon"


def test_what_is_no_text_can_still_be_told_of(monkeypatch: pytest.MonkeyPatch):
    """Such as the name of a file that was not in UTF-8."""
    written = BytesIO()
    replacing = TextIOWrapper(written, encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stderr", replacing)

    in_utf8()
    print("\udce9", end="", file=sys.stderr, flush=True)  # noqa: T201  (as above)

    assert written.getvalue() == rb"\udce9"
