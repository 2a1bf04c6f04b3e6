"""Importing mesures: checked whole, agreed to, sent by batches, and never doubled."""

from collections.abc import Iterable
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult

from server.sandbox.emjpm.mesures import FIRST_ID, SIZE
from tests.support import Between, Counter, Person, facts, text
from tests.tools.test_cee_imports import OneYes
from tests.tools.test_mesures_deleting import agreed
from tests.tools.test_mesures_saving import Losing, operations, row

REIMS = "17510111200043"
HEADER = (
    "numero_rg;tribunal_siret;numero_dossier;annee_naissance;civilite;date_nomination;"
    "date_changement_etat;nature_mesure;lieu_vie;pays"
)
EN_COURS, ETEINTE, EN_ATTENTE = FIRST_ID + 1, FIRST_ID + 2, FIRST_ID + 4


def line(number: int, **changed: str) -> str:
    cells = {
        "numero_rg": f"26A{number:05}",
        "tribunal_siret": REIMS,
        "numero_dossier": f"I-{number}",
        "annee_naissance": "1957",
        "civilite": "madame",
        "date_nomination": "2024-03-01",
        "date_changement_etat": "2024-03-01",
        "nature_mesure": "tutelle",
        "lieu_vie": "domicile",
        "pays": "FR",
    }
    return ";".join((cells | changed).values())


def over(counter: Counter, number: int, **changed: str) -> str:
    """The line of a mesure that is there, by the number that its court gives it."""
    mesure = row(counter, number).mesure
    key = {name: mesure[name] for name in ("numero_rg", "tribunal_siret")}
    return line(number, **key, **changed)


def put(counter: Counter, lines: Iterable[str], name: str = "mesures.csv") -> None:
    counter.put_file(name, "\n".join((HEADER, *lines)))


async def load(host: Client, **changed: object) -> CallToolResult:
    return await host.call_tool("import_mesures", {"file": "mesures.csv", **changed})


def batches(counter: Counter) -> list[int]:
    """How many mesures each batch held."""
    return [w.sent for w in counter.mesures.state.writes if w.operation == "create_batch"]


async def test_mesures_are_imported_once_their_count_was_typed(counter: Counter, era: str):
    put(counter, map(line, range(3)))
    person = Person()
    async with counter.host(era, person) as host:
        done = facts(await load(host))

    assert (done["outcome"], done["imported"], done["left"]) == ("applied", 3, 0)
    assert batches(counter) == [3]
    (question,) = person.questions
    for said in (
        "Importer 3 mesures dans eMJPM ?",
        "3 à créer, 0 à récrire",
        "Empreinte SHA-256",
        "recopiez le nombre de mesures : 3.",
        "va se verrouiller",
        "« Tribunal judiciaire de Reims »",
        "« mesures.csv »",
    ):
        assert said in question


@pytest.mark.parametrize(
    "person",
    [Person("decline"), Person(content={"agreed": True, "typed": "4"})],
    ids=["no", "mistyped"],
)
async def test_nothing_is_imported_unless_the_person_typed_the_count(
    counter: Counter, era: str, person: Person
):
    put(counter, map(line, range(3)))
    async with counter.host(era, person) as host:
        assert (await load(host)).is_error

    assert not counter.mesures.state.writes


@pytest.mark.parametrize(("lines", "told"), [(1, "1 mesure imported."), (2, "2 mesures imported.")])
async def test_what_was_imported_agrees_in_number(
    counter: Counter, era: str, lines: int, told: str
):
    put(counter, map(line, range(lines)))
    async with counter.host(era, Person()) as host:
        done = facts(await load(host))

    assert done["conclusion"] == told


