"""Signing in and out, as a person does: at a terminal, and in a browser."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import anyio
import httpx
import pytest
from anyio.abc import ByteReceiveStream, Process
from starlette.applications import Starlette

from server import connect, instance
from server.callback import NoCodeError, code_in, receives
from server.sandbox import emjpm
from server.settings import Emjpm, Settings
from tests.support import listening

GUICHET = (sys.executable, "-I", "-m", "server")
SECRET = "sandbox"


@dataclass
class Site:
    """An eMJPM on this machine, and the settings that lead there."""

    app: Starlette
    url: str
    callback: str
    home: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "BROWSER": "true",  # a program that opens nothing, and says that all is well
            "NO_COLOR": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "GUICHET_CONFIG": os.devnull,
            "GUICHET_EMJPM_URL": self.url,
            "GUICHET_EMJPM_AUTHORIZE_URL": f"{self.url}/application/authorization",
            "GUICHET_EMJPM_CLIENT_ID": "7",
            "GUICHET_EMJPM_CLIENT_SECRET": SECRET,
            "GUICHET_EMJPM_REDIRECT_URI": self.callback,
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(self.home),
        }

    @property
    def settings(self) -> Settings:
        given = {"client_id": "7", "client_secret": SECRET, "redirect_uri": self.callback}
        return Settings(emjpm=Emjpm.model_validate({"url": self.url, **given}))

    def kept(self) -> list[Path]:
        return list(self.home.rglob("emjpm-*.json"))

    async def run(self, *arguments: str, typed: str = "") -> CompletedProcess[bytes]:
        return await anyio.run_process(
            [*GUICHET, *arguments], env=self.environ, check=False, input=typed.encode()
        )

    @asynccontextmanager
    async def login(self) -> AsyncGenerator[tuple[Process, str]]:
        """A sign-in under way, and the address of the page it leads to."""
        command = [*GUICHET, "login", "emjpm"]
        async with await anyio.open_process(
            command, env=self.environ, stderr=subprocess.STDOUT
        ) as process:
            try:
                yield process, await said(process.stdout, r"^http\S+authorization\S+$")
            finally:
                if process.returncode is None:
                    process.kill()

    async def agreed(self, page: str) -> str:
        """Where the browser is sent once the person agrees."""
        async with httpx.AsyncClient() as browser:
            shown = (await browser.get(page)).text
            (form, *_) = re.findall(r"<form.*?</form>", shown, re.DOTALL)
            fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
            answer = await browser.post(f"{self.url}/api/oauth/authorize", data=fields)
        return answer.headers["location"]


async def said(stream: ByteReceiveStream | None, pattern: str) -> str:
    """What a process says that has this shape, as soon as it does."""
    assert stream
    told = ""
    while not (found := re.search(pattern, told, re.MULTILINE)):
        told += (await stream.receive()).decode()
    return found[0]


async def visited(address: str) -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        return await browser.get(address)


@pytest.fixture(name="site")
async def _site(tmp_path: Path) -> AsyncGenerator[Site]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        callback = f"http://127.0.0.1:{free.getsockname()[1]}/emjpm"
    app = emjpm.create(redirects=[callback])
    with anyio.fail_after(60):
        async with listening(app) as url:
            yield Site(app, url, callback, tmp_path)


# In a browser.


async def test_a_person_signs_in_then_the_tools_work_then_signs_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(site.home))
    async with site.login() as (process, page):
        answer = await visited(await site.agreed(page))
        done = await said(process.stdout, r"^Signed in .*$")
        assert await process.wait() == 0

    assert answer.status_code == 200
    assert "fermer cet onglet" in answer.text
    assert "a file that you alone can read" in done
    async with connect.services(site.settings, instance.throwaway_seal()) as desk:
        assert len(await desk.clients.emjpm.mesures()) == 72
    out = await site.run("logout", "emjpm")
    again = await site.run("logout", "emjpm")
    assert out.stdout.startswith(b"Signed out of eMJPM on this machine.")
    assert again.stdout == b"Nobody is signed in to eMJPM here.\n"
    assert site.kept() == []


async def test_an_answer_to_another_request_is_turned_away_and_the_right_one_still_taken(
    site: Site,
):
    async with site.login() as (process, page):
        forged = await visited(f"{site.callback}?code={'0' * 40}&state=forged")
        without = await visited(f"{site.callback}?code={'0' * 40}")
        elsewhere = await visited(site.callback.replace("/emjpm", "/other"))
        right = await visited(await site.agreed(page))
        assert await process.wait() == 0

    answers = [answer.status_code for answer in (forged, without, elsewhere, right)]
    assert answers == [400, 400, 404, 200]
    assert right.headers["cache-control"] == "no-store"


async def test_another_site_s_name_for_this_machine_gets_nothing(site: Site):
    async with site.login() as (_, _page), httpx.AsyncClient() as browser:
        answer = await browser.get(site.callback, headers={"Host": "evil.example"})

    assert answer.status_code == 421


async def test_a_person_who_refuses_is_not_signed_in(site: Site):
    async with site.login() as (process, page):
        shown = (await visited(page)).text
        refusal = re.findall(r'href="([^"]+)"', shown)[0].replace("&amp;", "&")
        await visited(refusal)
        told = await said(process.stdout, r"^guichet: .*$")
        assert await process.wait() == 1

    assert told == "guichet: access was refused on eMJPM's page."
    assert site.kept() == []


async def test_a_code_that_the_service_does_not_know_is_sent_once(site: Site):
    async with site.login() as (process, page):
        state = httpx.URL(page).params["state"]
        await visited(f"{site.callback}?code={'c0de' * 10}&state={state}")
        told = await said(process.stdout, r"^guichet: .*$")
        assert await process.wait() == 1

    assert "Run `guichet login emjpm` again." in told
    assert "c0de" not in told
    assert state not in told


async def test_a_port_that_is_taken_says_how_to_do_without(site: Site):
    port = httpx.URL(site.callback).port
    with socket.create_server(("127.0.0.1", port or 0)):
        done = await site.run("login", "emjpm")

    assert done.returncode == 1
    assert b"guichet login emjpm --paste" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal to send")
async def test_a_person_who_gives_up_is_left_alone(site: Site):
    """Ctrl+C."""
    async with site.login() as (process, _):
        process.send_signal(signal.SIGINT)
        assert await process.wait() != 0

    assert site.kept() == []


# Without a browser on this machine.


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
async def test_an_address_can_be_pasted_and_is_not_shown(site: Site):
    keyboard, terminal = os.openpty()
    command = [*GUICHET, "login", "emjpm", "--paste"]
    async with await anyio.open_process(
        command, stdin=terminal, env=site.environ, start_new_session=True
    ) as process:
        page = await said(process.stdout, r"^http\S+authorization\S+$")
        address = await site.agreed(page)
        # The last of the prompt: the terminal hides what is typed from then on, and has thrown away
        # what came before.
        await said(process.stderr, " ")
        os.write(keyboard, f"{address}\n".encode())
        assert await process.wait() == 0
    os.close(keyboard)
    os.close(terminal)

    (file,) = site.kept()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://x.test/?code=abc&state=other", "not the answer"),
        ("https://x.test/?code=abc", "not the answer"),
        ("abc", "not the answer"),
        ("http://[abc?code=abc&state=ours", "no address"),
        ("https://x.test/?state=ours", "no code"),
        ("https://x.test/?error=access_denied&error_reason=user_denied", "refused"),
    ],
)
def test_an_address_without_our_code_is_refused(address: str, why: str):
    with pytest.raises(NoCodeError, match=why):
        code_in(address, "ours")


def test_the_code_of_an_address_is_found():
    assert code_in(" https://x.test/cb?code=abc&state=ours\n", "ours") == "abc"


@pytest.mark.parametrize(
    ("redirect_uri", "here"),
    [
        ("http://127.0.0.1:8767/emjpm", True),
        ("http://localhost:8767", True),
        ("http://127.0.0.1/emjpm", False),
        ("https://127.0.0.1:8767/emjpm", False),
        ("https://editeur.exemple.fr/emjpm", False),
        ("http://[::1]:8767/", False),
    ],
)
def test_only_a_port_of_this_machine_is_listened_at(redirect_uri: str, here: bool):  # noqa: FBT001
    assert receives(redirect_uri) is here


# What is configured.


async def test_without_an_application_nobody_signs_in(tmp_path: Path):
    environ = os.environ | {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    for command in ("login", "logout"):
        done = await anyio.run_process([*GUICHET, command, "emjpm"], env=environ, check=False)
        assert done.returncode == 2
        assert b"GUICHET_EMJPM_CLIENT_ID" in done.stderr


async def test_with_a_fixed_token_there_is_nobody_to_sign_in(tmp_path: Path):
    environ = os.environ | {"GUICHET_EMJPM_TOKEN": "t0ken-of-mine", "HOME": str(tmp_path)}

    done = await anyio.run_process([*GUICHET, "login", "emjpm"], env=environ, check=False)

    assert done.returncode == 2
    assert b"GUICHET_EMJPM_TOKEN is set" in done.stderr
    assert b"t0ken-of-mine" not in done.stderr
