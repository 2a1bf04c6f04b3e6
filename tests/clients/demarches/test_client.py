"""What the Démarches simplifiées client sends, and what it makes of the answers."""

import json
from datetime import UTC, datetime

import pytest
import respx
from pydantic import TypeAdapter

from clients.approval import Approval
from clients.demarches import DemarchesClient, PartialError, acts
from clients.errors import (
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnexpectedReplyError,
)

APPROVAL = Approval("operation 1")
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)

Json = dict[str, object]
Sent = TypeAdapter(Json)


def sent(graphql: respx.Route) -> Json:
    return Sent.validate_python(json.loads(graphql.calls.last.request.content))


def listing(*edges: Json | None, more: bool = False, end: str | None = None) -> Json:
    return connection(list(edges), more=more, end=end)


def connection(edges: list[Json | None] | None, *, more: bool, end: str | None) -> Json:
    page = {"hasNextPage": more, "endCursor": end}
    dossiers = {"edges": edges, "pageInfo": page}
    return {"demarche": {"title": "Aide à la mobilité", "dossiers": dossiers}}


def edge(cursor: str, node: Json | None) -> Json:
    return {"cursor": cursor, "node": node}


# A page of dossiers.


async def test_a_page_is_asked_for_with_no_more_than_what_is_said(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.respond(json={"data": listing()})

    await client.dossiers(1001)

    request = graphql.calls.last.request
    assert str(request.url) == "https://demarches.test/api/v2/graphql"
    assert request.headers["Authorization"] == "Bearer default"
    assert sent(graphql)["operationName"] == "dossiers"
    assert sent(graphql)["variables"] == {
        "demarche": 1001,
        "first": 20,
        "after": None,
        "state": None,
        "archived": None,
        "revision": None,
        "createdSince": None,
        "updatedSince": None,
    }


async def test_every_filter_is_the_service_s_own(client: DemarchesClient, graphql: respx.Route):
    graphql.respond(json={"data": listing()})

    await client.dossiers(
        1002, state="en_instruction", updated_since=NOON, archived=False, first=500, after="c2"
    )

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
    assert sent(graphql)["variables"] == {
        "demarche": 1002,
        "first": 100,
        "after": "c2",
        "state": "en_instruction",
        "archived": False,
        "revision": None,
        "createdSince": None,
        "updatedSince": "2026-09-01T12:00:00+00:00",
    }


async def test_two_dates_are_refused_since_the_service_would_ignore_one(client: DemarchesClient):
    with pytest.raises(RejectedError, match="one date at a time"):
        await client.dossiers(1001, updated_since=NOON, created_since=NOON)


async def test_a_page_has_its_rows_their_cursors_and_the_next_page(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    rows = [edge("c1", node), edge("c2", node | {"number": 200002, "state": "accepte"})]
    graphql.respond(json={"data": listing(*rows, more=True, end="c2")})

    page = await client.dossiers(1001)

    assert page.title == "Aide à la mobilité"
    assert [(row.cursor, row.dossier.number) for row in page.rows] == [
        ("c1", 200001),
        ("c2", 200002),
    ]
    assert page.rows[0].dossier.date_depot == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert page.next == "c2"
    assert page.problems == ()


async def test_the_last_page_has_no_next(client: DemarchesClient, graphql: respx.Route, node: Json):
    graphql.respond(json={"data": listing(edge("c1", node), more=False, end="c1")})

    assert (await client.dossiers(1001)).next == ""


async def test_a_next_page_without_a_cursor_does_not_pass_for_the_end(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    graphql.respond(json={"data": listing(edge("c1", node), more=True, end=None)})

    with pytest.raises(UnexpectedReplyError, match="no cursor"):
        await client.dossiers(1001)


async def test_what_cannot_be_read_is_said_and_hides_nothing_else(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    edges = [
        edge("c1", node),
        edge("c2", None),
        edge("c3", node | {"state": "a_new_state"}),
        None,
        edge("c5", node | {"number": 200005}),
    ]
    error = {
        "message": "Cannot return null for non-nullable field Entreprise.raisonSociale",
        "path": ["demarche", "dossiers", "edges", 1, "node", "demandeur"],
        "extensions": {"code": "invalid_null"},
    }
    late = {
        "message": "Timeout on DossierEdge.cursor",
        "path": ["demarche", "dossiers", "edges", 5],
    }
    graphql.respond(json={"data": listing(*edges, None), "errors": [error, late]})

    page = await client.dossiers(1001)

    assert [row.dossier.number for row in page.rows] == [200001, 200005]
    assert page.problems == (
        PartialError(
            "demarche.dossiers.edges.1.node.demandeur", "one of its own records is incomplete."
        ),
        PartialError("demarche.dossiers.edges.5", "it ran out of time."),
        PartialError("demarche.dossiers.edges.2", "this dossier could not be read."),
        PartialError("demarche.dossiers.edges.3", "this dossier could not be read."),
    )


async def test_a_row_that_lost_a_detail_is_shown_with_the_problem(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    company = {
        "__typename": "PersonneMorale",
        "siret": "12345678900012",
        "entreprise": None,
        "association": None,
    }
    error = {
        "message": "Timeout on PersonneMorale.entreprise",
        "path": ["demarche", "dossiers", "edges", 0, "node", "demandeur", "entreprise"],
    }
    graphql.respond(
        json={"data": listing(edge("c1", node | {"demandeur": company})), "errors": [error]}
    )

    page = await client.dossiers(1001)

    assert [row.dossier.demandeur.line for row in page.rows] == ["SIRET 12345678900012"]
    assert [problem.reason for problem in page.problems] == ["it ran out of time."]


async def test_a_page_without_its_rows_is_no_page(client: DemarchesClient, graphql: respx.Route):
    data = connection(None, more=True, end=None)
    timeout = {"message": "Timeout on DossierConnection.edges"}
    graphql.respond(json={"data": data, "errors": [timeout]})

    with pytest.raises(UnavailableError, match="smaller page"):
        await client.dossiers(1001)


# A dossier.


async def test_a_dossier_has_what_a_decision_needs(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    graphql.respond(json={"data": {"dossier": record}})

    dossier = await client.dossier(200001)

    assert sent(graphql)["variables"] == {"number": 200001}
    assert dossier.demandeur.line == "Mme Jeanne DUPONT"
    assert dossier.demarche.number == 1001
    assert [member.email for member in dossier.groupe_instructeur.instructeurs] == [
        "agent@exemple.fr"
    ]
    assert dossier.missing_annotations == ()


async def test_a_dossier_is_complete_or_not_at_all(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    """Otherwise an annotation that could not be read would pass for an empty one."""
    lost = {"message": "Timeout on TextChamp.stringValue", "path": ["dossier", "annotations", 0]}
    graphql.respond(json={"data": {"dossier": record}, "errors": [lost]})

    with pytest.raises(UnavailableError):
        await client.dossier(200001)


async def test_a_dossier_is_looked_for_with_every_token(
    client: DemarchesClient, graphql: respx.Route
):
    absent = {"message": "Dossier not found", "extensions": {"code": "not_found"}}
    graphql.respond(json={"data": None, "errors": [absent]})

    with pytest.raises(NotFoundError):
        await client.dossier(1)

    assert graphql.call_count == 2


async def test_a_decision_goes_with_the_token_that_showed_the_dossier(
    client: DemarchesClient, graphql: respx.Route, record: Json
):
    absent = {"message": "Dossier not found", "extensions": {"code": "not_found"}}
    accepted = {"dossier": {"state": "accepte"}, "errors": None}
    graphql.side_effect = [
        respx.MockResponse(json={"data": None, "errors": [absent]}),
        respx.MockResponse(json={"data": {"dossier": record}}),
        respx.MockResponse(json={"data": {"outcome": accepted}}),
    ]

    dossier = await client.dossier(200001)
    act = acts.acceptance(dossier, instructeur="SW5z", motivation="", notify=True)
    await client.perform(act, approval=APPROVAL)

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
