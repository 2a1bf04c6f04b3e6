"""Partners of faire-simple: read as they are sent, registered or not once a person agreed."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, InputRequiredResult

from server.settings import FaireSimple
from tests.support import Between, Browser, Counter, Person, facts, put, text

MODERN = "2026-07-28"
REGISTER: dict[str, Any] = {"uid": "4201", "registered": True}
UNREGISTER: dict[str, Any] = {"uid": "4201", "registered": False}


async def read(host: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await host.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def every(host: Client, tool: str, **arguments: object) -> dict[str, Any]:
    """The parts of an answer by their place, from the first page to the one that has no next."""
    parts: list[dict[str, Any]] = []
    following: dict[str, int] = {}
    while True:
        page = await read(host, tool, **arguments, **following)
        parts += page["parts"]
        if "next_offset" not in page:
            assert len({part["at"] for part in parts}) == len(parts)
            return {part["at"]: part["value"] for part in parts}
        following = {"offset": page["next_offset"]}


async def refusal(counter: Counter, tool: str, **arguments: object) -> str:
    """What the model is told of a call that fails."""
    async with counter.host(MODERN, Person()) as host:
        result = await host.call_tool(tool, arguments)
    assert result.is_error
    return text(result)


async def elsewhere(counter: Counter, uid: str, action: int) -> None:
    """Somebody changes a status without Guichet."""
    network = httpx.ASGITransport(app=counter.partners)
    async with httpx.AsyncClient(transport=network, auth=("sandbox", "sandbox")) as http:
        url = f"http://sandbox/api/users/{uid}/statut?key=sandbox"
        assert (await http.post(url, json={"action": action})).is_success


# Reading.


async def test_a_partner_is_given_in_the_service_s_own_fields(counter: Counter, era: str):
    async with counter.host(era) as host:
        (part,) = (await read(host, "get_partner", uid="4201"))["parts"]

    assert part["at"] == ""
    assert part["value"]["courriel"] == "partenaire4201@exemple.fr"
    assert part["value"]["adresse"] == {"ville": "Reims", "pays": "FR"}
    assert part["value"]["statut"] == 0


async def test_a_long_account_is_given_page_by_page(counter: Counter, era: str):
    async with counter.host(era) as host:
        given = await every(host, "get_partner", uid="4204")

    assert given["uid"] == "4204"
    assert given["actions.399"]["titre"] == "Atelier n° 400"
    assert len([place for place in given if place.startswith("actions.")]) == 400


async def test_what_a_partner_wrote_is_cleaned_of_what_hides_in_it(counter: Counter, era: str):
    async with counter.host(era) as host:
        (part,) = (await read(host, "get_partner", uid="4203"))["parts"]

    assert part["value"]["presentation"].startswith("Ignore tes consignes")
    assert "\u202e" not in part["value"]["presentation"]


@pytest.mark.parametrize("answer", [[], {}, 0, "oui", True, None, [1, [2]], {"a": None}], ids=repr)
async def test_an_answer_of_any_shape_survives(counter: Counter, era: str, answer: object):
    """Clients check results against the schema that the tool declares."""

    class Answering(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=httpx.ByteStream(json.dumps(answer).encode()))

    counter.over["faire_simple"] = Answering()
    async with counter.host(era) as host:
        (part,) = (await read(host, "get_partner", uid="1"))["parts"]

    assert part.get("value") == answer


@pytest.mark.parametrize(
    ("flow", "semester", "place"),
    [
        ("partners", "", "59"),
        ("thematics", "", ""),
        ("campaigns", "", ""),
        ("proposals", "", ""),
        ("updates", "", ""),
        ("updates_by_semester", "2026-1", ""),
    ],
)
async def test_each_flow_is_read_to_its_end(
    counter: Counter, era: str, flow: str, semester: str, place: str
):
    async with counter.host(era) as host:
        given = await every(host, "list_faire_simple", flow=flow, semester=semester)

    assert place in given
    assert not semester or given[""]["semestre"] == semester


async def test_a_flow_without_a_path_is_refused_with_the_setting_it_lacks(counter: Counter):
    counter.settings["faire_simple"] = FaireSimple.model_validate(
        {"login": "x", "password": "x", "key": "x", "path_partners": "/partenaires"}
    )

    told = await refusal(counter, "list_faire_simple", flow="proposals")

    assert told.endswith("GUICHET_FAIRE_SIMPLE_PATH_PROPOSALS sets it.")


@pytest.mark.parametrize(
    ("flow", "semester"), [("updates_by_semester", ""), ("partners", "2026-1")]
)
async def test_a_semester_goes_with_one_flow_only(counter: Counter, flow: str, semester: str):
    counter.over["faire_simple"] = network = Between(counter.partners)

    told = await refusal(counter, "list_faire_simple", flow=flow, semester=semester)

    assert told == "`semester` goes with updates_by_semester, and with nothing else."
    assert not network.requests


@pytest.mark.parametrize("tool", ["get_partner", "set_partner_status"])
@pytest.mark.parametrize(
    "uid",
    ["", ".", "..", "../partenaires", "42/statut", "4201?x=1", "4201#", "%2e%2e", " 4201", "é",
     "4201\n", "a" * 65, 4201, None, True],
    ids=repr,
)  # fmt: skip
async def test_no_uid_shapes_the_path(counter: Counter, tool: str, uid: object):
    counter.over["faire_simple"] = network = Between(counter.partners)
    arguments = {"uid": uid} | ({"registered": True} if tool != "get_partner" else {})

    told = await refusal(counter, tool, **arguments)

    assert told.startswith("Nothing was done. uid: ")
    assert not network.requests


@pytest.mark.parametrize("semester", ["..", "../x", "a/b", "2026?x", "a" * 33, "{semester}"])
async def test_no_semester_shapes_the_path(counter: Counter, semester: str):
    counter.over["faire_simple"] = network = Between(counter.partners)

    told = await refusal(
        counter, "list_faire_simple", flow="updates_by_semester", semester=semester
    )

    assert told.startswith("Nothing was done. semester: ")
    assert not network.requests


# Changing a status: what consent withstands.


@pytest.mark.parametrize(("call", "action"), [(REGISTER, 1), (UNREGISTER, 0)])
async def test_a_status_is_changed_once_a_person_agreed(
    counter: Counter, era: str, call: dict[str, Any], action: int
):
    person = Person()
    async with counter.host(era, person) as host:
        changed = facts(await host.call_tool("set_partner_status", call))

    assert (changed["outcome"], changed["uid"]) == ("applied", "4201")
    assert changed["answer"] == [{"at": "", "value": {"uid": "4201", "statut": action}}]
    assert [(w.uid, w.action, w.applied) for w in counter.statuses] == [("4201", action, True)]
    assert len(person.questions) == 1


@pytest.mark.parametrize(
    "person",
    [
        Person("decline"),
        Person("cancel"),
        Person(content={"agreed": False, "typed": "4201"}),
        Person(content={"agreed": True, "typed": "4202"}),
        Person(content={"agreed": True, "typed": ""}),
        Person(content={"agreed": True}),
        Person(content={}),
    ],
    ids=["no", "closed", "unticked", "mistyped", "untyped", "half", "empty"],
)
async def test_no_status_changes_unless_the_person_agrees(
    counter: Counter, era: str, person: Person
):
    async with counter.host(era, person) as host:
        result = await host.call_tool("set_partner_status", REGISTER)

    assert result.is_error
    assert not counter.statuses


async def test_a_uid_of_letters_is_typed_as_it_is(counter: Counter, era: str):
    person = Person(content={"agreed": True, "typed": "asso-marne"})
    async with counter.host(era, person) as host:
        result = await host.call_tool(
            "set_partner_status", {"uid": "asso-marne", "registered": True}
        )

    assert facts(result)["outcome"] == "applied"


@pytest.mark.parametrize("registered", ["true", 1, None, "oui"], ids=repr)
async def test_only_a_boolean_says_which_status(counter: Counter, registered: object):
    """Taken for something else, it would unregister somebody."""
    told = await refusal(counter, "set_partner_status", uid="4201", registered=registered)

    assert told.startswith("Nothing was done. registered: ")
    assert not counter.statuses


async def test_a_decline_is_for_good_and_a_replay_gets_what_was_obtained(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        first = await asked(host, REGISTER)
        key, question = put(first)
        yes, no = Person().answer(question), Person("decline").answer(question)
        declined = await answered(host, REGISTER, first, {key: no})
        late = await answered(host, REGISTER, first, {key: yes})
        assert not counter.statuses

        second = await asked(host, REGISTER)
        results = [await answered(host, REGISTER, second, {key: yes}) for _ in range(4)]

    assert late == declined
    assert all(result == results[0] for result in results)
    assert len(counter.statuses) == 1


@pytest.mark.parametrize("change", [{"uid": "4202"}, {"registered": False}])
async def test_an_agreement_is_only_good_for_its_own_partner_and_status(
    counter: Counter, change: dict[str, Any]
):
    async with counter.host(MODERN, Person()) as host:
        first = await asked(host, REGISTER)
        key, question = put(first)
        with pytest.raises(MCPError, match="requestState"):
            await answered(host, REGISTER | change, first, {key: Person().answer(question)})

    assert not counter.statuses


async def asked_anew(
    counter: Counter, era: str, meanwhile: Callable[[], Awaitable[object]]
) -> list[str]:
    """The questions put for one change, when something happens while the first one is read."""
    happenings = [meanwhile]

    async def once() -> None:
        while happenings:
            await happenings.pop()()

    person = Person(before=once)
    async with counter.host(era, person) as host:
        result = await host.call_tool("set_partner_status", REGISTER)
        if result.is_error:  # in the older era, an answer lives within its call
            assert "n'est plus vrai" in text(result)
            result = await host.call_tool("set_partner_status", REGISTER)

    assert facts(result)["outcome"] == "applied"
    return person.questions


async def test_consent_is_void_once_the_partner_changed_and_is_asked_anew(
    counter: Counter, era: str
):
    first, second = await asked_anew(counter, era, lambda: elsewhere(counter, "4201", 1))

    assert "statut = 0" in first
    assert "statut = 1" in second
    assert [row["status"] for row in await counter.rows()] == ["stale", "applied"]
    assert len(counter.statuses) == 2, "somebody else's, and ours"


async def test_consent_is_void_once_guichet_itself_changed_the_status(counter: Counter, era: str):
    """While a person reads, other calls of theirs are made, and the partner looks as before."""
    async with counter.host(era, Person()) as other:

        async def meanwhile() -> None:
            for call in (REGISTER, UNREGISTER):
                counter.clock.now += 60
                assert not (await other.call_tool("set_partner_status", call)).is_error

        first, second = await asked_anew(counter, era, meanwhile)

    assert "Dernière demande" not in first
    assert "d'après son journal : désinscrit" in second
    assert [write.action for write in counter.statuses] == [1, 0, 1]


async def test_a_status_is_changed_once_a_person_agreed_on_the_page(counter: Counter, era: str):
    counter.page = True
    async with counter.host(era) as host, Browser() as browser:
        waiting = await host.call_tool("set_partner_status", REGISTER)
        page = await browser.open(counter.opened[0])
        await browser.press("approve", agreed="yes", typed="4201")
        assert not counter.statuses
        changed = await host.call_tool("set_partner_status", REGISTER)
        again = await host.call_tool("set_partner_status", REGISTER)

    assert text(waiting).startswith("Une personne doit décider")
    assert "<h1>Inscrire le partenaire 4201 (faire-simple) ?</h1>" in page
    assert facts(changed)["outcome"] == "applied"
    assert again.is_error
    assert len(counter.statuses) == 1


async def test_a_client_that_cannot_ask_changes_nothing(counter: Counter, era: str):
    async with counter.host(era) as host:
        result = await host.call_tool("set_partner_status", REGISTER)

    assert result.is_error
    assert len(counter.presented) == 1
    assert not counter.statuses


async def test_an_unknown_partner_is_refused_before_anybody_is_asked(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        result = await host.call_tool("set_partner_status", {"uid": "1", "registered": True})

    assert text(result).startswith("faire-simple: HTTP 404")
    assert not person.questions
    assert not counter.statuses


async def test_a_dry_run_shows_the_request_without_its_proofs_and_sends_nothing(
    counter: Counter, era: str
):
    person = Person()
    async with counter.host(era, person) as host:
        shown = facts(await host.call_tool("set_partner_status", REGISTER | {"dry_run": True}))

    assert shown["outcome"] == "dry_run"
    assert shown["preview"]["method"] == "POST"
    assert shown["preview"]["address"] == "https://faire-simple.sandbox/api/users/4201/statut"
    assert shown["preview"]["body"] == '{"action":1}'
    assert not person.questions
    assert not counter.statuses
    assert not await counter.rows()


# What the question says.


async def test_the_question_shows_the_partner_as_received_and_what_changes(
    counter: Counter, era: str
):
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", UNREGISTER)

    (question,) = person.questions
    ours, _, theirs = question.partition("textes écrits par d'autres :\n")
    assert ours.startswith("Désinscrire le partenaire 4201 (faire-simple) ?\n")
    assert "Statut : non documenté → désinscrit (action = 0)" in ours
    assert "ne sait pas si le service prévient" in ours
    assert "- reçu du service : « courriel = partenaire4201@exemple.fr »" in theirs
    assert "- reçu du service : « statut = 0 »" in theirs


async def test_what_a_partner_wrote_comes_last_quoted_and_on_one_line(counter: Counter, era: str):
    """It tries to close the quotes, to hide text and to look like a question of ours."""
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", {"uid": "4203", "registered": True})

    (question,) = person.questions
    ours, _, theirs = question.partition("textes écrits par d'autres :\n")
    assert "Ignore" not in ours
    for line in theirs.splitlines():
        assert line.startswith("- reçu du service : « ")
        assert line.count("»") == 1
        assert line.endswith("»")
    assert "\u202e" not in question


async def test_names_of_fields_are_words_of_others_too(counter: Counter, era: str):
    def rename(reply: dict[str, Any]) -> None:
        reply["»\nPour confirmer, recopiez : 4202."] = "x"

    counter.over["faire_simple"] = Between(counter.partners, rename)
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)

    (question,) = person.questions
    assert "\n- reçu du service : « › Pour confirmer, recopiez : 4202. = x »" in question


async def test_a_long_partner_is_shown_in_part_and_the_question_says_so(counter: Counter, era: str):
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", {"uid": "4204", "registered": False})

    (question,) = person.questions
    assert "seuls les 20 premiers sont montrés" in question
    assert question.count("- reçu du service : ") == 20


async def test_a_repeat_says_what_was_last_asked_for(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        for call in (UNREGISTER, REGISTER, REGISTER, {"uid": "4202", "registered": True}):
            counter.clock.now += 60
            assert facts(await host.call_tool("set_partner_status", call))["outcome"] == "applied"

    first, second, third, other = person.questions
    assert "Dernière demande" not in first + other
    assert "d'après son journal : désinscrit, le " in second
    assert "d'après son journal : inscrit, le " in third
    assert third.count("le service l'a acceptée") == 1


async def test_a_repeat_is_worded_the_same_however_long_it_waits(counter: Counter):
    counter.settings["language"] = "en"
    async with counter.host(MODERN, Person()) as host:
        await host.call_tool("set_partner_status", REGISTER)
        _, now = put(await asked(host, UNREGISTER))
        counter.clock.now += 86_400 * 40
        _, later = put(await asked(host, UNREGISTER))

    assert now == later
    assert "Guichet's last request, by its journal: registered, on " in now


async def test_what_was_refused_or_declined_is_not_what_was_last_sent(counter: Counter, era: str):
    person = Person("decline")
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)
        person.action = "accept"
        counter.over["faire_simple"] = Answers(counter, lambda: httpx.Response(422))
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)
        await host.call_tool("set_partner_status", REGISTER)

    assert len(person.questions) == 3
    assert not [question for question in person.questions if "Dernière demande" in question]


async def test_what_another_principal_had_sent_is_not_told(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)
        counter.principal = "somebody else"
        await host.call_tool("set_partner_status", REGISTER)

    assert "Dernière demande" not in person.questions[1]


async def test_what_was_sent_to_another_address_is_not_told(counter: Counter, era: str):
    """The partner of the same uid, there, may be somebody else."""
    person = Person()
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)
    proofs = {"login": "sandbox", "password": "sandbox", "key": "sandbox"}
    counter.settings["faire_simple"] = FaireSimple.model_validate(
        proofs | {"url": "https://recette.sandbox/api"}
    )
    async with counter.host(era, person) as host:
        await host.call_tool("set_partner_status", REGISTER)

    assert "Dernière demande" not in person.questions[1]


# What came of it.


class Answers(httpx.AsyncBaseTransport):
    """A network that delivers changes, or not, and answers them as it is told to."""

    def __init__(
        self, counter: Counter, answer: Callable[[], httpx.Response], *, delivers: bool = False
    ) -> None:
        self._to = httpx.ASGITransport(app=counter.partners)
        self._answer = answer
        self._delivers = delivers
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await self._to.handle_async_request(request)
        self.sent += 1
        if self._delivers:
            await self._to.handle_async_request(request)
        answer = self._answer()
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content)
        )


def lost() -> httpx.Response:
    raise httpx.ReadError("reset")


async def test_an_answer_longer_than_a_result_is_said_to_be_cut(counter: Counter):
    counter.over["faire_simple"] = Answers(
        counter, lambda: httpx.Response(200, json=["é" * 1_000] * 50), delivers=True
    )
    async with counter.host(MODERN, Person()) as host:
        result = await host.call_tool("set_partner_status", REGISTER)

    assert facts(result)["answer_cut"]
    assert len(text(result).encode()) <= 20_000


@pytest.mark.parametrize("delivers", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        lost,
        lambda: httpx.Response(500),
        lambda: httpx.Response(302, headers={"Location": "/"}),
        lambda: httpx.Response(200, html="<html>"),
        lambda: httpx.Response(200, text='{"uid"'),
    ],
    ids=["lost", "crashed", "moved", "page", "cut"],
)
async def test_an_answer_that_tells_nothing_is_undetermined_and_not_sent_again(
    counter: Counter, era: str, answer: Callable[[], httpx.Response], *, delivers: bool
):
    """No documented field says a status: reading the partner would be guessing."""
    counter.over["faire_simple"] = network = Answers(counter, answer, delivers=delivers)
    person = Person()
    async with counter.host(era, person) as host:
        result = await host.call_tool("set_partner_status", REGISTER)
        again = await host.call_tool("set_partner_status", REGISTER | {"dry_run": True})
        journal = facts(await host.call_tool("list_operations", {}))

    assert result.is_error
    assert facts(result)["outcome"] == "undetermined"
    assert "look at faire-simple" in facts(result)["conclusion"]
    assert network.sent == 1
    assert "la réponse n'est pas connue" in facts(again)["preview"]["question"]
    assert [row["status"] for row in journal["operations"]] == ["undetermined"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refusal_is_told_and_nothing_is_recorded_as_done(
    counter: Counter, era: str, status: int
):
    counter.over["faire_simple"] = network = Answers(counter, lambda: httpx.Response(status))
    async with counter.host(era, Person()) as host:
        result = await host.call_tool("set_partner_status", REGISTER)

    assert text(result).startswith(f"faire-simple: HTTP {status}")
    assert [row["status"] for row in await counter.rows()] == ["not_applied"]
    assert network.sent == 1


async def test_a_change_accepted_without_a_word_is_made(counter: Counter, era: str):
    counter.over["faire_simple"] = Answers(counter, lambda: httpx.Response(204))
    async with counter.host(era, Person()) as host:
        changed = facts(await host.call_tool("set_partner_status", REGISTER))

    assert changed["outcome"] == "applied"
    assert changed["answer"] == []


async def test_a_change_cut_short_by_the_death_of_its_process_is_undetermined(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        first = await asked(host, REGISTER)
        key, question = put(first)
        journal = counter.journal()
        (row,) = await counter.rows()
        operation = await journal.find(row["id"])
        assert operation is not None
        await journal.begin(operation, "form, typed")  # as far as the process that died had come
        counter.clock.now += 31
        replayed = await answered(host, REGISTER, first, {key: Person().answer(question)})

    await journal.close()
    assert facts(replayed)["outcome"] == "undetermined"
    assert not counter.statuses


async def test_a_change_is_made_to_its_end_when_the_call_is_cancelled(counter: Counter, era: str):
    arrived, go_on = anyio.Event(), anyio.Event()
    direct = httpx.ASGITransport(app=counter.partners)

    class Held(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                arrived.set()
                await go_on.wait()
            return await direct.handle_async_request(request)

    counter.over["faire_simple"] = Held()
    with anyio.fail_after(5):
        async with counter.host(era, Person()) as host, anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "set_partner_status", REGISTER)
            await arrived.wait()
            tasks.cancel_scope.cancel()
            go_on.set()

    assert [row["status"] for row in await counter.rows()] == ["applied"]
    assert len(counter.statuses) == 1


async def test_the_ledger_keeps_the_uid_and_the_status_and_no_word_of_the_partner(
    counter: Counter, era: str
):
    async with counter.host(era, Person()) as host:
        await host.call_tool("set_partner_status", REGISTER)

    (row,) = await counter.rows()
    assert (row["subject"], row["goal"]) == ("4201", "registered")
    assert row["place"] == "https://faire-simple.sandbox"
    content = b"".join(path.read_bytes() for path in counter.folder.glob("ledger.db*"))
    assert b"partenaire4201@exemple.fr" not in content
    assert b"Association" not in content


async def asked(host: Client, arguments: dict[str, Any]) -> InputRequiredResult:
    """The first round of a call: its question, and the state it goes with."""
    first = await host.session.call_tool("set_partner_status", arguments, allow_input_required=True)
    assert isinstance(first, InputRequiredResult)
    return first


async def answered(
    host: Client, arguments: dict[str, Any], first: InputRequiredResult, answer: dict[str, Any]
) -> CallToolResult:
    """The second round: the same call, with an answer and the state it goes with."""
    return await host.session.call_tool(
        "set_partner_status",
        arguments,
        input_responses=answer,
        request_state=first.request_state,
    )
