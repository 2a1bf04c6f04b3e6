"""What else the client reads: groupes, what is gone, counts, a form, all of a dossier."""

import json
from datetime import UTC, datetime

import httpx
import pytest
import respx
from pydantic import SecretStr, TypeAdapter

from clients.demarches import (
    SECTIONS,
    DemarchesClient,
    DemarcheTokens,
    Overview,
    PartialError,
    Unread,
)
from clients.errors import (
    AccessDeniedError,
    FaultyServiceError,
    NotFoundError,
    RejectedError,
    UnavailableError,
)
from clients.http import connected

URL = "https://demarches.test/api/v2/graphql"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
HIDDEN = {
    "message": "An object of type Demarche was hidden due to permissions",
    "extensions": {"code": "unauthorized"},
}

Json = dict[str, object]
Sent = TypeAdapter(dict[str, Json | str])


def sent(request: httpx.Request) -> Json:
    """The variables of a request that were given a value, and its operation."""
    body = Sent.validate_python(json.loads(request.content))
    variables = body["variables"]
    assert isinstance(variables, dict)
    given = {name: value for name, value in variables.items() if value is not None}
    return {"operation": body["operationName"], **given}


def last(graphql: respx.Route) -> Json:
    return sent(graphql.calls.last.request)


def page_of(*edges: Json | None, **page: object) -> Json:
    told = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    return {"edges": list(edges), "pageInfo": told | page}


# From the other end, and in a groupe.


