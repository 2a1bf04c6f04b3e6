"""What every test starts from."""

import os
from pathlib import Path

import pytest

from tests.support import ERAS, Counter


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _nobody_s_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("GUICHET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GUICHET_CONFIG", os.devnull)


@pytest.fixture(name="counter")
def _counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


@pytest.fixture(name="era", params=ERAS)
def _era(request: pytest.FixtureRequest) -> str:
    """Both eras of the protocol: what holds in one must hold in the other."""
    return str(request.param)
