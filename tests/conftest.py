"""What every test starts from."""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests import databases
from tests.databases import State
from tests.support import ERAS, Counter

WINDOWS = sys.platform == "win32"
collect_ignore_glob = ["crash/test_*.py", "server/test_pipes.py"] if WINDOWS else []
"""Windows has no signal that kills a process where these choose, and its loop waits for no pipe."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """What tests start heeds Ctrl+C, even if a shell has this run ignore it in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _nobody_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("GUICHET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GUICHET_CONFIG", os.devnull)


@pytest.fixture(autouse=WINDOWS)
def _nobody_s_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What tests elsewhere say by HOME and XDG_STATE_HOME, in the words of Windows."""
    for name in ("USERPROFILE", "APPDATA", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture(name="postgresql")
def _postgresql() -> Generator[State]:
    with databases.postgresql() as state:
        yield state


@pytest.fixture(name="state", params=databases.KINDS)
def _state(request: pytest.FixtureRequest, tmp_path: Path) -> State:
    """Both kinds of database: what holds in one must hold in the other."""
    if request.param == "sqlite":
        return databases.sqlite(tmp_path)
    return request.getfixturevalue("postgresql")


@pytest.fixture(name="counter")
def _counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


@pytest.fixture(name="era", params=ERAS)
def _era(request: pytest.FixtureRequest) -> str:
    """Both eras of the protocol: what holds in one must hold in the other."""
    return str(request.param)
