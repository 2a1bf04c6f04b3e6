"""What makes this installation itself: its secret, and where it keeps its ledger."""

import os
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path

import platformdirs
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import SecretStr

from server.settings import Settings
from tools.sealing import Seal

SECRET_BYTES = 32


class BrokenKeyError(ToolError):
    """The file of this instance's key does not hold one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The key of this instance cannot be used ({path.name} does not hold {SECRET_BYTES} "
            "bytes), and nothing is changed without it. Put back a copy of it, or delete it and "
            "what was sealed with it is lost: `guichet doctor` says where it is."
        )


def state_folder() -> Path:
    """The user's state folder for Guichet, made when missing, readable by its owner alone."""
    folder = platformdirs.user_state_path("guichet")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def seal(settings: Settings) -> Seal:
    """The seal of this instance: under the configured secret, or one it keeps in a file."""
    previous = tuple(_bytes(secret) for secret in settings.secret_previous)
    if settings.secret:
        secret = _bytes(settings.secret)
        return Seal(lambda: secret, previous)
    return Seal(lambda: kept_secret(_private_folder() / "instance.key"), previous)


def ledger(settings: Settings) -> str:
    """The address of the ledger's database."""
    return settings.state_url or sqlite(_private_folder() / "ledger.db")


def sqlite(path: Path) -> str:
    """The address of an SQLite file, whatever signs its path holds."""
    # No more than what an address gives a meaning to: SQLAlchemy 2.0 decodes nothing of a path.
    escaped = str(path).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{escaped}"


def throwaway_seal() -> Seal:
    """A seal that nothing outlives."""
    return Seal(partial(secrets.token_bytes, SECRET_BYTES))


def kept_secret(path: Path) -> bytes:
    """The secret kept in a file, made by the first process that needs it.

    Raises:
        BrokenKeyError: The file holds something else: what was sealed before cannot be opened.
    """
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise BrokenKeyError(path)
    return secret


def _bytes(secret: SecretStr) -> bytes:
    return secret.get_secret_value().encode()


def _make(path: Path) -> None:
    from tools.files import rename, settle  # noqa: PLC0415  (most processes find a secret made)

    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())  # as what is sealed with it will be
    try:
        with suppress(FileExistsError):  # another process was first
            rename(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    settle(path.parent)


def _private_folder() -> Path:
    """The state folder, where others on this machine can no longer look in."""
    folder = state_folder()
    _close(folder, 0o700)
    for file in folder.glob("ledger.db*"):
        _close(file, 0o600)
    return folder


def _close(path: Path, mode: int) -> None:
    """Close to others what is ours and a file or a folder of its own."""
    if os.name != "posix" or path.is_symlink():
        return
    found = path.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        path.chmod(mode)
