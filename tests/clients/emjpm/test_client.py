"""What the eMJPM client asks for, and what it makes of the answers."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime

import httpx
import pytest
import respx
from pydantic import TypeAdapter

from clients.emjpm import EmjpmClient, Mesure, Ressource, Status
from clients.errors import (
    AccessDeniedError,
    ApiError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)
from clients.http import connected

Json = dict[str, object]

COMPLETE: Json = {
    "id": 138732,
    "numero_rg": "RG435435",
    "numero_dossier": "354354354354",
    "tribunal_siret": "17690111400080",
    "antenne_id": 12,
    "civilite": "monsieur",
    "annee_naissance": 1989,
    "date_premier_mesure": "2019-12-01",
    "date_nomination": "2020-01-01",
    "date_protection_en_cours": None,
    "date_fin_mesure": None,
    "cause_sortie": None,
    "resultat_revision": "allegement",
    "etats": [
        {
            "date_changement_etat": "2020-01-01",
            "nature_mesure": "curatelle_simple",
            "champ_mesure": "protection_bien_personne",
            "lieu_vie": "etablissement",
            "type_etablissement": "etablissement_conservation_domicile",
            "code_postal": "75015",
            "ville": "PARIS",
            "pays": "FR",
        }
    ],
    "ressources": [{"annee": 2019, "niveau_ressource": "1234.56"}],
    "latitude": 48.8402,
    "longitude": 2.29356,
    "editor_id": 3,
    "created_at": "2020-01-02T03:04:05.678Z",
}

AWAITING: Json = {**dict.fromkeys(COMPLETE), "id": 7, "numero_rg": "00000000"}


@pytest.fixture(name="list_route")
def _list_route(respx_mock: respx.MockRouter) -> respx.Route:
    return respx_mock.get("https://emjpm.test/api/editors/mesures")


@pytest.fixture(name="emjpm")
async def _emjpm() -> AsyncGenerator[EmjpmClient]:
    async def no_pause(_: float) -> None: ...

    async with connected("https://emjpm.test", sleep=no_pause) as http:
        yield EmjpmClient(http)


async def test_every_mesure_is_asked_for_by_default(emjpm: EmjpmClient, list_route: respx.Route):
    list_route.respond(json={"mesures": []})

    assert await emjpm.mesures() == ()

    assert list_route.calls.last.request.url.query == b""


@pytest.mark.parametrize("status", ["en_attente", "en_cours", "eteinte"])
async def test_the_service_filters_by_status(
    emjpm: EmjpmClient, list_route: respx.Route, status: Status
):
    list_route.respond(json={"mesures": []})

    await emjpm.mesures(status)

    assert list_route.calls.last.request.url.params == httpx.QueryParams(status=status)


@pytest.mark.parametrize("reply", [{"mesures": [COMPLETE]}, [COMPLETE]], ids=["wrapped", "bare"])
async def test_the_list_may_be_wrapped_or_bare(
    emjpm: EmjpmClient, list_route: respx.Route, reply: object
):
    list_route.respond(json=reply)

    (mesure,) = await emjpm.mesures()

    assert mesure.numero_rg == "RG435435"
    assert mesure.date_nomination == date(2020, 1, 1)
    assert mesure.created_at == datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert mesure.etats[0].nature_mesure == "curatelle_simple"


async def test_every_field_of_a_mesure_is_kept(emjpm: EmjpmClient, list_route: respx.Route):
    list_route.respond(json=[COMPLETE])

    (mesure,) = await emjpm.mesures()

    assert set(Mesure.model_fields) == set(COMPLETE)
    assert mesure.model_fields_set == set(COMPLETE)


async def test_a_mesure_that_awaits_its_mandataire_is_nearly_empty(
    emjpm: EmjpmClient, list_route: respx.Route
):
    list_route.respond(json={"mesures": [AWAITING]})

    assert await emjpm.mesures() == (Mesure(id=7, numero_rg="00000000"),)


async def test_values_that_the_service_no_longer_accepts_survive(
    emjpm: EmjpmClient, list_route: respx.Route
):
    list_route.respond(json=[COMPLETE | {"civilite": "mx", "cause_sortie": "autre"}])

    (mesure,) = await emjpm.mesures()

    assert (mesure.civilite, mesure.cause_sortie) == ("mx", "autre")


@pytest.mark.parametrize(
    ("level", "read"),
    [("14246", "14246"), ("1234.56", "1234.56"), (14246, "14246"), (0, "0"), (None, None)],
    ids=repr,
)
def test_a_resource_level_is_kept_as_it_is_written(level: object, read: str | None):
    assert Ressource.model_validate({"niveau_ressource": level}).niveau_ressource == read


def test_prestations_that_are_not_said_are_not_none_at_all():
    ressources = TypeAdapter(list[Ressource]).validate_python(
        [{}, {"prestations_sociales": []}, {"prestations_sociales": ["AAH"]}]
    )
    assert [r.prestations_sociales for r in ressources] == [None, (), ("AAH",)]


async def test_the_newest_nomination_comes_first_and_those_without_one_last(
    emjpm: EmjpmClient, list_route: respx.Route
):
    nominations = {1: None, 2: "2019-05-01", 3: "2024-01-01", 4: None, 5: "2019-05-01"}
    rows = [AWAITING | {"id": n, "date_nomination": day} for n, day in nominations.items()]
    list_route.respond(json=rows)

    assert [mesure.id for mesure in await emjpm.mesures()] == [3, 5, 2, 4, 1]


async def test_those_that_are_wanted_are_given(emjpm: EmjpmClient, list_route: respx.Route):
    list_route.respond(json=[AWAITING | {"id": number} for number in range(1, 10)])

    found = await emjpm.mesures(where=lambda mesure: mesure.id % 3 == 0)

    assert [mesure.id for mesure in found] == [9, 6, 3]


async def test_one_that_cannot_be_read_is_told_whatever_is_wanted(
    emjpm: EmjpmClient, list_route: respx.Route
):
    """Nobody knows whether it would have been."""
    list_route.respond(json=[AWAITING, AWAITING | {"date_nomination": "soon"}])

    with pytest.raises(UnexpectedReplyError, match=r"1\.date_nomination"):
        await emjpm.mesures(where=lambda _: False)


INVALID = {"error": "invalid_token", "error_description": "Invalid token: access token is invalid"}
EXPIRED = INVALID | {"error_description": "Invalid token: access token has expired"}
MALFORMED = {"error": "invalid_request", "error_description": "malformed authorization header"}
NOT_A_MANDATAIRE = {"errors": [{"msg": "mandataire not found"}]}
SQL = {"errors": [{"msg": 'select "secret" from "mesures" - violates something'}]}


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (httpx.Response(401), AccessDeniedError, "GUICHET_EMJPM_TOKEN"),
        (httpx.Response(401, json=INVALID), AccessDeniedError, "revoked, or unknown"),
        (httpx.Response(401, json=EXPIRED), AccessDeniedError, "has expired"),
        (httpx.Response(400, json=MALFORMED), AccessDeniedError, "malformed"),
        (httpx.Response(422, json=NOT_A_MANDATAIRE), AccessDeniedError, "no mesure"),
        (httpx.Response(422, json=SQL), RejectedError, "HTTP 422"),
        (
            httpx.Response(
                429,
                html="Too many requests, please try again later.",
                headers={"Retry-After": "60"},
            ),
            UnavailableError,
            "Try again in 60 seconds",
        ),
        (httpx.Response(404, html="Cannot GET"), UnexpectedReplyError, "GUICHET_EMJPM_URL"),
        (
            httpx.Response(302, headers={"Location": "/login"}),
            UnexpectedReplyError,
            "GUICHET_EMJPM_URL",
        ),
        (httpx.Response(500, json={"error": "Une erreur"}), UnavailableError, "HTTP 500"),
        (httpx.Response(503, html="<html>"), UnavailableError, "HTTP 503"),
        (httpx.Response(200, html="<html>"), UnexpectedReplyError, "unreadable"),
        (httpx.Response(200, json={"mesure": []}), UnexpectedReplyError, "mesures"),
        (httpx.Response(200, json=[{"id": 7}]), UnexpectedReplyError, "0.numero_rg"),
    ],
    ids=[
        "no token",
        "unknown token",
        "expired token",
        "malformed token",
        "not a mandataire",
        "refused",
        "too many requests",
        "elsewhere",
        "moved",
        "crashed",
        "unavailable",
        "not JSON",
        "no mesures",
        "without a numéro RG",
    ],
)
async def test_each_way_of_failing_says_what_to_do(
    emjpm: EmjpmClient,
    list_route: respx.Route,
    answer: httpx.Response,
    kind: type[ApiError],
    told: str,
):
    list_route.mock(return_value=answer)

    with pytest.raises(kind) as caught:
        await emjpm.mesures()

    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_the_list_is_asked_for_again_when_the_service_falters(
    emjpm: EmjpmClient, list_route: respx.Route
):
    list_route.mock(side_effect=[httpx.ReadTimeout("slow"), httpx.Response(200, json=[AWAITING])])

    assert len(await emjpm.mesures()) == 1
