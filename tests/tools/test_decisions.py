"""Refusing and closing a dossier, and the file that goes with a decision, in both eras."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from mcp.types import CallToolResult

from server.sandbox import demarches
from tests.support import ERAS, Counter, Person, elsewhere, facts, text
from tests.tools.arriving import Losing

WHY = "Le justificatif est illisible."
DECISIONS = [
    ("refuse_dossier", "dossierRefuser", "refuse"),
    ("close_dossier", "dossierClasserSansSuite", "sans_suite"),
]


async def call(
    counter: Counter, era: str, tool: str, person: Person, **arguments: object
) -> CallToolResult:
    given: dict[str, Any] = {"number": 200001, "motivation": WHY, **arguments}
    async with counter.host(era, person) as host:
        return await host.call_tool(tool, given)


def arrived(counter: Counter, operation: str) -> list[tuple[int | None, bool]]:
    writes = counter.dossiers.state.writes
    return [(w.number, w.applied) for w in writes if w.operation == operation]


@pytest.mark.parametrize(("tool", "operation", "state"), DECISIONS)
async def test_a_dossier_is_decided_on_once_a_person_agreed(
    counter: Counter, era: str, tool: str, operation: str, state: str
):
    person = Person()
    decision = facts(await call(counter, era, tool, person))

    assert (decision["number"], decision["state"], decision["outcome"]) == (
        200001,
        state,
        "applied",
    )
    assert arrived(counter, operation) == [(200001, True)]
    assert f"« {WHY} »" in person.questions[0]
    assert "demandeur" in person.questions[0]
    assert "Un e-mail part aussitôt" in person.questions[0]


@pytest.mark.parametrize(("tool", "operation", "state"), DECISIONS)
async def test_nothing_is_decided_when_the_person_says_no(
    counter: Counter, era: str, tool: str, operation: str, state: str
):
    refused = await call(counter, era, tool, Person("decline"))

    assert refused.is_error
    assert arrived(counter, operation) == []


@pytest.mark.parametrize("motivation", ["", "   ", "\u200b", None])
@pytest.mark.parametrize("tool", ["refuse_dossier", "close_dossier"])
async def test_a_decision_against_the_applicant_says_why(
    counter: Counter, era: str, tool: str, motivation: str | None
):
    """The service would take an empty motivation."""
    person = Person()
    given: dict[str, Any] = {"number": 200001}
    async with counter.host(era, person) as host:
        refused = await host.call_tool(
            tool, given if motivation is None else given | {"motivation": motivation}
        )

    assert refused.is_error
    assert "motivation" in text(refused)
    assert not person.questions
    assert not counter.dossiers.state.writes


@pytest.mark.parametrize(("tool", "operation", "state"), DECISIONS)
async def test_a_decision_whose_answer_was_lost_is_read_again(
    counter: Counter, era: str, tool: str, operation: str, state: str
):
    """The reserved dossier is decided on, and the service breaks off its answer."""
    lost = await call(counter, era, tool, Person(), number=999006)

    assert not lost.is_error, text(lost)
    assert facts(lost)["outcome"] == "applied"
    assert facts(lost)["state"] == state
    assert arrived(counter, operation) == [(999006, True)]


class GoneBackOn(Losing):
    """A network that loses answers, and a colleague who goes back on what was done at once."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(counter, delivers=True)
        self._counter = counter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.ReadError:
            await elsewhere(self._counter, "dossierRepasserEnInstruction")
            raise


@pytest.mark.parametrize("tool", ["accept_dossier", "refuse_dossier", "close_dossier"])
async def test_a_decision_that_somebody_went_back_on_before_it_was_read_was_taken(
    counter: Counter, era: str, tool: str
):
    """It was e-mailed: taken for one that was not, it would be taken again."""
    counter.over["demarches"] = GoneBackOn(counter)
    lost = facts(await call(counter, era, tool, Person()))

    assert (lost["outcome"], lost["state"]) == ("applied", "en_instruction")
    assert "has been changed since" in lost["conclusion"]


