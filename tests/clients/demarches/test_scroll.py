"""Going through every dossier: none twice, none hidden by another, whatever the service does."""

import errno
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.demarches.exports import ExportedDossier, ExportedPage, Lost, Wanted
from clients.demarches.scroll import MOST_LOST_IN_A_ROW
from clients.errors import AccessDeniedError, ApiError, UnavailableError, UnexpectedReplyError
from clients.http import connected

Reply = dict[str, Any]
Spoil = Callable[[list[int]], httpx.Response | None]


def node(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "state": "en_instruction",
        "archived": False,
        "dateDepot": "2026-09-01T10:00:00+02:00",
        "dateDerniereModification": "2026-09-02T10:00:00+02:00",
        "datePassageEnInstruction": None,
        "dateTraitement": None,
        "motivation": None,
        "usager": {"email": "jeanne@exemple.fr"},
        "demandeur": {
            "__typename": "PersonnePhysique",
            "civilite": "Mme",
            "prenom": "Jeanne",
            "nom": "DUPONT",
        },
        "groupeInstructeur": {"number": 1, "label": "défaut"},
        "champs": [{"champDescriptorId": "Q", "stringValue": f"Réponse {number}"}],
        "annotations": [],
    }


def failed(cause: str, *path: str | int) -> dict[str, Any]:
    return {"message": "?", "path": list(path), "extensions": {"code": cause}}


