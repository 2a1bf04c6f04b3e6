"""The approval page over HTTP: who may see it, who may answer on it, and what it shows."""

import logging
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
import pytest

from clients.http import Outgoing
from server import instance
from server.approvals import Pages
from server.approvals.browser import open_browser
from tests.support import BUTTONS, Browser, Button, Clock
from tools.journal import Intent, Journal
from tools.language import in_english, in_french
from tools.questions import Asked, Change, Typed, Words

ASKED = Asked(
    title="Accepter le dossier n° 200001 ?",
    says=("C'est un acte administratif.", "Un e-mail part aussitôt à l'usager."),
    changes=(Change(field="État", before="en_instruction", after="accepte"),),
    words=(
        Words(label="demandeur", text="Mme Alice Martin"),
        Words(label="motivation, rédigée par l'assistant", text="Dossier complet."),
    ),
    typed=Typed(label="Numéro du dossier", asks="Recopiez le numéro", value="200001"),
    request=Outgoing("POST", "https://service.example/graphql", '{"state":"accepte"}'),
)
YES = {"agreed": "yes", "typed": "200001"}


@dataclass
class Desk:
    """A ledger, its page, and the addresses at which browsers were opened."""

    journal: Journal
    pages: Pages
    clock: Clock
    opened: list[str] = field(default_factory=list[str])
    asked: int = 0

    async def ask(self, asked: Asked = ASKED, principal: str = "local") -> str:
        """A plan put to somebody, as the guard does before it is presented."""
        self.asked += 1
        intent = Intent(
            principal=principal,
            tool="accept_dossier",
            subject="200001",
            arguments=asked.title,
            facts="{}",
            asked=asked,
        )
        return (await self.journal.ask(f"{self.asked:064d}", intent, by_page=True)).id

    async def present(self, asked: Asked = ASKED, principal: str = "local") -> str:
        """The address with a key at which a browser was opened for a new plan."""
        await self.pages.present(await self.ask(asked, principal))
        return self.opened[-1]

    async def status(self, operation: str) -> str:
        found = await self.journal.find(operation)
        assert found
        return found.status


@pytest.fixture(name="language")
def _language() -> str:
    return "fr"


@pytest.fixture(name="desk")
async def _desk(tmp_path: Path, language: str) -> AsyncGenerator[Desk]:
    async with desk_at(tmp_path, language) as desk:
        yield desk


@asynccontextmanager
async def desk_at(folder: Path, language: str = "fr") -> AsyncGenerator[Desk]:
    clock, opened = Clock(), list[str]()
    seal = instance.throwaway_seal()
    journal = Journal(lambda: instance.sqlite(folder / "ledger.db"), seal, clock=clock)

    async def browse(address: str) -> bool:
        opened.append(address)
        return True

    say = in_french if language == "fr" else in_english
    with anyio.fail_after(20):
        async with Pages(journal, say, browse=browse, clock=clock) as pages:
            yield Desk(journal, pages, clock, opened)
        await journal.close()


@pytest.fixture(name="browser")
async def _browser() -> AsyncGenerator[Browser]:
    async with Browser() as browser:
        yield browser


async def test_nothing_is_served_before_a_plan_has_to_be_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    served: list[object] = []
    create_server = socket.create_server

    def counted(address: tuple[str, int], *, backlog: int) -> socket.socket:
        served.append(address)
        return create_server(address, backlog=backlog)

    monkeypatch.setattr(socket, "create_server", counted)
    operation = await desk.ask()
    assert not served
    await desk.pages.present(operation)
    await desk.pages.present(operation)
    assert served == [("127.0.0.1", 0)]


async def test_nothing_is_served_after_the_desk_has_closed(tmp_path: Path, browser: Browser):
    async with desk_at(tmp_path) as desk:
        address = await desk.present()
        await browser.open(address)
    with pytest.raises(httpx.ConnectError):
        await browser.open(browser.address)