async def test_one_wrong_line_and_nothing_is_sent_nor_asked(counter: Counter, era: str):
    lines = [line(n) for n in range(8)]
    lines[1] = line(1, annee_naissance="Ferrand")
    lines[3] = line(3, tribunal_siret="12345678901234")
    lines[5] = line(5, numero_dossier="I-2")
    lines[7] = line(7, numero_rg="26A00000", civilite="monsieur")
    put(counter, lines)
    person = Person()
    async with counter.host(era, person) as host:
        refused = text(await load(host))

    assert "4 lignes du fichier sont à corriger, rien n'a été envoyé" in refused
    for told in (
        "- 3: annee_naissance: ",
        "- 5: tribunal_siret: eMJPM has no such tribunal.",
        "- 7: the same numero_dossier as line 4.",
        "- 9: civilite: not as on line 2.",
        "- 9: numero_dossier: not as on line 2.",
    ):
        assert told in refused
    assert "Ferrand" not in refused
    assert not person.questions
    assert not counter.mesures.state.writes


async def test_a_mandataire_on_his_own_may_give_a_dossier_twice(counter: Counter):
    counter.over["emjpm"] = As(counter, "sandbox-individuel")
    put(counter, [line(1), line(2, numero_dossier="I-1")])
    async with counter.host("2026-07-28", Person()) as host:
        done = facts(await load(host))

    assert done["imported"] == 2


class As(httpx.AsyncBaseTransport):
    """The service, called with another account's token."""

    def __init__(self, counter: Counter, token: str) -> None:
        self._to = httpx.ASGITransport(app=counter.mesures)
        self._token = token

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return await self._to.handle_async_request(request)


async def test_the_question_tells_what_an_import_writes_over_and_removes(
    counter: Counter, era: str
):
    put(counter, [over(counter, EN_COURS), over(counter, EN_ATTENTE), line(1)])
    person = Person()
    async with counter.host(era, person) as host:
        done = facts(await load(host))

    (question,) = person.questions
    assert "1 à créer, 2 à récrire" in question
    assert "logiciels qui les ont écrites : 7 ; 1 sans logiciel." in question
    assert "1 était en attente : elle sera acceptée" in question
    assert "(états : 2, ressources : 1), pour 1 mesure (n° 120002)." in question
    assert done["imported"] == 3
    assert row(counter, EN_ATTENTE).status == "en_cours"
    assert len(counter.mesures.state.table.rows) > SIZE


async def test_a_mesure_that_ended_stays_ended_when_the_file_does_not_say(
    counter: Counter, era: str
):
    end = row(counter, ETEINTE).mesure["date_fin_mesure"]
    put(counter, [over(counter, ETEINTE)])
    async with counter.host(era, Person()) as host:
        await load(host)

    assert row(counter, ETEINTE).status == "eteinte"
    assert row(counter, ETEINTE).mesure["date_fin_mesure"] == end


async def test_an_import_made_twice_doubles_nothing(counter: Counter, era: str):
    put(counter, map(line, range(3)))
    person = Person()
    async with counter.host(era, person) as host:
        await load(host)
        count = len(counter.mesures.state.table.rows)
        again = facts(await load(host))

    assert again["imported"] == 3
    assert "mesures nouvelles : 0 → 3" in person.questions[0]
    assert "0 à créer, 3 à récrire, dont 3 sans autre changement" in person.questions[1]
    assert "mesures nouvelles" not in person.questions[1]
    assert len(counter.mesures.state.table.rows) == count


async def test_numbers_are_converted_only_on_demand_and_each_is_shown(counter: Counter, era: str):
    put(counter, [line(1, numero_rg="26/a-1"), line(2)])
    person = Person()
    async with counter.host(era, person) as host:
        refused = text(await load(host))
        done = facts(await load(host, convert_numero_rg=True))

    assert "- 2: numero_rg: 8 letters and digits" in refused
    assert "numero_rg du fichier, convertis (1) : « 26/a-1 → 000026A1 »" in person.questions[0]
    assert done["imported"] == 2


async def test_up_to_five_hundred_leave_at_once(counter: Counter):
    put(counter, map(line, range(501)))
    person = Person()
    async with counter.host("2026-07-28", person) as host:
        done = facts(await load(host))

    assert done["imported"] == 501
    assert batches(counter) == [500, 1]
    assert "Envoyées par 500 au plus" in person.questions[0]


