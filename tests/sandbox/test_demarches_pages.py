"""How the miniature Démarches simplifiées cuts lists of dossiers into pages."""

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from server.sandbox.demarches import create

Page = Callable[[str], Awaitable[Any]]
"""Gives a page of the dossiers of 1001, for some arguments."""


@pytest.fixture(name="http")
async def _http() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create())
    headers = {"Authorization": "Bearer sandbox"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as http:
        yield http


@pytest.fixture(name="page")
def _page(http: httpx.AsyncClient) -> Page:
    async def page(arguments: str) -> Any:
        query = f"""{{ demarche(number: 1001) {{ dossiers{arguments} {{
            pageInfo {{ startCursor endCursor hasPreviousPage hasNextPage }}
            edges {{ cursor }}
            nodes {{ number state archived dateDepot dateDerniereModification }}
        }} }} }}"""
        response = await http.post("/api/v2/graphql", json={"query": query})
        answer = response.json()
        assert "errors" not in answer
        return answer["data"]["demarche"]["dossiers"]

    return page


def numbers(page: Any) -> list[int]:
    return [node["number"] for node in page["nodes"]]


@pytest.mark.parametrize(
    ("arguments", "size"),
    [("", 100), ("(first: 500)", 100), ("(last: 500)", 100), ("(first: 3)", 3), ("(first: 0)", 0)],
)
async def test_a_page_has_a_hundred_dossiers_by_default_and_at_most(
    page: Page, arguments: str, size: int
):
    assert len((await page(arguments))["nodes"]) == size


async def test_following_the_cursors_gives_every_dossier_once_in_order_of_deposit(page: Page):
    found = numbers(current := await page("(first: 100)"))
    while current["pageInfo"]["hasNextPage"]:
        current = await page(f'(first: 100, after: "{current["pageInfo"]["endCursor"]}")')
        found += numbers(current)

    assert found == list(range(200001, 200251))


async def test_the_pages_before_and_after_are_told(page: Page):
    """After a cursor a page always precedes, since the service does not look."""
    first = await page("(first: 100)")
    cursor = first["pageInfo"]["endCursor"]
    second = await page(f'(first: 100, after: "{cursor}")')
    last = await page(f'(after: "{second["pageInfo"]["endCursor"]}")')

    ends = [(p["pageInfo"]["hasPreviousPage"], p["pageInfo"]["hasNextPage"]) for p in (first, last)]
    assert ends == [(False, True), (True, False)]
    assert len(last["nodes"]) == 50


async def test_the_last_ones_are_the_newest_in_ascending_order(page: Page):
    newest = await page("(last: 2)")
    before = await page(f'(last: 2, before: "{newest["pageInfo"]["startCursor"]}")')

    assert numbers(newest) == [200249, 200250]
    assert newest["pageInfo"]["hasPreviousPage"] is True
    assert newest["pageInfo"]["hasNextPage"] is False
    assert numbers(before) == [200247, 200248]
    assert before["pageInfo"]["hasNextPage"] is True


async def test_the_deprecated_order_walks_backwards_from_the_newest(page: Page):
    newest = await page("(first: 2, order: DESC)")
    older = await page(f'(first: 2, order: DESC, after: "{newest["pageInfo"]["endCursor"]}")')

    assert numbers(newest) + numbers(older) == [200250, 200249, 200248, 200247]


async def test_an_empty_page_has_no_cursor(page: Page):
    last = await page("(last: 1)")
    beyond = await page(f'(after: "{last["pageInfo"]["endCursor"]}")')

    assert beyond["nodes"] == []
    assert beyond["pageInfo"]["endCursor"] is None
    assert beyond["pageInfo"]["hasNextPage"] is False


async def test_a_cursor_is_the_moment_and_the_number_in_base_64(page: Page):
    first = await page("(first: 1)")

    cursor: str = first["edges"][0]["cursor"]
    assert cursor == first["pageInfo"]["endCursor"]
    decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    assert decoded == "2026-01-05T08:00:00.123456000Z;200001"


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ("first: 1, last: 1", 'Arguments "first" and "last" are exclusive', "bad_request"),
        (
            'before: "a", after: "b"',
            'Arguments "before" and "after" are exclusive',
            "bad_request",
        ),
        ("first: -1", 'Argument "first" must be a non-negative integer', "bad_request"),
        ("last: -1", 'Argument "last" must be a non-negative integer', "bad_request"),
        (
            "last: 1, order: DESC",
            'Argument "last" is not supported with order "desc"',
            "bad_request",
        ),
        ('after: "abc"', 'Invalid input: "abc"', None),
        ('before: "MjAyNg"', 'Invalid input: "MjAyNg"', None),
    ],
)
async def test_a_page_that_cannot_be_cut_is_an_error_at_the_root(
    http: httpx.AsyncClient, arguments: str, message: str, code: str | None
):
    query = f"{{ demarche(number: 1001) {{ dossiers({arguments}) {{ nodes {{ id }} }} }} }}"

    answer = (await http.post("/api/v2/graphql", json={"query": query})).json()

    assert answer["data"] is None
    assert answer["errors"][0]["message"] == message
    assert answer["errors"][0].get("extensions", {}).get("code") == code


