"""What deciding does in the miniature Démarches simplifiées, and when it refuses to."""

import base64
from collections.abc import AsyncGenerator, Awaitable
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import pytest
from starlette.applications import Starlette

from server.sandbox.demarches import Write, create

NOON = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)

DOSSIER = """id number state archived motivation dateTraitement dateDerniereModification
    attestation { url } traitements { event emailAgentTraitant motivation dateTraitement }"""


class Decide(Protocol):
    """Sends a mutation, and gives the JSON answered."""

    def __call__(self, operation: str, number: int, /, **given: object) -> Awaitable[Any]: ...


def typed_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}-{number}".encode()).decode()


CAMILLE = typed_id("Instructeur", 21)
MAELLE = typed_id("Instructeur", 23)


@pytest.fixture(name="app")
def _app() -> Starlette:
    return create(now=lambda: NOON)


@pytest.fixture(name="http")
async def _http(app: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": "Bearer sandbox"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as http:
        yield http


@pytest.fixture(name="decide")
def _decide(http: httpx.AsyncClient) -> Decide:
    async def decide(operation: str, number: int, /, **given: object) -> Any:
        kind = f"{operation[0].upper()}{operation[1:]}Input"
        query = f"""mutation m($input: {kind}!) {{
            {operation}(input: $input) {{ dossier {{ {DOSSIER} }} errors {{ message }} }}
        }}"""
        sent = {"dossierId": typed_id("Dossier", number), "instructeurId": CAMILLE, **given}
        response = await http.post(
            "/api/v2/graphql", json={"query": query, "variables": {"input": sent}}
        )
        assert response.status_code == 200
        return response.json()

    return decide


async def read(http: httpx.AsyncClient, number: int) -> Any:
    query = f"{{ dossier(number: {number}) {{ {DOSSIER} }} }}"
    response = await http.post("/api/v2/graphql", json={"query": query})
    return response.json()["data"]["dossier"]


@pytest.mark.parametrize(
    ("operation", "number", "state", "event"),
    [
        ("dossierAccepter", 200001, "accepte", "accepte"),
        ("dossierRefuser", 200001, "refuse", "refuse"),
        ("dossierClasserSansSuite", 200001, "sans_suite", "classe_sans_suite"),
    ],
)
async def test_a_decision_is_kept_with_its_motivation_its_date_and_its_author(
    http: httpx.AsyncClient, decide: Decide, operation: str, number: int, state: str, event: str
):
    before = await read(http, number)

    await decide(operation, number, motivation="Vu.")

    dossier = await read(http, number)
    assert dossier["state"] == state
    assert dossier["motivation"] == "Vu."
    assert dossier["dateTraitement"] == "2026-11-02T12:00:00+01:00"
    assert dossier["dateDerniereModification"] == "2026-11-02T12:00:00+01:00"
    assert dossier["traitements"][:-1] == before["traitements"]
    assert dossier["traitements"][-1] == {
        "event": event,
        "emailAgentTraitant": "camille.martin@exemple.gouv.fr",
        "motivation": "Vu.",
        "dateTraitement": "2026-11-02T12:00:00+01:00",
    }


async def test_the_answer_to_a_decision_is_the_dossier_without_its_attestation(
    http: httpx.AsyncClient, decide: Decide
):
    """The attestation is made afterwards: it is there when the dossier is read again."""
    answer = await decide("dossierAccepter", 200001)

    payload = answer["data"]["dossierAccepter"]
    assert payload["errors"] is None
    assert payload["dossier"]["state"] == "accepte"
    assert payload["dossier"]["attestation"] is None
    assert (await read(http, 200001))["attestation"] is not None


async def test_a_dossier_goes_through_the_whole_graph_of_states(
    http: httpx.AsyncClient, decide: Decide
):
    await decide("dossierPasserEnInstruction", 200003)
    taken = (await read(http, 200003))["state"]
    answer = await decide("dossierRepasserEnInstruction", 200010)

    assert taken == "en_instruction"
    reopened = answer["data"]["dossierRepasserEnInstruction"]["dossier"]
    assert reopened["state"] == "en_instruction"
    assert reopened["archived"] is False
    assert reopened["motivation"] is None
    assert reopened["dateTraitement"] is None
    assert reopened["traitements"][-1]["event"] == "repasse_en_instruction"


WITHOUT_RIGHTS = "L’instructeur n’a pas les droits d’accès à ce dossier"
WITHOUT_SIRET = (
    "Les informations du SIRET du dossier ne sont pas complètes. Veuillez réessayer plus tard."
)


@pytest.mark.parametrize(
    ("operation", "number", "given", "message"),
    [
        ("dossierAccepter", 200003, {}, "Le dossier est déjà en construction"),
        ("dossierPasserEnInstruction", 200002, {}, "Le dossier est déjà en instruction"),
        ("dossierAccepter", 200004, {}, "Le dossier est déjà accepté"),
        ("dossierRefuser", 200005, {"motivation": ""}, "Le dossier est déjà refusé"),
        ("dossierAccepter", 200006, {}, "Le dossier est déjà classé sans suite"),
        ("dossierRepasserEnInstruction", 200001, {}, "Le dossier est déjà en instruction"),
        ("dossierRepasserEnInstruction", 200012, {}, "Le dossier est déjà refusé"),
        ("dossierAccepter", 200008, {}, "Le dossier est déjà en instruction"),
        ("dossierRefuser", 200008, {"motivation": ""}, "Le dossier est déjà en instruction"),
        ("dossierAccepter", 300008, {}, WITHOUT_SIRET),
        ("dossierAccepter", 200001, {"instructeurId": MAELLE}, WITHOUT_RIGHTS),
        ("dossierAccepter", 200007, {}, WITHOUT_RIGHTS),
        (
            "dossierAccepter",
            200001,
            {"justificatif": "blob"},
            "L’identifiant du fichier téléversé est invalide",
        ),
    ],
    ids=[
        "not yet taken",
        "already taken",
        "already accepted",
        "already refused",
        "already closed",
        "not decided",
        "account deleted",
        "mandatory annotation left empty, accepting",
        "mandatory annotation left empty, refusing",
        "company without details",
        "instructeur of another groupe",
        "dossier of another groupe",
        "unknown file",
    ],
)
async def test_a_refused_decision_says_why_and_changes_nothing(
    http: httpx.AsyncClient,
    decide: Decide,
    operation: str,
    number: int,
    given: dict[str, object],
    message: str,
):
    before = await read(http, number)

    answer = await decide(operation, number, **given)

    assert answer == {"data": {operation: {"dossier": None, "errors": [{"message": message}]}}}
    assert await read(http, number) == before


async def test_the_file_is_looked_at_before_the_state_and_the_state_before_the_instructeur(
    decide: Decide,
):
    both = await decide("dossierAccepter", 200004, instructeurId=MAELLE, justificatif="blob")
    state = await decide("dossierAccepter", 200004, instructeurId=MAELLE)

    file_first, state_first = (each["data"]["dossierAccepter"]["errors"] for each in (both, state))
    assert file_first == [{"message": "L’identifiant du fichier téléversé est invalide"}]
    assert state_first == [{"message": "Le dossier est déjà accepté"}]


@pytest.mark.parametrize(
    ("given", "message", "code"),
    [
        (
            {"dossierId": typed_id("Dossier", 1)},
            "DossierAccepterPayload not found",
            "not_found",
        ),
        ({"dossierId": "200001"}, "DossierAccepterPayload not found", "not_found"),
        (
            {"dossierId": typed_id("Procedure", 1001)},
            'No object found for `dossierId: "UHJvY2VkdXJlLTEwMDE="`',
            None,
        ),
        (
            {"dossierId": typed_id("Dossier", 400001)},
            "An object of type Dossier was hidden due to permissions",
            "unauthorized",
        ),
        (
            {"instructeurId": typed_id("Instructeur", 1)},
            "DossierAccepterPayload not found",
            "not_found",
        ),
        (
            {"instructeurId": typed_id("Dossier", 200001)},
            'No object found for `instructeurId: "RG9zc2llci0yMDAwMDE="`',
            None,
        ),
    ],
)
async def test_what_cannot_be_loaded_is_an_error_at_the_root(
    decide: Decide, given: dict[str, object], message: str, code: str | None
):
    answer = await decide("dossierAccepter", 200001, **given)

    assert answer["data"] == {"dossierAccepter": None}
    (error,) = answer["errors"]
    assert error["message"] == message
    assert error.get("extensions", {}).get("code") == code


async def test_a_token_that_only_reads_changes_nothing(
    app: Starlette, http: httpx.AsyncClient, decide: Decide
):
    http.headers["Authorization"] = "Bearer sandbox-lecture"

    answer = await decide("dossierAccepter", 200004)

    assert answer["data"]["dossierAccepter"]["errors"] == [
        {"message": "Le jeton utilisé est configuré seulement en lecture"}
    ]
    assert app.state.writes == [Write(operation="dossierAccepter", number=200004, applied=False)]


async def test_every_write_that_arrives_is_counted_and_no_read_is(
    app: Starlette, http: httpx.AsyncClient, decide: Decide
):
    await read(http, 200001)
    await decide("dossierAccepter", 200001, motivation="Complet.")
    await decide("dossierAccepter", 200001)
    await decide("dossierRefuser", 200002, motivation="Non.", disableNotification=True)
    await decide("dossierAccepter", 1)
    await decide("dossierAccepter", 200002, dossierId="nothing")

    assert app.state.writes == [
        Write(
            operation="dossierAccepter",
            number=200001,
            applied=True,
            motivation="Complet.",
            notified=True,
        ),
        Write(operation="dossierAccepter", number=200001, applied=False),
        Write(operation="dossierRefuser", number=200002, applied=True, motivation="Non."),
        Write(operation="dossierAccepter", number=1, applied=False),
        Write(operation="dossierAccepter", number=None, applied=False),
    ]


async def test_a_decided_dossier_comes_last_among_those_that_changed(
    http: httpx.AsyncClient, decide: Decide
):
    await decide("dossierAccepter", 200001)

    query = """{ demarche(number: 1001) {
        dossiers(last: 1, updatedSince: "2026-01-01") { nodes { number } } } }"""
    answer = (await http.post("/api/v2/graphql", json={"query": query})).json()
    assert answer["data"]["demarche"]["dossiers"]["nodes"] == [{"number": 200001}]


async def test_two_services_share_nothing(http: httpx.AsyncClient, decide: Decide):
    other = httpx.ASGITransport(app=create())
    await decide("dossierAccepter", 200001)

    async with httpx.AsyncClient(
        transport=other, base_url="http://sandbox", headers=http.headers
    ) as elsewhere:
        assert (await read(elsewhere, 200001))["state"] == "en_instruction"
