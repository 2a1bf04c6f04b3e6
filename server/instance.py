"""What makes this installation itself: its secret, and where it keeps its ledger."""

import os
import secrets
from functools import partial
from pathlib import Path

import platformdirs

from server.settings import Settings
from tools.sealing import Seal

SECRET_BYTES = 32


def state_folder() -> Path:
    """The user's state folder for Guichet, made when missing, readable by its owner alone."""
    folder = platformdirs.user_state_path("guichet")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def seal(settings: Settings) -> Seal:
    """The seal of this instance: under the configured secret, or one it keeps in a file."""
    if settings.secret:
        secret = settings.secret.get_secret_value().encode()
        return Seal(lambda: secret)
    return Seal(lambda: kept_secret(state_folder() / "instance.key"))


def ledger(settings: Settings) -> str:
    """The address of the ledger's database."""
    return settings.state_url or sqlite(state_folder() / "ledger.db")


def sqlite(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


def throwaway_seal() -> Seal:
    """A seal that nothing outlives."""
    return Seal(partial(secrets.token_bytes, SECRET_BYTES))


def kept_secret(path: Path) -> bytes:
    """The secret kept in a file, made by the first process that needs it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    try:
        os.link(draft, path)  # unlike a rename, leaves a secret that is there already
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()
