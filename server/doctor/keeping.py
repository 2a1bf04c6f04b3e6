"""What is read and kept on this machine."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

from server import instance
from server.doctor.findings import Finding
from server.doctor.paths import ABSENT, folder, open_to_others, unread
from server.settings import Settings
from tools.database import Database, UnusableDatabaseError


def kept(settings: Settings) -> Iterator[Finding]:
    """The user's folder, then what the server keeps for itself."""
    yield _files(settings)
    yield from _state(settings)


def _files(settings: Settings) -> Finding:
    if settings.files is None:
        remedy = "Set GUICHET_FILES, the one folder that tools read from and save in."
        return Finding(
            "files", "missing", "no folder: tools that read or save a file refuse.", remedy
        )
    return folder("files", settings.files.absolute(), "Correct GUICHET_FILES, or its permissions.")


def _state(settings: Settings) -> Iterator[Finding]:
    """The ledger and the key, where the server keeps them."""
    if settings.shares_state:  # in the database: no folder is needed, as in a container
        yield _database(settings.state_url)
        yield _given_key(settings)
        return
    try:
        state = instance.state_folder()
    except OSError as error:
        says = f"cannot be made ({type(error).__name__})."
        remedy = "Let the server write there, or set GUICHET_STATE_URL and GUICHET_SECRET."
        yield Finding("state folder", "trouble", says, remedy)
        return
    if open_to_others(state):
        says = f"{state} is open to others on this machine."
        yield Finding("state folder", "warning", says, "chmod 700 it.")
    else:
        yield folder("state folder", state, "Let the server read it.")
    yield _database(settings.state_url) if settings.state_url else _ledger(state / "ledger.db")
    yield _given_key(settings) if settings.secret else _key(state / "instance.key")


def _database(url: str) -> Finding:
    """A database of the user's choice; it is not connected to."""
    try:
        file = Database(url).file
    except UnusableDatabaseError as error:
        remedy = "Write it as sqlite:////folder/ledger.db, or, with the extra `team`, as "
        remedy += "postgresql+psycopg://user:password@host/database."
        return Finding("ledger", "trouble", f"{error}", remedy)
    if file:
        return _ledger(Path(file))
    says = "a postgresql database, as GUICHET_STATE_URL says, which instances share."
    return Finding("ledger", "ok", says)


def _ledger(path: Path) -> Finding:
    try:
        there = path.exists()
        with path.open("ab") if there else TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        says = f"{path} cannot be written ({type(error).__name__})."
        remedy = "Let the server write it: without it, nothing can be changed."
        return Finding("ledger", "trouble", says, remedy)
    return Finding("ledger", "ok", f"{path}" if there else f"{path}, to be made.")


def _given_key(settings: Settings) -> Finding:
    count = len(settings.secret_previous)
    before = f" GUICHET_SECRET_PREVIOUS has {count} more, to read with." if count else ""
    return Finding("key", "ok", f"GUICHET_SECRET is set: no file is used.{before}")


def _key(path: Path) -> Finding:
    wrong = unread(path.read_bytes)
    if wrong == ABSENT:
        return Finding("key", "ok", f"{path}, to be made.")
    if wrong:
        return Finding("key", "trouble", f"{path} {wrong}.", "Let the server read it.")
    if open_to_others(path):
        says = f"{path} is open to others on this machine, and so is what the ledger keeps sealed."
        return Finding("key", "trouble", says, "chmod 600 it.")
    if path.stat().st_size != instance.SECRET_BYTES:
        remedy = "Put back a copy of it, or delete it and what was sealed with it is lost."
        says = f"{path} does not hold {instance.SECRET_BYTES} bytes."
        return Finding("key", "trouble", says, remedy)
    return Finding("key", "ok", f"{path}")