async def test_the_newest_are_the_last_of_the_list_turned_round(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    edges: list[Json] = [{"cursor": f"c{n}", "node": node | {"number": n}} for n in (1, 2)]
    dossiers = page_of(*edges, hasPreviousPage=True, hasNextPage=True, startCursor="c1")
    graphql.respond(json={"data": {"demarche": {"title": "Aide", "dossiers": dossiers}}})

    page = await client.dossiers(1001, first=500, after="c3", newest_first=True)

    assert last(graphql) == {
        "operation": "dossiers",
        "demarche": 1001,
        "last": 100,
        "before": "c3",
    }
    assert [row.dossier.number for row in page.rows] == [2, 1]
    assert page.next == "c1"


async def test_the_newest_end_where_nothing_precedes(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    dossiers = page_of({"cursor": "c1", "node": node}, hasNextPage=True, startCursor="c1")
    graphql.respond(json={"data": {"demarche": {"title": "Aide", "dossiers": dossiers}}})

    assert (await client.dossiers(1001, newest_first=True)).next == ""


async def test_a_revision_is_asked_for_by_its_id(client: DemarchesClient, graphql: respx.Route):
    graphql.respond(json={"data": {"demarche": {"title": "Aide", "dossiers": page_of()}}})

    await client.dossiers(1001, revision="UHJvY2VkdXJlUmV2aXNpb24tNTAx")

    assert last(graphql)["revision"] == "UHJvY2VkdXJlUmV2aXNpb24tNTAx"


def of_groupe(*groupes: int, **lists: Json) -> Json:
    numbered = [{"number": number} for number in groupes]
    demarche = {"title": "Aide", "groupeInstructeurs": numbered}
    return {"data": {"demarche": demarche, "groupeInstructeur": lists}}


async def test_a_groupe_is_read_with_the_token_of_its_demarche(
    client: DemarchesClient, graphql: respx.Route, node: Json
):
    dossiers = page_of({"cursor": "c1", "node": node}, {"cursor": "c2", "node": None})
    graphql.respond(json=of_groupe(11, 12, dossiers=dossiers))

    page = await client.dossiers(1002, groupe=12, state="accepte")

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
    assert last(graphql) == {
        "operation": "dossiers_du_groupe",
        "demarche": 1002,
        "groupe": 12,
        "state": "accepte",
        "first": 20,
    }
    assert (page.title, len(page.rows)) == ("Aide", 1)
    assert page.problems == (
        PartialError("groupeInstructeur.dossiers.edges.1", "this dossier could not be read."),
    )


async def test_a_groupe_of_another_demarche_is_refused(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.respond(json=of_groupe(11, 12, dossiers=page_of(), deletedDossiers=page_of()))

    for read in (client.dossiers(1001, groupe=13), client.removals(1001, groupe=13)):
        with pytest.raises(RejectedError, match=r"13 is not of démarche 1001. Its groupes are: 11"):
            await read


async def test_a_groupe_and_a_revision_are_refused_since_the_service_crashes(
    client: DemarchesClient, graphql: respx.Route
):
    with pytest.raises(RejectedError, match="revisions of a groupe"):
        await client.dossiers(1001, groupe=11, revision="UHJvY2VkdXJlUmV2aXNpb24tNTAx")

    assert not graphql.called


# What is gone.


def removal(number: int, cursor: str) -> Json:
    node = {
        "number": number,
        "state": "refuse",
        "reason": "expired",
        "dateSupression": "2026-06-08T11:00:00+02:00",
    }
    return {"cursor": cursor, "node": node}


async def test_what_is_gone_is_in_two_lists_with_a_cursor_each(
    client: DemarchesClient, graphql: respx.Route
):
    deleted = page_of(removal(1, "d1"), removal(2, "d2"), hasNextPage=True, endCursor="d2")
    pending = page_of(removal(3, "p3"), endCursor="p3")
    lists = {"deletedDossiers": deleted, "pendingDeletedDossiers": pending}
    graphql.respond(json={"data": {"demarche": lists}})

    page = await client.removals(1001, since=NOON, after=("d0", ""))

    assert last(graphql) == {
        "operation": "supprimes",
        "demarche": 1001,
        "since": "2026-09-01T12:00:00+00:00",
        "deleted": True,
        "pending": True,
        "first": 20,
        "afterDeleted": "d0",
    }
    assert [(row.cursor, row.dossier.number) for row in page.deleted.rows] == [("d1", 1), ("d2", 2)]
    assert (page.deleted.more, page.deleted.end) == (True, "d2")
    assert [row.dossier.number for row in page.pending.rows] == [3]
    assert not page.pending.more


async def test_a_list_of_removals_that_was_not_asked_for_is_empty(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.respond(json=of_groupe(11, pendingDeletedDossiers=page_of(removal(3, "p3"))))

    page = await client.removals(1001, groupe=11, deleted=False)

    assert last(graphql)["deleted"] is False
    assert page.deleted.rows == ()
    assert [row.dossier.number for row in page.pending.rows] == [3]


# Counts.


def counted(*, more: bool) -> Json:
    nodes = [{"number": 1}, {"number": 2}]
    return {"nodes": nodes, "pageInfo": {"hasNextPage": more}}


@pytest.mark.parametrize("more", [True, False])
async def test_a_demarche_is_told_with_what_awaits(
    client: DemarchesClient, graphql: respx.Route, *, more: bool
):
    demarche = {
        "number": 1001,
        "title": "Aide",
        "state": "publiee",
        "enConstruction": counted(more=False),
        "enInstruction": counted(more=more),
    }
    graphql.respond(json={"data": {"demarche": demarche}})

    (only,) = await client.overviews([1001])

    assert last(graphql) == {"operation": "attente", "demarche": 1001, "first": 100}
    assert isinstance(only, Overview)
    assert (only.en_instruction.count, only.en_instruction.all_counted) == (2, not more)
    assert only.en_construction.all_counted


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, json.dumps({"data": None, "errors": [HIDDEN]})),
        (503, '{"error": "Le site est actuellement en maintenance."}'),
        (200, "<html>"),
    ],
    ids=["hidden", "under maintenance", "not JSON"],
)
async def test_a_demarche_that_cannot_be_read_is_told_with_the_reason(
    client: DemarchesClient, graphql: respx.Route, status: int, body: str
):
    graphql.respond(status, text=body)

    found = await client.overviews([1001, 1002])

    assert [each.number for each in found if isinstance(each, Unread)] == [1001, 1002]
    assert all(isinstance(each, Unread) and each.reason for each in found)


async def test_a_count_that_is_not_complete_is_no_count(
    client: DemarchesClient, graphql: respx.Route
):
    timeout = {"message": "Timeout on DossierConnection.nodes"}
    graphql.respond(json={"data": {"demarche": {}}, "errors": [timeout]})

    (only,) = await client.overviews([1001])

    assert isinstance(only, Unread)
    assert "it ran out of time" in only.reason


# A form.


def described() -> Json:
    return {
        "number": 1001,
        "title": "Aide",
        "description": "Pour se déplacer.",
        "state": "publiee",
        "declarative": None,
        "dateCreation": "2026-01-02T10:00:00+01:00",
        "datePublication": None,
        "dateFermeture": None,
        "dateDepublication": None,
        "dateDerniereModification": "2026-01-02T10:00:00+01:00",
        "service": None,
    }


def revision() -> Json:
    question = {
        "__typename": "TextChampDescriptor",
        "id": "A",
        "label": "Motif",
        "description": None,
        "required": True,
    }
    return {
        "id": "R",
        "dateCreation": "2026-01-02T10:00:00+01:00",
        "datePublication": None,
        "champDescriptors": [question],
        "annotationDescriptors": [],
    }


def public() -> Json:
    return described() | {
        "dureeConservationDossiers": 24,
        "opendata": True,
        "demarcheURL": "https://demarches.exemple.fr/commencer/aide",
        "siteWebURL": None,
        "noticeURL": None,
        "cadreJuridiqueURL": "un décret",
        "dpoURL": None,
        "notice": None,
        "deliberation": None,
    }


async def test_a_covered_demarche_is_read_with_what_is_public_of_it(
    client: DemarchesClient, graphql: respx.Route
):
    of_its_own: Json = {
        "activeRevision": revision(),
        "labels": [],
        "groupeInstructeurs": [],
    }
    covered = described() | of_its_own
    graphql.respond(json={"data": {"demarche": covered, "descriptor": public()}})

    form = await client.form(1001)

    assert last(graphql) == {"operation": "formulaire", "demarche": 1001}
    assert form.covered
    assert [question.label for question in form.revision.champ_descriptors] == ["Motif"]
    assert form.published is not None
    assert form.published.cadre_juridique_url == "un décret"


async def test_what_is_public_alone_is_read_of_a_demarche_that_no_token_covers(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.side_effect = [
        respx.MockResponse(json={"data": None, "errors": [HIDDEN]}),
        respx.MockResponse(json={"data": {"descriptor": public() | {"revision": revision()}}}),
    ]

    form = await client.form(1001)

    assert last(graphql) == {"operation": "descripteur", "demarche": 1001}
    assert not form.covered
    assert form.revision.id == "R"


async def test_a_demarche_that_is_not_public_is_out_of_reach(
    client: DemarchesClient, graphql: respx.Route
):
    graphql.side_effect = [
        respx.MockResponse(json={"data": None, "errors": [HIDDEN]}),
        respx.MockResponse(json={"data": {"descriptor": None}, "errors": [HIDDEN]}),
    ]

    with pytest.raises(AccessDeniedError):
        await client.form(1001)


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        ("Demarche not found", "not_found", NotFoundError),
        ("Internal Server Error", "internal_server_error", FaultyServiceError),
        ("Timeout on Query.demarche", "timeout", UnavailableError),
    ],
)
async def test_what_is_public_is_not_looked_for_when_something_else_is_wrong(
    client: DemarchesClient,
    graphql: respx.Route,
    message: str,
    code: str,
    error: type[Exception],
):
    told = {"message": message, "extensions": {"code": code}}
    graphql.respond(json={"data": None, "errors": [told]})

    with pytest.raises(error):
        await client.form(1001)

    assert graphql.call_count == 1


