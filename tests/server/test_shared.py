"""What instances share: a sign-in renewed once, and budgets that all of them keep together."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from clients.emjpm import EmjpmClient, OAuth, Pair, SignedIn
from clients.errors import AccessDeniedError, UnavailableError
from clients.http import connected
from clients.pace import Wait
from server import shared as sharing
from server.sandbox import emjpm
from server.shared import ALONE, Shared, SharedBudget
from tests.databases import State
from tests.server.signing_in import Counting, consented
from tools.sealing import Seal

SECRET = b"a secret for tests, long enough to be one"
ACCOUNT = "https://emjpm.test 7"
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
INSTANCES = 3
MOST = 20


@pytest.fixture(name="state")
def _state(postgresql: State) -> State:
    """There is nothing to share in a file."""
    return postgresql


@asynccontextmanager
async def instances(state: State, count: int = INSTANCES) -> AsyncGenerator[list[Shared]]:
    """Each with connections of its own, as processes have."""
    async with AsyncExitStack() as stack:
        opened = [Shared(state.url, Seal(lambda: SECRET)) for _ in range(count)]
        for each in opened:
            stack.push_async_callback(each.close)
        yield opened


def pair(n: int) -> Pair:
    tokens = SecretStr(f"access-{n}"), SecretStr(f"refresh-{n}")
    return Pair(access_token=tokens[0], refresh_token=tokens[1], end=1_800_000_000.0)


# The sign-in.


async def test_what_one_instance_keeps_another_reads_and_the_database_does_not(state: State):
    async with instances(state, 2) as (one, other):
        assert await other.sign_in(ACCOUNT).read() is None
        await one.sign_in(ACCOUNT).begin(pair(1))
        await one.sign_in(ACCOUNT).write(pair(2))
        assert await other.sign_in(ACCOUNT).read() == pair(2)
        assert await other.sign_in("https://other.test 7").read() is None
        ((kept,),) = await state.rows("SELECT pair FROM sign_ins")
        await other.sign_in(ACCOUNT).forget()
        assert await one.sign_in(ACCOUNT).read() is None

    assert isinstance(kept, bytes)
    assert b"access-2" not in kept


async def test_what_was_sealed_under_another_secret_says_what_to_do(state: State):
    other = Shared(state.url, Seal(lambda: b"another secret, as long as it has to be"))
    async with instances(state, 1) as (one,):
        await one.sign_in(ACCOUNT).begin(pair(1))
        with pytest.raises(AccessDeniedError, match=r"another GUICHET_SECRET.*guichet login emjpm"):
            await other.sign_in(ACCOUNT).read()
    await other.close()


async def test_a_sign_in_cannot_be_had_without_the_database():
    shared = Shared(NOWHERE, Seal(lambda: SECRET))

    for use in (shared.sign_in(ACCOUNT).read, shared.sign_in(ACCOUNT).forget):
        with pytest.raises(UnavailableError, match="GUICHET_STATE_URL does not answer"):
            await use()
    await shared.close()


async def test_instances_whose_token_ends_at_once_renew_it_once_each_time(state: State):
    """A refresh token serves once: a second instance that sent it would end the sign-in."""
    now = [datetime.now(UTC)]
    app = emjpm.create(now=lambda: now[0])
    service = Counting(app)
    calls: list[int] = []
    async with instances(state) as opened, AsyncExitStack() as stack:
        await opened[0].sign_in(ACCOUNT).begin(await consented(app, now[0]))
        mandataires = [await stack.enter_async_context(calling(service, each)) for each in opened]

        async def call(mandataire: EmjpmClient) -> None:
            calls.append(len(await mandataire.mesures()))

        for _ in range(2):
            now[0] += timedelta(hours=24)
            async with anyio.create_task_group() as tasks:
                for mandataire in mandataires * 2:
                    tasks.start_soon(call, mandataire)

    assert calls == [72] * 2 * 2 * INSTANCES
    assert service.tokens == [200, 200]


@asynccontextmanager
async def calling(app: ASGIApp, shared: Shared) -> AsyncGenerator[EmjpmClient]:
    """An instance's client, for whoever signed in."""
    way = httpx.ASGITransport(app)
    async with connected("http://sandbox", transport=way) as plain:
        oauth = OAuth(
            plain,
            authorize_url="http://sandbox",
            client_id="7",
            client_secret=SecretStr("sandbox"),
            redirect_uri="x",
        )
        signed_in = SignedIn(oauth, shared.sign_in(ACCOUNT))
        async with connected("http://sandbox", auth=signed_in, transport=way) as http:
            yield EmjpmClient(http)


async def test_whoever_waits_for_too_long_gives_up(state: State, monkeypatch: pytest.MonkeyPatch):
    async with instances(state, 2) as (one, other), one.sign_in(ACCOUNT).alone():
        monkeypatch.setattr(sharing, "LOCKED_FOR", 1.0)
        with pytest.raises(UnavailableError):
            async with other.sign_in(ACCOUNT).alone():
                pytest.fail("two at once")


# The budgets.


async def test_instances_together_send_no_more_than_the_service_lets_through(state: State):
    granted: list[Wait | None] = []
    async with instances(state) as opened:
        budgets = [each.budget("emjpm", MOST) for each in opened]

        async def take(budget: SharedBudget) -> None:
            granted.extend([await budget.take() for _ in range(MOST)])

        async with anyio.create_task_group() as tasks:
            for budget in budgets:
                tasks.start_soon(take, budget)
        other = await opened[0].budget("demarches", MOST).take()
        await state.write("UPDATE requests_sent SET second = second - 61")
        a_minute_later = await budgets[0].take()

    waits = [wait for wait in granted if wait]
    assert len(granted) - len(waits) == MOST
    assert all(0 < wait.seconds <= 61 and not wait.asked for wait in waits)
    assert other is None
    assert a_minute_later is None


async def test_a_pause_asked_of_one_instance_is_taken_by_all(state: State):
    async with instances(state, 2) as (one, other):
        await one.budget("emjpm", MOST).close(60)
        wait = await other.budget("emjpm", MOST).take()

    assert wait is not None
    assert wait.asked
    assert 50 < wait.seconds <= 60


async def test_without_its_database_an_instance_takes_its_part_alone():
    """It asks again after a while, and not at each request: that takes time."""
    now = [1000.0]
    shared = Shared(NOWHERE, Seal(lambda: SECRET))
    budget = SharedBudget(shared, "emjpm", MOST, clock=lambda: now[0])

    taken = [await budget.take() for _ in range(MOST)]
    now[0] += 60
    later = await budget.take()
    await shared.close()

    assert [wait is None for wait in taken] == [True] * (MOST // ALONE) + [False] * 16
    assert later is None


async def test_what_an_instance_sent_counts_once_it_is_left_alone(state: State):
    async with instances(state, 1) as (one,):
        budget = one.budget("emjpm", MOST)
        assert await budget.take() is None
        await state.write("ALTER TABLE requests_sent RENAME TO gone")
        left = [await budget.take() for _ in range(MOST // ALONE)]

    assert [wait is None for wait in left] == [True] * 3 + [False]
