"""The view of a plan: what a host is given, and what the view shows of it in a real browser."""

import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.types import CallToolResult, TextContent, TextResourceContents
from playwright.async_api import Browser, Frame, Page, Route

from clients.http import Outgoing
from server.views import PLAN, SHOWN
from server.views.showing import MOST_CHARACTERS, shown
from tests.browsers import violations
from tests.support import MODES, Counter
from tools import TOOLS
from tools.language import in_english, in_french
from tools.questions import Asked, Change, Words
from tools.replays import OnPage

OFFICIAL = os.environ.get("MCP_APPS_HOST")
"""A host made with the official package, if there is one here."""
SHOWS_VIEWS = (advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]}),)
ACCEPT = {"number": 200009, "motivation": "Complet."}
"""A dossier whose applicant writes orders to the assistant."""
Scheme = Literal["light", "dark"]
HOST = "http://host.example/"
PLAYED = """<!doctype html><title>Host</title>
<iframe sandbox="allow-scripts" style="width: 100%; height: 900px" title="view"></iframe>
<script>
window.heard = [];
window.say = (message) => document.querySelector("iframe").contentWindow.postMessage(
  {jsonrpc: "2.0", ...message}, "*");
addEventListener("message", ({data}) => {
  heard.push(data);
  if (data.method === "ui/initialize")
    say({id: data.id, result: {protocolVersion: "2026-01-26", hostInfo: {name: "played",
      version: "1"}, hostCapabilities: {}, hostContext: {theme: window.theme}}});
});
</script>"""


@asynccontextmanager
async def host(counter: Counter, era: str, *, shows: bool = True) -> AsyncGenerator[Client]:
    """A client that cannot ask its person, as hosts that show views today."""
    counter.page = True
    client = Client(counter.server(), mode=MODES[era], extensions=SHOWS_VIEWS if shows else None)
    async with client:
        yield client


async def document(client: Client) -> str:
    (read,) = (await client.read_resource(PLAN)).contents
    assert isinstance(read, TextResourceContents)
    assert read.mime_type == APP_MIME_TYPE
    return read.text