@dataclass
class Service:
    """Dossiers numbered from 1, given page by page; a test says how it fails."""

    count: int
    spoil: Spoil = lambda _: None
    """What is answered in place of the page of these numbers, if anything."""
    change: Callable[[Reply], None] = lambda _: None
    sizes: list[int] = field(default_factory=list[int])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content)
        variables = sent["variables"]
        first, start = variables["first"], int(variables["after"] or 0)
        numbers = list(range(start + 1, min(start + first, self.count) + 1))
        if sent["operationName"] == "numeros":
            return self._page(numbers, lambda number: {"number": number})
        self.sizes.append(first)
        return self.spoil(numbers) or self._page(numbers, node)

    def _page(self, numbers: list[int], row: Callable[[int], Reply]) -> httpx.Response:
        edges = [{"cursor": str(number), "node": row(number)} for number in numbers]
        end = str(numbers[-1]) if numbers else None
        more = bool(numbers) and numbers[-1] < self.count
        page = {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": end}}
        reply: Reply = {"data": {"demarche": {"dossiers": page}}}
        if row is node:
            self.change(reply)
        return httpx.Response(200, json=reply)


@dataclass
class Gone:
    """What going through every dossier gave."""

    dossiers: list[ExportedDossier] = field(default_factory=list[ExportedDossier])
    lost: list[Lost] = field(default_factory=list[Lost])
    cursor: str = ""
    resumption: str = ""

    @property
    def numbers(self) -> list[int]:
        return [dossier.number for dossier in self.dossiers]

    async def take(self, page: ExportedPage) -> None:
        self.dossiers += page.dossiers
        self.lost += page.lost


async def through(service: Service, wanted: Wanted | None = None, *, after: str = "") -> Gone:
    gone = Gone()
    async for client in connected_to(service):
        scroll = client.every(1001, wanted or Wanted(), after=after)
        await scroll.through(gone.take)
        gone.cursor, gone.resumption = scroll.cursor, scroll.resumption
    return gone


async def connected_to(service: Service) -> AsyncGenerator[DemarchesClient]:
    async def no_pause(_: float) -> None: ...

    transport = httpx.MockTransport(lambda request: unread(service(request)))
    async with connected("https://demarches.test/x", transport=transport, sleep=no_pause) as http:
        yield DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")))


def unread(response: httpx.Response) -> httpx.Response:
    """The same response, as it comes from a network."""
    stream = httpx.ByteStream(response.content)
    return httpx.Response(response.status_code, headers=response.headers, stream=stream)


def crashing(*bad: int) -> Spoil:
    """HTTP 500 for any page that holds one of these dossiers."""
    crash = {"errors": [failed("internal_server_error")]}
    return lambda numbers: httpx.Response(500, json=crash) if set(bad) & set(numbers) else None


def larger_than(size: int, response: httpx.Response) -> Spoil:
    return lambda numbers: response if len(numbers) > size else None


async def test_every_dossier_comes_once_by_pages_of_a_hundred():
    service = Service(250)

    gone = await through(service)

    assert gone.numbers == list(range(1, 251))
    assert gone.lost == []
    assert service.sizes == [100, 100, 100]


async def test_it_goes_on_after_a_cursor_and_says_where_it_stopped():
    gone = await through(Service(250), after="240")

    assert gone.numbers == list(range(241, 251))
    assert gone.cursor == gone.resumption == "250"


async def test_a_page_without_a_dossier_keeps_the_cursor():
    """Its own is null: a synchronisation that took it would start from the beginning."""
    gone = await through(Service(250), after="250")

    assert gone.numbers == []
    assert gone.cursor == "250"


async def test_a_page_is_taken_while_the_next_one_is_waited_for():
    """And no more than one is ever asked for before its turn."""
    service, asked, taken = Service(250), anyio.Event(), anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        answered = unread(service(request))
        if len(service.sizes) == 2:
            asked.set()
            await taken.wait()
        return answered

    async def take(page: ExportedPage) -> None:
        await asked.wait()
        taken.set()
        assert len(service.sizes) <= page.dossiers[-1].number // 100 + 1

    transport = httpx.MockTransport(answer)
    async with connected("https://demarches.test/x", transport=transport) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")))
        with anyio.fail_after(5):
            await client.every(1001, Wanted()).through(take)

    assert service.sizes == [100, 100, 100]


async def test_what_goes_wrong_with_a_page_stops_the_reading():
    service = Service(50_000)

    async def full(_: ExportedPage) -> None:
        raise OSError(errno.ENOSPC, "full")

    async def read() -> None:
        async for client in connected_to(service):
            await client.every(1001, Wanted()).through(full)

    with pytest.raises(OSError, match="full"):
        await read()

    assert len(service.sizes) <= 2


TIMEOUT = {"message": "Timeout on Demarche.dossiers", "path": ["demarche", "dossiers"]}
TOO_MUCH = {"message": "Query has complexity of 70000, which exceeds max complexity of 60000"}


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json={"data": {"demarche": None}, "errors": [TIMEOUT]}),
        httpx.Response(200, json={"errors": [TOO_MUCH]}),
        httpx.Response(500, json={"errors": [failed("internal_server_error")]}),
        httpx.Response(502, text="Bad Gateway"),
        httpx.Response(504, text="Gateway Timeout"),
        httpx.Response(200, json={"data": None, "errors": [failed("invalid_null")]}),
    ],
    ids=["timeout", "complexity", "crash", "502", "504", "null"],
)
async def test_a_page_that_is_too_much_is_asked_again_smaller(response: httpx.Response):
    service = Service(120, larger_than(30, response))

    gone = await through(service)

    assert gone.numbers == list(range(1, 121))
    assert gone.lost == []
    assert set(service.sizes) == {100, 25}


async def test_a_page_cut_short_by_time_is_asked_again_smaller():
    """What came of it would pass for all there is."""
    late = {"message": "Timeout on Dossier.champs", "path": ["demarche", "dossiers", "edges", 3]}

    def cut(reply: Reply) -> None:
        edges = reply["data"]["demarche"]["dossiers"]["edges"]
        if len(edges) > 10:
            edges[3]["node"]["champs"] = []
            reply["errors"] = [late]

    gone = await through(Service(40, change=cut))

    assert all(dossier.champs for dossier in gone.dossiers)
    assert gone.numbers == list(range(1, 41))


async def test_pages_grow_again():
    service = Service(1_000, crashing(5))

    await through(service)

    assert service.sizes[0] == 100
    assert 1 in service.sizes
    assert service.sizes[-1] == 100
    assert len(service.sizes) < 60


async def test_one_bad_dossier_does_not_lose_the_others():
    gone = await through(Service(250, crashing(42, 250)))

    assert gone.numbers == [n for n in range(1, 250) if n != 42]
    assert [lost.number for lost in gone.lost] == [42, 250]
    assert (gone.cursor, gone.resumption) == ("250", "41")