async def test_over_a_thousand_a_person_decides_on_the_page(counter: Counter, era: str):
    counter.page = True
    put(counter, map(line, range(1001)))
    person = Person()
    async with counter.host(era, person) as host:
        first = await load(host)
        assert not counter.mesures.state.writes
        page = await agreed(counter, typed="1001")
        second = facts(await load(host))

    assert "Une personne doit décider, sur la page" in text(first)
    assert "Importer 1001 mesures dans eMJPM" in page
    assert second["imported"] == 1001
    assert batches(counter) == [500, 500, 1]
    assert not person.questions


async def test_no_code_is_relayed_for_an_import_over_a_thousand(counter: Counter, era: str):
    counter.settings["consent"] = "dangerously-relay"
    put(counter, map(line, range(1001)))
    async with counter.host(era) as host:
        result = text(await load(host))

    assert "Une personne doit décider, sur la page" in result
    assert "confirmation=" not in result


async def test_a_file_that_changed_since_the_question_is_not_imported(counter: Counter, era: str):
    put(counter, map(line, range(3)))

    async def meanwhile() -> None:
        put(counter, [line(n, civilite="monsieur") for n in range(3)])

    async with counter.host(era, OneYes(before=meanwhile)) as host:
        assert (await load(host)).is_error

    assert not counter.mesures.state.writes


async def test_a_mesure_that_came_up_since_the_question_voids_it(counter: Counter, era: str):
    """It would be written over, and nobody was told."""
    put(counter, [over(counter, EN_COURS), line(1)])
    gone = counter.mesures.state.table.rows.pop(EN_COURS)

    async def meanwhile() -> None:
        counter.mesures.state.table.rows[EN_COURS] = gone

    async with counter.host(era, OneYes(before=meanwhile)) as host:
        assert (await load(host)).is_error

    assert not counter.mesures.state.writes


def losing_batch(counter: Counter, wanted: int, *, delivers: bool) -> Losing:
    """A network that loses the answer to one batch, counted from 1."""
    met = list[str]()

    def loses(request: httpx.Request) -> bool:
        if request.url.path.endswith("/batch"):
            met.append("batch")
            return len(met) == wanted
        return False

    return Losing(counter, loses, delivers=delivers)


async def test_a_batch_whose_answer_was_lost_is_found_saved_and_the_import_goes_on(
    counter: Counter, era: str
):
    put(counter, map(line, range(600)))
    counter.over["emjpm"] = losing_batch(counter, 1, delivers=True)
    async with counter.host(era, Person()) as host:
        done = facts(await load(host))

    assert (done["outcome"], done["imported"]) == ("applied", 600)
    assert batches(counter) == [500, 100]


async def test_an_import_stops_at_a_batch_that_was_not_saved_and_is_made_again_without_doubling(
    counter: Counter, era: str
):
    put(counter, map(line, range(600)))
    counter.over["emjpm"] = losing_batch(counter, 2, delivers=False)
    before = len(counter.mesures.state.table.rows)
    async with counter.host(era, Person()) as host:
        cut = facts(await load(host))
        whole = facts(await load(host))

    assert (cut["imported"], cut["left"]) == (500, 100)
    assert "500 mesures imported, 100 not" in cut["conclusion"]
    assert whole["imported"] == 600
    assert len(counter.mesures.state.table.rows) == before + 600


async def test_a_batch_that_overwrites_is_settled_by_what_it_changes(counter: Counter, era: str):
    put(counter, [over(counter, EN_COURS, civilite="monsieur", annee_naissance="1931")])
    counter.over["emjpm"] = losing_batch(counter, 1, delivers=True)
    async with counter.host(era, Person()) as host:
        done = facts(await load(host))

    assert done["outcome"] == "applied"
    assert batches(counter) == [1]