async def test_a_decision_that_was_gone_back_on_before_the_question_is_not_the_one_that_was_lost(
    counter: Counter, era: str
):
    counter.dossiers = demarches.create(lambda: datetime.fromtimestamp(counter.clock(), UTC))
    await elsewhere(counter, "dossierAccepter", "dossierRepasserEnInstruction")
    counter.clock.now += 1
    counter.over["demarches"] = Losing(counter, delivers=False)
    lost = facts(await call(counter, era, "accept_dossier", Person()))

    assert (lost["outcome"], lost["state"]) == ("not_applied", "en_instruction")


async def test_a_file_goes_with_a_decision_once_the_person_saw_what_it_is(
    counter: Counter, era: str
):
    counter.put_file("arrêté.pdf", "%PDF-1.7 refus")
    person = Person()
    decision = facts(await call(counter, era, "refuse_dossier", person, attachment="arrêté.pdf"))

    assert decision["outcome"] == "applied"
    assert "Un fichier de 14 octets est joint" in person.questions[0]
    assert "« arrêté.pdf »" in person.questions[0]
    operations = [w.operation for w in counter.dossiers.state.writes]
    assert operations == ["createDirectUpload", "PUT", "dossierRefuser"]
    assert attached(counter) == "arrêté.pdf"


async def test_no_file_leaves_before_a_person_agreed(counter: Counter, era: str):
    counter.put_file("arrêté.pdf", "%PDF-1.7 refus")
    person = Person("decline")
    await call(counter, era, "refuse_dossier", person, attachment="arrêté.pdf")

    assert len(person.questions) == 1
    assert not counter.dossiers.state.writes


async def test_consent_is_for_the_file_as_it_was(counter: Counter, era: str):
    """The name is the same, the content is another: it is another question."""
    counter.put_file("arrêté.pdf", "%PDF-1.7 refus")

    async def swapped() -> None:
        counter.put_file("arrêté.pdf", "%PDF-1.7 autre")

    person = Person(before=swapped)
    stale = await call(counter, era, "refuse_dossier", person, attachment="arrêté.pdf")

    if era == ERAS[0]:
        assert "n'est plus vrai" in text(stale)
        assert not counter.dossiers.state.writes
    else:
        first, second = person.questions
        assert first != second
        assert arrived(counter, "dossierRefuser") == [(200001, True)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("absent.pdf", None, "n'a pas de fichier nommé 'absent.pdf'"),
        ("../secret", None, "n'a pas de fichier nommé"),
        ("lourd.pdf", "x" * 20_000_001, "dépasse 20 Mo"),
    ],
)
async def test_a_file_that_cannot_be_sent_asks_nobody(
    counter: Counter, era: str, name: str, content: str | None, told: str
):
    counter.put_file(name if content else "autre.pdf", content or "x")
    person = Person()
    refused = await call(counter, era, "accept_dossier", person, attachment=name)

    assert told in text(refused)
    assert not person.questions
    assert not counter.dossiers.state.writes


async def test_a_file_that_the_service_does_not_keep_whole_decides_nothing(
    counter: Counter, era: str
):
    counter.put_file("corrompu.pdf", "%PDF-1.7 refus")
    refused = await call(counter, era, "refuse_dossier", Person(), attachment="corrompu.pdf")

    assert refused.is_error
    assert arrived(counter, "dossierRefuser") == [(200001, False)]


async def test_the_dry_run_of_a_decision_with_a_file_sends_no_file(counter: Counter, era: str):
    counter.put_file("arrêté.pdf", "%PDF-1.7 refus")
    shown = facts(
        await call(counter, era, "refuse_dossier", Person(), attachment="arrêté.pdf", dry_run=True)
    )

    assert '"justificatif": "(the id' in shown["preview"]["body"]
    assert not counter.dossiers.state.writes


def attached(counter: Counter) -> str:
    """The name of the file that dossier 200001 was decided on with."""
    file = counter.dossiers.state.registry.dossiers[200001].motivation_attachment
    return file["filename"]
