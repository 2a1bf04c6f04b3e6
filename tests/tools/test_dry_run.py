"""A dry run shows what would be asked and sent: nothing is sent, and nobody is asked."""

from tests.support import Counter, Person, facts, text
from tools.results import MOST_BYTES

SAMPLE = "demandes-cee.csv"


async def test_a_dry_run_shows_the_question_and_the_request_and_does_nothing(
    counter: Counter, era: str
):
    person = Person()
    call = {"number": 200001, "motivation": "Complet.", "dry_run": True}
    async with counter.host(era, person) as host:
        shown = facts(await host.call_tool("accept_dossier", call))

    assert shown["outcome"] == "dry_run"
    assert "Accepter le dossier n° 200001" in shown["preview"]["question"]
    assert shown["preview"]["method"] == "POST"
    assert '"motivation": "Complet."' in shown["preview"]["body"]
    assert "sandbox" not in shown["preview"]["body"]
    assert not person.questions
    assert not counter.dossiers.state.writes
    assert not await counter.rows()


async def test_a_dry_run_is_no_larger_than_a_result_may_be(counter: Counter):
    """Signs that take two bytes of a result, and four where they are sent as JSON in it."""
    call = {"number": 200001, "body": '"' * 9_999, "dry_run": True}
    async with counter.host("2026-07-28") as host:
        result = await host.call_tool("send_message", call)

    assert "bytes in all" in facts(result)["preview"]["question"]
    assert len(text(result).encode()) < MOST_BYTES


async def test_a_dry_run_is_refused_what_the_change_would_be_refused(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("accept_dossier", {"number": 200003, "dry_run": True})

    assert result.is_error
    assert "en_construction" in text(result)


async def test_a_dry_run_of_an_import_shows_no_personal_data(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        shown = facts(
            await host.call_tool("import_cee_identities", {"file": SAMPLE, "dry_run": True})
        )

    assert shown["preview"]["body"].startswith("a JSON array of 40 rows, ")
    assert "identity_key" not in shown["preview"]["body"]
    assert not counter.imports


async def test_a_dry_run_is_no_answer_and_needs_none(counter: Counter, era: str):
    """The client cannot ask: the preview is given all the same, and nothing is changed."""
    async with counter.host(era) as host:
        shown = facts(await host.call_tool("accept_dossier", {"number": 200001, "dry_run": True}))
        await host.call_tool("accept_dossier", {"number": 200001})

    assert shown["outcome"] == "dry_run"
    assert not counter.accepted
