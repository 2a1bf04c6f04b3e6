"""What is sent to eMJPM, checked before it leaves, and what its answers to it mean."""

import json
from collections.abc import AsyncGenerator
from datetime import date
from typing import Any

import httpx
import pytest
import respx

from clients import Approval, LostAnswerError
from clients.emjpm import (
    EmjpmClient,
    Etat,
    Mesure,
    MesureToSend,
    Ressource,
    become,
    content,
    rewritten,
)
from clients.errors import AccessDeniedError, NotFoundError, RejectedError, UnavailableError
from clients.http import connected

URL = "https://emjpm.example"
MESURES = f"{URL}/api/editors/mesures"
BATCH = f"{MESURES}/batch"
YES = Approval("an operation")
REIMS = "17510111200043"
ETAT: dict[str, Any] = {
    "date_changement_etat": "2024-03-01",
    "nature_mesure": "tutelle",
    "lieu_vie": "domicile",
    "pays": "FR",
}
GIVEN: dict[str, Any] = {
    "numero_rg": "24A00001",
    "tribunal_siret": REIMS,
    "annee_naissance": 1957,
    "civilite": "madame",
    "date_nomination": "2024-03-01",
    "etats": [ETAT],
}
SQL = (
    'insert into "mesures" ("civilite", "numero_dossier") values ($1, $2) returning "id" - '
    "duplicate key value violates unique constraint "
)
THERE = Mesure(
    id=7,
    numero_rg="24A00001",
    tribunal_siret=REIMS,
    annee_naissance=1957,
    civilite="madame",
    date_nomination=date(2024, 3, 1),
    date_fin_mesure=date(2025, 1, 1),
    cause_sortie="revocation",
    numero_dossier="D-1",
    antenne_id=301,
    etats=(Etat.model_validate(ETAT),),
    ressources=(
        Ressource(annee=2023, niveau_ressource="14246.50", prestations_sociales=("APL", "AAH")),
    ),
)


def mesure(**changes: object) -> MesureToSend:
    return rewritten(None, GIVEN | changes)


def reply(*mesures: MesureToSend) -> dict[str, Any]:
    """What the service answers: every mesure, in no order."""
    return {"mesures": [{"id": 1, **sent.body()} for sent in reversed(mesures)]}


def sent() -> dict[str, Any]:
    return json.loads(respx.calls.last.request.content)


def refused(msg: str) -> httpx.Response:
    return httpx.Response(422, json={"errors": [{"msg": msg}]})


@pytest.fixture(name="emjpm")
async def _emjpm() -> AsyncGenerator[EmjpmClient]:
    async def at_once(_: float) -> None:
        pass

    with respx.mock:
        async with connected(URL, sleep=at_once) as http:
            yield EmjpmClient(http)


# What may be sent.


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"numero_rg": "24a00001"}, "numero_rg: 8 letters and digits"),
        ({"numero_rg": "24A00001 "}, "numero_rg: 8 letters and digits"),
        ({"tribunal_siret": f" {REIMS}"}, "tribunal_siret: "),
        ({"numero_rg": "24A0001"}, "numero_rg: 8 letters and digits"),
        ({"numero_rg": "24É00001"}, "numero_rg: 8 letters and digits"),
        ({"tribunal_siret": "1751011120004"}, "tribunal_siret: "),
        ({"annee_naissance": "abcd"}, "annee_naissance: "),
        ({"annee_naissance": 57}, "annee_naissance: "),
        ({"annee_naissance": True}, "annee_naissance: a whole number"),
        ({"annee_naissance": 2025}, "annee_naissance is after date_nomination"),
        ({"annee_naissance": None}, "annee_naissance: "),
        ({"civilite": "Madame"}, "civilite: Input should be 'madame' or 'monsieur'"),
        ({"date_nomination": "03/2024"}, "date_nomination: a date such as 2026-09-01"),
        ({"date_nomination": "2024-02-31"}, "date_nomination: "),
        ({"date_fin_mesure": ""}, "date_fin_mesure: a date such as 2026-09-01"),
        ({"date_premier_mesure": "2024-03-02"}, "date_nomination is before date_premier_mesure"),
        ({"date_nomination": "2024-03-02"}, "date_nomination is after the date of the last état"),
        ({"cause_sortie": "revocation"}, "cause_sortie: Input should be 'caducite', 'deces'"),
        ({"numero_dossier": 12}, "numero_dossier: needed, as a text"),
        ({"numero_dossier": ""}, "numero_dossier: "),
        ({"numero_dossier": "a\u202eb"}, "holds characters that cannot be seen"),
        ({"antenne_id": "abc"}, "antenne_id: "),
        ({"etats": []}, "etats: at least one is needed"),
        ({"etats": None}, "etats: "),
        ({"etats": [ETAT, ETAT]}, "two états on 2024-03-01"),
        ({"etats": [{**ETAT, "nature_mesure": "x"}]}, "etats[1].nature_mesure: Input should be"),
        ({"etats": [{**ETAT, "pays": "XX"}]}, "etats[1].pays: a country's code"),
        ({"etats": [{**ETAT, "lieu_vie": "etablissement"}]}, "type_etablissement is needed"),
        ({"etats": [{**ETAT, "type_etablissement": "ehpad"}]}, "etats[1].type_etablissement: "),
        ({"etats": [{**ETAT, "champ_mesure": "tout"}]}, "etats[1].champ_mesure: "),
        ({"etats": [{**ETAT, "code_postal": "5110"}]}, "code_postal of the last état"),
        ({"ressources": [{"annee": 2024}]}, "ressources[1].niveau_ressource: needed"),
        ({"ressources": [{"annee": 2024, "niveau_ressource": -1}]}, "niveau_ressource: "),
        (
            {"ressources": [{"annee": 2024, "niveau_ressource": 1}] * 2},
            "two ressources for 2024",
        ),
        (
            {
                "ressources": [
                    {"annee": 1, "niveau_ressource": 1, "prestations_sociales": ["AAH", "AAH"]}
                ]
            },
            "ressources[1]",
        ),
        ({"prenom": "Jeanne"}, "prenom: no such field"),
    ],
)
def test_what_the_service_refuses_or_spoils_is_refused_here(changes: dict[str, Any], told: str):
    with pytest.raises(RejectedError) as refusal:
        mesure(**changes)

    assert told in str(refusal.value)
    assert "Nothing was sent." in str(refusal.value)


