"""The instructions of the image, run in folders that stand for it; no image is built."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import httpx
import pytest

from release.project import ROOT
from tests.container import those
from tests.databases import SERVER

HOME, PORT = "/opt/guichet", "8765"
"""Where the image has what it runs, and where that is served."""
TOML = """
[http]
public_url = "https://guichet.exemple.gouv.fr"
[http.tokens.alice]
sha256 = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
scopes = ["read"]
"""
STARTS_WITHIN = 60.0

pytestmark = pytest.mark.proof


@pytest.fixture(name="image")
async def _image(tmp_path: Path) -> Path:
    """What the instructions make of an empty folder."""
    sources, programs = tmp_path / "src", tmp_path / "bin"
    sources.mkdir()
    programs.mkdir()
    (programs / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    for copy in those("COPY"):
        for name in (word for word in copy.words[:-1] if not word.startswith(("--", "/"))):
            made = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            made(ROOT / name, sources / name)
    environ = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    for run in those("RUN"):
        line = run.text.replace(HOME, f"{tmp_path}{HOME}")
        await anyio.run_process(line, cwd=sources, env=environ)  # in a shell, as it is there
    return tmp_path


@pytest.fixture(name="environ")
def _environ(image: Path) -> Mapping[str, str]:
    """What compose.yaml gives it, and the settings of a team."""
    secrets = image / "secrets"
    secrets.mkdir()
    state = SERVER or f"sqlite:///{image}/ledger.db"
    (secrets / "GUICHET_SECRET").write_text(f"{'s' * 44}\n", encoding="utf-8")
    (secrets / "GUICHET_STATE_URL").write_text(f"{state}\n", encoding="utf-8")
    (image / "guichet.toml").write_text(TOML, encoding="utf-8")
    own = dict(word.split("=", 1) for word in those("ENV")[0].words)
    return {
        **{name: value.replace(HOME, f"{image}{HOME}") for name, value in own.items()},
        "HOME": f"{image}/nowhere",
        "GUICHET_CONFIG": f"{image}/guichet.toml",
        "GUICHET_SECRETS_DIRECTORY": str(secrets),
        "GUICHET_LOGS": "json",
    }


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.startswith("ledger.db")}


def on(port: int, command: list[str], image: Path) -> list[str]:
    """A command of the image, where it stands and on another port."""
    program = f"{image}{HOME}/bin/{command[0]}"
    return [program, *(word.replace(PORT, str(port)) for word in command[1:])]


async def answers(check: list[str], environ: Mapping[str, str]) -> bool:
    """What the health check says."""
    looked = await anyio.run_process(check, env=environ, check=False)
    return looked.returncode == 0


async def test_what_the_image_installs_starts_serves_and_stops_and_writes_nothing(
    image: Path, environ: Mapping[str, str]
):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command, check = (on(port, those(name)[0].command, image) for name in ("CMD", "HEALTHCHECK"))
    before = files(image)
    async with (
        await anyio.open_process(command, env=environ, cwd=image, stderr=None) as served,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        with anyio.fail_after(STARTS_WITHIN):
            while not await answers(check, environ):
                assert served.returncode is None
        ready = (await client.get("/readyz")).status_code
        stranger = await client.post("/mcp", headers={"Host": "guichet.exemple.gouv.fr"})
        served.send_signal(signal.SIGTERM)
        with anyio.fail_after(STARTS_WITHIN):
            await served.wait()

    assert (ready, stranger.status_code) == (200, 401)
    assert served.returncode in {0, -signal.SIGTERM}
    assert files(image) == before
    assert not await answers(check, environ)
