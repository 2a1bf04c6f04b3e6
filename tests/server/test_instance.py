"""What an installation keeps: its secret and its ledger, for its owner alone."""

import errno
import json
import os
import sqlite3
import stat
import sys
from collections.abc import AsyncGenerator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import platformdirs
import pytest
from mcp import Client
from pydantic import SecretStr
from sqlalchemy import DDL, create_engine

from server import instance
from server.build import build, connection
from server.sandbox.serving import mounted
from server.settings import Settings
from tests.support import Person, facts, listening, text

MOTIVATION = "Quetzalcoatl a fourni toutes les pièces."
AT_ONCE = 8


@pytest.fixture(name="state")
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, which does not exist yet."""
    folder = tmp_path / "state" / "guichet"

    def user_state_path(_: str) -> Path:
        return folder

    monkeypatch.setattr(platformdirs, "user_state_path", user_state_path)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> str:
    """Every byte of a folder, each as a character."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.iterdir())


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# The secret.


def test_the_secret_is_made_once_and_is_its_owner_s_alone(state: Path):
    marks = [instance.seal(Settings()).mark("a") for _ in range(3)]

    assert len(set(marks)) == 1
    assert mode(state) == 0o700
    assert mode(state / "instance.key") == 0o600
    assert len((state / "instance.key").read_bytes()) == 32
    assert names(state) == ["instance.key"], "no draft is left"


def test_a_configured_secret_needs_no_file(state: Path):
    configured = Settings.model_validate({"secret": "k" * 32})

    marks = {instance.seal(configured).mark("a") for _ in range(3)}

    assert len(marks) == 1
    assert not state.exists()


def test_threads_that_start_together_keep_one_secret(tmp_path: Path):
    """Several servers may run in one process."""
    key, together = tmp_path / "instance.key", Barrier(AT_ONCE)

    def keep(_: int) -> bytes:
        together.wait(5)
        return instance.kept_secret(key)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        secrets = list(threads.map(keep, range(AT_ONCE)))

    assert set(secrets) == {key.read_bytes()}


def test_processes_that_start_together_keep_one_secret(tmp_path: Path):
    key = tmp_path / "instance.key"

    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        secrets = list(processes.map(instance.kept_secret, [key] * AT_ONCE, timeout=60))

    assert set(secrets) == {key.read_bytes()}
    assert names(tmp_path) == ["instance.key"]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX sees a folder on the disk")
