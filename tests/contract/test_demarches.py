"""What our client relies on Démarches simplifiées for: in miniature, and for real.

For real (`-m live`), with GUICHET_LIVE_DEMARCHES_TOKEN on the démarche whose number is
GUICHET_LIVE_DEMARCHES_NUMBER, and which needs three dossiers at least. Nothing is written.
"""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import httpx
import pytest
from pydantic import SecretStr

from clients.demarches import (
    READ,
    SECTIONS,
    DemarcheFiles,
    DemarchesClient,
    DemarcheTokens,
    ExportedDossier,
    ExportedPage,
    Overview,
    StoredPiece,
    Wanted,
)
from clients.demarches.champs import OtherChamp
from clients.demarches.scroll import Scroll
from clients.downloads import downloading
from clients.errors import AccessDeniedError, NotFoundError, RejectedError
from clients.http import connected
from server.sandbox import demarches
from server.settings import Demarches

NONE = 2**31 - 1
"""The number of no dossier and of no démarche."""
LONG_AGO = datetime(2010, 1, 1, tzinfo=UTC)
SOON = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Service:
    """An instance, and a démarche of it."""

    url: str
    number: int
    token: str = field(repr=False)
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def client(self, token: str = "") -> AsyncGenerator[DemarchesClient]:
        async with connected(self.url, read=READ, transport=self.transport) as http:
            tokens = DemarcheTokens(SecretStr(token or self.token))
            yield DemarchesClient(http, tokens=tokens)


def miniature() -> Service:
    transport = httpx.ASGITransport(app=demarches.create())
    return Service("https://demarches.sandbox/api/v2/graphql", 1001, "sandbox", transport)


LIVE = Service(
    os.environ.get("GUICHET_LIVE_DEMARCHES_URL", Demarches().url),
    int(os.environ.get("GUICHET_LIVE_DEMARCHES_NUMBER") or "0"),
    os.environ.get("GUICHET_LIVE_DEMARCHES_TOKEN", ""),
)