def said(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def viewing(
    chromium: Browser,
    view: str,
    *,
    theme: str = "light",
    scheme: Scheme = "light",
) -> AsyncGenerator[tuple[Page, Frame]]:
    """The view in a host's frame, once both have greeted each other."""
    context = await chromium.new_context(
        color_scheme=scheme, viewport={"width": 700, "height": 900}
    )
    context.set_default_timeout(5_000)
    try:
        tab = await context.new_page()

        async def answered(route: Route) -> None:
            await route.fulfill(body=PLAYED, content_type="text/html")

        await tab.route(HOST, answered)
        await tab.goto(HOST)
        await tab.evaluate("theme => { window.theme = theme }", theme)
        await tab.evaluate("html => { document.querySelector('iframe').srcdoc = html }", view)
        await tab.wait_for_function("heard.some(m => m.method === 'ui/notifications/initialized')")
        yield tab, tab.frames[1]
    finally:
        await context.close()


async def tell(tab: Page, result: CallToolResult) -> None:
    """The host passes on the result of the call."""
    given = json.loads(result.model_dump_json(by_alias=True, exclude_none=True))
    message = {"method": "ui/notifications/tool-result", "params": given}
    await tab.evaluate("message => say(message)", message)


async def test_a_host_that_shows_views_is_given_the_plan(counter: Counter, era: str):
    async with host(counter, era) as client:
        result = await client.call_tool("accept_dossier", ACCEPT)

    plan: dict[str, Any] = (result.meta or {})[SHOWN]
    assert plan["title"] == "Accepter le dossier n° 200009 (démarche n° 1001) ?"
    assert ["État", "en instruction", "accepté"] in plan["changes"]
    assert plan["page"] in said(result)
    assert "/enter" not in plan["page"]
    assert counter.accepted == []


async def test_the_text_is_the_same_for_a_host_that_shows_none(counter: Counter, era: str):
    async with host(counter, era) as client:
        shown = await client.call_tool("accept_dossier", ACCEPT)
    async with host(counter, era, shows=False) as client:
        told = await client.call_tool("accept_dossier", ACCEPT)

    def settled(text: str) -> str:
        return re.sub(r"http://\S+", "", text)

    assert settled(said(told)) == settled(said(shown))
    assert SHOWN not in (told.meta or {})


async def test_every_tool_that_writes_has_the_view_and_no_other(counter: Counter, era: str):
    async with host(counter, era) as client:
        listed = (await client.list_tools()).tools

    viewed = {tool.name for tool in listed if tool.meta == {"ui": {"resourceUri": PLAN}}}
    assert viewed == {tool.name for tool in TOOLS if tool.writes} & {tool.name for tool in listed}
    assert {tool.name for tool in listed if tool.meta} == viewed


def test_a_plan_too_long_for_a_view_says_how_much_more_there_is():
    line = Change(field="Dossier", before="en instruction", after="x" * 500)
    asked = Asked(
        title="?",
        says=(),
        changes=(line,) * 300,
        words=(Words(label="motivation", text="y" * 9_000),),
        typed=None,
        request=Outgoing(method="POST", address="", body=""),
    )
    plan = shown(OnPage(asked, "http://127.0.0.1:1/approvals"))

    assert len(json.dumps(plan)) < 2 * MOST_CHARACTERS
    assert plan["words"] == []
    assert plan["more"] == 301 - len(plan["changes"])


async def test_the_view_shows_what_changes_and_where_to_decide(counter: Counter, chromium: Browser):
    async with host(counter, "2026-07-28") as client:
        result, view = await client.call_tool("accept_dossier", ACCEPT), await document(client)
    async with viewing(chromium, view) as (tab, frame):
        await tell(tab, result)
        await frame.get_by_role("heading", name="Accepter le dossier n° 200009").wait_for()
        cells = await frame.locator("#rows tr").first.all_inner_texts()
        await frame.get_by_role("button", name="Décider sur la page").click()
        await tab.wait_for_function("heard.some(m => m.method === 'ui/open-link')")
        opened = await tab.evaluate("heard.find(m => m.method === 'ui/open-link').params.url")

        assert cells == ["État\ten instruction\taccepté"]
        assert opened == (result.meta or {})[SHOWN]["page"]
        assert await frame.locator("input, form").count() == 0


async def test_what_strangers_wrote_stays_text_and_reaches_nothing(
    counter: Counter, chromium: Browser
):
    async with host(counter, "2026-07-28") as client:
        result, view = await client.call_tool("accept_dossier", ACCEPT), await document(client)
    hostile = '<img src="http://evil.example/" onerror="parent.postMessage(1)"><script>1</script>'
    plan = {**(result.meta or {})[SHOWN], "words": [[hostile, hostile]], "title": hostile}
    requests: list[str] = []
    async with viewing(chromium, view) as (tab, frame):
        tab.on("request", lambda request: requests.append(request.url))
        await tell(tab, result.model_copy(update={"meta": {SHOWN: plan}}))
        await frame.get_by_text(hostile, exact=True).first.wait_for()

        assert await frame.locator("img").count() == 0
        assert await frame.locator("blockquote").inner_text() == hostile
        refused = await frame.evaluate("() => fetch('http://evil.example/').catch(() => 'refused')")
        assert refused == "refused"
    assert requests == []


async def test_an_address_that_is_no_page_of_ours_cannot_be_opened(
    counter: Counter, chromium: Browser
):
    async with host(counter, "2026-07-28") as client:
        result, view = await client.call_tool("accept_dossier", ACCEPT), await document(client)
    plan = {**(result.meta or {})[SHOWN], "page": "javascript:alert(1)"}
    async with viewing(chromium, view) as (tab, frame):
        await tell(tab, result.model_copy(update={"meta": {SHOWN: plan}}))
        await frame.get_by_role("heading", level=1).wait_for()

        assert not await frame.locator("#open").is_visible()


async def test_what_came_of_a_change_is_told_in_its_own_words(counter: Counter, chromium: Browser):
    done = CallToolResult(
        content=[TextContent(type="text", text='{"conclusion":"Done."}')],
        structured_content={"outcome": "applied", "conclusion": "Done."},
    )
    async with host(counter, "2026-07-28") as client:
        view = await document(client)
    async with viewing(chromium, view) as (tab, frame):
        await tell(tab, done)
        await frame.get_by_role("status").get_by_text("Done.", exact=True).wait_for()

        assert not await frame.locator("#plan").is_visible()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_view_breaks_no_rule_of_accessibility(
    counter: Counter, chromium: Browser, language: str, theme: Scheme
):
    counter.settings["language"] = language
    async with host(counter, "2026-07-28") as client:
        result, view = await client.call_tool("accept_dossier", ACCEPT), await document(client)
    say = in_french if language == "fr" else in_english
    other: Scheme = "dark" if theme == "light" else "light"
    async with viewing(chromium, view, theme=theme, scheme=other) as (tab, frame):
        await tell(tab, result)
        await frame.get_by_role("button", name=say(fr="Décider", en="Decide")).wait_for()
        await tab.screenshot()
        red = await frame.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] * 1"
        )

        assert await violations(frame) == []
        assert (red < 128) == (theme == "dark"), "the host's theme prevails over the system's"


@pytest.mark.skipif(OFFICIAL is None, reason="MCP_APPS_HOST names no bundle of host.mjs")
async def test_the_official_host_shows_it(counter: Counter, chromium: Browser):
    """`npx esbuild host.mjs --bundle --outfile=…` makes the bundle that `MCP_APPS_HOST` names."""
    assert OFFICIAL
    async with host(counter, "2026-07-28") as client:
        result, view = await client.call_tool("accept_dossier", ACCEPT), await document(client)
    given = json.loads(result.model_dump_json(by_alias=True, exclude_none=True))
    context = await chromium.new_context()
    tab = await context.new_page()
    await tab.set_content('<iframe sandbox="allow-scripts" title="view"></iframe>')
    await tab.add_script_tag(path=OFFICIAL)
    await tab.evaluate("([view, given]) => show(view, given, 'dark')", [view, given])
    frame = tab.frames[1]
    await frame.get_by_role("button", name="Décider sur la page").click()
    await tab.wait_for_function("opened.length && sizes.length")

    assert await tab.evaluate("opened") == [(result.meta or {})[SHOWN]["page"]]
    assert await frame.evaluate("document.documentElement.style.colorScheme") == "dark"
    await context.close()
