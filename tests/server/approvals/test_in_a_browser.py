"""The approval page in a real browser: readable and usable by everybody, closed to other sites.

Needs Chromium, or Chrome, on the PATH: skipped without it, unless `REQUIRE_BROWSER=1`.
"""

import hashlib
import os
import re
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp.types import CallToolResult
from playwright.async_api import Browser, BrowserContext, Page, Route
from starlette.responses import HTMLResponse

from server.passwords import derived
from server.settings import Oidc
from tests.authorization import issuing
from tests.browsers import violations
from tests.over_http import known_by, served, signed_in
from tests.support import ERAS, Counter, listening

ACCEPT: dict[str, Any] = {
    "number": 200001,
    "motivation": "Votre dossier est complet et vous remplissez les conditions.\n\n"
    "L'aide vous sera versée sous trente jours.",
}
DESKTOP, PHONE = (1280, 900), (360, 740)
NARROWEST = 320
"""CSS pixels: a page of 1280 magnified four times (WCAG 1.4.10)."""
PICTURE = Path(__file__).parents[3] / "docs" / "approval.png"


@dataclass
class Reader:
    """Someone in front of a browser, whose assistant awaits their decision."""

    counter: Counter
    accept: Callable[[], Awaitable[CallToolResult]]
    tab: Page

    async def open_plan(self) -> None:
        """A plan is asked for, and its page opens."""
        assert (await self.accept()).is_error
        await self.tab.goto(self.counter.opened[-1])

    async def press(self, button: str) -> None:
        """A button is pressed, and the page it leads to is there."""
        async with self.tab.expect_navigation():
            await self.tab.locator(button).click()

    async def agree(self) -> None:
        await self.tab.locator("#agreed").check()
        await self.tab.locator("#typed").fill("200001")
        await self.press(".approve")

    @property
    def home(self) -> str:
        return self.counter.opened[0].partition("/enter")[0]

    async def outcomes(self) -> list[str]:
        return [row["status"] for row in await self.counter.rows()]


@pytest.fixture(name="reader")
async def _reader(counter: Counter, chromium: Browser) -> AsyncGenerator[Reader]:
    async with reading(counter, chromium) as reader:
        yield reader


@asynccontextmanager
async def reading(
    counter: Counter,
    chromium: Browser,
    *,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    forced: bool = False,
    scripts: bool = True,
) -> AsyncGenerator[Reader]:
    counter.page = True
    with anyio.fail_after(60):
        async with counter.host("2026-07-28") as host:
            context = await chromium.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                forced_colors="active" if forced else "none",
                java_script_enabled=scripts,
                locale=counter.settings.get("language", "fr"),
            )
            context.set_default_timeout(5_000)

            async def accept() -> CallToolResult:
                return await host.call_tool("accept_dossier", ACCEPT)

            try:
                yield Reader(counter, accept, await context.new_page())
            finally:
                await context.close()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_breaks_a_rule_of_accessibility(
    counter: Counter,
    chromium: Browser,
    language: str,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
):
    counter.settings["language"] = language
    async with reading(counter, chromium, size=size, scheme=scheme) as reader:
        tab, broken = reader.tab, dict[str, list[str]]()
        await reader.open_plan()
        await tab.locator("summary").click()
        broken["plan"] = await violations(tab)
        await reader.press(".approve")
        broken["error"] = await violations(tab)
        plan = tab.url.removesuffix("/approve")
        await tab.goto(reader.home)
        broken["list"] = await violations(tab)
        await tab.goto(plan)
        await reader.agree()
        broken["approved"] = await violations(tab)
        await reader.press("button")
        broken["refused"] = await violations(tab)
        await tab.goto(reader.home)
        broken["empty list"] = await violations(tab)
        await tab.goto(f"{reader.home}/unknown")
        broken["not found"] = await violations(tab)
        await tab.context.clear_cookies()
        await tab.goto(reader.home)
        broken["locked"] = await violations(tab)

    assert {page: found for page, found in broken.items() if found} == {}
    assert len(broken) == 8