# All of a dossier.


@pytest.fixture(name="detail")
def _detail(node: Json) -> Json:
    return node | {
        "datePassageEnInstruction": None,
        "dateTraitement": None,
        "dateExpiration": "2028-09-01T10:00:00+02:00",
        "dateSuppressionParUsager": None,
        "dateDerniereCorrectionEnAttente": None,
        "deposeParUnTiers": None,
        "nomMandataire": None,
        "prenomMandataire": None,
        "demarche": {"number": 1002, "title": "Aide"},
    }


async def test_a_dossier_is_read_with_the_sections_asked_for_and_no_other(
    client: DemarchesClient, graphql: respx.Route, detail: Json
):
    graphql.respond(json={"data": {"dossier": detail}})

    read = await client.detail(200001, ["labels", "files"])

    asked = dict.fromkeys(SECTIONS, False) | {"labels": True, "files": True}
    assert last(graphql) == {"operation": "detail", "number": 200001, **asked}
    assert read.dossier.date_expiration == datetime(2028, 9, 1, 8, tzinfo=UTC)
    assert read.dossier.champs == ()
    assert read.problems == ()


async def test_a_link_out_of_reach_is_no_problem_and_another_error_is_one(
    client: DemarchesClient, graphql: respx.Route, detail: Json
):
    link = HIDDEN | {"path": ["dossier", "champs", 7, "rows", 0, "champs", 1, "dossier"]}
    lost = {"message": "Timeout on Message.body", "path": ["dossier", "messages", 0, "body"]}
    graphql.respond(json={"data": {"dossier": detail}, "errors": [link, lost]})

    read = await client.detail(200001, ["champs", "messages"])

    assert read.problems == (PartialError("dossier.messages.0.body", "it ran out of time."),)


async def test_nothing_is_told_of_a_linked_dossier_outside_the_fence(
    graphql: respx.Route, detail: Json
):
    linked = {"number": 200002, "state": "accepte", "demarche": {"number": 1001}}
    champ = {
        "__typename": "DossierLinkChamp",
        "id": "Q2hhbXAtMQ==",
        "champDescriptorId": "Q2hhbXAtMQ==",
        "label": "Dossier lié",
        "stringValue": "200002",
        "updatedAt": "2026-03-02T10:30:00+01:00",
        "prefilled": False,
        "dossier": linked,
    }
    graphql.respond(json={"data": {"dossier": detail | {"champs": [champ]}}})
    async with connected(URL) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")), only=[1002])
        read = await client.detail(200001, ["champs"])

    assert [each.computed for each in read.dossier.champs] == [{}]


async def test_a_dossier_out_of_reach_is_no_link(client: DemarchesClient, graphql: respx.Route):
    graphql.respond(json={"data": None, "errors": [HIDDEN | {"path": ["dossier"]}]})

    with pytest.raises(AccessDeniedError):
        await client.detail(400001, [])


async def test_reading_a_dossier_tells_which_token_its_demarche_goes_with(
    client: DemarchesClient, graphql: respx.Route, detail: Json
):
    graphql.side_effect = [
        respx.MockResponse(json={"data": None, "errors": [HIDDEN]}),
        respx.MockResponse(
            json={"data": {"dossier": detail | {"demarche": {"number": 1003, "title": "Aide"}}}}
        ),
        respx.MockResponse(json={"data": {"demarche": {"title": "Aide", "dossiers": page_of()}}}),
    ]

    await client.detail(200001, [])
    await client.dossiers(1003)

    assert graphql.calls.last.request.headers["Authorization"] == "Bearer of 1002"