async def test_a_batch_that_changes_nothing_that_can_be_seen_is_not_said_to_be_made(
    counter: Counter, era: str
):
    put(counter, [line(1)])
    async with counter.host(era, Person()) as host:
        await load(host)
        counter.over["emjpm"] = losing_batch(counter, 1, delivers=False)
    async with counter.host(era, Person()) as host:
        unsure = facts(await load(host))

    assert unsure["outcome"] == "undetermined"
    assert "Import the same file again" in unsure["conclusion"]


async def test_a_refused_batch_says_which_line_and_what_was_saved_before_it(
    counter: Counter, era: str
):
    """Its number of dossier is that of a mesure that only the database knows of."""
    taken = row(counter, EN_COURS).mesure["numero_dossier"]
    put(counter, [*map(line, range(500)), line(501, numero_dossier=taken)])
    async with counter.host(era, Person()) as host:
        cut = facts(await load(host))

    assert (cut["imported"], cut["left"]) == (500, 1)
    assert "has this numero_dossier" in cut["conclusion"]
    assert "insert" not in cut["conclusion"]


async def test_an_import_refused_at_once_is_an_error_and_saves_nothing(counter: Counter, era: str):
    taken = row(counter, EN_COURS).mesure["numero_dossier"]
    put(counter, [line(1), line(2, numero_dossier=taken)])
    before = dict(counter.mesures.state.table.rows)
    async with counter.host(era, Person()) as host:
        refused = await load(host)

    assert refused.is_error
    assert "has this numero_dossier" in text(refused)
    assert counter.mesures.state.table.rows == before


async def test_an_import_that_is_cancelled_stops_after_the_batch_under_way(counter: Counter):
    put(counter, map(line, range(600)))
    direct, reached = httpx.ASGITransport(app=counter.mesures), anyio.Event()
    resumed = anyio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/batch"):
                reached.set()
                await resumed.wait()
            return await direct.handle_async_request(request)

    counter.over["emjpm"] = Slow()
    with anyio.fail_after(30):
        async with (
            counter.host("2026-07-28", Person()) as host,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(load, host)
            await reached.wait()
            tasks.cancel_scope.cancel()
            resumed.set()

    assert batches(counter) == [500]


async def test_the_caller_is_told_how_far_it_is(counter: Counter, era: str):
    put(counter, map(line, range(600)))
    told = list[tuple[float, float | None, str | None]]()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with counter.host(era, Person()) as host:
        await host.call_tool("import_mesures", {"file": "mesures.csv"}, progress_callback=hear)

    assert told == [
        (500, 600, "500 mesures imported of 600"),
        (600, 600, "600 mesures imported of 600"),
    ]


async def test_a_dry_run_shows_no_personal_data_and_imports_nothing(counter: Counter, era: str):
    put(counter, map(line, range(3)))
    person = Person()
    async with counter.host(era, person) as host:
        shown: dict[str, Any] = facts(await load(host, dry_run=True))

    assert shown["preview"]["body"].startswith("3 mesures in JSON")
    assert "1957" not in str(shown)
    assert not person.questions
    assert not counter.mesures.state.writes


async def test_lines_in_json_are_imported_too(counter: Counter, era: str):
    between = Between(counter.mesures)
    counter.over["emjpm"] = between
    counter.put_file(
        "mesures.jsonl",
        '{"numero_rg": "26A00001", "tribunal_siret": "17510111200043", "annee_naissance": 1957,'
        ' "civilite": "madame", "date_nomination": "2024-03-01", "resultat_revision": null,'
        ' "etats": [{"date_changement_etat": "2024-03-01", "nature_mesure": "tutelle",'
        ' "lieu_vie": "domicile", "pays": "FR"}]}\n',
    )
    async with counter.host(era, Person()) as host:
        done = facts(await load(host, file="mesures.jsonl"))

    (batch,) = (r for r in between.requests if r.url.path.endswith("/batch"))
    assert done["imported"] == 1
    assert b'"resultat_revision":null' in batch.content
    assert b"cause_sortie" not in batch.content
    assert operations(counter) == ["create_batch"]