def test_what_is_left_out_what_is_null_and_what_is_given_are_three_things():
    assert "cause_sortie" not in mesure().body()
    assert mesure(cause_sortie=None).body()["cause_sortie"] is None
    assert mesure(cause_sortie="deces").body()["cause_sortie"] == "deces"


def test_etats_leave_oldest_first_dates_in_one_form_and_countries_in_capitals():
    older = ETAT | {"date_changement_etat": "2019/01/15", "pays": "be"}
    body = mesure(etats=[ETAT | {"date_changement_etat": "2024-06-01"}, older]).body()

    assert body["etats"] == [
        ETAT | {"date_changement_etat": "2019-01-15", "pays": "BE"},
        ETAT | {"date_changement_etat": "2024-06-01"},
    ]


def test_the_lists_are_always_sent_and_so_is_each_list_of_prestations():
    assert mesure().body()["ressources"] == []
    (ressource,) = mesure(ressources=[{"annee": 2024, "niveau_ressource": "1234,5"}]).model_dump(
        include={"ressources"}
    )["ressources"]
    assert ressource["prestations_sociales"] == ()
    body = mesure(ressources=[{"annee": 2024, "niveau_ressource": "1234,5"}]).body()
    assert body["ressources"] == [
        {"annee": 2024, "niveau_ressource": 1234.5, "prestations_sociales": []}
    ]


def test_what_a_mesure_holds_is_sent_again_so_that_it_stays():
    """Without its end it would be open anew, and without its lists they would be emptied."""
    body = rewritten(THERE, {"numero_dossier": "D-2"}).body(antenne=True)

    assert body["date_fin_mesure"] == "2025-01-01"
    assert body["etats"] == [ETAT]
    assert body["ressources"] == [
        {"annee": 2023, "niveau_ressource": 14246.5, "prestations_sociales": ["APL", "AAH"]}
    ]
    assert body["numero_dossier"] == "D-2"
    assert not {"cause_sortie", "antenne_id", "id", "latitude"} & body.keys()


def test_what_a_mesure_holds_and_the_service_no_longer_accepts_is_told_apart():
    old = THERE.model_copy(update={"civilite": "non_renseigne"})

    with pytest.raises(RejectedError, match=r"civilite: .* \(as eMJPM holds it: give it anew\)"):
        rewritten(old, {"numero_dossier": "D-2"})
    with pytest.raises(RejectedError) as refusal:
        rewritten(old, {"civilite": "x"})
    assert "as eMJPM holds it" not in str(refusal.value)


def test_a_mesure_is_compared_by_what_it_means_and_not_by_how_it_is_written():
    amount = THERE.ressources[0].model_copy(
        update={"niveau_ressource": "14246.5", "prestations_sociales": ("AAH", "APL")}
    )
    same = THERE.model_copy(update={"ressources": (amount,), "editor_id": 9, "latitude": 1.5})
    without = amount.model_copy(update={"prestations_sociales": None})
    listed = THERE.model_copy(update={"ressources": (without,)})

    assert content(same) == content(THERE)
    assert content(listed) != content(THERE)
    assert content(listed, whole=False) == content(THERE, whole=False)