async def test_no_signal_handler_is_installed(desk: Desk, browser: Browser):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    await browser.open(await desk.present())

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_nothing_is_logged_nor_written(
    desk: Desk,
    browser: Browser,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    await browser.open(await desk.present())
    await browser.press("approve", **YES)
    await browser.open(f"{browser.origin}/approvals/unknown")
    async with Browser() as stranger:
        await stranger.open(browser.address)

    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_address_that_is_given_back_holds_no_secret(desk: Desk):
    given = await desk.pages.present(await desk.ask())

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/approvals", given)
    (opened,) = desk.opened
    assert re.fullmatch(given + r"/enter\?key=[\w-]{43}", opened)


async def test_the_address_is_written_on_stderr_when_no_browser_opens(
    tmp_path: Path, browser: Browser, capsys: pytest.CaptureFixture[str]
):
    async def no_browser(address: str) -> bool:
        return False

    async with desk_at(tmp_path) as desk, Pages(desk.journal, in_french, browse=no_browser) as shy:
        await shy.present(await desk.ask())
        out, err = capsys.readouterr()
        assert not out
        await browser.open(err.splitlines()[-1])

    assert "Accepter le dossier n° 200001" in browser.page


async def test_a_page_that_a_cancelled_call_did_not_open_is_opened_by_the_next(tmp_path: Path):
    opened, opening = list[str](), anyio.Event()

    async def stuck_once(address: str) -> bool:
        opened.append(address)
        if not opening.is_set():
            opening.set()
            await anyio.sleep_forever()
        return True

    async with (
        desk_at(tmp_path) as desk,
        Pages(desk.journal, in_french, browse=stuck_once) as its,
    ):
        operation = await desk.ask()
        async with anyio.create_task_group() as calls:
            calls.start_soon(its.present, operation)
            await opening.wait()
            calls.cancel_scope.cancel()
        await its.present(operation)
        await its.present(operation)

    assert len(opened) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no shell to write a browser for")
async def test_a_browser_is_opened_whose_output_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """On stdio, what a browser prints would reach the client as protocol."""
    seen, script = tmp_path / "seen", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\ncat > "{seen}.in"\necho noise\necho "$1" > "{seen}"\n')
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(script))

    assert await open_browser("http://127.0.0.1:1/approvals/enter?key=k")
    assert seen.read_text() == "http://127.0.0.1:1/approvals/enter?key=k\n"
    assert seen.with_suffix(".in").read_text() == ""
    assert capfd.readouterr() == ("", "")


async def test_a_machine_without_a_browser_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert not await open_browser("http://127.0.0.1:1/")


async def test_one_browser_window_is_enough_while_it_waits(desk: Desk):
    """A model that calls again and again does not bury the person under windows."""
    first = await desk.ask()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(desk.pages.present, first)
    await desk.present()
    assert len(desk.opened) == 1

    desk.clock.now += 121
    await desk.pages.present(first)
    assert len(desk.opened) == 2


