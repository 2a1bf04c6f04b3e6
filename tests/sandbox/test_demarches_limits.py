"""What one query may cost the miniature Démarches simplifiées, and the dossiers that show more."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from server.sandbox.demarches import create

Ask = Callable[..., Awaitable[Any]]
"""Gives the answer to a query, with variables if any."""


@pytest.fixture(name="ask")
async def _ask() -> AsyncGenerator[Ask]:
    transport = httpx.ASGITransport(app=create())
    headers = {"Authorization": "Bearer sandbox"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as http:

        async def ask(query: str, **variables: object) -> Any:
            body = {"query": query, "variables": variables}
            return (await http.post("/api/v2/graphql", json=body)).json()

        yield ask


def complexity(found: int) -> dict[str, Any]:
    told = f"Query has complexity of {found}, which exceeds max complexity of 60000"
    return {"errors": [{"message": told}]}


PAGE = "{ demarche(number: 1001) { dossiers(first: %d) { nodes { number state } } } }"


async def test_a_page_costs_its_fields_for_each_node_it_is_asked_for(ask: Ask):
    """Not for each node it has: the service gives a hundred, and counts what was asked for."""
    answer = await ask(PAGE % 29_998)
    assert len(answer["data"]["demarche"]["dossiers"]["nodes"]) == 100

    assert await ask(PAGE % 29_999) == complexity(60_001)


@pytest.mark.parametrize("size", ["first", "last"])
async def test_the_size_of_a_page_may_be_a_variable(ask: Ask, size: str):
    query = (
        f"query ($size: Int) {{ demarche(number: 1001) {{ dossiers({size}: $size) {{"
        " nodes { number state } pageInfo { hasNextPage } } } }"
    )

    assert "errors" not in await ask(query, size=100)
    assert await ask(query, size=50_000) == complexity(100_005)


async def test_a_page_without_a_size_costs_a_hundred_nodes(ask: Ask):
    fields = " ".join(f"n{n}: number" for n in range(600))
    answer = await ask(f"{{ demarche(number: 1001) {{ dossiers {{ nodes {{ {fields} }} }} }} }}")

    assert answer == complexity(60_003)


async def test_fields_asked_for_twice_or_left_out_cost_nothing(ask: Ask):
    fields = " ".join(f"n{n}: number" for n in range(400))
    twice = f"... on Dossier {{ {fields} }} ...Again"
    left_out = "...Again @include(if: $more) ...Again @skip(if: true)"
    for selected in (twice, f"{fields} {left_out}"):
        query = (
            f"query ($more: Boolean = false) {{ demarche(number: 1001) {{"
            f" dossiers(first: 100) {{ nodes {{ {selected} id @include(if: $more) }} }} }} }}"
            f" fragment Again on Dossier {{ {fields} }}"
        )
        assert "errors" not in await ask(query, more=False)


async def test_the_costliest_type_of_champ_decides(ask: Ask):
    """A champ is of one type: the fields of the others are not added to its own."""
    texts = " ".join(f"t{n}: value" for n in range(400))
    query = (
        "{ demarche(number: 1001) { dossiers(first: 100) { nodes { champs {"
        f" ... on TextChamp {{ {texts} }} ... on CarteChamp {{ {{0}} }} }} }} }} }} }}"
    )
    fewer, more = (" ".join(f"m{n}: label" for n in range(count)) for count in (400, 600))

    assert "errors" not in await ask(query.replace("{0}", fewer))
    assert await ask(query.replace("{0}", more)) == complexity(60_103)


async def test_two_full_pages_of_champs_are_too_much_for_one_query(ask: Ask):
    fields = " ".join(f"n{n}: label" for n in range(320))
    page = (
        f"demarche(number: 1001) {{ dossiers(first: 100) {{ nodes {{ champs {{ {fields} }} }} }} }}"
    )

    assert "errors" not in await ask(f"{{ {page} }}")
    assert await ask(f"{{ one: {page} two: {page} }}") == complexity(64_206)


# Dossiers that show more.


async def test_a_dossier_keeps_the_revision_it_was_filed_under(ask: Ask):
    query = "{ dossier(number: %d) { demarche { revision { id } } } }"
    former, present = [
        (await ask(query % number))["data"]["dossier"]["demarche"]["revision"]["id"]
        for number in (200013, 200113)
    ]

    assert (former, present) == (
        "UHJvY2VkdXJlUmV2aXNpb24tNTAw",
        "UHJvY2VkdXJlUmV2aXNpb24tNTAx",
    )


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ('revision: "UHJvY2VkdXJlUmV2aXNpb24tNTAw"', 100),
        ('minRevision: "UHJvY2VkdXJlUmV2aXNpb24tNTAx"', 150),
        ('maxRevision: "UHJvY2VkdXJlUmV2aXNpb24tNTAw"', 100),
        ('revision: "UHJvY2VkdXJlUmV2aXNpb24tNTAy"', 0),
    ],
)
async def test_dossiers_are_found_by_their_own_revision(ask: Ask, bounds: str, found: int):
    query = f"""query ($after: String) {{ demarche(number: 1001) {{
        dossiers({bounds}, after: $after) {{ nodes {{ number }} pageInfo {{ endCursor }} }} }} }}"""
    first = (await ask(query))["data"]["demarche"]["dossiers"]
    rest = (await ask(query, after=first["pageInfo"]["endCursor"]))["data"]["demarche"]["dossiers"]

    both = {node["number"] for page in (first, rest) for node in page["nodes"]}
    assert len(both) == found


async def test_a_correction_is_asked_for_by_a_message_and_awaited(ask: Ask):
    answer = await ask("""{ dossier(number: 200003) {
        dateDerniereCorrectionEnAttente deposeParUnTiers nomMandataire
        messages { correction { reason dateResolution } }
    } }""")

    assert answer["data"]["dossier"] == {
        "dateDerniereCorrectionEnAttente": "2026-01-08T01:00:00+01:00",
        "deposeParUnTiers": True,
        "nomMandataire": "Durand",
        "messages": [{"correction": {"reason": "incomplete", "dateResolution": None}}],
    }


async def test_a_refused_dossier_has_a_file_and_will_expire(ask: Ask):
    answer = await ask("""{ dossier(number: 200005) {
        dateTraitement dateExpiration dateSuppressionParUsager
        motivationAttachment { filename byteSizeBigInt }
    } }""")

    dossier = answer["data"]["dossier"]
    assert dossier["motivationAttachment"] == {
        "filename": "decision.pdf",
        "byteSizeBigInt": "20480",
    }
    assert dossier["dateTraitement"][:10] == "2026-01-23"
    assert dossier["dateExpiration"][:10] == "2028-01-23"
    assert dossier["dateSuppressionParUsager"]


async def test_a_demarche_publishes_its_notice_and_its_deliberation(ask: Ask):
    answer = await ask("""{ demarcheDescriptor(demarche: {number: 1001}) {
        notice { filename } deliberation { filename } noticeURL
    } }""")

    assert answer["data"]["demarcheDescriptor"] == {
        "notice": {"filename": "notice.pdf"},
        "deliberation": {"filename": "deliberation.pdf"},
        "noticeURL": None,
    }
