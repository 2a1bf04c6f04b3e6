"""A new secret takes the place of the old one: nothing that was asked, answered or kept is lost."""

from dataclasses import replace
from pathlib import Path

import pytest
from mcp.types import InputRequiredResult

from tests.support import Counter, Person, facts, put, text
from tests.tools.changes import DONE, make
from tools.sealing import BrokenSealError, Seal

OLD, NEW = b"the old secret, as long as it has to be", b"the new secret, as long as it has to be"
ACCEPT = {"number": 200001, "motivation": "Dossier complet."}


@pytest.fixture(name="before")
def _before(tmp_path: Path) -> Counter:
    counter = Counter(tmp_path)
    counter.seal = Seal(lambda: OLD)
    return counter


def after(before: Counter, *previous: bytes) -> Counter:
    """The same counter, served under the new secret."""
    counter = replace(before)
    counter.seal = Seal(lambda: NEW, previous)
    return counter


def test_what_was_sealed_before_is_opened_and_nothing_is_sealed_that_way_any_more():
    old, both, new = Seal(lambda: OLD), Seal(lambda: NEW, [OLD]), Seal(lambda: NEW)

    assert both.open(old.close(b"held")) == b"held"
    assert new.open(both.close(b"held")) == b"held"
    assert both.marks("text") == (new.mark("text"), old.mark("text"))
    with pytest.raises(BrokenSealError):
        old.open(both.close(b"held"))


async def test_a_question_put_before_can_be_answered_after_and_serves_once(before: Counter):
    """Its state, its name, the marks of its arguments and facts: all are of the old secret."""
    async with before.host("2026-07-28", Person()) as host:
        asked = await host.session.call_tool("accept_dossier", ACCEPT, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    key, question = put(asked)
    async with after(before, OLD).host("2026-07-28", Person()) as host:
        results = [
            await host.session.call_tool(
                "accept_dossier",
                ACCEPT,
                input_responses={key: Person().answer(question)},
                request_state=asked.request_state,
            )
            for _ in range(2)
        ]

    assert [facts(result)["outcome"] for result in results] == ["applied", "applied"]
    assert len(before.accepted) == 1


async def test_what_was_agreed_to_on_the_page_before_is_done_once_after(before: Counter):
    async with before.host("2026-07-28") as host:
        assert (await host.call_tool("accept_dossier", ACCEPT)).is_error
    (row,) = await before.rows()
    journal = before.journal()
    assert await journal.approve(row["id"])
    await journal.close()
    async with after(before, OLD).host("2026-07-28") as host:
        done = await host.call_tool("accept_dossier", ACCEPT)

    assert facts(done)["outcome"] == "applied"
    assert len(before.accepted) == 1


async def test_a_code_given_before_is_good_after(before: Counter):
    before.settings["consent"] = "dangerously-relay"
    async with before.host("2026-07-28") as host:
        told = text(await host.call_tool("accept_dossier", ACCEPT))
    given = told.partition("confirmation='")[2].partition("'")[0]
    async with after(before, OLD).host("2026-07-28") as host:
        done = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert facts(done)["outcome"] == "applied"


async def test_the_journal_goes_on_under_the_new_secret_and_holds_with_both(before: Counter):
    """With the new one alone, nobody could tell what was written before from a forgery."""
    journal = before.journal()
    await make(journal, "aa")
    await journal.close()
    journal = after(before, OLD).journal()
    await make(journal, "bb")
    found, first = await journal.verified(), await journal.find("aa")
    await journal.close()
    journal = after(before).journal()
    without = await journal.verified()
    await journal.close()

    assert (found.entries, found.fault) == (6, "")
    assert first is not None
    assert after(before, OLD).journal().recorded(first) == DONE
    assert without.fault == "entry 1 was altered, or put there"