@pytest.fixture(name="service", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def _service(request: pytest.FixtureRequest) -> Service:
    if request.param == "sandbox":
        return miniature()
    if not LIVE.token or not LIVE.number:
        pytest.skip("GUICHET_LIVE_DEMARCHES_TOKEN or GUICHET_LIVE_DEMARCHES_NUMBER is not set")
    return LIVE


async def test_the_cursor_of_any_row_continues_after_it(service: Service):
    """A page that is cut for its size relies on it: its last row need not be the service's."""
    async with service.client() as client:
        whole = await client.dossiers(service.number, first=3)
        first, second, third = whole.rows
        after = await client.dossiers(service.number, first=1, after=first.cursor)

    assert after.rows[0] == second
    assert len({first.cursor, second.cursor, third.cursor}) == 3
    assert after.next == second.cursor


async def test_dossiers_come_oldest_deposit_first(service: Service):
    async with service.client() as client:
        page = await client.dossiers(service.number, first=100)

    assert all(a.dossier.date_depot <= b.dossier.date_depot for a, b in pairwise(page.rows))


async def test_dossiers_come_oldest_change_first_once_asked_for_changes(service: Service):
    async with service.client() as client:
        page = await client.dossiers(service.number, first=100, updated_since=LONG_AGO)

    changes = [row.dossier.date_derniere_modification for row in page.rows]
    assert len(changes) >= 3
    assert changes == sorted(changes)


async def test_a_date_is_the_first_that_is_kept(service: Service):
    async with service.client() as client:
        _, second, _ = (await client.dossiers(service.number, first=3)).rows
        since = second.dossier.date_depot
        page = await client.dossiers(service.number, first=3, created_since=since)

    assert min(row.dossier.date_depot for row in page.rows) >= since


async def test_a_state_keeps_dossiers_in_that_state_alone(service: Service):
    async with service.client() as client:
        (first,) = (await client.dossiers(service.number, first=1)).rows
        page = await client.dossiers(service.number, first=20, state=first.dossier.state)

    assert {row.dossier.state for row in page.rows} == {first.dossier.state}


async def test_archived_dossiers_are_among_the_others_unless_told_otherwise(service: Service):
    async with service.client() as client:
        kept = await client.dossiers(service.number, first=100, archived=False)
        archived = await client.dossiers(service.number, first=100, archived=True)

    assert {row.dossier.archived for row in kept.rows} <= {False}
    assert {row.dossier.archived for row in archived.rows} <= {True}


async def test_a_dossier_has_all_that_a_decision_needs(service: Service):
    async with service.client() as client:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        dossier = await client.dossier(row.dossier.number)

    assert dossier.demarche.number == service.number
    assert dossier.state == row.dossier.state
    assert dossier.groupe_instructeur.id == row.dossier.groupe_instructeur.id
    assert dossier.groupe_instructeur.instructeurs
    assert all(member.id and member.email for member in dossier.groupe_instructeur.instructeurs)


async def test_the_newest_are_the_end_of_the_list_turned_round(service: Service):
    async with service.client() as client:
        first = await client.dossiers(service.number, first=2, newest_first=True)
        second = await client.dossiers(
            service.number, first=1, newest_first=True, after=first.rows[0].cursor
        )

    newest, before = first.rows
    assert newest.dossier.date_depot >= before.dossier.date_depot
    assert second.rows[0] == before
    assert first.next == before.cursor


async def test_the_groupes_of_a_demarche_hold_its_dossiers(service: Service):
    async with service.client() as client:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        groupe = row.dossier.groupe_instructeur.number
        form = await client.form(service.number)
        page = await client.dossiers(service.number, groupe=groupe, first=100)

    assert groupe in [each.number for each in form.groupes]
    assert row in page.rows
    assert {each.dossier.groupe_instructeur.number for each in page.rows} == {groupe}


async def test_the_revision_of_a_dossier_finds_it(service: Service):
    async with service.client() as client:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        read = await client.detail(row.dossier.number, ["revision"])
        assert read.dossier.demarche.revision
        page = await client.dossiers(
            service.number, revision=read.dossier.demarche.revision.id, first=1
        )

    assert page.rows == (row,)


async def test_every_section_of_a_dossier_can_be_read(service: Service):
    """Each champ as a value of its own type: what is only text is of no type that we know."""
    async with service.client() as client:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        read = await client.detail(row.dossier.number, SECTIONS)

    assert read.problems == ()
    assert read.dossier.champs
    assert not [champ for champ in read.dossier.champs if isinstance(champ, OtherChamp)]
    assert read.dossier.traitements[0].event == "depose"


async def test_a_section_that_is_not_asked_for_is_not_given(service: Service):
    async with service.client() as client:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        read = await client.detail(row.dossier.number, [])

    assert read.dossier.number == row.dossier.number
    assert read.dossier.champs == read.dossier.traitements == ()
    assert read.dossier.demarche.revision is None


async def test_a_form_has_the_questions_that_dossiers_answer(service: Service):
    async with service.client() as client:
        form = await client.form(service.number)
        (row,) = (await client.dossiers(service.number, revision=form.revision.id, first=1)).rows
        read = await client.detail(row.dossier.number, ["champs", "annotations"])

    asked = {question.id for question in form.revision.champ_descriptors}
    noted = {question.id for question in form.revision.annotation_descriptors}
    assert form.covered
    assert {champ.champ_descriptor_id for champ in read.dossier.champs} <= asked
    assert {champ.champ_descriptor_id for champ in read.dossier.annotations} <= noted


async def test_what_awaits_is_counted_up_to_a_page(service: Service):
    async with service.client() as client:
        (found,) = await client.overviews([service.number])
        page = await client.dossiers(service.number, state="en_construction", first=100)

    assert isinstance(found, Overview)
    assert found.number == service.number
    assert found.en_construction.count == len(page.rows)
    assert found.en_construction.all_counted is not bool(page.next)


async def test_what_is_gone_comes_oldest_first(service: Service):
    async with service.client() as client:
        page = await client.removals(service.number, first=100)
        later = await client.removals(service.number, first=100, since=SOON)

    for removals in (page.deleted, page.pending):
        dates = [row.dossier.date_supression for row in removals.rows]
        assert dates == sorted(dates)
    assert later.deleted.rows == later.pending.rows == ()


async def taken(scroll: Scroll) -> list[ExportedDossier]:
    dossiers: list[ExportedDossier] = []

    async def take(page: ExportedPage) -> None:
        dossiers.extend(page.dossiers)

    await scroll.through(take)
    return dossiers


async def test_every_dossier_is_gone_through_once_with_its_answers(service: Service):
    async with service.client() as client:
        asked = await client.columns(service.number)
        dossiers = await taken(client.every(service.number, Wanted()))

    questions = {column.id for column in (*asked.champs, *asked.annotations)}
    numbers = [dossier.number for dossier in dossiers]
    assert len(set(numbers)) == len(numbers) >= 3
    for dossier in dossiers:
        assert {*dossier.champs, *dossier.annotations} <= questions


async def test_nothing_new_after_the_last_change(service: Service):
    """A synchronisation starts again from there."""
    async with service.client() as client:
        (newest,) = (
            await client.dossiers(
                service.number, first=1, newest_first=True, updated_since=LONG_AGO
            )
        ).rows
        scroll = client.every(service.number, Wanted(updated_since=LONG_AGO), after=newest.cursor)
        dossiers = await taken(scroll)

    assert dossiers == []
    assert scroll.cursor == newest.cursor


async def test_the_files_of_a_dossier_are_where_they_may_be(service: Service):
    async with service.client() as client, downloading(service.transport) as http:
        (row,) = (await client.dossiers(service.number, first=1)).rows
        stored = await client.pieces(row.dossier.number)
        sizes = await received(stored.pieces, DemarcheFiles(http, endpoint=service.url))

    assert stored.whole
    assert sizes == [piece.size for piece in stored.pieces if not piece.made_on_demand]


async def received(pieces: Sequence[StoredPiece], files: DemarcheFiles) -> list[int]:
    """The sizes of the files that have a digest, which was checked, as they came."""
    sizes: list[int] = []

    async def count(chunk: bytes) -> None:
        sizes[-1] += len(chunk)

    for piece in pieces:
        if not piece.made_on_demand:
            sizes.append(0)
            await files.download(piece, count)
    return sizes


async def test_what_does_not_exist_is_not_found(service: Service):
    async with service.client() as client:
        with pytest.raises(NotFoundError):
            await client.dossiers(NONE)
        with pytest.raises(NotFoundError):
            await client.dossier(NONE)
        with pytest.raises(NotFoundError):
            await client.detail(NONE, SECTIONS)
        with pytest.raises(NotFoundError):
            await client.form(NONE)
        with pytest.raises(NotFoundError):
            await client.dossiers(service.number, groupe=NONE)


async def test_a_cursor_that_is_none_is_refused(service: Service):
    async with service.client() as client:
        with pytest.raises(RejectedError):
            await client.dossiers(service.number, after="not a cursor")


async def test_an_unknown_token_is_refused(service: Service):
    async with service.client(token="of-nobody") as client:
        with pytest.raises(AccessDeniedError):
            await client.dossiers(service.number)
