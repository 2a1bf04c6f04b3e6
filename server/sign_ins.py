"""Where a sign-in is kept on this machine: by the system's keyring, or else in a 0600 file.

That of several instances is kept elsewhere: see `server.shared`.

The file always tells which of the two, so that a keyring is only loaded when a pair is in it.
Processes that share the file take turns to renew what it stands for.
"""

import json
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio.to_thread import run_sync
from pydantic import TypeAdapter, ValidationError

from clients.emjpm import LOGIN, SERVICE, Pair
from clients.errors import AccessDeniedError, UnavailableError
from clients.http import Sleep
from tools.files import settle

if TYPE_CHECKING:
    from filelock import FileLock

Place = Literal["file", "keyring", "database"]
Given = TypeVar("Given")
Texts = TypeVarTuple("Texts")

KEYRING_NAME = "guichet"
LOCKED_FOR = 90.0
"""Seconds that a process waits for another that renews the sign-in."""
BETWEEN_TRIES = 0.02
ASKED_FOR = 60.0
"""Seconds that a keyring has to answer: it may ask a person to unlock it."""

_IN_KEYRING = "keyring"
_KEPT: TypeAdapter[Pair | Literal["keyring"]] = TypeAdapter(Pair | Literal["keyring"])
_PAIR = TypeAdapter(Pair)


class SignIn:
    """The pair of one account of one eMJPM, and the lock that goes with it."""

    def __init__(
        self, folder: Callable[[], Path], account: str, *, sleep: Sleep = anyio.sleep
    ) -> None:
        """`folder` gives the folder it is kept in, when needed; `account` says what it opens."""
        self._folder = folder
        self._name = f"emjpm-{sha256(account.encode()).hexdigest()[:12]}"
        self._sleep = sleep
        self._one_at_a_time = anyio.Lock()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """A block that no other process of this machine, and no other task, is in.

        Raises:
            UnavailableError: Another has been in it for too long.
        """
        async with self._one_at_a_time:
            lock = await self._locked()
            try:
                yield
            finally:
                lock.release()

    async def read(self) -> Pair | None:
        """The pair, unless nobody signed in.

        Raises:
            AccessDeniedError: There is one, which cannot be read.
        """
        try:
            kept = await run_sync(self._kept)
        except OSError as error:
            raise _unusable("read", error) from None
        return await self._from_keyring() if kept == _IN_KEYRING else kept

    async def write(self, pair: Pair) -> None:
        """Keep the pair where the last one was; if its keyring does not take it, in the file.

        Raises:
            AccessDeniedError: It cannot be kept: whoever had it has lost it.
        """
        if await run_sync(self.place) == _IN_KEYRING:
            await self.begin(pair)
        else:
            await self._file(written(pair))

    async def begin(self, pair: Pair) -> Place:
        """Keep the pair of somebody who signs in, and say where: by the keyring if there is one.

        Raises:
            AccessDeniedError: It cannot be kept.
        """
        in_keyring = bool(await _asked(_to_keyring, self._name, written(pair)))
        await self._file(json.dumps(_IN_KEYRING) if in_keyring else written(pair))
        return "keyring" if in_keyring else "file"

    async def forget(self) -> None:
        """Keep nothing any more.

        Raises:
            AccessDeniedError: The file cannot be deleted.
        """
        if await run_sync(self.place) == _IN_KEYRING:
            await _asked(_out_of_keyring, self._name)
        try:
            await run_sync(lambda: self._path.unlink(missing_ok=True))
        except OSError as error:
            raise _unusable("deleted", error) from None

    def place(self) -> Place | None:
        """Where the pair is kept, if anywhere; no keyring is asked."""
        try:
            kept = self._kept()
        except OSError:
            return None
        return kept and ("keyring" if kept == _IN_KEYRING else "file")

    @property
    def _path(self) -> Path:
        return self._folder() / f"{self._name}.json"

    def _kept(self) -> Pair | Literal["keyring"] | None:
        """What the file says; a file that says nothing understandable is none."""
        with suppress(FileNotFoundError, ValidationError):
            return _KEPT.validate_json(self._path.read_bytes())
        return None

    async def _from_keyring(self) -> Pair:
        text = await _asked(_in_keyring, self._name)
        try:
            return _PAIR.validate_json(text or "")
        except ValidationError:
            told = "the system's keyring does not give the sign-in."
            remedy = f"Unlock it, or run `{LOGIN}`."
            raise AccessDeniedError(SERVICE, told, remedy=remedy) from None

    async def _file(self, text: str) -> None:
        try:
            await run_sync(self._replace, text)
        except OSError as error:
            raise _unusable("kept", error) from None

    async def _locked(self) -> "FileLock":
        """The lock, once it is ours; the system releases it, should the process die."""
        from filelock import FileLock  # noqa: PLC0415  (0.02 s, for what is seldom needed)

        try:
            lock = FileLock(self._path.with_suffix(".lock"), mode=0o600, thread_local=False)
            with anyio.fail_after(LOCKED_FOR):
                while not _acquired(lock):
                    await self._sleep(BETWEEN_TRIES)
        except TimeoutError:
            told = "another process has been renewing the sign-in for too long."
            raise UnavailableError(SERVICE, told) from None
        except OSError as error:
            raise _unusable("renewed", error) from None
        return lock

    def _replace(self, text: str) -> None:
        """Write the file whole or not at all, and see it on the disk before returning."""
        path = self._path
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        settle(path.parent)


def _acquired(lock: "FileLock") -> bool:
    with suppress(TimeoutError):  # which its own exception is one of
        lock.acquire(blocking=False)
    return lock.is_locked


def written(pair: Pair) -> str:
    """A pair as it is kept."""
    return json.dumps(
        {
            "access_token": pair.access_token.get_secret_value(),
            "refresh_token": pair.refresh_token.get_secret_value(),
            "end": pair.end,
        }
    )


# What is asked of a keyring, in a thread: each kind of them has its own exceptions, and may wait
# for a person to unlock it. Loading the library takes 0.1 s, and it is not everywhere.


async def _asked(ask: Callable[[Unpack[Texts]], Given], *texts: *Texts) -> Given | None:
    """What the keyring says; nothing, if it says nothing in time."""
    with anyio.move_on_after(ASKED_FOR):
        return await run_sync(ask, *texts, abandon_on_cancel=True)
    return None


def _to_keyring(name: str, text: str) -> bool:
    """Whether the keyring has it now."""
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        keyring.set_password(KEYRING_NAME, name, text)
        return keyring.get_password(KEYRING_NAME, name) == text
    return False


def _in_keyring(name: str) -> str | None:
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        return keyring.get_password(KEYRING_NAME, name)
    return None


def _out_of_keyring(name: str) -> None:
    with suppress(Exception):
        import keyring  # noqa: PLC0415

        keyring.delete_password(KEYRING_NAME, name)


def _unusable(how: str, error: Exception) -> AccessDeniedError:
    told = f"the sign-in cannot be {how} on this machine ({type(error).__name__})."
    remedy = f"Run `{LOGIN}` as the user who runs Guichet, where its state folder can be written."
    return AccessDeniedError(SERVICE, told, remedy=remedy)