async def test_a_dossier_that_is_null_is_told_by_its_number():
    def blank(reply: Reply) -> None:
        edges = reply["data"]["demarche"]["dossiers"]["edges"]
        edges[6]["node"] = None
        edges[8] = None
        edges[9]["node"] = {"number": 10}
        path = ("demarche", "dossiers", "edges", 6, "node", "demandeur")
        reply["errors"] = [failed("invalid_null", *path)]

    gone = await through(Service(20, change=blank))

    assert gone.numbers == [n for n in range(1, 21) if n not in {7, 9, 10}]
    assert gone.lost == [
        Lost(7, "", "one of its own records is incomplete."),
        Lost(9, "", "it could not be read."),
        Lost(0, "", "it could not be read."),
    ]
    assert (gone.cursor, gone.resumption) == ("20", "6")


async def test_a_part_that_is_missing_is_told_with_its_dossier():
    def spoil(reply: Reply) -> None:
        reply["data"]["demarche"]["dossiers"]["edges"][1]["node"]["motivation"] = None
        path = ("demarche", "dossiers", "edges", 1, "node", "motivation")
        reply["errors"] = [failed("invalid_null", *path)]

    gone = await through(Service(3, change=spoil))

    assert gone.numbers == [1, 2, 3]
    assert gone.lost == [Lost(2, "motivation", "one of its own records is incomplete.")]


async def test_it_gives_up_when_no_dossier_at_all_can_be_read():
    service = Service(50_000, crashing(*range(1, 50_001)))

    with pytest.raises(UnavailableError, match="in a row cannot be read"):
        await through(service)

    assert len(service.sizes) < 2 * MOST_LOST_IN_A_ROW


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (httpx.Response(401, json={"errors": []}), AccessDeniedError),
        (httpx.Response(503, json={"error": "en maintenance"}), UnavailableError),
        (httpx.Response(200, json={"errors": [failed("undefinedField")]}), UnexpectedReplyError),
        (httpx.Response(200, text="<html>"), UnexpectedReplyError),
    ],
    ids=["token", "maintenance", "another schema", "a web page"],
)
async def test_what_a_smaller_page_would_not_mend_is_not_asked_again(
    response: httpx.Response, kind: type[ApiError]
):
    service = Service(250, lambda _: response)

    with pytest.raises(kind):
        await through(service)

    assert set(service.sizes) == {100}


async def test_pages_that_lead_back_to_one_another_are_not_gone_through_for_ever():
    def back(reply: Reply) -> None:
        page_info = reply["data"]["demarche"]["dossiers"]["pageInfo"]
        if page_info["endCursor"] == "300":
            page_info["endCursor"] = "100"

    service = Service(500, change=back)

    with anyio.fail_after(5), pytest.raises(UnexpectedReplyError, match="leads back"):
        await through(service)

    assert len(service.sizes) == 3


@pytest.mark.parametrize("edge", [{"node": None}, {"": None}, 1, "edge"])
async def test_what_is_no_edge_is_no_answer(edge: object):
    def spoil(reply: Reply) -> None:
        reply["data"]["demarche"]["dossiers"]["edges"] = [edge]

    with pytest.raises(UnexpectedReplyError):
        await through(Service(3, change=spoil))


async def test_a_cursor_that_leads_nowhere_does_not_go_round_in_circles():
    def stuck(reply: Reply) -> None:
        page = reply["data"]["demarche"]["dossiers"]["pageInfo"]
        page["endCursor"], page["hasNextPage"] = "100", True

    with pytest.raises(UnexpectedReplyError):
        await through(Service(250, change=stuck), after="100")


async def test_a_full_minute_of_too_many_requests_is_waited_out():
    """The service's window lasts that long, which one call alone would not wait for."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    service, gone = Service(10), Gone()
    replies = [httpx.Response(429, headers={"Retry-After": "60"})]
    transport = httpx.MockTransport(lambda r: unread(replies.pop() if replies else service(r)))
    async with connected("https://demarches.test/x", transport=transport, sleep=sleep) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")))
        await client.every(1001, Wanted()).through(gone.take)

    assert len(gone.dossiers) == 10
    assert waited == [60.0]
