"""Nobody asked, where the settings accept that danger: still recorded, still bounded."""

from typing import Any

import pytest

from server.settings import Emjpm, Fences
from tests.support import Counter, Person, facts, text

ACCEPT: dict[str, Any] = {"number": 200001, "motivation": "Dossier complet."}
DECIDE = {"decision": "accept", "numbers": [200001], "motivation": "Dossier complet."}


@pytest.fixture(name="unattended")
def _unattended(counter: Counter) -> Counter:
    counter.settings["consent"] = "dangerously-none"
    return counter


async def test_a_call_is_made_at_once_and_the_ledger_says_that_nobody_was_asked(
    unattended: Counter, era: str
):
    person = Person()
    async with unattended.host(era, person) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert facts(result)["outcome"] == "applied"
    assert len(unattended.accepted) == 1
    assert not person.questions
    assert not unattended.presented
    assert [row["evidence"] for row in await unattended.rows()] == ["nobody was asked"]


@pytest.mark.parametrize(
    ("tool", "arguments"), [("decide_dossiers", DECIDE), ("delete_all_mesures", {})]
)
async def test_what_the_page_alone_can_decide_on_still_waits_for_it(
    unattended: Counter, era: str, tool: str, arguments: dict[str, Any]
):
    unattended.settings["emjpm"] = Emjpm.model_validate({"token": "sandbox", "delete_all": True})
    async with unattended.host(era, Person()) as host:
        result = await host.call_tool(tool, arguments)

    assert result.is_error
    assert len(unattended.presented) == 1
    assert not unattended.dossiers.state.writes
    assert not unattended.mesures.state.writes


async def test_what_takes_two_persons_still_does(unattended: Counter, era: str):
    unattended.settings["four_eyes"] = ("accept_dossier",)
    async with unattended.host(era, Person()) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert result.is_error
    assert not unattended.accepted


async def test_the_limits_of_a_day_hold(unattended: Counter, era: str):
    unattended.settings["fences"] = Fences.model_validate({"dossiers": 1})
    async with unattended.host(era) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        second = await host.call_tool("accept_dossier", ACCEPT | {"number": 200002})

    assert "GUICHET_FENCES_DOSSIERS=1" in text(second)
    assert len(unattended.accepted) == 1