async def test_a_new_plan_opens_a_browser_once_the_last_one_shown_is_decided(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    await browser.press("refuse")
    other = await desk.ask()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(desk.pages.present, other)

    assert len(desk.opened) == 2


async def test_a_key_is_exchanged_for_a_cookie_and_a_clean_address(desk: Desk, browser: Browser):
    browser.http.follow_redirects = False
    response = await browser.http.get(await desk.present())

    assert response.status_code == 303
    assert response.headers["location"] == f"/approvals/{1:064d}"
    name, _, rest = response.headers["set-cookie"].partition("=")
    port = httpx.URL(desk.opened[0]).port
    assert name == f"guichet-{port}"
    assert {part.strip() for part in rest.split(";")[1:]} == {
        "HttpOnly",
        "Path=/approvals",
        "SameSite=strict",
    }


async def test_a_key_serves_once(desk: Desk, browser: Browser):
    address = await desk.present()
    await browser.open(address)
    async with Browser() as second:
        page = await second.open(address)

    assert second.status == 403
    assert "200001" not in page


async def test_a_used_key_leads_its_own_browser_to_the_list(desk: Desk, browser: Browser):
    address = await desk.present()
    await browser.open(address)
    await browser.open(address)

    assert browser.address.endswith("/approvals")
    assert browser.status == 200


async def test_a_key_expires(desk: Desk, browser: Browser):
    address = await desk.present()
    desk.clock.now += 601
    await browser.open(address)

    assert browser.status == 403


async def test_a_session_expires(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    desk.clock.now += 3601
    await browser.open(browser.address)

    assert browser.status == 403


@pytest.mark.parametrize("key", ["", "x", "é", "0" * 43, "\ud800"])
async def test_a_guessed_key_opens_nothing(desk: Desk, browser: Browser, key: str):
    address = (await desk.present()).partition("key=")[0]
    given = key.encode("utf-8", "surrogatepass")
    await browser.open(address + "key=" + "".join(f"%{byte:02x}" for byte in given))

    assert browser.status == 403


async def test_a_second_key_leaves_a_browser_its_forms(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    desk.clock.now += 121
    await browser.http.get(await desk.present())  # in another tab
    await browser.press("approve", **YES)

    assert "Accord enregistré" in browser.page


@pytest.mark.parametrize("cookie", ["", "guessed", "é"])
async def test_without_the_cookie_every_address_answers_the_same(
    desk: Desk, browser: Browser, cookie: str
):
    """Nobody learns what exists, nor whether anything waits."""
    port = httpx.URL(await desk.present()).port
    origin = f"http://127.0.0.1:{port}"
    headers = [
        (b"Cookie", f"guichet-{port}={cookie}".encode()),
        (b"Origin", origin.encode()),
    ]
    plan = f"/approvals/{1:064d}"
    answers = [
        await browser.http.request(method, origin + path, headers=headers)
        for method, path in (
            ("GET", "/"),
            ("GET", "/approvals"),
            ("GET", plan),
            ("GET", "/approvals/unknown"),
            ("GET", "/approvals/enter"),
            ("GET", "/favicon.ico"),
            ("POST", f"{plan}/approve"),
            ("POST", f"{plan}/refuse"),
            ("POST", "/approvals/unknown/approve"),
            ("POST", "/approvals/style.css"),
        )
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    assert "200001" not in answers[0].text
    assert await desk.status(f"{1:064d}") == "pending"


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:{port}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1.attacker.example:{port}",
        "localhost:{port}.attacker.example",
        "[::1]:{port}",
        "",
    ],
)
async def test_no_other_host_is_answered(desk: Desk, browser: Browser, host: str):
    """DNS rebinding: a site's own name, made to lead to this machine."""
    await browser.open(await desk.present())
    port = httpx.URL(browser.address).port
    response = await browser.http.get(browser.address, headers={"Host": host.format(port=port)})

    assert response.status_code == 421
    assert response.text == "Misdirected"


async def test_the_page_can_also_be_read_as_localhost(desk: Desk, browser: Browser):
    await browser.open((await desk.present()).replace("127.0.0.1", "localhost"))
    await browser.press("approve", **YES)

    assert browser.address.startswith("http://localhost:")
    assert "Accord enregistré" in browser.page


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "https://attacker.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.attacker.example",
    ],
)
@pytest.mark.parametrize("button", BUTTONS)
async def test_a_form_from_elsewhere_decides_nothing(
    desk: Desk, browser: Browser, origin: str | None, button: Button
):
    """Even with the cookie and the token: a page on another port of this host is of this site."""
    await browser.open(await desk.present())
    port = httpx.URL(browser.address).port
    headers = {} if origin is None else {"Origin": origin.format(port=port)}
    form = {"token": browser.token} | YES
    response = await browser.http.post(f"{browser.address}/{button}", data=form, headers=headers)

    assert (response.status_code, response.text) == (403, "Forbidden")
    assert await desk.status(f"{1:064d}") == "pending"


