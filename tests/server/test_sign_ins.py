"""Where a sign-in is kept: durably, privately, and renewed by one process at a time."""

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import keyring
import keyring.backend
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked
from pydantic import SecretStr

from clients.emjpm import Pair
from clients.errors import AccessDeniedError, UnavailableError
from server import sign_ins
from server.sandbox import emjpm
from server.sign_ins import SignIn
from tests.server.signing_in import Counting, consented
from tests.support import is_private, listening

ACCOUNT = "https://emjpm.test 7"
PROCESSES = 6
ROUNDS = 4

CALLER = """\
import sys, anyio
from pathlib import Path
from pydantic import SecretStr
from clients.emjpm import EmjpmClient, OAuth, SignedIn
from clients.errors import ApiError
from clients.http import connected
from server.sign_ins import SignIn

async def main(url: str, folder: str) -> None:
    async with connected(url) as plain:
        oauth = OAuth(plain, authorize_url=url, client_id="7",
                      client_secret=SecretStr("sandbox"), redirect_uri="x")
        store = SignIn(lambda: Path(folder), "https://emjpm.test 7")
        async with connected(url, auth=SignedIn(oauth, store)) as http:
            emjpm = EmjpmClient(http)
            print("ready", flush=True)
            while await anyio.to_thread.run_sync(sys.stdin.readline):
                try:
                    print(len(await emjpm.mesures()), flush=True)
                except ApiError as error:
                    print(error, flush=True)

anyio.run(main, *sys.argv[1:])
"""


class InMemory(keyring.backend.KeyringBackend):
    """A keyring that can be locked, and counts what it is asked."""

    priority = 1.0  # pyright: ignore[reportAssignmentType, reportUnannotatedClassAttribute]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False
        self.asked = 0

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.kept[service, username]

    def _check(self) -> None:
        self.asked += 1
        if self.locked:
            raise KeyringLocked


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without a desktop."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", NoKeyring())


@pytest.fixture(name="ring")
def _ring(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    ring = InMemory()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    return ring


@pytest.fixture(name="sign_in")
def _sign_in(tmp_path: Path) -> SignIn:
    return SignIn(lambda: tmp_path, ACCOUNT)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def pair(n: int) -> Pair:
    tokens = SecretStr(f"access-{n}"), SecretStr(f"refresh-{n}")
    return Pair(access_token=tokens[0], refresh_token=tokens[1], end=1_800_000_000.0)


# In a file.


async def test_nothing_is_kept_at_first(sign_in: SignIn, tmp_path: Path):
    assert await sign_in.read() is None
    assert sign_in.place() is None
    assert files(tmp_path) == []


async def test_what_is_kept_is_there_for_another_process_and_for_nobody_else(
    sign_in: SignIn, tmp_path: Path
):
    assert await sign_in.begin(pair(1)) == "file"
    await sign_in.write(pair(2))

    (file,) = files(tmp_path)
    assert is_private(file)
    assert await SignIn(lambda: tmp_path, ACCOUNT).read() == pair(2)
    assert await SignIn(lambda: tmp_path, "https://other.test 7").read() is None


async def test_a_pair_is_on_the_disk_before_it_takes_the_last_one_s_place(
    sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await sign_in.begin(pair(1))
    seen: list[str] = []
    synced = os.fsync

    def fsync(descriptor: int) -> None:
        (file,) = tmp_path.glob("*.json")
        seen.append("new" if "access-2" in file.read_text() else "old")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    await sign_in.write(pair(2))

    assert seen == ["old", "new"], "the draft, then the folder that names it"


async def test_a_pair_that_cannot_be_written_leaves_the_last_one(
    sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await sign_in.begin(pair(1))

    def full(_: int) -> None:
        raise OSError(28, "access-2 does not fit")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AccessDeniedError) as caught:
        await sign_in.write(pair(2))

    assert "access-2" not in str(caught.value)
    assert await sign_in.read() == pair(1)
    assert len(files(tmp_path)) == 1


async def renewed(sign_in: SignIn) -> None:
    """What a process does that has to."""
    async with sign_in.alone():
        await sign_in.write(pair(2))


async def read(sign_in: SignIn) -> None:
    await sign_in.read()


async def written(sign_in: SignIn) -> None:
    await sign_in.write(pair(2))


@pytest.mark.parametrize("use", [read, written, renewed])
async def test_a_folder_that_cannot_be_had_says_what_to_do(
    use: Callable[[SignIn], Awaitable[None]],
):
    def refused() -> Path:
        raise PermissionError(13, "a name to keep quiet")

    with pytest.raises(AccessDeniedError) as caught:
        await use(SignIn(refused, ACCOUNT))

    assert "PermissionError" in str(caught.value)
    assert "quiet" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '"elsewhere"', "\xff"])