async def test_axe_would_have_seen_a_fault(reader: Reader):
    await reader.open_plan()
    await reader.tab.evaluate("document.querySelector('label[for=agreed]').remove()")
    await reader.tab.evaluate("document.querySelector('h1').style.color = '#ddd'")

    found = {line.partition(":")[0] for line in await violations(reader.tab)}
    assert {"label", "color-contrast"} <= found


async def test_the_page_is_readable_in_the_colours_of_the_system(
    counter: Counter, chromium: Browser
):
    async with reading(counter, chromium, forced=True) as reader:
        await reader.open_plan()
        await reader.press(".approve")
        assert await violations(reader.tab) == []


async def test_dark_is_dark(counter: Counter, chromium: Browser):
    brightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] * 1"
    async with reading(counter, chromium, scheme="dark") as reader:
        await reader.open_plan()
        assert await reader.tab.evaluate(brightness) < 64
        await reader.tab.emulate_media(color_scheme="light")
        assert await reader.tab.evaluate(brightness) > 192


async def test_a_person_decides_with_the_keyboard_alone(reader: Reader):
    """Everything is reached in the order it is read, and where one is can be seen."""
    await reader.open_plan()
    keyboard, reached = reader.tab.keyboard, list[str]()
    for _ in range(6):
        await keyboard.press("Tab")
        focused = await reader.tab.evaluate(
            "(e => [e.innerText || e.id, getComputedStyle(e).outlineStyle,"
            " parseFloat(getComputedStyle(e).outlineWidth)])(document.activeElement)"
        )
        reached.append(focused[0])
        assert focused[1] == "solid"
        assert focused[2] >= 2
        if focused[0] == "agreed":
            await keyboard.press("Space")
        if focused[0] == "typed":
            await keyboard.type("200001")

    assert reached == [
        "Aller au contenu",
        "Toutes les demandes",
        "La requête exacte qui sera envoyée",
        "agreed",
        "typed",
        "Approuver",
    ]
    await keyboard.press("Enter")
    await reader.tab.get_by_role("heading", name="Accord enregistré", level=1).wait_for()
    assert await reader.outcomes() == ["approved"]


async def test_enter_in_the_number_s_field_does_not_approve_without_the_box(reader: Reader):
    await reader.open_plan()
    await reader.tab.locator("#typed").fill("200001")
    await reader.tab.keyboard.press("Enter")
    await reader.tab.get_by_role("alert").wait_for()

    assert await reader.outcomes() == ["pending"]


async def test_an_error_is_where_the_focus_lands_and_leads_to_its_field(reader: Reader):
    await reader.open_plan()
    await reader.tab.get_by_role("checkbox", name="J'ai lu, et je suis d'accord").check()
    await reader.tab.get_by_role("textbox", name="Numéro du dossier").fill("200002")
    await reader.tab.get_by_role("button", name="Approuver").click()
    await reader.tab.locator("[role=alert]:focus").wait_for()

    assert (await reader.tab.title()).startswith("Erreur : ")
    await reader.tab.keyboard.press("Tab")
    await reader.tab.keyboard.press("Enter")
    field = reader.tab.get_by_role("textbox", name="Numéro du dossier")
    described = await field.evaluate(
        "e => e.getAttribute('aria-describedby').split(' ')"
        ".map(id => document.getElementById(id).textContent).join(' ')"
    )
    assert await field.evaluate("e => e === document.activeElement")
    assert "Erreur : Ce n'est pas ce qui est demandé" in described
    assert await field.input_value() == "200002"
    assert await reader.tab.get_by_role("checkbox").is_checked()


async def test_a_screen_reader_finds_landmarks_and_headings(reader: Reader):
    await reader.open_plan()
    tab = reader.tab
    for landmark in ("banner", "navigation", "main"):
        assert await tab.get_by_role(landmark).count() == 1
    headings = await tab.get_by_role("heading").all_inner_texts()
    columns = await tab.get_by_role("columnheader").all_inner_texts()

    assert headings == [
        "Accepter le dossier n°\u00a0200001 (démarche n°\u00a01001)\u00a0?",
        "Ce qui va se passer",
        "Textes écrits par d'autres",
        "Votre décision",
    ]
    assert columns == ["Champ", "Avant", "Après"]
    assert await tab.get_by_role("rowheader").all_inner_texts() == ["État"]
    assert await tab.locator("html").get_attribute("lang") == "fr"