def test_a_mesure_becomes_what_is_sent_and_keeps_the_rest():
    after = become(THERE, rewritten(THERE, {"antenne_id": None, "ressources": []}))

    assert (after.id, after.numero_dossier, after.cause_sortie) == (7, "D-1", "revocation")
    assert (after.antenne_id, after.ressources) == (None, ())


# One mesure.


async def test_a_mesure_is_created_without_its_antenne_which_only_an_update_sets(
    emjpm: EmjpmClient,
):
    respx.post(MESURES).respond(201, json={"id": 9, "numero_rg": "24A00001"})
    respx.put(f"{MESURES}/9").respond(201, json={"id": 9, "numero_rg": "24A00001"})

    created = await emjpm.create(mesure(antenne_id=301), approval=YES)
    assert "antenne_id" not in sent()
    await emjpm.update(created.id, mesure(antenne_id=301), approval=YES)
    assert sent()["antenne_id"] == 301


@pytest.mark.parametrize(
    ("constraint", "told"),
    [
        ("mesures_editor_id_service_id_numero_dossier_key", "has this numero_dossier"),
        ("mesures_service_id_ti_id_numero_rg_key", "another mesure has this numero_rg"),
        ("mesure_etat_champ_mesure_fkey", "a champ_mesure that it does not know"),
        ("mesure_etat_type_etablissement_fkey", "a type_etablissement that it does not know"),
        ("m_prestations_sociales_fkey", "a prestation sociale that it does not know"),
        ("something_else", "its database refuses a value"),
    ],
)
async def test_a_refusal_of_the_database_is_told_in_words_and_never_in_sql(
    emjpm: EmjpmClient, constraint: str, told: str
):
    respx.post(MESURES).respond(422, json={"errors": [{"msg": f'{SQL}"{constraint}"'}]})

    with pytest.raises(RejectedError) as refusal:
        await emjpm.create(mesure(), approval=YES)

    assert told in str(refusal.value)
    assert "insert" not in str(refusal.value)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"errors": [{"value": "M", "msg": "Invalid value", "param": "civilite"}]},
            "civilite: not an accepted value",
        ),
        (
            {"errors": [{"value": "M", "msg": "Invalid value", "param": "etats[0].pays"}]},
            "etats[0].pays: not an accepted value",
        ),
        (
            {"errors": [{"msg": "siret is not valid", "param": "tribunal_siret", "value": "1"}]},
            "tribunal_siret: no such tribunal",
        ),
        (
            {"errors": [{"msg": "antenne_id does not match with your service."}]},
            "no such antenne in this service",
        ),
        (
            {"errors": [{"msg": "Cannot read property 'sort' of undefined: Jeanne"}]},
            "for a reason that it gives in no words of its own",
        ),
    ],
)
async def test_a_refusal_says_which_field_and_which_rule_in_our_words(
    emjpm: EmjpmClient, document: dict[str, Any], told: str
):
    respx.post(MESURES).respond(422, json=document)

    with pytest.raises(RejectedError) as refusal:
        await emjpm.create(mesure(), approval=YES)

    assert told in str(refusal.value)
    assert "Jeanne" not in str(refusal.value)


async def test_a_number_that_is_refused_and_saved_all_the_same_is_not_known_to_be_refused(
    emjpm: EmjpmClient,
):
    strict = "Numero RG must contain exactly 8 uppercase alphanumeric characters. Invalid: x"
    respx.post(MESURES).respond(422, json={"errors": [{"msg": strict}]})

    with pytest.raises(LostAnswerError):
        await emjpm.create(mesure(), approval=YES)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), AccessDeniedError),
        (
            httpx.Response(422, json={"errors": [{"msg": "mandataire not found"}]}),
            AccessDeniedError,
        ),
        (
            httpx.Response(422, json={"errors": [{"msg": "mesure with id = 9 not found with x"}]}),
            NotFoundError,
        ),
        (httpx.Response(429, headers={"Retry-After": "60"}), UnavailableError),
        (httpx.Response(500, json={"error": "Une erreur est survenue"}), LostAnswerError),
        (httpx.Response(201, text="<html>"), LostAnswerError),
        (httpx.Response(422), RejectedError),
        (httpx.ReadTimeout("late"), LostAnswerError),
        (httpx.ConnectError("down"), UnavailableError),
    ],
    ids=["token", "account", "absent", "quota", "500", "page", "mute", "silence", "down"],
)
async def test_what_comes_back_of_a_change_says_whether_it_may_have_been_made(
    emjpm: EmjpmClient, answer: httpx.Response | Exception, error: type[Exception]
):
    respx.put(f"{MESURES}/9").mock(side_effect=[answer] * 3)

    with pytest.raises(error):
        await emjpm.update(9, mesure(), approval=YES)


# Several.