async def test_a_file_that_says_nothing_is_no_sign_in(
    sign_in: SignIn, tmp_path: Path, content: str
):
    await sign_in.begin(pair(1))
    (file,) = files(tmp_path)
    file.write_text(content, encoding="latin-1")

    assert await sign_in.read() is None
    assert sign_in.place() is None


async def test_forgetting_leaves_nothing_and_can_be_done_twice(sign_in: SignIn, tmp_path: Path):
    await sign_in.begin(pair(1))

    await sign_in.forget()
    await sign_in.forget()

    assert await sign_in.read() is None
    assert files(tmp_path) == []


# In the system's keyring.


async def test_a_keyring_keeps_the_pair_and_the_file_only_says_so(
    sign_in: SignIn, tmp_path: Path, ring: InMemory
):
    assert await sign_in.begin(pair(1)) == "keyring"
    await sign_in.write(pair(2))

    (file,) = files(tmp_path)
    assert file.read_text() == '"keyring"'
    assert await sign_in.read() == pair(2)
    await sign_in.forget()
    assert (ring.kept, files(tmp_path)) == ({}, [])


async def test_no_keyring_is_asked_for_what_is_in_a_file(sign_in: SignIn, ring: InMemory):
    ring.locked = True
    await sign_in.begin(pair(1))
    asked = ring.asked

    assert await sign_in.read() == pair(1)
    await sign_in.write(pair(2))
    assert sign_in.place() == "file"

    assert ring.asked == asked


async def test_a_keyring_that_is_locked_when_a_pair_comes_does_not_lose_it(
    sign_in: SignIn, ring: InMemory
):
    await sign_in.begin(pair(1))
    ring.locked = True

    await sign_in.write(pair(2))

    assert await sign_in.read() == pair(2)
    assert sign_in.place() == "file"


async def test_a_keyring_that_is_locked_says_what_to_do(sign_in: SignIn, ring: InMemory):
    await sign_in.begin(pair(1))
    ring.locked = True

    with pytest.raises(AccessDeniedError) as caught:
        await sign_in.read()

    assert str(caught.value).endswith("Unlock it, or run `guichet login emjpm`.")


# One process at a time.


async def test_whoever_waits_for_too_long_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sign_ins, "LOCKED_FOR", 0.0)
    first, second = SignIn(lambda: tmp_path, ACCOUNT), SignIn(lambda: tmp_path, ACCOUNT)

    async with first.alone():
        with pytest.raises(UnavailableError):
            async with second.alone():
                pytest.fail("two at once")


@asynccontextmanager
async def callers(url: str, folder: Path) -> AsyncGenerator[list[Process]]:
    """Processes that are ready to call."""
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                await anyio.open_process(
                    [sys.executable, "-c", CALLER, url, str(folder)], stderr=None
                )
            )
            for _ in range(PROCESSES)
        ]
        yield opened
        for process in opened:
            process.kill()


async def test_six_processes_whose_token_ends_at_once_renew_it_once_each_time(
    sign_in: SignIn, tmp_path: Path
):
    """A refresh token serves once: a second process that sent it would end the sign-in."""
    clock = [datetime.now(UTC)]
    app = emjpm.create(now=lambda: clock[0])
    await sign_in.begin(await consented(app, clock[0]))
    counting = Counting(app)
    with anyio.fail_after(60):
        async with listening(counting) as url, callers(url, tmp_path) as processes:
            lines = [BufferedByteReceiveStream(p.stdout) for p in processes if p.stdout]
            heard = partial(BufferedByteReceiveStream.receive_until, delimiter=b"\n", max_bytes=500)
            assert {await heard(line) for line in lines} == {b"ready"}
            answers: list[bytes] = []
            for _ in range(ROUNDS):
                clock[0] += timedelta(hours=24)
                for process in processes:
                    assert process.stdin
                    await process.stdin.send(b"\n")
                answers += [await heard(line) for line in lines]

    assert answers == [b"72"] * PROCESSES * ROUNDS
    assert counting.tokens == [200] * ROUNDS