@pytest.mark.parametrize("enlarged", [100, 200], ids=["narrow", "narrow, letters doubled"])
async def test_nothing_has_to_be_scrolled_sideways(
    counter: Counter, chromium: Browser, enlarged: int
):
    """On the narrowest of phones, or magnified: not even a word without a space."""
    async with reading(counter, chromium, size=(NARROWEST, 640)) as reader:
        await reader.open_plan()
        await reader.tab.locator("summary").click()
        await reader.tab.evaluate(
            "percent => { document.documentElement.style.fontSize = percent + '%';"
            " document.querySelector('blockquote').textContent = 'x'.repeat(500) }",
            enlarged,
        )
        for address in (reader.tab.url, reader.home):
            width = await reader.tab.evaluate("document.documentElement.scrollWidth")
            assert width <= NARROWEST
            await reader.tab.goto(address)


async def test_no_script_is_needed(counter: Counter, chromium: Browser):
    async with reading(counter, chromium, scripts=False) as reader:
        await reader.open_plan()
        await reader.agree()
        await reader.tab.get_by_role("heading", name="Accord enregistré").wait_for()
        await reader.accept()

    assert [write.applied for write in counter.accepted] == [True]


async def test_nothing_external_is_asked_for_and_nothing_breaks_the_page_s_own_rules(
    reader: Reader,
):
    asked, complaints = list[str](), list[str]()
    reader.tab.on("request", lambda request: asked.append(request.url))
    reader.tab.on("console", lambda message: complaints.append(message.text))
    await reader.open_plan()
    await reader.agree()
    await reader.tab.get_by_role("heading", name="Accord enregistré").wait_for()

    assert asked
    assert all(url.startswith(reader.home) for url in asked)
    assert complaints == []


async def test_the_key_is_gone_from_the_address_and_from_where_one_goes_back_to(reader: Reader):
    await reader.tab.goto("about:blank")
    await reader.open_plan()
    assert "key" not in reader.tab.url
    cookies = await reader.tab.context.cookies()
    assert [(c.get("httpOnly"), c.get("sameSite")) for c in cookies] == [(True, "Strict")]
    assert await reader.tab.evaluate("document.cookie") == ""
    await reader.tab.go_back()
    assert reader.tab.url == "about:blank"


async def test_going_back_after_deciding_decides_nothing_more(reader: Reader):
    await reader.open_plan()
    await reader.agree()
    await reader.tab.get_by_role("heading", name="Accord enregistré").wait_for()
    await reader.tab.go_back()
    await reader.tab.get_by_role("heading", name="Accord enregistré").wait_for()
    await reader.tab.reload()
    assert await reader.outcomes() == ["approved"]


async def test_a_refusal_is_one_press_away(reader: Reader):
    await reader.open_plan()
    await reader.tab.get_by_role("button", name="Refuser").click()
    await reader.tab.get_by_role("heading", name="Refus enregistré").wait_for()

    assert await reader.outcomes() == ["declined"]


async def test_a_form_that_another_site_sends_with_the_cookie_decides_nothing(reader: Reader):
    """Another port of this host is another origin, though browsers give it the same cookies."""
    await reader.open_plan()
    token = await reader.tab.locator("[name=token]").input_value()
    action = f"{reader.tab.url}/approve"
    forged = (
        f"<form method=post action='{action}'><input name=token value='{token}'>"
        "<input name=agreed value=yes><input name=typed value=200001></form>"
        "<script>document.forms[0].submit()</script>"
    )
    tab = await reader.tab.context.new_page()
    async with listening(HTMLResponse(forged)) as hostile:
        async with tab.expect_response(action) as answer:
            await tab.goto(hostile)
        response = await answer.value
        sent = await response.request.all_headers()
        await tab.close()

    assert sent["origin"] == hostile
    assert "guichet-" in sent["cookie"]
    assert response.status == 403
    assert await reader.outcomes() == ["pending"]