async def test_two_origins_are_none(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    headers = [("Origin", browser.origin), ("Origin", "https://attacker.example")]
    form = {"token": browser.token} | YES
    response = await browser.http.post(f"{browser.address}/approve", data=form, headers=headers)

    assert response.status_code == 403
    assert await desk.status(f"{1:064d}") == "pending"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_only_get_and_post_are_answered(desk: Desk, browser: Browser, method: str):
    await browser.open(await desk.present())
    for path in ("", "/approve"):
        response = await browser.http.request(method, browser.address + path)
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, POST"


async def test_reading_an_address_that_decides_decides_nothing(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    for button in BUTTONS:
        address = f"{browser.address}/{button}?token={browser.token}&agreed=yes&typed=200001"
        assert (await browser.http.get(address)).status_code == 405

    assert await desk.status(f"{1:064d}") == "pending"


async def test_every_answer_carries_the_headers_that_shut_everything_else_out(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    plan, post = browser.address, {"Origin": browser.origin}
    async with Browser() as stranger:
        answers = [
            await browser.http.get(plan),
            await browser.http.get(f"{browser.origin}/approvals"),
            await browser.http.get(f"{browser.origin}/approvals/style.css"),
            await browser.http.get(f"{browser.origin}/approvals/unknown"),
            await browser.http.get(plan, headers={"Host": "attacker.example"}),
            await browser.http.post(f"{plan}/approve"),
            await browser.http.post(f"{plan}/approve", headers=post),
            await browser.http.post(f"{plan}/approve", headers=post, content=b"x" * 70_000),
            await browser.http.delete(plan),
            await stranger.http.get(plan),
        ]

    codes = [answer.status_code for answer in answers]
    assert codes == [200, 200, 200, 404, 421, 403, 422, 413, 405, 403]
    for answer in answers:
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers


async def test_the_page_has_no_script_and_nothing_external(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    for path in (browser.address, f"{browser.origin}/approvals"):
        page = await browser.open(path)
        assert not re.search(r"<script|<iframe|<img|<style|\sstyle=|\son\w+=|javascript:", page)
        linked = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert linked
        assert all(link.startswith(("/approvals", "#")) for link in linked)


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
async def test_a_form_too_large_is_not_read(desk: Desk, browser: Browser, *, in_pieces: bool):
    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    await browser.open(await desk.present())
    response = await browser.http.post(
        f"{browser.address}/approve",
        content=pieces() if in_pieces else b"x" * 70 * 1024,
        headers={"Origin": browser.origin},
    )

    assert response.status_code == 413
    assert await desk.status(f"{1:064d}") == "pending"


async def test_a_form_of_many_fields_is_not_read(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    await browser.press("approve", **YES, **{f"f{number}": "x" for number in range(20)})

    assert browser.status == 413


async def test_an_agreement_is_recorded_and_the_person_is_sent_back_to_the_assistant(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    await browser.press("approve", agreed="yes", typed=" 200 001 ")

    assert await desk.status(f"{1:064d}") == "approved"
    assert (browser.status, browser.address) == (200, f"{browser.origin}/approvals/{1:064d}")
    assert "<h1>Accord enregistré</h1>" in browser.page
    assert "Rien n&#39;a encore été envoyé." in browser.page
    assert "Revenez à l&#39;assistant et demandez-lui de continuer" in browser.page


async def test_a_refusal_needs_neither_the_box_nor_the_number(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    await browser.press("refuse")

    assert await desk.status(f"{1:064d}") == "declined"
    assert "<h1>Refus enregistré</h1>" in browser.page


async def test_an_agreement_can_be_taken_back_until_something_is_sent(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    await browser.press("approve", **YES)
    await browser.press("refuse")

    assert await desk.status(f"{1:064d}") == "declined"
    assert "<h1>Refus enregistré</h1>" in browser.page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"typed": "200001"}, "agreed"),
        ({"typed": "200001", "agreed": "no"}, "agreed"),
        ({"agreed": "yes", "typed": "200002"}, "typed"),
        ({"agreed": "yes", "typed": ""}, "typed"),
        ({"agreed": "yes"}, "typed"),
    ],
    ids=["unticked", "not a tick", "mistyped", "empty", "untyped"],
)
async def test_a_form_filled_in_wrong_is_shown_again_with_the_reason_beside_its_field(
    desk: Desk, browser: Browser, fields: dict[str, str], field: str
):
    await browser.open(await desk.present())
    page = await browser.press("approve", **fields)

    assert browser.status == 422
    assert await desk.status(f"{1:064d}") == "pending"
    assert "<title>Erreur : Accepter le dossier" in page
    assert 'role="alert"' in page
    assert f'<a href="#{field}">' in page
    (control,) = re.findall(rf'<input[^>]* id="{field}"[^>]*>', page)
    assert 'aria-invalid="true"' in control
    assert re.search(rf'aria-describedby="[^"]*{field}-reason', control)
    assert f'id="{field}-reason">Erreur :' in page


async def test_what_was_ticked_and_typed_is_still_there_after_an_error(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    page = await browser.press("approve", agreed="yes", typed='20002"><b>')
    assert re.search(r'id="agreed"[^>]* checked', page)
    assert 'value="20002&#34;&gt;&lt;b&gt;"' in page

    page = await browser.press("approve", typed="200001")
    assert not re.search(r'id="agreed"[^>]* checked', page)
    assert 'value="200001"' in page
    await browser.press("approve", **YES)
    assert await desk.status(f"{1:064d}") == "approved"


async def test_an_answer_that_could_not_be_recorded_is_said_to_be_so(
    tmp_path: Path, browser: Browser
):
    """The disk is full, say: the person reads what to do, and the plan still awaits them."""
    async with desk_at(tmp_path) as desk:
        await browser.open(await desk.present())
        plan = browser.address
        with sqlite3.connect(tmp_path / "ledger.db") as ledger:
            ledger.execute(
                "CREATE TRIGGER full_disk AFTER UPDATE ON operations "
                "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        ledger.close()
        told = await browser.press("approve", **YES)
        status = browser.status
        shown = await browser.open(plan)

    assert status == 503
    assert "Le journal ne répond pas" in told
    assert "Accepter le dossier n° 200001 ?" in shown


async def test_what_several_processes_put_is_refused_with_one_of_them(desk: Desk, browser: Browser):
    """Even if another one was agreed to before; the model is told once."""
    await browser.open(await desk.present())
    await browser.press("approve", **YES)
    again, other = await desk.ask(), await desk.ask(titled("Importer 3 clés ?"))
    await browser.open(f"{browser.origin}/approvals/{again}")
    await browser.press("refuse")

    statuses = [await desk.status(f"{number:064d}") for number in (1, 2, 3)]
    assert statuses == ["declined", "declined", "pending"]
    assert {left.id for left in await desk.journal.on_page("local")} == {again, other}


async def test_a_form_sent_twice_is_told_that_the_plan_is_decided(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    plan, form = browser.address, {"token": browser.token} | YES
    headers = {"Origin": browser.origin}
    first = await browser.http.post(f"{plan}/approve", data=form, headers=headers)
    second = await browser.http.post(f"{plan}/approve", data=form, headers=headers)
    third = await browser.http.post(f"{plan}/refuse", data=form, headers=headers)

    assert [r.status_code for r in (first, second, third)] == [200, 409, 409]
    assert "a déjà reçu sa réponse" not in first.text
    assert "a déjà reçu sa réponse" in second.text
    assert "<h1>Accord enregistré</h1>" in third.text
    events = [entry.event for entry in await desk.journal.entries()]
    assert events == ["asked", "approved"]


async def test_of_two_forms_sent_at_once_one_decides(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    plan, headers, codes = browser.address, {"Origin": browser.origin}, list[int]()
    tokens = [browser.token]
    for _ in range(9):
        await browser.open(plan)
        tokens.append(browser.token)

    async def send(token: str) -> None:
        form = {"token": token} | YES
        response = await browser.http.post(f"{plan}/approve", data=form, headers=headers)
        codes.append(response.status_code)

    async with anyio.create_task_group() as tasks:
        for token in tokens:
            tasks.start_soon(send, token)

    assert sorted(codes) == [200] + [409] * 9
    assert [entry.event for entry in await desk.journal.entries()] == ["asked", "approved"]


async def test_a_token_serves_once_even_if_the_form_was_wrong(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    used = browser.token
    await browser.press("approve", agreed="yes", typed="200002")
    page = await browser.press("approve", token=used, **YES)

    assert browser.status == 422
    assert "Ce formulaire a déjà servi" in page
    assert 'value="200001"' in page
    assert await desk.status(f"{1:064d}") == "pending"


@pytest.mark.parametrize("button", BUTTONS)
async def test_a_form_without_a_token_of_ours_decides_nothing(
    desk: Desk, browser: Browser, button: Button
):
    await browser.open(await desk.present())
    for token in ("", "guessed", "é"):
        await browser.press(button, token=token, **YES)
        assert browser.status == 422

    assert await desk.status(f"{1:064d}") == "pending"


async def test_a_token_is_only_good_for_the_plan_it_was_shown_with(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    token = browser.token
    other = await desk.ask()
    await browser.open(f"{browser.origin}/approvals/{other}")
    await browser.press("approve", token=token, **YES)

    assert browser.status == 422
    assert await desk.status(other) == "pending"


async def test_a_token_is_only_good_in_the_browser_it_was_shown_to(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    desk.clock.now += 121
    await desk.pages.present(f"{1:064d}")
    async with Browser() as second:
        await second.open(desk.opened[1])
        await second.press("approve", token=browser.token, **YES)
        assert second.status == 422

    assert await desk.status(f"{1:064d}") == "pending"


async def test_the_oldest_forms_of_a_browser_are_forgotten(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    oldest = browser.token
    for _ in range(100):
        await browser.open(browser.address)
    await browser.press("approve", token=oldest, **YES)
    assert browser.status == 422
    await browser.press("approve", **YES)
    assert await desk.status(f"{1:064d}") == "approved"


async def test_another_principal_s_plan_does_not_exist(desk: Desk, browser: Browser):
    theirs = await desk.ask(titled("Supprimer ?"), principal="somebody else")
    await browser.open(await desk.present())
    token, origin = browser.token, browser.origin
    missing = await browser.open(f"{origin}/approvals/unknown")
    page = await browser.open(f"{origin}/approvals/{theirs}")
    assert (browser.status, page) == (404, missing)
    for button in BUTTONS:
        form = {"token": token} | YES
        response = await browser.http.post(
            f"{origin}/approvals/{theirs}/{button}", data=form, headers={"Origin": origin}
        )
        assert (response.status_code, response.text) == (404, missing)
    assert "Supprimer" not in await browser.open(f"{origin}/approvals")
    assert await desk.status(theirs) == "pending"


async def test_a_question_that_was_put_in_the_client_is_not_on_the_page(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    intent = Intent(principal="local", tool="t", subject="1", arguments="", facts="", asked=ASKED)
    by_form = await desk.journal.ask("f" * 64, intent)
    await browser.open(f"{browser.origin}/approvals/{by_form.id}")

    assert browser.status == 404


async def test_the_list_shows_what_waits_and_leads_to_it(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    other = await desk.ask(titled("Importer 3 clés ?"))
    page = await browser.open(f"{browser.origin}/approvals")
    assert "Accepter le dossier n° 200001 ?</a>" in page
    assert f'<a href="/approvals/{other}">Importer 3 clés ?</a>' in page

    await browser.open(f"{browser.origin}/approvals/{other}")
    page = await browser.press("refuse")
    assert "Autres demandes en attente de votre décision : 1</a>" in page
    page = await browser.open(f"{browser.origin}/approvals")
    assert "Importer 3 clés" not in page


async def test_a_plan_sealed_with_a_lost_key_hides_no_other_and_cannot_be_agreed_to(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    desk.journal.seal = instance.throwaway_seal()
    other = await desk.ask(titled("Importer 3 clés ?"))

    pressed = await browser.press("approve", **YES)
    assert browser.status == 410
    assert "une clé que Guichet n&#39;a plus" in pressed
    page = await browser.open(f"{browser.origin}/approvals")
    assert f'<a href="/approvals/{other}">Importer 3 clés ?</a>' in page
    assert "une clé que Guichet n&#39;a plus" in page
    assert await desk.status(f"{1:064d}") == "pending"


async def test_an_empty_list_says_so(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    await browser.press("refuse")
    page = await browser.open(f"{browser.origin}/approvals")

    assert "Aucune demande n&#39;attend votre décision." in page


async def test_a_plan_that_expired_says_so_and_cannot_be_decided(desk: Desk, browser: Browser):
    await browser.open(await desk.present())
    desk.clock.now += 601
    for button in BUTTONS:
        page = await browser.press(button, **YES)
        assert browser.status == 409
        assert "<h1>Cette demande a expiré</h1>" in page
    page = await browser.open(f"{browser.origin}/approvals/{1:064d}")
    assert "<h1>Cette demande a expiré</h1>" in page
    assert "<form" not in page
    assert "Aucune demande" in await browser.open(f"{browser.origin}/approvals")
    assert await desk.status(f"{1:064d}") == "pending"


async def test_an_agreement_not_used_in_time_says_that_nothing_was_sent(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    await browser.press("approve", **YES)
    desk.clock.now += 601
    page = await browser.open(browser.address)

    assert "<h1>Votre accord a expiré</h1>" in page
    assert "<form" not in page


async def test_the_page_of_a_plan_under_way_says_so_and_offers_nothing(
    desk: Desk, browser: Browser
):
    await browser.open(await desk.present())
    await browser.press("approve", **YES)
    operation = await desk.journal.find(f"{1:064d}")
    assert operation
    assert await desk.journal.begin(operation, "page")
    page = await browser.press("refuse")
    assert browser.status == 409
    assert "<h1>Cette demande est en cours</h1>" in page
    assert "<form" not in page
    assert await desk.status(operation.id) == "executing"


async def test_the_page_shows_everything_in_order_and_strangers_words_last(
    desk: Desk, browser: Browser
):
    page = await browser.open(await desk.present())
    parts = (
        "<h1>Accepter le dossier n° 200001 ?</h1>",
        "C&#39;est un acte administratif.",
        "Un e-mail part aussitôt à l&#39;usager.",
        '<th scope="row">État</th>',
        "<td>en_instruction</td>",
        "<td>accepte</td>",
        "<code>POST</code>",
        "https://service.example/graphql",
        "&#34;state&#34;: &#34;accepte&#34;",
        "<figcaption>demandeur</figcaption>",
        "Mme Alice Martin</blockquote>",
        "<figcaption>motivation, rédigée par l&#39;assistant</figcaption>",
        "Dossier complet.</blockquote>",
        "<form",
        "recopiez le numéro".capitalize(),
        "Approuver</button>",
        "Refuser</button>",
    )
    found = [page.find(part) for part in parts]

    assert -1 not in found
    assert found == sorted(found)


async def test_what_strangers_wrote_stays_text(desk: Desk, browser: Browser):
    hostile = '</blockquote><form action="https://attacker.example"><script>x</script>\u202e\u200b'
    asked = ASKED.model_copy(
        update={
            "words": (Words(label="demandeur", text=hostile),),
            "changes": (Change(field=hostile, before=hostile, after=hostile),),
            "request": Outgoing("POST", "https://service.example/", hostile),
        }
    )
    page = await browser.open(await desk.present(asked))

    assert page.count("<form") == page.count("</blockquote>") == 1
    assert "<script" not in page
    assert not {"\u202e", "\u200b"} & set(page)
    assert page.count("&lt;script&gt;") == 5


async def test_a_plan_without_a_number_asks_for_the_box_alone(desk: Desk, browser: Browser):
    page = await browser.open(await desk.present(ASKED.model_copy(update={"typed": None})))
    assert 'name="typed"' not in page
    await browser.press("approve", agreed="yes")

    assert await desk.status(f"{1:064d}") == "approved"


@pytest.mark.parametrize("language", ["en"])
async def test_everything_is_in_english_on_demand(desk: Desk, browser: Browser):
    key = await desk.present(titled("Accept dossier 200001?"))
    pages = [await browser.open(key), await browser.press("approve")]
    pages.append(await browser.press("approve", **YES))
    pages.append(await browser.press("refuse"))
    pages.append(await browser.open(f"{browser.origin}/approvals"))
    pages.append(await browser.open(f"{browser.origin}/approvals/unknown"))
    async with Browser() as stranger:
        pages.append(await stranger.open(key))

    assert [re.findall(r"<h1>(.*)</h1>", page) for page in pages] == [
        ["Accept dossier 200001?"],
        ["Accept dossier 200001?"],
        ["The agreement is recorded"],
        ["Your refusal is recorded"],
        ["Requests awaiting your decision"],
        ["Page not found"],
        ["This page is closed"],
    ]
    assert all('<html lang="en">' in page for page in pages)
    assert "Error: Tick the box" in pages[1]


def titled(title: str) -> Asked:
    return ASKED.model_copy(update={"title": title})
