"""The page of a team: a browser is known to whichever instance it comes to, and forges nothing."""

import base64
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server import instance
from server.approvals.passwords import Entry, Passwords, TooManyError
from server.approvals.sessions import SESSION_LASTS
from server.approvals.visits import Visits
from server.passwords import derived
from server.settings import Http
from server.shared import Shared
from tests.databases import State
from tests.over_http import known_by, served, signed_in
from tests.support import ERAS, Browser, Clock, Counter, facts, listening
from tools.sealing import Seal

PASSWORD = "w3xa-x7kh-bu5d-wc6w-679k"
ALICE = "token alice"


@dataclass
class Proxy:
    """One address before several instances: each request goes to the next one, as it came."""

    turns: Iterator[str] = field(default_factory=lambda: iter(()))
    answered: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        instance = next(self.turns)
        self.answered.append(instance)
        async with httpx.AsyncClient() as http:
            reply = await http.request(
                request.method,
                f"{instance}{request.url.path}",
                content=await request.body(),
                headers=request.headers.raw,
            )
        response = Response(reply.content, reply.status_code)
        response.raw_headers = reply.headers.raw
        await response(scope, receive, send)


@asynccontextmanager
async def behind_one_address(counter: Counter, count: int = 2) -> AsyncGenerator[tuple[str, Proxy]]:
    """Instances on one ledger and one secret."""
    proxy = Proxy()
    async with AsyncExitStack() as stack:
        public = await stack.enter_async_context(listening(proxy))
        told: dict[str, Any] = known_by(
            alice={"scopes": "read,write", "page_password": derived(PASSWORD)}
        )
        http: Http = told["http"]
        counter.settings = {
            "http": http.model_copy(update={"public_url": public, "stateless": True})
        }
        urls = [await stack.enter_async_context(served(counter)) for _ in range(count)]
        proxy.turns = cycle(url.removesuffix("/mcp") for url in urls)
        yield public, proxy


async def test_who_signed_in_at_one_instance_decides_at_the_others(counter: Counter):
    async with (
        behind_one_address(counter) as (public, proxy),
        signed_in(f"{public}/mcp", "alice", ERAS[-1]) as host,
        Browser() as browser,
    ):
        await host.call_tool("accept_dossier", {"number": 200001})
        proxy.answered.clear()
        await browser.sign_in(f"{public}/approvals", "alice", PASSWORD)
        await browser.open(f"{public}{browser.plans[0]}")
        await browser.press("approve", agreed="yes")
        misfit = browser.status
        await browser.press("approve", agreed="yes", typed="200001")
        instances = {*proxy.answered}
        done = await host.call_tool("accept_dossier", {"number": 200001})

    assert misfit == 422
    assert len(instances) == 2
    assert facts(done)["outcome"] == "applied"
    assert len(counter.accepted) == 1


def visits(clock: Clock, seal: Seal, ground: str = "a password") -> Visits:
    return Visits(seal, clock, lambda principal: ground if principal == ALICE else "")


@pytest.fixture(name="seal")
def _seal() -> Seal:
    return instance.throwaway_seal()


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


def test_a_visit_ends_in_time_and_with_what_let_it_in(seal: Seal, clock: Clock):
    cookie = visits(clock, seal).open(ALICE)
    found = visits(clock, seal).find(cookie)

    assert found is not None
    assert found.principal == ALICE
    assert visits(clock, seal, "another password").find(cookie) is None
    assert visits(clock, seal, "").find(cookie) is None
    assert visits(clock, seal, "").find(visits(clock, seal, "").open(ALICE)) is None
    clock.now += SESSION_LASTS
    assert visits(clock, seal).find(cookie) is None


def test_no_cookie_can_be_made_without_the_secret(seal: Seal, clock: Clock):
    cookie = visits(clock, seal).open(ALICE)
    sealed = base64.urlsafe_b64decode(cookie)
    altered = base64.urlsafe_b64encode(sealed[:-1] + bytes([sealed[-1] ^ 1])).decode()
    elsewhere = visits(clock, instance.throwaway_seal()).open(ALICE)
    of_something_else = base64.urlsafe_b64encode(seal.close(b'{"principal": "token alice"}'))

    for forged in ("", "é", "=", altered, elsewhere, of_something_else.decode(), cookie[:-4]):
        assert visits(clock, seal).find(forged) is None


def test_a_form_is_of_one_visit_and_one_operation(seal: Seal, clock: Clock):
    at = visits(clock, seal)
    mine, yours = (at.find(at.open(ALICE)) for _ in range(2))
    assert mine is not None
    assert yours is not None
    token = mine.form("aa")

    assert mine.spend(token, "aa")
    assert not mine.spend(token, "bb")
    assert not yours.spend(token, "aa")
    assert not mine.spend("", "aa")
    assert not mine.spend("é\udc80", "aa")
    assert not replace(mine, seal=instance.throwaway_seal()).spend(token, "aa")


def test_a_visit_and_its_forms_outlive_a_change_of_secret(clock: Clock):
    old, new = b"o" * 32, b"n" * 32
    before, after = Seal(lambda: old, [new]), Seal(lambda: new, [old])
    cookie = visits(clock, before).open(ALICE)
    mine, renewed = visits(clock, before).find(cookie), visits(clock, after).find(cookie)
    assert mine is not None
    assert renewed is not None

    assert renewed.spend(mine.form("aa"), "aa")
    assert mine.spend(renewed.form("aa"), "aa")


async def test_passwords_are_tried_at_all_the_instances_together(state: State, seal: Seal):
    entries = {"alice": Entry(ALICE, derived(PASSWORD))}
    async with AsyncExitStack() as stack:
        pages: list[Passwords] = []
        for _ in range(2):
            shared = Shared(state.url, seal)
            stack.push_async_callback(shared.close)
            pages.append(Passwords(entries, shared.tries()))
        one, other = pages
        for page in (one, other, one, other):
            assert await page.principal("alice", "wrong") is None
        assert await one.principal("alice", PASSWORD) == ALICE
        for page in (one, other, one, other, one):
            assert await page.principal("alice", "wrong") is None
        for page in pages:
            with pytest.raises(TooManyError):
                await page.principal("alice", PASSWORD)
        assert await other.principal("nobody", "wrong") is None
