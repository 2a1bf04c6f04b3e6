"""A thousand random interleavings of what people, models, networks, processes and time may do.

Calls stop at any of their moments, so that anything else may happen there, and then go on or die.
After each step, what consent promises must hold.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mcp.types import CallToolResult

from tests.crash.doomed import MODERN
from tests.crash.world import Asked, Call, Onward, Process, Says, World
from tests.support import Person, text

PROCESSES = 3
DOSSIERS = (200001, 200002, 200011)
DECIDED = 200004
"""A dossier about which nothing is asked: calling for it only makes a process look around."""
MOMENTS = 6
"""A change has no more moments at which to stop, unless something goes wrong."""
LONGER_THAN_A_LEASE = 31.0
REOPENED = "dossierRepasserEnInstruction"
PROCESS = st.integers(0, PROCESSES - 1)
CERTAIN = {"declined", "stale", "applied", "not_applied"}

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """An answer on its way."""

    asked: Asked
    says: Says
    call: Call
    recorded: str
    """What was already recorded for certain when it was sent, as a model reads it."""


class Interleavings(RuleBasedStateMachine):
    """Several processes and dossiers, and one ledger."""

    questions = Bundle("questions")

    def __init__(self, world: World, portal: BlockingPortal) -> None:
        super().__init__()
        self.world = world
        self.portal = portal
        self.asked: list[Asked] = []
        self.answers: list[Answered] = []
        self.certain: dict[str, tuple[str, str]] = {}

    @property
    def idle(self) -> list[Process]:
        return [process for process in self.world.processes if process.call is None]

    @property
    def stopped(self) -> list[Call]:
        return [process.call for process in self.world.processes if process.call]

    @property
    def unsettled(self) -> set[str]:
        """The operations of which it is not known for certain what came."""
        kept = self.world.kept().items()
        return {name for name, (status, _) in kept if status in {"executing", "undetermined"}}

    @initialize(target=questions)
    def ask_first(self):
        return self.ask(DOSSIERS[0], 0)

    @precondition(lambda self: self.idle)
    @rule(target=questions, number=st.sampled_from(DOSSIERS), which=PROCESS)
    def ask(self, number: int, which: int):
        motivation = f"Question {len(self.asked)}."
        asked = self.run(self.chosen(which).asks, number, motivation, len(self.world.writes))
        if asked is None:
            return multiple()
        self.asked.append(asked)
        return asked

    @precondition(lambda self: self.idle)
    @rule(asked=questions, which=PROCESS, stops=st.integers(0, MOMENTS))
    def agree(self, asked: Asked, which: int, stops: int):
        """For the first time or again, through any process."""
        asked.agreed = True
        self.answer(asked, "yes", which, stops)

    @precondition(lambda self: self.idle)
    @rule(
        asked=questions,
        says=st.sampled_from(["no", "closed", "mistyped"]),
        which=PROCESS,
        stops=st.integers(0, MOMENTS),
    )
    def refuse(self, asked: Asked, says: Says, which: int, stops: int):
        self.answer(asked, says, which, stops)

    @precondition(lambda self: self.stopped)
    @rule(which=PROCESS, onward=st.sampled_from(["on", "killed", "cut off", "given up"]))
    def go(self, which: int, onward: Onward):
        self.run(self.stopped[which % len(self.stopped)].go, onward)

    @rule(seconds=st.sampled_from([5.0, LONGER_THAN_A_LEASE, 61.0]))
    def wait(self, seconds: float):
        self.run(self.world.passes, seconds)

    @rule(
        number=st.sampled_from(DOSSIERS),
        happens=st.sampled_from(["dossierAccepter", "dossierRefuser", REOPENED, "down", "up"]),
    )
    def meanwhile(self, number: int, happens: str):
        """The service goes down, or comes back, or somebody decides through its own pages."""
        if happens in {"down", "up"}:
            self.world.down = happens == "down"
        else:
            self.run(self.world.decided_elsewhere, happens, number)

    @invariant()
    def consent_holds(self):
        kept = self.world.kept()
        for asked in self.asked:
            status, recorded = kept[asked.name]
            sent = [write for write in self.world.writes if write.motivation == asked.motivation]
            assert len(sent) <= asked.agreed, "more changes than approvals"
            assert not (sent and asked.refused), "a change after a refusal"
            assert self.agrees(asked, status), "the ledger and the service disagree"
            if status in CERTAIN:
                first = self.certain.setdefault(asked.name, (status, recorded))
                assert first == (status, recorded), "what was certain has changed"
        for answered in [each for each in self.answers if each.call.over]:
            self.answers.remove(answered)
            self.heard(answered)

    def heard(self, answered: Answered) -> None:
        """Check what a call obtained, and remember the first refusal that was heard."""
        result, asked = answered.call.result, answered.asked
        if not isinstance(result, CallToolResult):
            return
        assert text(result) == answered.recorded or not answered.recorded, "a replay got else"
        if answered.says != "yes" and not asked.agreed:
            asked.refused = True

    def agrees(self, asked: Asked, status: str) -> bool:
        """Whether the service knows of a change what the ledger says of it."""
        since = self.world.writes[asked.earlier :]
        sent = [write for write in since if write.motivation == asked.motivation]
        made = any(write.applied for write in sent)
        match status:
            case "applied":
                return made
            case "not_applied":
                return not made
            case "executing" | "undetermined":
                return asked.agreed
            case _:
                return not sent

    def teardown(self) -> None:
        """All goes on to its end, and the next call settles what is left."""
        self.world.down = False
        while self.stopped:
            for call in self.stopped:
                self.run(call.go, "on")
            self.run(self.world.passes, 5.0)
        if self.unsettled:
            self.run(self.world.passes, LONGER_THAN_A_LEASE)
            self.run(self.world.processes[0].asks, DECIDED, "", 0)
        self.consent_holds()
        assert not self.unsettled
        self.world.renew()

    def answer(self, asked: Asked, says: Says, which: int, stops: int) -> None:
        recorded = self.certain.get(asked.name, ("", ""))[1]
        call = self.run(self.chosen(which).answers, asked, says, stops)
        self.answers.append(Answered(asked, says, call, recorded))

    def chosen(self, which: int) -> Process:
        return self.idle[which % len(self.idle)]

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        return self.portal.call(_bounded, function, args)


async def _bounded(function: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
    with anyio.fail_after(5):
        return await function(*args)


@pytest.fixture(name="portal")
def _portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(name="world")
def _world(tmp_path: Path, portal: BlockingPortal) -> Generator[World]:
    world = portal.call(World, tmp_path, PROCESSES)
    logging.disable()  # what is killed leaves tracebacks, which take longer than the changes
    with ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        opened = portal.wrap_async_context_manager
        tasks = stack.enter_context(opened(portal.call(anyio.create_task_group)))
        for process in world.processes:
            process.tasks = tasks
            process.client = stack.enter_context(opened(process.host(MODERN, Person())))
            portal.call(process.asks, DECIDED, "", 0)
        world.rows = stack.enter_context(closing(sqlite3.connect(world.ledger)))
        yield world


def test_consent_holds_through_a_thousand_random_interleavings(
    world: World, portal: BlockingPortal
):
    run_state_machine_as_test(
        lambda: Interleavings(world, portal),
        settings=settings(
            max_examples=1000,
            stateful_step_count=10,
            derandomize=True,
            print_blob=True,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
