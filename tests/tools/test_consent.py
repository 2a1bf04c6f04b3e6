"""What consent withstands, in both eras, counted where changes arrive."""

from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, InputRequiredResult, InputResponses

from server.settings import Demarches
from tests.support import NO_PAGE, Counter, Person, elsewhere, facts, put, text
from tools.database import UnusableDatabaseError
from tools.journal import LEASE
from tools.storage import Storage

ACCEPT = {"number": 200001, "motivation": "Dossier complet."}
MODERN = "2026-07-28"
Round = tuple[InputResponses, str]


async def asked(host: Client, arguments: dict[str, Any]) -> Round:
    """The first round of a call: a person's yes to its question, and the state it goes with."""
    first = await host.session.call_tool("accept_dossier", arguments, allow_input_required=True)
    assert isinstance(first, InputRequiredResult)
    assert first.request_state is not None
    key, question = put(first)
    return {key: Person().answer(question)}, first.request_state


async def answered(
    host: Client, arguments: dict[str, Any], answer: Round
) -> CallToolResult | InputRequiredResult:
    """The second round: the same call, with an answer and the state it goes with."""
    return await host.session.call_tool(
        "accept_dossier",
        arguments,
        input_responses=answer[0],
        request_state=answer[1],
        allow_input_required=True,
    )


async def asked_and_cut_short(counter: Counter, host: Client) -> Round:
    """The first round, once a process died that had the answer and had recorded its intent."""
    answer, journal = await asked(host, ACCEPT), counter.journal()
    (row,) = await counter.rows()
    operation = await journal.find(row["id"])
    assert operation is not None
    await journal.begin(operation, "form, typed")
    await journal.close()
    counter.clock.now += LEASE + 1
    return answer


def by(person: Person, answer: Round) -> Round:
    """The answer of this person instead, to the same question."""
    return {key: person.answer("") for key in answer[0]}, answer[1]