def test_the_secret_is_on_the_disk_before_anything_is_sealed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Else a power cut could leave a ledger that nobody can read any more."""
    key, seen, synced = tmp_path / "instance.key", list[bool](), os.fsync

    def fsync(descriptor: int) -> None:
        seen.append(key.exists())
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    instance.kept_secret(key)

    assert seen == [False, True], "the draft, then the folder that names it"


def test_a_secret_is_made_once_where_files_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The state folder may be on a share, or on a memory card."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    key = tmp_path / "instance.key"

    assert instance.kept_secret(key) == instance.kept_secret(key) == key.read_bytes()
    assert names(tmp_path) == ["instance.key"]


@pytest.mark.parametrize("held", [b"", b"k" * 31, b"k" * 33], ids=len)
def test_a_file_that_holds_no_whole_secret_is_never_used(tmp_path: Path, held: bytes):
    """A disk that was full leaves an empty one, and everybody knows the key that is nothing."""
    key = tmp_path / "instance.key"
    key.write_bytes(held)

    with pytest.raises(instance.BrokenKeyError, match="does not hold 32 bytes"):
        instance.kept_secret(key)

    assert key.read_bytes() == held
    assert names(tmp_path) == ["instance.key"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_secret_that_is_there_is_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    secret = instance.kept_secret(tmp_path / "instance.key")

    def full(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(os, "open", full)

    assert instance.kept_secret(tmp_path / "instance.key") == secret


async def test_a_broken_secret_is_told_and_changes_nothing(state: Path, services: Settings):
    """The ledger, which is there already, opens without it."""
    await acceptance(services, 200002)
    (state / "instance.key").write_bytes(b"k" * 31)

    told = await acceptance(services)

    assert told == (
        "The key of this instance cannot be used (instance.key does not hold 32 bytes), and "
        "nothing is changed without it. Put back a copy of it, or delete it and what was sealed "
        "with it is lost: `guichet doctor` says where it is."
    )
    assert await state_of(services) == "en_instruction"


# The ledger.


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_what_was_open_to_others_is_closed(state: Path):
    state.mkdir(parents=True, mode=0o755)
    for name in ("ledger.db", "ledger.db-wal"):
        (state / name).touch(mode=0o644)

    instance.ledger(Settings())

    assert mode(state) == 0o700
    assert {mode(path) for path in state.iterdir()} == {0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="no file there has such names")
@pytest.mark.parametrize(
    "home", ["what?", "50%", "100%25", "c#", "a b", "é", "x?mode=memory&uri=1"]
)
async def test_a_ledger_may_be_in_a_folder_of_any_name(tmp_path: Path, home: str):
    folder = tmp_path / home
    folder.mkdir()

    engine = create_engine(instance.sqlite(folder / "ledger.db"))
    with engine.begin() as connection:
        connection.execute(DDL("CREATE TABLE kept (number INTEGER)"))
    engine.dispose()

    assert names(folder) == ["ledger.db"]


@pytest.fixture(name="services")
async def _services() -> AsyncGenerator[Settings]:
    """The services in miniature, behind a socket, configured as the real ones are."""
    app = mounted()
    async with listening(app) as address:
        yield Settings.model_validate(
            {
                "demarches": {
                    "url": f"{address}/demarches/api/v2/graphql",
                    "token": "sandbox",
                    "instructeur": "camille.martin@exemple.gouv.fr",
                }
            }
        )


async def acceptance(settings: Settings, number: int = 200001) -> str:
    """What the model is told of an acceptance that a person agreed to."""
    connected, seal = connection(settings, sandbox=False)
    server = build(settings, connected, seal)
    async with Client(server, elicitation_callback=Person()) as host:
        arguments = {"number": number, "motivation": MOTIVATION}
        return text(await host.call_tool("accept_dossier", arguments))


async def state_of(settings: Settings, number: int = 200001) -> str:
    """The state of a dossier, at the service."""
    connected, seal = connection(settings, sandbox=False)
    async with Client(build(settings, connected, seal)) as host:
        read = await host.call_tool("query_dossiers", {"demarche_number": 1001, "limit": 1})
    (dossier,) = facts(read)["dossiers"]
    assert dossier["number"] == number
    return dossier["state"]


def values(ledger: Path) -> str:
    """Everything an SQLite file holds, as it would be read from it."""
    with closing(sqlite3.connect(ledger)) as connection:
        return "\n".join(connection.iterdump())


async def test_the_ledger_is_kept_in_the_state_folder(state: Path, services: Settings):
    assert json.loads(await acceptance(services))["outcome"] == "applied"

    assert sorted(names(state))[:2] == ["instance.key", "ledger.db"]
    assert mode(state) == 0o700


async def test_the_ledger_may_be_kept_elsewhere(state: Path, tmp_path: Path, services: Settings):
    elsewhere = services.model_copy(
        update={"state_url": instance.sqlite(tmp_path / "a.db"), "secret": SecretStr("k" * 32)}
    )

    assert json.loads(await acceptance(elsewhere))["outcome"] == "applied"
    assert "200001" in values(tmp_path / "a.db")
    assert state.parent.name not in names(tmp_path)


async def test_the_ledger_holds_no_word_of_a_question_nor_of_a_result(
    state: Path, services: Settings
):
    await acceptance(services)

    held = values(state / "ledger.db") + contents(state)
    assert "accept_dossier" in held
    assert "200001" in held
    for words in (MOTIVATION, "Quetzalcoatl", "usager200001", "Martin", "mobilit", "camille"):
        assert words not in held


async def test_a_ledger_written_by_a_newer_version_is_refused(state: Path, services: Settings):
    await acceptance(services)
    with closing(sqlite3.connect(state / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE guichet_schema SET version = 99")

    told = await acceptance(services, 200002)

    assert told == (
        "The ledger of consents cannot be used (written by a newer Guichet), and nothing "
        "is changed without it. Check GUICHET_STATE_URL, or the rights on the state directory."
    )


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{folder}/absent/ledger.db",
        "sqlite:///{folder}",
        "sqlite:///{folder}/text",
        "sqlite+nothing:///{folder}/ledger.db",
        "ledger.db",
        "nothing://localhost/ledger",
    ],
    ids=[
        "no folder",
        "a folder",
        "no database",
        "no such driver",
        "no address",
        "no such database",
    ],
)
async def test_a_state_that_cannot_be_used_is_told_and_changes_nothing(
    state: Path, tmp_path: Path, services: Settings, url: str
):
    (tmp_path / "text").write_text("This is no database. " * 100)
    address = url.format(folder=tmp_path)
    wrong = services.model_copy(update={"state_url": address})

    told = await acceptance(wrong)

    assert told.startswith("The ledger of consents cannot be used (")
    assert "nothing is changed without it. Check GUICHET_STATE_URL" in told
    assert address not in told
    assert await state_of(services) == "en_instruction"


async def test_a_state_folder_that_cannot_be_made_is_told_and_changes_nothing(
    state: Path, services: Settings
):
    """It is below what is a file."""
    state.parent.touch()

    told = await acceptance(services)

    assert "nothing is changed without it. Check GUICHET_STATE_URL" in told
    assert await state_of(services) == "en_instruction"


async def test_a_ledger_that_fails_later_is_told_without_its_statements(
    state: Path, services: Settings
):
    """An error of a database quotes the statement and its values."""
    connected, seal = connection(services, sandbox=False)
    server = build(services, connected, seal)
    async with Client(server, elicitation_callback=Person()) as host:
        await host.call_tool("accept_dossier", {"number": 200001})
        with closing(sqlite3.connect(state / "ledger.db")) as ledger:
            ledger.execute("DROP TABLE operations")
        result = await host.call_tool("accept_dossier", {"number": 200002})

    assert result.is_error
    for noise in ("SELECT", "sqlite3", "sqlalche.me", "operations"):
        assert noise not in text(result)
