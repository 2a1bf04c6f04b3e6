"""Creating and changing mesures: once, as a person read it, and nothing else of them."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, InputRequiredResult, InputResponses

from server.sandbox.emjpm.accounts import EDITOR
from server.sandbox.emjpm.mesures import FIRST_ID, FIRST_OF_NEIGHBOUR, SIZE
from tests.support import Between, Counter, Person, facts, put, text
from tools import TOOLS
from tools.emjpm.owners import WRITING

MODERN = "2026-07-28"
REIMS, AUCH = "17510111200043", "17470111000044"
ETAT: dict[str, Any] = {
    "date_changement_etat": "2024-03-01",
    "nature_mesure": "tutelle",
    "lieu_vie": "domicile",
    "pays": "FR",
    "code_postal": "51100",
    "ville": "Reims",
}
NEW: dict[str, Any] = {
    "numero_rg": "24A00001",
    "tribunal_siret": REIMS,
    "annee_naissance": 1957,
    "civilite": "madame",
    "date_nomination": "2024-03-01",
    "etats": [ETAT],
    "ressources": [{"annee": 2024, "niveau_ressource": 14246, "prestations_sociales": ["AAH"]}],
}
EN_COURS, ETEINTE, EN_ATTENTE = FIRST_ID + 1, FIRST_ID + 2, FIRST_ID + 4
LOCK = "L'application web d'eMJPM va se verrouiller"


async def create(host: Client, **changed: object) -> CallToolResult:
    return await host.call_tool("create_mesure", {"fields": NEW | changed})


async def update(host: Client, number: int, **fields: object) -> CallToolResult:
    return await host.call_tool("update_mesure", {"id": number, "fields": fields})


def row(counter: Counter, number: int) -> Any:
    return counter.mesures.state.table.rows[number]


def operations(counter: Counter) -> list[str]:
    """What arrived at the service, in its order."""
    return [write.operation for write in counter.mesures.state.writes]


async def test_a_mesure_is_created_once_a_person_agreed(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        created = facts(await create(host))

    mesure = row(counter, created["id"]).mesure
    assert created["outcome"] == "applied"
    assert operations(counter) == ["create"]
    assert (mesure["numero_rg"], mesure["annee_naissance"]) == ("24A00001", 1957)
    (question,) = person.questions
    for said in ("24A00001", "17510111200043", "1957", "madame", "tutelle", "Reims", "14246, AAH"):
        assert said in question


@pytest.mark.parametrize("person", [Person("decline"), Person(content={"agreed": False})])
async def test_nothing_is_saved_unless_the_person_agrees(
    counter: Counter, era: str, person: Person
):
    async with counter.host(era, person) as host:
        refusals = [await create(host), await update(host, EN_COURS, civilite="monsieur")]

    assert all(refusal.is_error for refusal in refusals)
    assert not counter.mesures.state.writes


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"numero_rg": "24/a1"}, "numero_rg: 8 letters and digits"),
        ({"tribunal_siret": "12345678901234"}, "n'a pas de tribunal 12345678901234"),
        ({"antenne_id": 999}, "n'a pas d'antenne 999"),
        ({"etats": []}, "etats: at least one is needed"),
        ({"civilite": "M."}, "Input should be 'madame' or 'monsieur'"),
        ({"prenom": "Jeanne"}, "prenom: no such field"),
    ],
    ids=["number", "tribunal", "antenne", "états", "civilité", "unknown"],
)
async def test_what_would_be_refused_is_refused_before_anybody_is_asked(
    counter: Counter, era: str, fields: dict[str, object], told: str
):
    person = Person()
    async with counter.host(era, person) as host:
        refusals = [await create(host, **fields), await update(host, EN_COURS, **fields)]

    assert all(refusal.is_error and told in text(refusal) for refusal in refusals)
    assert not person.questions
    assert not counter.mesures.state.writes


async def test_a_creation_over_a_mesure_says_so_and_whose_it_is(counter: Counter, era: str):
    """The service would not say: it answers as it does to a creation."""
    there = row(counter, EN_COURS).mesure
    key = {name: there[name] for name in ("numero_rg", "tribunal_siret")}
    person = Person()
    async with counter.host(era, person) as host:
        saved = facts(await create(host, **key))

    (question,) = person.questions
    assert question.startswith(f"Écrire par-dessus la mesure n° {EN_COURS} ({there['numero_rg']})")
    assert f"écrite en dernier par le logiciel n° {EDITOR}" in question
    assert "- compte : « service-50 »" in question
    assert saved["id"] == EN_COURS
    assert len(counter.mesures.state.table.rows) >= SIZE


async def test_what_is_left_out_of_a_creation_over_a_mesure_stays(counter: Counter, era: str):
    before = row(counter, EN_COURS).mesure
    key = {name: before[name] for name in ("numero_rg", "tribunal_siret")}
    async with counter.host(era, Person()) as host:
        await host.call_tool("create_mesure", {"fields": key | {"numero_dossier": "Z-1"}})

    after = row(counter, EN_COURS).mesure
    assert after["numero_dossier"] == "Z-1"
    assert after["ressources"] == before["ressources"]
    assert sorted(map(str, after["etats"])) == sorted(map(str, before["etats"]))


async def test_an_antenne_is_set_by_a_second_request(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        created = facts(await create(host, antenne_id=301))

    assert operations(counter) == ["create", "update"]
    assert row(counter, created["id"]).mesure["antenne_id"] == 301
    assert created["conclusion"].endswith("Its antenne is set.")
    assert "une seconde requête" in person.questions[0]
    assert "« Antenne de Reims »" in person.questions[0]


async def test_a_change_shows_each_field_before_and_after_and_keeps_the_others(
    counter: Counter, era: str
):
    before = row(counter, EN_COURS).mesure
    person = Person()
    async with counter.host(era, person) as host:
        await update(host, EN_COURS, civilite="monsieur", numero_dossier="Z 1", antenne_id=None)

    after, (question,) = row(counter, EN_COURS).mesure, person.questions
    changed = {name for name in before if before[name] != after[name]} - {"etats"}
    assert changed == {"civilite", "numero_dossier", "antenne_id"}
    assert f"numero_dossier : {before['numero_dossier']} → « Z 1 »" in question
    assert f"civilite : {before['civilite']} → monsieur" in question
    assert f"antenne_id : {before['antenne_id']} → rien" in question
    assert "Le reste ne change pas." in question


async def test_what_a_replaced_list_loses_is_shown(counter: Counter, era: str):
    before = row(counter, ETEINTE).mesure
    assert len(before["etats"]) == 3
    kept, *_ = (e for e in before["etats"] if e["date_changement_etat"] > before["date_nomination"])
    person = Person()
    async with counter.host(era, person) as host:
        kept = {name: value for name, value in kept.items() if value is not None}
        await update(host, ETEINTE, etats=[kept], ressources=[])

    (question,) = person.questions
    lost = [e for e in before["etats"] if e["date_changement_etat"] != kept["date_changement_etat"]]
    assert f"états : 2, ressources : {len(before['ressources'])}" in question
    for etat in lost:
        assert f"état du {etat['date_changement_etat']} : {etat['nature_mesure']}" in question
    assert question.count("→ rien") == 2 + len(before["ressources"])


async def test_a_mesure_that_ended_stays_ended_when_something_else_changes(
    counter: Counter, era: str
):
    """The service would open it anew if its end were left out."""
    async with counter.host(era, Person()) as host:
        await update(host, ETEINTE, numero_dossier="Z-1")
        assert row(counter, ETEINTE).status == "eteinte"
        await update(host, ETEINTE, date_fin_mesure=None, cause_sortie=None)

    assert row(counter, ETEINTE).status == "en_cours"
    assert row(counter, ETEINTE).mesure["date_fin_mesure"] is None


async def test_changing_a_mesure_that_awaits_says_that_it_accepts_it(counter: Counter, era: str):
    person = Person()
    fields = {n: v for n, v in NEW.items() if n not in {"numero_rg", "tribunal_siret"}}
    async with counter.host(era, person) as host:
        lacking = await update(host, EN_ATTENTE, civilite="madame")
        await update(host, EN_ATTENTE, **fields)

    assert "date_nomination: needed" in text(lacking)
    assert "Elle est en attente : la changer l'accepte" in person.questions[0]
    assert row(counter, EN_ATTENTE).status == "en_cours"


async def test_a_change_that_changes_nothing_is_not_asked(counter: Counter, era: str):
    person = Person()
    async with counter.host(era, person) as host:
        same = await update(host, EN_COURS, civilite=row(counter, EN_COURS).mesure["civilite"])

    assert "déjà ainsi" in text(same)
    assert not person.questions


async def test_another_service_s_mesure_cannot_be_changed(counter: Counter, era: str):
    async with counter.host(era, Person()) as host:
        refused = await update(host, FIRST_OF_NEIGHBOUR, civilite="monsieur")

    assert "no mesure of this account" in text(refused)
    assert not counter.mesures.state.writes


def test_every_tool_that_writes_mesures_is_known_to_lock_the_web_application():
    assert set(WRITING) == {t.name for t in TOOLS if t.writes and t.needs.startswith("emjpm")}


async def test_the_web_application_s_lock_is_told_until_a_change_was_made(
    counter: Counter, era: str
):
    person = Person()
    async with counter.host(era, person) as host:
        await host.call_tool("delete_mesure", {"id": 1})
        person.action = "decline"
        await create(host)
        counter.clock.now += 1
        person.action = "accept"
        await create(host)
        counter.clock.now += 1
        await update(host, EN_COURS, civilite="monsieur")

    assert [LOCK in question for question in person.questions] == [True, True, False]


async def test_two_questions_put_at_once_can_both_be_answered(counter: Counter):
    """The first change makes the lock old news: the second question must read as it did."""
    calls: list[dict[str, Any]] = [{"fields": NEW | {"numero_rg": f"24A0000{n}"}} for n in (1, 2)]
    answers, results = list[tuple[InputResponses, str | None]](), list[CallToolResult]()
    async with counter.host(MODERN, Person()) as host:
        for call in calls:
            first = await host.session.call_tool("create_mesure", call, allow_input_required=True)
            assert isinstance(first, InputRequiredResult)
            key, question = put(first)
            assert LOCK in question
            answers.append(({key: Person().answer(question)}, first.request_state))
            counter.clock.now += 1
        for call, (responses, state) in zip(calls, answers, strict=True):
            results.append(
                await host.session.call_tool(
                    "create_mesure", call, input_responses=responses, request_state=state
                )
            )
            counter.clock.now += 1

    assert [facts(result)["outcome"] for result in results] == ["applied", "applied"]


async def test_a_dry_run_shows_the_question_and_the_request_and_saves_nothing(
    counter: Counter, era: str
):
    person = Person()
    async with counter.host(era, person) as host:
        new = facts(await host.call_tool("create_mesure", {"fields": NEW, "dry_run": True}))
        change = {"id": EN_COURS, "fields": {"civilite": "monsieur"}, "dry_run": True}
        old = facts(await host.call_tool("update_mesure", change))

    assert [new["outcome"], old["outcome"]] == ["dry_run", "dry_run"]
    assert json.loads(new["preview"]["body"])["etats"] == [ETAT]
    assert "civilite" in json.loads(old["preview"]["body"])
    assert not person.questions
    assert not counter.mesures.state.writes


async def test_a_refusal_of_the_service_is_told_in_words(counter: Counter, era: str):
    """A number that another mesure of the service has is known to its database alone."""
    taken = row(counter, EN_COURS).mesure["numero_dossier"]
    async with counter.host(era, Person()) as host:
        refused = text(await create(host, numero_dossier=taken))

    assert "has this numero_dossier" in refused
    assert "insert" not in refused
    assert '"' not in refused


class Losing(httpx.AsyncBaseTransport):
    """A network that loses the answers to some changes, delivered or not."""

    def __init__(
        self, counter: Counter, loses: Callable[[httpx.Request], bool], *, delivers: bool
    ) -> None:
        self._to = httpx.ASGITransport(app=counter.mesures)
        self._loses, self._delivers = loses, delivers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._loses(request):
            return await self._to.handle_async_request(request)
        if self._delivers:
            await self._to.handle_async_request(request)
        raise httpx.ReadError("reset", request=request)


def is_change(request: httpx.Request) -> bool:
    return request.method != "GET"


@pytest.mark.parametrize(
    ("delivers", "outcome"), [(True, "applied"), (False, "not_applied")], ids=["done", "not done"]
)
async def test_a_lost_answer_is_settled_by_reading_and_never_by_writing_again(
    counter: Counter, era: str, *, delivers: bool, outcome: str
):
    counter.over["emjpm"] = Losing(counter, is_change, delivers=delivers)
    async with counter.host(era, Person()) as host:
        created = facts(await create(host))
        updated = facts(await update(host, EN_COURS, civilite="monsieur"))

    assert [created["outcome"], updated["outcome"]] == [outcome, outcome]
    assert ("id" in created) is delivers
    assert operations(counter) == (["create", "update"] if delivers else [])


async def test_an_antenne_whose_answer_was_lost_is_told_to_be_looked_at(counter: Counter, era: str):
    counter.over["emjpm"] = Losing(counter, lambda r: r.method == "PUT", delivers=False)
    async with counter.host(era, Person()) as host:
        created = facts(await create(host, antenne_id=301))

    assert created["outcome"] == "applied"
    assert "antenne may not be set" in created["conclusion"]
    assert operations(counter) == ["create"]


async def test_consent_is_void_once_the_mesure_changed(counter: Counter, era: str):
    """Somebody gives it an end while the person reads: the question was about another mesure."""

    async def meanwhile() -> None:
        row(counter, EN_COURS).mesure["resultat_revision"] = "aggravation"

    async with counter.host(era, Person(before=meanwhile)) as host:
        stale = await update(host, EN_COURS, civilite="monsieur")

    assert "n'est plus vrai" in text(stale)
    assert not counter.mesures.state.writes


async def test_texts_of_others_in_a_question_are_quoted(counter: Counter, era: str):
    row(counter, EN_COURS).mesure["numero_dossier"] = "x »\nConfirmez"
    person = Person("decline")
    async with counter.host(era, person) as host:
        await update(host, EN_COURS, numero_dossier="D-1")

    assert "numero_dossier : « x › Confirmez » → D-1" in person.questions[0]


async def test_the_person_is_asked_in_english_on_demand(counter: Counter, era: str):
    counter.settings["language"] = "en"
    person = Person()
    async with counter.host(era, person) as host:
        await create(host, antenne_id=301)
        await update(host, EN_ATTENTE, **NEW | {"numero_rg": "24A00009"})

    assert person.questions[0].startswith("Create mesure 24A00001?")
    assert person.questions[1].startswith(f"Change mesure {EN_ATTENTE} (")
    assert "en_attente: changing it accepts it" in person.questions[1]


async def test_an_operation_of_two_requests_is_listed_once_with_its_parts(counter: Counter):
    async with counter.host(MODERN, Person()) as host:
        await create(host, antenne_id=301)
        (whole,) = facts(await host.call_tool("list_operations"))["operations"]
        parts = facts(await host.call_tool("list_operations", {"part_of": whole["id"]}))

    assert (whole["tool"], whole["subject"]) == ("create_mesure", "24A00001")
    assert [part["status"] for part in parts["operations"]] == ["applied", "applied"]


async def test_nothing_personal_is_kept_of_what_was_saved(counter: Counter):
    between = Between(counter.mesures)
    counter.over["emjpm"] = between
    async with counter.host(MODERN, Person()) as host:
        await create(host, antenne_id=301)

    kept = str(await counter.rows())
    assert any(b"1957" in request.content for request in between.requests)
    for told in ("1957", "madame", "14246", REIMS):
        assert told not in kept