async def test_the_page_cannot_be_framed(reader: Reader):
    await reader.open_plan()
    framing = f"<iframe src='{reader.tab.url}' width=900 height=900></iframe>"
    tab = await reader.tab.context.new_page()
    async with listening(HTMLResponse(framing)) as hostile:
        await tab.goto(hostile)
        assert tab.frames[1].url == "chrome-error://chromewebdata/"
        await tab.close()


async def test_a_link_from_another_site_leads_in_by_one_more_step(reader: Reader):
    """The cookie does not come along a link from elsewhere, such as a conversation on the web."""
    await reader.open_plan()
    link = f"<a href='{reader.home}'>Guichet</a>"
    elsewhere = await playing(reader.tab.context, "http://chat.example/", link)
    await elsewhere.goto("http://chat.example/")
    await elsewhere.get_by_role("link").click()
    await elsewhere.get_by_role("heading", name="Cette page est fermée").wait_for()
    await elsewhere.get_by_role("link", name="continuez").click()

    await elsewhere.get_by_role("link", name="Accepter le dossier n° 200001").wait_for()


async def test_who_signs_in_comes_to_their_own_plans(counter: Counter, chromium: Browser):
    """By way of the issuer, which is another site to a browser; or with a password."""
    kept = {"scopes": "write", "page_password": derived("their password")}
    async with issuing("guichet") as issuer:
        issuer.address, issuer.asks = issuer.address.replace("127.0.0.1", "localhost"), True
        oidc = {"issuer": issuer.address, "audience": "guichet", "client_id": "page"}
        counter.settings = known_by(alice=kept) | {"oidc": Oidc.model_validate(oidc)}
        camille = await issuer.token("camille", "write")
        context = await chromium.new_context()
        context.set_default_timeout(10_000)
        async with served(counter) as url, signed_in(url, camille, ERAS[-1]) as host:
            await host.call_tool("accept_dossier", {"number": 200001})
            tab, home = await context.new_page(), url.replace("/mcp", "/approvals")
            await tab.goto(home)
            first = await violations(tab)
            await tab.locator("#name").fill("alice")
            await tab.locator("#password").fill("not theirs")
            await tab.locator(".approve").click()
            wrong = await violations(tab)
            await tab.locator("#password").fill("their password")
            await tab.locator(".approve").click()
            await tab.wait_for_url(home)
            of_alice = await tab.locator(".plans a").count()
            await context.clear_cookies()
            await tab.goto(home)
            await tab.locator("a[href$='/issuer']").click()
            await tab.locator("#yes").click()
            await tab.wait_for_url(home)
            of_camille = await tab.locator(".plans a").count()
            await context.close()

    assert first == wrong == []
    assert (of_alice, of_camille) == (0, 1)


async def test_the_picture_of_the_documentation_shows_the_words_of_this_page(
    counter: Counter, chromium: Browser
):
    """Run with `UPDATE_SNAPSHOTS=1` after an intended change, and look at it."""
    async with reading(counter, chromium, size=(820, 900)) as reader:
        await reader.open_plan()
        picture = await reader.tab.screenshot(full_page=True)
        words = await reader.tab.locator("main").inner_text()
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PICTURE.write_bytes(labelled(picture, words))

    assert label(words) in PICTURE.read_bytes()


async def playing(context: BrowserContext, address: str, html: str) -> Page:
    """A tab in the same browser, in which another site is played."""

    async def answered(route: Route) -> None:
        await route.fulfill(body=html, content_type="text/html")

    tab = await context.new_page()
    await tab.route(address, answered)
    return tab


def label(words: str) -> bytes:
    """What is written in a picture of these words, whatever the time was."""
    timeless = re.sub(r"\d\d:\d\d", "", words)
    return hashlib.sha256(timeless.encode()).hexdigest().encode()


def labelled(png: bytes, words: str) -> bytes:
    """The same picture, with a chunk of text before the one that ends it."""
    told = b"tEXtWords\0" + label(words)
    chunk = (len(told) - 4).to_bytes(4) + told + zlib.crc32(told).to_bytes(4)
    return png[:-12] + chunk + png[-12:]
