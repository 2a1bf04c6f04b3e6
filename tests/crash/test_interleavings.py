"""A thousand random interleavings of what persons, models, networks, processes and time may do.

A step is a call, during which something else may happen and which may end badly, or what happens
between two calls. After each, what consent promises must hold. The same thousand at every run.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from mcp.types import CallToolResult

from server.sandbox.demarches import Write
from tests.crash.world import (
    DOSSIERS,
    Ending,
    Fate,
    Forged,
    Moment,
    Put,
    Says,
    World,
    opened,
)
from tests.support import text
from tools.journal import ANSWER_WITHIN

PARTS = 4
"""As many tests, which several processes share."""
OVER = {"declined", "stale", "applied", "not_applied"}
LONGER_THAN_A_LEASE = 31.0
LONGER_THAN_A_SERVICE_IS_AT_WORK = 91.0

Event = Literal[
    "nothing",
    "another yes",
    "a no",
    "the e-mail changes",
    "accepted elsewhere",
    "refused elsewhere",
    "reopened elsewhere",
    "the service goes down",
    "the service comes back",
    "a lease runs out",
    "the question closes",
]
DECISIONS: dict[Event, str] = {
    "accepted elsewhere": "dossierAccepter",
    "refused elsewhere": "dossierRefuser",
    "reopened elsewhere": "dossierRepasserEnInstruction",
}
TIMES: dict[Event, float] = {
    "a lease runs out": LONGER_THAN_A_LEASE,
    "the question closes": ANSWER_WITHIN,
}

EVENTS = st.sampled_from([*get_args(Event), "the e-mail changes", "another yes", "a no"])
ENDINGS = st.sampled_from([*get_args(Ending), "on", "on"])
SAYS = st.sampled_from(get_args(Says))
FORGED = st.sampled_from(["", "", "", "by somebody else", "in other words"])
REFUSES = st.sampled_from(["no", "closed", "mistyped"])
WHILE_AGREEING = st.sampled_from(
    ["reading", "read", "read", "read again", "intent", "sending", "answering", "outcome"]
)
WHILE_REFUSING = st.sampled_from(["", "", "reading", "read", "refusal"])
WHICH = st.integers(0, 7)

SETTINGS = settings(
    max_examples=1000 // PARTS,
    stateful_step_count=5,
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

T = TypeVar("T")


class Interleavings(RuleBasedStateMachine):
    """Several processes, two dossiers, and one ledger.

    Which rules may run, and what they draw, never depends on what came of those before: what has
    no sense at some point does nothing.
    """

    def __init__(self, world: World, portal: BlockingPortal) -> None:
        super().__init__()
        world.renew()
        self.world = world
        self.portal = portal
        self.put = [replace(put) for put in world.put]
        self.count = count(len(self.put))
        self.over: dict[str, tuple[str, str]] = {}

    @rule(which=WHICH, moment=WHILE_AGREEING, event=EVENTS, ending=ENDINGS)
    def agree(self, which: int, moment: Moment, event: Event, ending: Ending):
        """For the first time or again, as in every rule below."""
        put = self.chosen(which)
        self.run(self.answered, put, "yes", self.fate(put, moment, event, ending))

    @rule(which=WHICH, forged=FORGED)
    def agree_undisturbed(self, which: int, forged: Forged):
        self.run(self.answered, self.chosen(which), "yes", Fate(), forged)

    @rule(which=WHICH, says=REFUSES, moment=WHILE_REFUSING, event=EVENTS, ending=ENDINGS)
    def refuse(self, which: int, says: Says, moment: Moment, event: Event, ending: Ending):
        put = self.chosen(which)
        self.run(self.answered, put, says, self.fate(put, moment, event, ending))

    @rule(which=WHICH)
    def ask(self, which: int):
        asked = self.run(self.world.first.asks, DOSSIERS[which % 2], self.motivation())
        self.put += [asked] if asked else []

    @rule(which=WHICH, says=SAYS, moment=WHILE_AGREEING, event=EVENTS, ending=ENDINGS)
    def ask_and_answer(self, which: int, says: Says, moment: Moment, event: Event, ending: Ending):
        """In the older era, where both happen within a call."""
        another = self.put[which % len(DOSSIERS)]
        fate = self.fate(another, moment, event, ending)
        asks = self.world.older.asks_within
        asked = self.run(asks, another.number, self.motivation(), says, fate)
        self.put += [asked] if asked.name in self.world.kept() else []

    @rule(which=WHICH, event=EVENTS)
    def meanwhile(self, which: int, event: Event):
        self.run(self.happens, event, self.chosen(which))

    @invariant()
    def consent_holds(self):
        assert not self.world.unsound
        kept = self.world.kept()
        for put in self.put:
            status, recorded = kept[put.name]
            sent = [write for write in self.world.writes if write.motivation == put.motivation]
            assert len(sent) <= put.agreed, "more changes than approvals"
            assert not (sent and put.refused), "a change after a refusal"
            assert self.agrees(put, status), f"the service knows otherwise than {status}"
            if status in OVER:
                first = self.over.setdefault(put.name, (status, recorded))
                assert first == (status, recorded), "what was over has changed"
            put.refused |= status in {"declined", "stale"}

    def teardown(self) -> None:
        """Time passes; then one more call settles what is left."""
        self.world.down = False
        self.world.clock.now += LONGER_THAN_A_SERVICE_IS_AT_WORK
        if self.unsettled:
            self.run(self.world.second.looks_around)
            self.consent_holds()
        for put in self.unsettled:
            others = [write for write in self.since(put) if write.motivation != put.motivation]
            assert others, "what could be read was not"

    @property
    def unsettled(self) -> list[Put]:
        """The questions of which it is not known for certain what came."""
        kept = self.world.kept()
        return [put for put in self.put if kept[put.name][0] in {"executing", "undetermined"}]

    def agrees(self, put: Put, status: str) -> bool:
        """Whether the service knows of a change what the ledger says of it.

        Which change made a dossier what it is cannot be told by its state alone.
        """
        since = self.since(put)
        sent = [write for write in since if write.motivation == put.motivation]
        made = any(write.applied for write in sent)
        done = {write.operation for write in since if write.applied}
        match status:
            case "applied":
                return made or "dossierAccepter" in done
            case "not_applied":
                return not made
            case "executing" | "undetermined":
                return put.agreed
            case _:
                return not sent

    def since(self, put: Put) -> list[Write]:
        """What arrived at the service about the same dossier."""
        return [w for w in self.world.writes[put.earlier :] if w.number == put.number]

    async def answered(
        self, put: Put, says: Says, fate: Fate, forged: Forged = "", *, by_another: bool = False
    ) -> None:
        """An answer comes back, and what it obtains is checked."""
        status, recorded = self.world.kept()[put.name]
        undisturbed = not (fate.moment or forged or self.world.down)
        alive = self.world.second if by_another else self.world.first
        process = self.world.relaying if put.code else alive
        result = await process.answers(put, says, fate, forged)
        if undisturbed and isinstance(result, CallToolResult) and (says == "yes" or not put.code):
            assert status not in OVER or text(result) == recorded, "a replay got something else"
            put.refused |= says != "yes" and status == "pending"

    def fate(self, put: Put, moment: Moment, event: Event, ending: Ending) -> Fate:
        return Fate(moment, partial(self.happens, event, put), ending)

    async def happens(self, event: Event, put: Put) -> None:
        """What may happen at any time; answers come back through another process."""
        match event:
            case "another yes" | "a no" if not put.code:
                says = "yes" if event == "another yes" else "no"
                await self.answered(put, says, Fate(), by_another=True)
            case "the e-mail changes":
                self.world.versions[put.number] += 1
            case "the service goes down" | "the service comes back":
                self.world.down = event == "the service goes down"
            case _ if event in DECISIONS:
                await self.world.decided_elsewhere(DECISIONS[event], put.number)
            case _:
                self.world.clock.now += TIMES.get(event, 0.0)

    def chosen(self, which: int) -> Put:
        return self.put[which % len(self.put)]

    def motivation(self) -> str:
        """One that no other question has."""
        return f"Question {next(self.count)}."

    def run(self, function: Callable[..., Awaitable[T]], *args: Any, **more: Any) -> T:
        return self.portal.call(_bounded, function, args, more)


async def _bounded(
    function: Callable[..., Awaitable[T]], args: tuple[Any, ...], more: dict[str, Any]
) -> T:
    with anyio.fail_after(60):
        return await function(*args, **more)


@pytest.fixture(name="portal")
def _portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.mark.parametrize("part", range(PARTS))
def test_consent_holds_through_random_interleavings(
    portal: BlockingPortal, tmp_path: Path, part: int
):
    with portal.wrap_async_context_manager(opened(tmp_path)) as world:

        @seed(part)
        class Here(Interleavings):
            def __init__(self) -> None:
                super().__init__(world, portal)

        run_state_machine_as_test(Here, settings=SETTINGS)