@pytest.mark.parametrize(
    ("state", "count"),
    [
        ("en_construction", 60),
        ("en_instruction", 100),
        ("accepte", 50),
        ("refuse", 25),
        ("sans_suite", 15),
    ],
)
async def test_dossiers_are_filtered_by_state(page: Page, state: str, count: int):
    found = await page(f"(state: {state})")

    assert {node["state"] for node in found["nodes"]} == {state}
    assert len(found["nodes"]) == count
    assert found["pageInfo"]["hasNextPage"] is False


async def test_dossiers_are_filtered_by_being_archived(page: Page):
    assert numbers(await page("(archived: true)")) == [200010]
    assert 200010 not in numbers(await page("(archived: false)"))


async def test_dossiers_changed_since_a_time_come_in_the_order_of_their_changes(page: Page):
    found = await page('(updatedSince: "2026-08-15")')

    changes = [node["dateDerniereModification"] for node in found["nodes"]]
    assert changes == sorted(changes)
    assert changes[0] >= "2026-08-15"
    assert numbers(found) != sorted(numbers(found))


async def test_dossiers_deposited_since_a_time_include_those_of_that_very_time(page: Page):
    """The time is exact to the microsecond, which the dates shown are not."""
    found = await page('(createdSince: "2026-07-31T20:00:00.123456Z")')

    assert numbers(found) == [200250]


async def test_deposits_are_not_filtered_when_changes_are(page: Page):
    both = await page('(updatedSince: "2026-08-15", createdSince: "2026-12-31")')

    assert both == await page('(updatedSince: "2026-08-15")')


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ('revision: "UHJvY2VkdXJlUmV2aXNpb24tNTAx"', 100),
        ('revision: "UHJvY2VkdXJlUmV2aXNpb24tNTAy"', 0),
        ('minRevision: "UHJvY2VkdXJlUmV2aXNpb24tNTAy"', 0),
        ('maxRevision: "UHJvY2VkdXJlUmV2aXNpb24tNTAy"', 100),
    ],
)
async def test_dossiers_are_filtered_by_revision(page: Page, arguments: str, count: int):
    assert len((await page(f"({arguments})"))["nodes"]) == count


async def test_a_groupe_has_its_own_dossiers(http: httpx.AsyncClient):
    query = "{ groupeInstructeur(number: 12) { dossiers(first: 1) { nodes { number } } } }"

    answer = (await http.post("/api/v2/graphql", json={"query": query})).json()

    assert answer["data"]["groupeInstructeur"]["dossiers"]["nodes"] == [{"number": 200007}]


async def test_a_groupe_asked_for_a_revision_breaks_the_service_down(http: httpx.AsyncClient):
    query = '{ groupeInstructeur(number: 12) { dossiers(revision: "x") { nodes { number } } } }'

    response = await http.post("/api/v2/graphql", json={"query": query})

    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"] == {"code": "internal_server_error"}


@pytest.mark.parametrize(
    ("root", "deleted", "pending"),
    [
        ("demarche(number: 1001)", [200251, 200252, 200253], [200254, 200255]),
        ("groupeInstructeur(number: 11)", [200251, 200253], [200254]),
        ("demarche(number: 1003)", [], []),
    ],
)
async def test_deleted_dossiers_are_listed_apart_from_those_that_will_be(
    http: httpx.AsyncClient, root: str, deleted: list[int], pending: list[int]
):
    query = f"""{{ found: {root} {{
        deletedDossiers {{ nodes {{ number reason }} }}
        pendingDeletedDossiers {{ nodes {{ number }} }}
        recent: deletedDossiers(deletedSince: "2030-01-01") {{ nodes {{ number }} }}
    }} }}"""

    found = (await http.post("/api/v2/graphql", json={"query": query})).json()["data"]["found"]

    assert numbers(found["deletedDossiers"]) == deleted
    assert numbers(found["pendingDeletedDossiers"]) == pending
    assert numbers(found["recent"]) == []