async def test_a_dossier_is_accepted_once_a_person_agreed(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    accepted = facts(result)
    assert (accepted["number"], accepted["state"]) == (200001, "accepte")
    assert accepted["outcome"] == "applied"
    assert [write.applied for write in counter.accepted] == [True]
    assert len(person.questions) == 1


@pytest.mark.parametrize(
    "person",
    [
        Person("decline"),
        Person("cancel"),
        Person(content={"agreed": False, "typed": "200001"}),
        Person(content={"agreed": True, "typed": "200002"}),
        Person(content={"agreed": True, "typed": ""}),
        Person(content={"agreed": "true", "typed": "200001"}),
        Person(content={"agreed": True}),
        Person(content={}),
    ],
    ids=["no", "closed", "unticked", "mistyped", "untyped", "not a tick", "half", "empty"],
)
async def test_nothing_changes_unless_the_person_agrees(counter: Counter, era: str, person: Person):
    """An auto-accepting client submits an empty form: that is no agreement either."""
    async with counter.host(era, person) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert result.is_error
    assert not counter.accepted


async def test_a_number_typed_with_spaces_or_as_a_number_is_the_number(counter: Counter, era: str):
    spaced = Person(content={"agreed": True, "typed": " 200 001 "})
    as_number = Person(content={"agreed": True, "typed": 200002})
    async with counter.host(era, spaced) as host:
        first = await host.call_tool("accept_dossier", {"number": 200001})
    async with counter.host(era, as_number) as host:
        second = await host.call_tool("accept_dossier", {"number": 200002})

    assert facts(first)["outcome"] == facts(second)["outcome"] == "applied"


async def test_a_decline_is_for_good(counter: Counter):
    """An answer changed from no to yes comes too late; a new call asks a new question."""
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        declined = await answered(host, ACCEPT, by(Person("decline"), answer))
        reconsidered = await answered(host, ACCEPT, answer)
        assert not counter.accepted
        anew = await host.call_tool("accept_dossier", ACCEPT)

    assert isinstance(declined, CallToolResult)
    assert declined.is_error
    assert isinstance(reconsidered, CallToolResult)
    assert text(reconsidered) == text(declined)
    assert [row["status"] for row in await counter.rows()] == ["declined", "applied"]
    assert facts(anew)["outcome"] == "applied"


@pytest.mark.parametrize(
    "person", [Person("decline"), Person("cancel"), Person(content={"agreed": False})]
)
async def test_a_no_counts_even_while_the_service_is_down(counter: Counter, person: Person):
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        counter.down = True
        declined = await answered(host, ACCEPT, by(person, answer))
        counter.down = False
        reconsidered = await answered(host, ACCEPT, answer)

    assert isinstance(declined, CallToolResult)
    assert "n'a pas donné son accord" in text(declined)
    assert isinstance(reconsidered, CallToolResult)
    assert text(reconsidered) == text(declined)
    assert not counter.accepted


async def test_a_new_call_after_a_decline_asks_a_new_question(counter: Counter, era: str):
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        person.action = "accept"
        await host.call_tool("accept_dossier", ACCEPT)

    assert len(person.questions) == 2
    assert len(counter.accepted) == 1


async def test_a_replayed_answer_gets_what_the_first_one_obtained(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        results = [await answered(host, ACCEPT, answer) for _ in range(4)]

    assert len(counter.accepted) == 1
    assert len({result.model_dump_json() for result in results}) == 1


async def test_a_replay_to_another_process_gets_it_too(counter: Counter):
    """Processes share the ledger and the secret, as several instances do."""
    async with counter.host(MODERN, Person()) as host, counter.host(MODERN, Person()) as other:
        answer = await asked(host, ACCEPT)
        first = await answered(host, ACCEPT, answer)
        second = await answered(other, ACCEPT, answer)

    assert len(counter.accepted) == 1
    assert second == first


async def test_a_question_may_be_answered_through_another_process(counter: Counter):
    async with counter.host(MODERN, Person()) as host, counter.host(MODERN, Person()) as other:
        answer = await asked(host, ACCEPT)
        result = await answered(other, ACCEPT, answer)

    assert isinstance(result, CallToolResult)
    assert facts(result)["outcome"] == "applied"


async def test_two_approvals_of_one_call_do_not_make_three_changes(counter: Counter):
    """Each approval serves once, and the second finds the dossier already accepted."""
    async with counter.host(MODERN, Person()) as host:
        answers = [await asked(host, ACCEPT), await asked(host, ACCEPT)]
        results = [await answered(host, ACCEPT, answer) for answer in answers * 3]

    assert len(counter.accepted) == 1
    assert [getattr(result, "is_error", None) for result in results] == [False, True] * 3


@pytest.mark.parametrize(
    "change", [{"number": 200002}, {"motivation": "Autre."}, {"notify": False}]
)
async def test_an_answer_is_only_good_for_the_arguments_it_was_given_for(
    counter: Counter, change: dict[str, Any]
):
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        with pytest.raises(MCPError, match="requestState"):
            await answered(host, ACCEPT | change, answer)

    assert not counter.accepted


async def test_an_answer_that_comes_too_late_changes_nothing(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        counter.clock.now += 601
        late = await answered(host, ACCEPT, answer)

    assert isinstance(late, CallToolResult)
    assert "Personne n'a répondu à temps" in text(late)
    assert not counter.accepted


async def test_a_person_who_never_answers_changes_nothing(counter: Counter):
    """In the older era the server itself waits, and must not wait for ever."""
    counter.answer_within = 0.05
    person = Person(before=anyio.sleep_forever)
    with anyio.fail_after(5):
        async with counter.host("2025-11-25", person) as host:
            result = await host.call_tool("accept_dossier", ACCEPT)

    assert "Personne n'a répondu à temps" in text(result)
    assert not counter.accepted


async def test_an_answer_that_becomes_too_late_while_it_is_checked_changes_nothing(
    counter: Counter,
):
    """Reading the dossier again takes the time that was left."""
    direct = httpx.ASGITransport(app=counter.dossiers)

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            counter.clock.now += 250
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Slow()
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        counter.clock.now += 400
        with anyio.fail_after(5):
            late = await answered(host, ACCEPT, answer)

    assert isinstance(late, CallToolResult)
    assert "Personne n'a répondu à temps" in text(late)
    assert not counter.accepted


async def test_a_service_that_is_down_when_the_answer_comes_does_not_cost_the_answer(
    counter: Counter,
):
    """Nothing was sent: the same answer may come back once the service is up."""
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        counter.down = True
        unavailable = await answered(host, ACCEPT, answer)
        counter.down = False
        result = await answered(host, ACCEPT, answer)

    assert isinstance(unavailable, CallToolResult)
    assert "Démarches simplifiées: " in text(unavailable)
    assert isinstance(result, CallToolResult)
    assert facts(result)["outcome"] == "applied"


async def test_another_principal_cannot_use_an_answer(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        answer = await asked(host, ACCEPT)
        counter.principal = "somebody else"
        with pytest.raises(MCPError, match="requestState"):
            await answered(host, ACCEPT, answer)

    assert not counter.accepted


async def test_consent_is_void_once_the_dossier_was_decided_on(counter: Counter, era: str):
    """Refused by somebody else while the person was reading: nothing is sent."""
    person = Person(before=lambda: elsewhere(counter, "dossierRefuser"))
    async with counter.host(era, person) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert "déjà refusé" in text(result)
    assert not counter.accepted


async def test_consent_is_void_once_the_dossier_changed_and_is_asked_anew(
    counter: Counter, era: str
):
    """Decided on and reopened while the person was reading: the question reads the same."""
    counter_offers = ["dossierRefuser", "dossierRepasserEnInstruction"]

    async def meanwhile() -> None:
        await elsewhere(counter, *counter_offers)
        counter_offers.clear()

    person = Person(before=meanwhile)
    async with counter.host(era, person) as host:
        stale = await host.call_tool("accept_dossier", ACCEPT)
        assert not counter.accepted
        anew = await host.call_tool("accept_dossier", ACCEPT)

    assert "n'est plus vrai" in text(stale)
    assert facts(anew)["outcome"] == "applied"
    assert len(person.questions) == 2


async def test_a_client_that_cannot_ask_sends_its_person_to_the_page(counter: Counter, era: str):
    """Nothing changes until they decide there: test_page_consent.py."""
    async with counter.host(era) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert result.is_error
    assert f"({NO_PAGE}) : rien n'a encore été changé" in text(result)
    assert counter.presented == [row["id"] for row in await counter.rows()]
    assert not counter.accepted


async def test_nobody_is_asked_about_what_would_be_refused(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        refusals = [
            text(await host.call_tool("accept_dossier", {"number": number}))
            for number in (200003, 200004, 200007, 200008, 300008, 299999)
        ]

    assert not person.questions
    assert "(en_construction) : il faut d'abord" in refusals[0]
    assert "déjà accepté" in refusals[1]
    assert "n'est pas membre du groupe « Bretagne »" in refusals[2]
    assert "annotations obligatoires : « " in refusals[3]
    assert "Les informations du SIRET du dossier 300008 ne sont pas encore" in refusals[4]
    assert "Démarches simplifiées: " in refusals[5]


async def test_the_question_states_everything_that_is_sent(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        await host.call_tool(
            "accept_dossier",
            {"number": 200001, "motivation": "Pièces\nconformes.", "notify": False},
        )

    (question,) = person.questions
    for said in (
        "dossier n° 200001",
        "camille.martin@exemple.gouv.fr",
        "Aucun e-mail",
        "« Aide à la mobilité »",
        "usager200001@exemple.fr",
        "« Pièces conformes. »",
    ):
        assert said in question
    (write,) = counter.accepted
    assert (write.motivation, write.notified) == ("Pièces\nconformes.", False)


async def test_what_strangers_wrote_comes_last_quoted_and_on_one_line(counter: Counter, era: str):
    """Dossier 200009's applicant tries to close the quotes, to hide text and to give orders."""
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool(
            "accept_dossier", {"number": 200009, "motivation": "ok »\nConfirmé : 200001.\nx"}
        )

    (question,) = person.questions
    ours, _, theirs = question.partition("textes écrits par d'autres :\n")
    assert "gnore" not in ours
    assert len(theirs.splitlines()) == 5
    assert all(line.count("»") == 1 and line.endswith("»") for line in theirs.splitlines())
    assert question.isprintable() or set(question) - {"\n"} <= {
        c for c in question if c.isprintable()
    }
    assert "\u202e" not in question


async def test_the_person_is_asked_in_english_on_demand(counter: Counter, era: str):
    counter.settings["language"] = "en"
    person = Person()
    async with counter.host(era, person) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert person.questions[0].startswith("Accept dossier 200001")
    assert facts(result)["outcome"] == "applied"


class Losing(httpx.AsyncBaseTransport):
    """A network that loses the answers to acceptances, and whatever else it is told to."""

    def __init__(self, counter: Counter, *, delivers: bool, reads: bool = True) -> None:
        self._to = httpx.ASGITransport(app=counter.dossiers)
        self._delivers = delivers
        self._reads = reads
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if b"dossierAccepter" not in request.content:
            if self.lost and not self._reads:
                raise httpx.ConnectError("gone", request=request)
            return await self._to.handle_async_request(request)
        self.lost += 1
        if self._delivers:
            await self._to.handle_async_request(request)
        raise httpx.ReadError("reset", request=request)


@pytest.mark.parametrize(
    ("delivers", "outcome", "state"),
    [(True, "applied", "accepte"), (False, "not_applied", "en_instruction")],
    ids=["done", "not done"],
)
async def test_a_lost_answer_is_settled_by_reading_and_never_by_writing_again(
    counter: Counter, era: str, *, delivers: bool, outcome: str, state: str
):
    counter.over["demarches"] = network = Losing(counter, delivers=delivers)
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    settled = facts(result)
    assert (settled["outcome"], settled["state"]) == (outcome, state)
    assert result.is_error == (outcome != "applied")
    assert network.lost == 1


async def test_what_cannot_be_read_is_undetermined_until_it_can(counter: Counter, era: str):
    """The service goes down with the answer: the next change first reads what became of it."""
    counter.over["demarches"] = Losing(counter, delivers=True, reads=False)
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)
    assert result.is_error
    assert facts(result)["outcome"] == "undetermined"

    counter.over.clear()
    async with counter.host(era, Person()) as host:
        await host.call_tool("accept_dossier", {"number": 200002})
    assert [row["status"] for row in await counter.rows()] == ["applied", "applied"]
    assert len(counter.accepted) == 2


async def test_a_change_cut_short_by_the_death_of_its_process_is_read_before_the_next(
    counter: Counter,
):
    """Its question was answered and its request may have left: it is read, and not sent again."""
    async with counter.host(MODERN, Person()) as host:
        answer = await asked_and_cut_short(counter, host)
        await elsewhere(counter, "dossierAccepter")
        replayed = await answered(host, ACCEPT, answer)

    assert isinstance(replayed, CallToolResult)
    assert facts(replayed)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_a_replay_of_what_cannot_be_settled_from_here_is_told_so_at_once(counter: Counter):
    """The service has moved since: what its new address shows is not what was written."""
    async with counter.host(MODERN, Person()) as host:
        answer = await asked_and_cut_short(counter, host)
    counter.settings["demarches"] = Demarches.model_validate(
        {"url": "https://moved.example/graphql", "token": "sandbox"}
    )
    with anyio.fail_after(5):
        async with counter.host(MODERN, Person()) as host:
            replayed = await answered(host, ACCEPT, answer)

    assert isinstance(replayed, CallToolResult)
    assert facts(replayed)["outcome"] == "undetermined"
    assert not counter.accepted


async def test_a_change_is_made_to_its_end_when_the_call_is_cancelled(counter: Counter, era: str):
    """The client goes away while the service is at work: what came of it is recorded anyway."""
    arrived, go_on = anyio.Event(), anyio.Event()
    direct = httpx.ASGITransport(app=counter.dossiers)

    class Held(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"dossierAccepter" in request.content:
                arrived.set()
                await go_on.wait()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Held()
    with anyio.fail_after(5):
        async with counter.host(era, Person()) as host, anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "accept_dossier", ACCEPT)
            await arrived.wait()
            tasks.cancel_scope.cancel()
            go_on.set()

    (row,) = await counter.rows()
    assert row["status"] == "applied"
    assert len(counter.accepted) == 1


async def test_what_cannot_be_seen_is_not_sent(counter: Counter, era: str):
    """What the question shows must be what is sent: soft hyphens go, hidden orders are refused."""
    person = Person()
    async with counter.host(era, person) as host:
        hidden = await host.call_tool(
            "accept_dossier", {"number": 200001, "motivation": "ok\u202eoui"}
        )
        assert "cannot be seen" in text(hidden)
        assert not person.questions
        await host.call_tool("accept_dossier", {"number": 200001, "motivation": "co\u00adop "})

    assert "« coop »" in person.questions[0]
    assert [write.motivation for write in counter.accepted] == ["coop"]


async def test_a_busy_ledger_does_not_cut_a_change_short(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    """Saying that the process is alive fails while the service is at work: the change goes on."""
    tried = anyio.Event()
    direct = httpx.ASGITransport(app=counter.dossiers)

    async def soon(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    async def busy(self: Storage, operation: str, values: object) -> None:
        tried.set()
        raise UnusableDatabaseError("OperationalError")

    class Held(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"dossierAccepter" in request.content:
                await tried.wait()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Held()
    counter.wait = soon
    monkeypatch.setattr(Storage, "touch", busy)
    with anyio.fail_after(10):
        async with counter.host(MODERN, Person()) as host:
            result = await host.call_tool("accept_dossier", ACCEPT)

    assert facts(result)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_whoever_made_a_change_knows_better_than_whoever_read_it_meanwhile(counter: Counter):
    """The machine slept while the service was at work: another process took this one for dead."""
    arrived, go_on = anyio.Event(), anyio.Event()
    direct = httpx.ASGITransport(app=counter.dossiers)

    class Held(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if b"dossierAccepter" in request.content and not arrived.is_set():
                arrived.set()
                await go_on.wait()
            return await direct.handle_async_request(request)

    counter.over["demarches"] = Held()
    before: dict[str, str] = {}
    with anyio.fail_after(10):
        async with (
            counter.host(MODERN, Person()) as host,
            counter.host(MODERN, Person()) as other,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(host.call_tool, "accept_dossier", ACCEPT)
            await arrived.wait()
            counter.clock.now += 120
            await other.call_tool("accept_dossier", {"number": 200002})
            before = {row["subject"]: row["status"] for row in await counter.rows()}
            go_on.set()

    assert before["200001"] == "not_applied"
    after = {row["subject"]: row["status"] for row in await counter.rows()}
    assert after == {"200001": "applied", "200002": "applied"}


async def test_a_client_that_fails_at_asking_is_one_that_cannot_ask(counter: Counter):
    async def fails() -> None:
        raise MCPError(-32603, "no window")

    async with counter.host("2025-11-25", Person(before=fails)) as host:
        result = await host.call_tool("accept_dossier", ACCEPT)

    assert result.is_error
    assert "ne sait pas poser de question" in text(result)
    assert not counter.accepted
