"""The protocol's own suite, and its Inspector, on our server: nothing that is not explained."""

import sys
from pathlib import Path

import pytest

from server.http.app import PATH
from tests.over_http import served
from tests.proof.everything import everything
from tests.proof.npm import MARKS, ran
from tests.support import Counter, listening

BASELINE = str(Path(__file__).with_name("baseline.yml"))
OLDER, NEWER = REVISIONS = ("2025-11-25", "2026-07-28")

BOTH = (
    *("tools-list", "resources-list", "prompts-list"),
    *("dns-rebinding-protection", "server-sse-multiple-streams"),
)
WITHOUT_FIXTURE = {
    OLDER: (*BOTH, "server-initialize", "ping", "server-session-lifecycle"),
    NEWER: (
        *BOTH,
        *("caching", "http-header-validation", "sep-2164-resource-not-found"),
        "input-required-result-unsupported-methods",
    ),
}
"""What the suite asks of any server; the rest needs tools that it knows by name."""

pytestmark = MARKS


async def suite(*arguments: str) -> str:
    return await ran("@modelcontextprotocol/conformance/dist/index.js", "server", *arguments)


async def inspected(*arguments: str) -> str:
    return await ran(
        "@modelcontextprotocol/inspector/clients/launcher/build/index.js",
        *("--cli", *arguments),
        *("--method", "tools/list", "--strict", "--format", "json"),
    )


@pytest.mark.parametrize(
    ("revision", "scenario"),
    [(revision, scenario) for revision in REVISIONS for scenario in WITHOUT_FIXTURE[revision]],
)
async def test_the_server_does_what_any_server_must(counter: Counter, revision: str, scenario: str):
    async with served(counter) as address:
        said = await suite(*("--url", address, "--scenario", scenario, "--spec-version", revision))

    assert "Failed: 0/" in said or " 0 failed" in said


@pytest.mark.parametrize("revision", REVISIONS)
async def test_what_a_revision_requires_is_there_but_for_what_the_baseline_explains(revision: str):
    explained = ("--expected-failures", BASELINE) if revision == OLDER else ()
    app = everything().streamable_http_app(streamable_http_path=PATH)
    async with listening(app) as address:
        await suite("--url", f"{address}{PATH}", "--requirements", revision, *explained)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_has_no_warning_over_http(counter: Counter, era: str):
    async with served(counter) as address:
        said = await inspected(address, "--transport", "http", "--protocol-era", era)

    assert "Warning" not in said


async def test_nor_over_stdio():
    said = await inspected(sys.executable, "-I", "-m", "server", "--sandbox")

    assert "Warning" not in said