async def test_a_batch_comes_back_in_the_order_it_was_sent(emjpm: EmjpmClient):
    two = mesure(), mesure(numero_rg="24A00002")
    respx.post(BATCH).respond(201, json=reply(*two))

    saved = await emjpm.create_batch(two, [2, 3], approval=YES)

    assert [one.numero_rg for one in saved] == ["24A00001", "24A00002"]


async def test_an_antenne_never_leaves_in_a_batch_which_would_not_be_answered(emjpm: EmjpmClient):
    respx.post(BATCH).respond(201, json=reply(mesure()))

    await emjpm.create_batch([mesure(antenne_id=301)], [2], approval=YES)

    assert "antenne_id" not in sent()["mesures"][0]


@pytest.mark.parametrize("document", [{"mesures": []}, {}, {"data": []}, None])
async def test_an_answer_without_what_was_sent_is_no_success(
    emjpm: EmjpmClient, document: dict[str, list[object]] | None
):
    """The service says 201 to a list that it did not find, and saves nothing."""
    respx.post(BATCH).respond(201, json=document)

    with pytest.raises(LostAnswerError):
        await emjpm.create_batch([mesure()], [2], approval=YES)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"tiErrors": [{"msg": "Le SIRET du Tribunal est invalide", "param": "tribunal_siret"}]},
            "tribunal_siret: no such tribunal",
        ),
        (
            {"antenneErrors": [{"msg": "antenne_id does not match with your service."}]},
            "no such antenne",
        ),
        (
            {"errors": [{"msg": "Invalid value", "param": "mesures[1].civilite"}]},
            "line 27: civilite: not an accepted value",
        ),
    ],
)
async def test_a_refused_batch_says_why_and_by_its_line_which(
    emjpm: EmjpmClient, document: dict[str, Any], told: str
):
    respx.post(BATCH).respond(422, json=document)
    two = mesure(), mesure(numero_rg="24A00002")

    with pytest.raises(RejectedError) as refusal:
        await emjpm.create_batch(two, [2, 27], approval=YES)

    assert told in str(refusal.value)


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_that_would_be_refused_or_ignored_is_not_sent(emjpm: EmjpmClient, count: int):
    with pytest.raises(RejectedError):
        await emjpm.create_batch([mesure()] * count, range(count), approval=YES)

    assert not respx.calls


# Deleting.


async def test_an_id_that_was_not_just_confirmed_is_never_deleted(emjpm: EmjpmClient):
    respx.get(f"{MESURES}/9").respond(404)
    deletion = respx.delete(f"{MESURES}/9").respond(json={"affected_rows": 0})

    with pytest.raises(NotFoundError):
        await emjpm.delete(9, approval=YES)

    assert not deletion.called


async def test_a_mesure_is_read_then_deleted(emjpm: EmjpmClient):
    reading = respx.get(f"{MESURES}/9").respond(json={"id": 9, "numero_rg": "24A00001"})
    deletion = respx.delete(f"{MESURES}/9").respond(json={"affected_rows": 1})

    await emjpm.delete(9, approval=YES)

    assert (reading.call_count, deletion.call_count) == (1, 1)


async def test_a_deletion_that_deleted_nothing_is_not_known_to_have_changed_nothing(
    emjpm: EmjpmClient,
):
    """The états may be gone: the service says so of a mesure that became somebody else's."""
    respx.get(f"{MESURES}/9").respond(json={"id": 9, "numero_rg": "24A00001"})
    respx.delete(f"{MESURES}/9").respond(json={"affected_rows": 0})

    with pytest.raises(LostAnswerError):
        await emjpm.delete(9, approval=YES)


@pytest.mark.parametrize(
    ("include", "query"), [(True, b"forceDeleteAwaitingMesures=true"), (False, b"")]
)
async def test_the_documented_parameter_is_sent_or_left_out(
    emjpm: EmjpmClient, *, include: bool, query: bytes
):
    respx.delete(MESURES).respond(json={"affected_rows": 72})

    assert await emjpm.delete_all(include_awaiting=include, approval=YES) == 72
    assert respx.calls.last.request.url.query == query


# What is shown beforehand.


async def test_what_will_be_sent_is_shown_and_many_mesures_only_described(emjpm: EmjpmClient):
    one = emjpm.creation(mesure())
    many = emjpm.importation([mesure(), mesure(numero_rg="24A00002")])

    assert (one.method, one.address) == ("POST", MESURES)
    assert json.loads(one.body) == mesure().body()
    assert many.address == BATCH
    assert many.body.startswith("2 mesures in JSON")
    assert emjpm.updating(9, mesure()).address == f"{MESURES}/9"
    assert emjpm.deletion(9).method == "DELETE"
    assert emjpm.deletion_of_all(include_awaiting=True).address == MESURES
    assert not respx.calls
