"""What becomes of the mesures that are sent to the miniature eMJPM, traps included."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from server.sandbox.emjpm import create
from server.sandbox.emjpm.mesures import FIRST_ID, FIRST_OF_NEIGHBOUR, NEIGHBOURS, SIZE
from tests.support import listening

MESURES = "/api/editors/mesures"
BATCH = f"{MESURES}/batch"
REIMS, AUCH = "17510111200043", "17470111000044"

Document = dict[str, Any]


def sent(**changes: object) -> Document:
    """A mesure that can be saved, with these changes."""
    etat = {
        "date_changement_etat": "2024-03-01",
        "nature_mesure": "tutelle",
        "champ_mesure": "protection_bien",
        "lieu_vie": "domicile",
        "pays": "FR",
        "code_postal": "51100",
        "ville": "Reims",
    }
    mesure: Document = {
        "numero_rg": "24A00001",
        "tribunal_siret": REIMS,
        "annee_naissance": 1957,
        "civilite": "madame",
        "date_nomination": "2024-03-01",
        "etats": [etat],
        "ressources": [{"annee": 2024, "niveau_ressource": 14246, "prestations_sociales": ["AAH"]}],
    }
    return mesure | changes


def without(name: str) -> Document:
    return {key: value for key, value in sent().items() if key != name}


def etat(**changes: object) -> Document:
    return sent()["etats"][0] | changes


async def at_once(_: float) -> None:
    """A wait that is over."""


@pytest.fixture(name="app")
def _app() -> Starlette:
    return create(sleep=at_once)


@pytest.fixture(name="editor")
def _editor(app: Starlette) -> httpx.AsyncClient:
    return caller(app)


def caller(app: Starlette, who: str = "sandbox") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox",
        headers={"Authorization": f"Bearer {who}"},
    )


async def listed(editor: httpx.AsyncClient, status: str = "") -> dict[int, Document]:
    rows = (await editor.get(MESURES, params={"status": status})).json()["mesures"]
    return {row["id"]: row for row in rows}


async def refused(editor: httpx.AsyncClient, body: Document) -> Document:
    """The only entry of the errors that a mesure is refused with."""
    response = await editor.post(MESURES, json=body)
    assert response.status_code == 422, response.text
    (entry,) = response.json()["errors"]
    return entry


# One mesure.


async def test_a_mesure_is_created_then_written_over_by_its_number_and_court(
    editor: httpx.AsyncClient,
):
    created = await editor.post(MESURES, json=sent(numero_rg="smok-0001"))
    again = await editor.post(MESURES, json=sent(numero_rg="SMOK0001", civilite="monsieur"))
    elsewhere = await editor.post(MESURES, json=sent(numero_rg="SMOK0001", tribunal_siret=AUCH))

    assert [r.status_code for r in (created, again, elsewhere)] == [201, 201, 201]
    assert created.json()["numero_rg"] == "SMOK0001"
    assert created.json()["ressources"][0]["niveau_ressource"] == "14246"
    assert again.json()["id"] == created.json()["id"] != elsewhere.json()["id"]
    assert again.json()["civilite"] == "monsieur"
    assert len(await listed(editor)) == SIZE + 2


async def test_what_is_left_out_is_kept_null_clears_and_lists_replace(editor: httpx.AsyncClient):
    first = sent(numero_dossier="D-1", resultat_revision="allegement")
    first["etats"] = [etat(), etat(date_changement_etat="2025-01-01")]
    await editor.post(MESURES, json=first)

    kept = (await editor.post(MESURES, json=sent(ressources=[]))).json()
    cleared = (await editor.post(MESURES, json=sent(resultat_revision=None))).json()

    assert (kept["numero_dossier"], kept["resultat_revision"]) == ("D-1", "allegement")
    assert (len(kept["etats"]), kept["ressources"]) == (1, [])
    assert (cleared["numero_dossier"], cleared["resultat_revision"]) == ("D-1", None)


async def test_the_status_follows_from_the_end_that_is_sent(editor: httpx.AsyncClient):
    ended = sent(date_fin_mesure="2025-01-01", cause_sortie="deces")
    number = (await editor.post(MESURES, json=ended)).json()["id"]
    assert number in await listed(editor, "eteinte")

    reopened = (await editor.post(MESURES, json=sent())).json()

    assert number in await listed(editor, "en_cours")
    assert (reopened["date_fin_mesure"], reopened["cause_sortie"]) == ("2025-01-01", "deces")


async def test_writing_over_a_mesure_that_waits_accepts_it(editor: httpx.AsyncClient):
    number, waiting = next(iter((await listed(editor, "en_attente")).items()))
    named = {name: waiting[name] for name in ("numero_rg", "tribunal_siret")}

    assert (await editor.post(MESURES, json=sent(**named))).json()["id"] == number

    assert number in await listed(editor, "en_cours")


async def test_a_number_that_strict_mode_refuses_is_saved_all_the_same(editor: httpx.AsyncClient):
    told = await refused(editor, sent(numero_rg="abc", strictNumeroRG=True))

    assert told["msg"].endswith("Invalid numero rg: abc")
    assert "00000ABC" in {row["numero_rg"] for row in (await listed(editor)).values()}


async def test_a_former_siret_becomes_the_one_it_was_replaced_by(editor: httpx.AsyncClient):
    saved = await editor.post(MESURES, json=sent(tribunal_siret="17510111200027"))

    assert saved.json()["tribunal_siret"] == REIMS


async def test_an_antenne_is_only_given_by_an_update(editor: httpx.AsyncClient):
    created = (await editor.post(MESURES, json=sent(antenne_id=301))).json()
    address = f"{MESURES}/{created['id']}"
    given = (await editor.put(address, json=sent(antenne_id=302))).json()
    kept = (await editor.put(address, json=sent())).json()
    cleared = (await editor.put(address, json=sent(antenne_id=None))).json()
    foreign = await refused(editor, sent(antenne_id=3))

    antennes = [mesure["antenne_id"] for mesure in (created, given, kept, cleared)]
    assert antennes == [None, 302, 302, None]
    assert foreign == {
        "msg": "antenne_id does not match with your service.",
        "param": "antenne_id",
        "value": 3,
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            sent(civilite="Monsieur"),
            {
                "value": "Monsieur",
                "msg": "Invalid value",
                "param": "civilite",
                "location": "body",
            },
        ),
        (without("numero_rg"), {"msg": "Invalid value", "param": "numero_rg", "location": "body"}),
        (
            sent(tribunal_siret="1", civilite="x"),
            {"msg": "siret is not valid", "param": "tribunal_siret", "value": "1"},
        ),
        (sent(numero_dossier=12), {"msg": "numero_dossier: should be string,"}),
        (sent(ressources=None), {"msg": "datas.ressources is not iterable"}),
        (
            sent(ressources=[{"annee": "2019"}]),
            {"msg": "ressources[0].annee: should be integer"},
        ),
        (
            without("etats"),
            {"msg": "Cannot read properties of undefined (reading 'sort')"},
        ),
        (
            sent(etats=[]),
            {"msg": "Cannot read properties of undefined (reading 'pays')"},
        ),
        (sent(etats=[etat(code_postal="7500")]), {"msg": "zip code is invalid"}),
    ],
    ids=[
        "value",
        "missing",
        "court",
        "dossier",
        "no resources",
        "year",
        "no états",
        "empty états",
        "postcode",
    ],
)
async def test_a_fault_is_told_in_the_words_of_the_service(
    editor: httpx.AsyncClient, body: Document, told: Document
):
    assert await refused(editor, body) == told
    assert len(await listed(editor)) == SIZE


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"date_nomination": "01/03/2024"}, "date_nomination"),
        ({"date_fin_mesure": ""}, "date_fin_mesure"),
        ({"date_fin_mesure": "0000-00-00"}, "date_fin_mesure"),
        ({"etats": [etat(pays="XX")]}, "etats[0].pays"),
        ({"etats": [etat(champ_mesure="x")]}, "etats[0].champ_mesure"),
        ({"etats": [etat(lieu_vie="etablissement")]}, "etats[0]"),
        ({"date_premier_mesure": "2024-03-02"}, "date_nomination"),
        ({"date_nomination": "2024-03-02"}, "date_nomination"),
    ],
)
async def test_a_fault_is_told_with_its_place(
    editor: httpx.AsyncClient, changes: Document, param: str
):
    assert (await refused(editor, sent(**changes)))["param"] == param


async def test_the_last_etat_as_sent_is_compared_with_the_nomination(editor: httpx.AsyncClient):
    older, newer = etat(date_changement_etat="2024-01-01"), etat(date_changement_etat="2025-01-01")

    oldest_first = await editor.post(MESURES, json=sent(etats=[older, newer]))
    newest_first = await editor.post(MESURES, json=sent(etats=[newer, older]))

    assert (oldest_first.status_code, newest_first.status_code) == (201, 422)


async def test_a_missing_nomination_is_told_twice(editor: httpx.AsyncClient):
    response = await editor.post(MESURES, json=without("date_nomination"))

    first, second = response.json()["errors"]
    assert first == second


@pytest.mark.parametrize(
    ("body", "constraint"),
    [
        (
            sent(ressources=[{"annee": 2024, "prestations_sociales": ["aah"]}]),
            "_prestations_sociales_fkey",
        ),
        (sent(etats=[etat(type_etablissement="x")]), "_type_etablissement_fkey"),
        (sent(numero_dossier="D-2019-0001"), "_numero_dossier_key"),
    ],
)
async def test_a_refusal_of_the_database_quotes_its_statement(
    editor: httpx.AsyncClient, body: Document, constraint: str
):
    msg = (await refused(editor, body))["msg"]

    assert msg.startswith('insert into "mesure')
    assert msg.rpartition(" - ")[2].endswith(f'{constraint}"')


async def test_two_mesures_of_a_mandataire_alone_may_share_their_dossier(app: Starlette):
    alone = caller(app, "sandbox-individuel")

    one = await alone.post(MESURES, json=sent(numero_dossier=""))
    other = await alone.post(MESURES, json=sent(numero_dossier="", numero_rg="24A00002"))

    assert (one.status_code, other.status_code) == (201, 201)


# A change of one mesure.


async def test_an_update_moves_a_mesure_and_ignores_the_id_of_the_body(editor: httpx.AsyncClient):
    moved = await editor.put(f"{MESURES}/{FIRST_ID}", json=sent(id=1, numero_rg="3030303030"))

    assert moved.status_code == 201
    assert (moved.json()["id"], moved.json()["numero_rg"]) == (FIRST_ID, "30303030")


async def test_an_update_wants_everything_and_the_prestations_too(editor: httpx.AsyncClient):
    address = f"{MESURES}/{FIRST_ID}"

    partial = await editor.put(address, json={"tribunal_siret": REIMS, "numero_rg": "24A00001"})
    bare = await editor.put(address, json=sent(ressources=[{"annee": 2024}]))

    assert partial.status_code == 422
    assert bare.json() == {
        "errors": [{"msg": "Cannot read properties of undefined (reading 'map')"}]
    }


@pytest.mark.parametrize("number", [999_998, FIRST_OF_NEIGHBOUR])
async def test_an_update_of_another_s_mesure_is_refused(editor: httpx.AsyncClient, number: int):
    response = await editor.put(f"{MESURES}/{number}", json=sent())

    assert response.status_code == 422
    told = f"mesure with id = {number} not found with service_id = 50"
    assert response.json() == {"errors": [{"msg": told}]}


async def test_an_update_does_not_take_the_number_of_another(editor: httpx.AsyncClient):
    await editor.post(MESURES, json=sent())

    response = await editor.put(f"{MESURES}/{FIRST_ID}", json=sent())

    assert response.status_code == 422
    assert "_numero_rg_key" in response.text


# A batch.


async def test_a_batch_is_saved_whole_and_comes_back_in_another_order(editor: httpx.AsyncClient):
    bodies = [sent(numero_rg=f"24B{n:05}") for n in range(3)]

    response = await editor.post(BATCH, json={"mesures": bodies})

    assert response.status_code == 201
    saved = [mesure["numero_rg"] for mesure in response.json()["mesures"]]
    assert sorted(saved) == [body["numero_rg"] for body in bodies] != saved


@pytest.mark.parametrize(
    "wrong",
    [
        {"civilite": "x"},
        {"tribunal_siret": "1"},
        {"numero_rg": "24B00000"},
        {"numero_dossier": "D-2019-0001"},
        {"etats": [etat(champ_mesure="x")]},
    ],
    ids=["rule", "court", "twice", "dossier", "database"],
)
async def test_one_wrong_mesure_and_none_is_saved(
    app: Starlette, editor: httpx.AsyncClient, wrong: Document
):
    bodies = [sent(numero_rg=f"24B{n:05}") for n in range(3)]
    bodies[2] |= wrong

    response = await editor.post(BATCH, json={"mesures": bodies})

    assert response.status_code == 422
    assert len(await listed(editor)) == SIZE
    assert [write.changed for write in app.state.writes] == [0]


async def test_wrong_courts_of_a_batch_come_under_another_name(editor: httpx.AsyncClient):
    response = await editor.post(BATCH, json={"mesures": [sent(tribunal_siret="1")]})

    assert response.json() == {
        "tiErrors": [
            {
                "msg": "Le SIRET du Tribunal est invalide",
                "param": "tribunal_siret",
                "value": "1",
            }
        ]
    }


async def test_dates_are_not_compared_in_a_batch(editor: httpx.AsyncClient):
    body = sent(date_nomination="2024-03-02", date_premier_mesure="2024-03-03")

    assert (await editor.post(BATCH, json={"mesures": [body]})).status_code == 201


@pytest.mark.parametrize("body", [{}, {"mesures": []}, {"mesure": [sent()]}, [sent()]])
async def test_what_is_no_list_of_mesures_saves_nothing_and_says_that_all_is_well(
    editor: httpx.AsyncClient, body: object
):
    response = await editor.post(BATCH, json=body)

    assert (response.status_code, response.json()) == (201, {"mesures": []})
    assert len(await listed(editor)) == SIZE


async def test_a_batch_has_1000_mesures_at_most(editor: httpx.AsyncClient):
    bodies = [sent(numero_rg=f"24B{n:05}") for n in range(1001)]

    too_many = await editor.post(BATCH, json={"mesures": bodies})
    enough = await editor.post(BATCH, json={"mesures": bodies[:1000]})

    assert too_many.json()["errors"] == [{"msg": "The number of mesures must be <= 1000"}]
    assert len(enough.json()["mesures"]) == 1000


# Deleting.


async def test_a_mesure_is_deleted_once(editor: httpx.AsyncClient):
    first = await editor.delete(f"{MESURES}/{FIRST_ID}")
    second = await editor.delete(f"{MESURES}/{FIRST_ID}")

    assert (first.json(), second.json()) == ({"affected_rows": 1}, {"affected_rows": 0})
    assert (await editor.get(f"{MESURES}/{FIRST_ID}")).status_code == 404


async def test_deleting_by_an_id_of_somebody_else_s_destroys_what_it_holds(
    app: Starlette, editor: httpx.AsyncClient
):
    """So that whoever deletes without reading first is found out."""
    neighbour = caller(app, "sandbox-autre")
    before = (await listed(neighbour))[FIRST_OF_NEIGHBOUR]

    response = await editor.delete(f"{MESURES}/{FIRST_OF_NEIGHBOUR}")

    after = (await listed(neighbour))[FIRST_OF_NEIGHBOUR]
    assert (response.status_code, response.json()) == (200, {"affected_rows": 0})
    assert before["etats"]
    assert after == before | {"etats": [], "ressources": []}


@pytest.mark.parametrize("query", ["", "?forceDeleteAwaitingMesures=true"])
async def test_deleting_all_deletes_what_waits_too_whatever_is_asked(
    app: Starlette, editor: httpx.AsyncClient, query: str
):
    response = await editor.delete(f"{MESURES}{query}")

    assert response.json() == {"affected_rows": SIZE}
    assert await listed(editor) == {}
    assert len(await listed(caller(app, "sandbox-autre"))) == NEIGHBOURS


# What is counted, what is not understood, what is not answered.


async def test_every_write_that_arrives_is_kept_whatever_became_of_it(
    app: Starlette, editor: httpx.AsyncClient
):
    await editor.post(MESURES, json=sent())
    await editor.post(MESURES, json=sent(civilite="x"))
    await editor.put(f"{MESURES}/{FIRST_ID}", json=sent(numero_rg="24A00009"))
    await editor.post(BATCH, json={"mesures": [sent()]})
    await editor.delete(f"{MESURES}/1")
    await editor.delete(MESURES)

    kept = [(write.operation, write.sent, write.changed) for write in app.state.writes]
    assert kept == [
        ("create", 1, 1),
        ("create", 1, 0),
        ("update", 1, 1),
        ("create_batch", 1, 1),
        ("delete", 1, 0),
        ("delete_all", -1, SIZE + 1),
    ]


async def test_a_body_that_is_no_json_is_the_server_s_fault(editor: httpx.AsyncClient):
    broken = await editor.post(
        MESURES, content=b"{", headers={"Content-Type": "application/json; charset=utf-8"}
    )
    untold = await editor.post(MESURES, content=b"{}")

    assert broken.status_code == 500
    assert untold.status_code == 400
    assert "content-type" in untold.text


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("DELETE", f"{MESURES}/abc", None),
        ("POST", BATCH, {"mesures": [sent(antenne_id=301)]}),
        ("GET", f"{MESURES}?status={'x' * 255}", None),
    ],
    ids=["a number that is none", "an antenne in a batch", "a long address"],
)
async def test_some_requests_are_never_answered_until_nginx_gives_up(
    editor: httpx.AsyncClient, method: str, address: str, body: object
):
    response = await editor.request(method, address, json=body)

    assert response.status_code == 504
    assert "nginx" in response.text
    assert len(await listed(editor)) == SIZE


async def test_a_client_that_leaves_is_not_waited_for():
    """Else the server would not end."""
    async with listening(create()) as address:
        headers = {"Authorization": "Bearer sandbox"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=0.1) as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.delete(f"{MESURES}/abc")
