"""How fast the service is called."""

from collections.abc import AsyncGenerator

import anyio
import httpx
import pytest
import respx

from clients.emjpm import SERVICE, EmjpmClient
from clients.errors import UnavailableError
from clients.http import connected
from clients.known import EMJPM_A_MINUTE
from clients.pace import OwnBudget, Pace

ANTENNES = "https://emjpm.test/api/editors/service-antennes"


class Clock:
    """A time that passes while one sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="emjpm")
async def _emjpm(clock: Clock) -> AsyncGenerator[EmjpmClient]:
    pace = Pace(SERVICE, OwnBudget(EMJPM_A_MINUTE, clock=clock), sleep=clock.sleep)
    async with pace.keep(connected("https://emjpm.test", sleep=clock.sleep)) as http:
        yield EmjpmClient(http)


@respx.mock
async def test_360_requests_leave_at_once_and_the_next_waits_for_the_minute_to_end(
    emjpm: EmjpmClient, clock: Clock
):
    respx.get(ANTENNES).respond(json=[])

    async with anyio.create_task_group() as calls:
        for _ in range(360):
            calls.start_soon(emjpm.antennes)
    clock.now += 20
    assert clock.slept == []
    await emjpm.antennes()
    await emjpm.antennes()

    assert clock.slept == [40]


@respx.mock
async def test_a_pause_that_is_asked_for_is_taken_before_anything_else_leaves(
    emjpm: EmjpmClient, clock: Clock
):
    route = respx.get(ANTENNES)
    route.side_effect = [
        httpx.Response(429, html="Too many requests", headers={"Retry-After": "60"}),
        httpx.Response(200, json=[]),
    ]

    for _ in range(2):
        with pytest.raises(UnavailableError, match="Try again in 60 seconds"):
            await emjpm.antennes()
    clock.now += 60
    await emjpm.antennes()

    assert route.call_count == 2
    assert clock.slept == []
