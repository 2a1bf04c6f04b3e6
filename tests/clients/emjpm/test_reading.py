"""What the eMJPM client reads besides the list of mesures."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import respx

from clients.emjpm import EmjpmClient, Mesure
from clients.errors import (
    AccessDeniedError,
    ApiError,
    NotFoundError,
    RejectedError,
    UnexpectedReplyError,
)
from clients.http import connected

API = "https://emjpm.test/api"
MESURE = f"{API}/editors/mesures/7"
USER = f"{API}/mandoline/user"
SERVICES = f"{API}/mandoline/direction-services"
TRIBUNAL = {"siret": "17590111500055", "nom": "Tribunal judiciaire de Béthune", "adresse": None}
OUPS = {"errors": [{"msg": "oups, something goes wrong. please contact support."}]}
NO_DIRECTION = {"errors": [{"error": "this api is only allowed for user of type 'direction'"}]}


@pytest.fixture(name="emjpm")
async def _emjpm() -> AsyncGenerator[EmjpmClient]:
    async with connected("https://emjpm.test") as http:
        yield EmjpmClient(http)


# One mesure.


async def test_a_mesure_is_read_by_its_id(emjpm: EmjpmClient, respx_mock: respx.MockRouter):
    ressource = {"annee": 2024, "niveau_ressource": "14246", "prestations_sociales": ["AAH"]}
    respx_mock.get(MESURE).respond(
        json={"id": 7, "numero_rg": "24A00001", "ressources": [ressource], "civilite": None}
    )

    mesure = await emjpm.mesure(7)

    assert mesure.ressources[0].prestations_sociales == ("AAH",)
    assert mesure.model_fields_set == {"id", "numero_rg", "ressources", "civilite"}, "said, or not"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(404), NotFoundError),
        (httpx.Response(404, html="<pre>Cannot GET</pre>"), UnexpectedReplyError),
        (httpx.Response(400, json=OUPS), RejectedError),
        (httpx.Response(200, json={"id": 8, "numero_rg": "x"}), UnexpectedReplyError),
        (httpx.Response(200, json=[]), UnexpectedReplyError),
        (httpx.Response(401), AccessDeniedError),
    ],
    ids=["none", "elsewhere", "no id", "another", "a list", "no token"],
)
async def test_a_mesure_that_cannot_be_read_says_why(
    emjpm: EmjpmClient,
    respx_mock: respx.MockRouter,
    answer: httpx.Response,
    kind: type[ApiError],
):
    respx_mock.get(MESURE).mock(return_value=answer)

    with pytest.raises(ApiError) as caught:
        await emjpm.mesure(7)

    assert type(caught.value) is kind


def test_the_current_etat_is_the_latest_wherever_it_is():
    days = ["2024-01-01", "2025-01-01", None, "2023-01-01"]
    etats = [{"date_changement_etat": day, "nature_mesure": day} for day in days]

    mesure = Mesure.model_validate({"id": 1, "numero_rg": "x", "etats": etats})

    assert [etat.nature_mesure for etat in mesure.in_order] == [None, *sorted(filter(None, days))]
    assert mesure.current
    assert mesure.current.nature_mesure == "2025-01-01"
    assert Mesure(id=1, numero_rg="x").current is None


# Lists that may be wrapped or bare.


@pytest.mark.parametrize("reply", [{"tribunaux": [TRIBUNAL]}, [TRIBUNAL]], ids=["wrapped", "bare"])
async def test_the_tribunaux_may_be_wrapped_or_bare(
    emjpm: EmjpmClient, respx_mock: respx.MockRouter, reply: object
):
    respx_mock.get(f"{API}/editors/tribunaux").respond(json=reply)

    (tribunal,) = await emjpm.tribunaux()

    assert (tribunal.siret, tribunal.adresse) == ("17590111500055", None)


async def test_the_antennes_are_read(emjpm: EmjpmClient, respx_mock: respx.MockRouter):
    antenne = {"id": 12, "nom": "Reims", "adresse": None}
    respx_mock.get(f"{API}/editors/service-antennes").respond(json={"antennes": [antenne]})

    assert [antenne.id for antenne in await emjpm.antennes()] == [12]


@pytest.mark.parametrize("reply", [{"mesures": []}, {}, "tribunaux", None, {"tribunaux": {}}])
async def test_an_answer_without_its_list_is_told(
    emjpm: EmjpmClient, respx_mock: respx.MockRouter, reply: object
):
    respx_mock.get(f"{API}/editors/tribunaux").respond(json=reply)

    with pytest.raises(UnexpectedReplyError):
        await emjpm.tribunaux()


# Accounts.


async def test_a_user_is_read_with_what_is_known(emjpm: EmjpmClient, respx_mock: respx.MockRouter):
    respx_mock.get(USER).respond(json={"id": 979, "type": "sdpf", "dpf": {"id": 3}})

    user = await emjpm.user()

    assert (user.id, user.type, user.service, user.direction) == (979, "sdpf", None, None)


async def test_the_departements_of_a_service_are_named_in_two_ways(
    emjpm: EmjpmClient, respx_mock: respx.MockRouter
):
    manche = {"nom": "Manche"}
    services = [{"departements": [manche | {key: "50"}], "id": 1} for key in ("code", "id")]
    respx_mock.get(SERVICES).respond(json=services)

    read = await emjpm.direction_services()

    assert [service.departements[0].code for service in read] == ["50", "50"]


async def test_services_are_for_the_account_of_a_direction(
    emjpm: EmjpmClient, respx_mock: respx.MockRouter
):
    respx_mock.get(SERVICES).respond(422, json=NO_DIRECTION)

    with pytest.raises(AccessDeniedError, match="the account of a direction"):
        await emjpm.direction_services()
