"""A real browser, and what axe finds wrong in what it shows.

Needs Chromium, or Chrome, on the PATH: skipped without it, unless `REQUIRE_BROWSER=1`.
"""

import os
import shutil
from collections.abc import AsyncGenerator
from importlib.resources import files

import pytest
from playwright.async_api import Browser, Frame, Page, async_playwright

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
EVERY_RULE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""Axe's own choice, and the one rule of WCAG 2.2 AA that it leaves out."""


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    if CHROMIUM is None:
        reason = "no Chromium on the PATH"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        await browser.close()


async def violations(tab: Page | Frame) -> list[str]:
    """What axe finds wrong, by rule, with the elements."""
    await tab.evaluate(AXE)
    found = await tab.evaluate("options => axe.run(options)", EVERY_RULE)
    assert found["violations"] is not None
    return [
        f"{broken['id']}: {node['html']}"
        for broken in found["violations"]
        for node in broken["nodes"]
    ]
