"""The desk of a process that one host starts: opened when needed, once, and closed at the end."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp import Client, MCPError

from server.app import Connect
from server.build import build
from server.opening import at_the_desk, on_first_use
from tests.support import MODES, Counter, facts
from tools.desk import Desk


class Door:
    """The way to a desk, that keeps count, and may be stuck at first."""

    def __init__(self, connect: Connect, *, stuck: bool = False) -> None:
        self._connect = connect
        self._stuck = stuck
        self.seen: list[str] = []

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Desk]:
        self.seen.append("tried")
        if self._stuck:
            self._stuck = False
            raise OSError("stuck")
        async with self._connect() as desk:
            yield desk
        self.seen.append("closed")


@asynccontextmanager
async def behind(door: Door, counter: Counter, era: str) -> AsyncGenerator[Client]:
    settings, _, seal = counter.connection()
    server = build(settings, on_first_use(door.opened), seal)
    server.middleware.insert(1, at_the_desk)
    async with Client(server, mode=MODES[era]) as host:
        yield host


async def test_a_desk_opens_with_the_first_call_and_closes_when_the_host_leaves(
    counter: Counter, era: str
):
    door = Door(counter.connection()[1])
    async with behind(door, counter, era) as host:
        await host.list_tools()
        await host.list_prompts()
        seen_by_lists = [*door.seen]
        async with anyio.create_task_group() as calls:
            for _ in range(3):
                calls.start_soon(host.call_tool, "list_mesures", {"limit": 1})
        seen_by_calls = [*door.seen]

    assert (seen_by_lists, seen_by_calls) == ([], ["tried"])
    assert door.seen == ["tried", "closed"]


async def test_a_desk_that_could_not_open_is_tried_again_by_the_next_call(
    counter: Counter, era: str
):
    door = Door(counter.connection()[1], stuck=True)
    async with behind(door, counter, era) as host:
        with pytest.raises(MCPError, match="Internal error"):
            await host.call_tool("list_mesures", {"limit": 1})
        again = await host.call_tool("list_mesures", {"limit": 1})

    assert facts(again)["total"] == 72
    assert door.seen == ["tried", "tried", "closed"]
