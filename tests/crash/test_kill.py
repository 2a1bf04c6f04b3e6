"""Processes killed with `kill -9` while they make a change, counted by services behind a socket.

Five die at each named moment, and twenty wherever chance wants it. A later process, whose clock is
a minute ahead, then sends all their answers again, twice, and makes a change of its own.
"""

import json
import multiprocessing
import os
import random
import secrets
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp.types import CallToolResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from server.connect import LOCAL
from server.sandbox import covoiturage, demarches
from server.sandbox.covoiturage.applications import application
from tests.crash import doomed
from tests.crash.doomed import (
    INTENT,
    MODERN,
    NAME,
    OUTCOME,
    Agreed,
    Answer,
    Arguments,
    Done,
    Errand,
    Site,
    after,
    before,
)
from tests.support import facts, listening
from tools.journal import Journal, Operation
from tools.language import counted

KILLED = -signal.SIGKILL
A_MINUTE = 60.0
"""Longer than a lease."""
LAST = 20
"""The rank of the change that the later process makes."""

ACCEPT, IMPORT = "accept_dossier", "import_cee_identities"
ARRIVES = "when the request arrives"
APPLIED = "once the service has applied it, before it answers"

ENDINGS = {
    before(INTENT): {ACCEPT: "pending", IMPORT: "pending"},
    after(INTENT): {ACCEPT: "not_applied", IMPORT: "undetermined"},
    ARRIVES: {ACCEPT: "not_applied", IMPORT: "undetermined"},
    APPLIED: {ACCEPT: "applied", IMPORT: "undetermined"},
    before(OUTCOME): {ACCEPT: "applied", IMPORT: "undetermined"},
    after(OUTCOME): {ACCEPT: "applied", IMPORT: "applied"},
}
"""How changes end whose process was killed at each moment, if their answers never come back."""

UNDER_INSTRUCTION = (
    *(200001, 200002, 200011, 200014, 200017, 200020, 200030, 200033, 200036, 200038, 200041),
    *(200044, 200054, 200057, 200060, 200062, 200065, 200068, 200078, 200081, 200084, 200086),
)

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([doomed.__name__])


@dataclass
class Services:
    """The registry and Démarches simplifiées, who count what arrives, and may kill its sender."""

    kills: str = ""
    """When: `ARRIVES`, `APPLIED`, or never."""
    victims: dict[str, int] = field(default_factory=dict[str, int])
    """The processes to kill, by the name they give."""
    arrived: list[str] = field(default_factory=list[str])
    """The subject of each change that arrived."""
    registry: Starlette = field(default_factory=covoiturage.create)
    dossiers: Starlette = field(default_factory=demarches.create)

    def __post_init__(self) -> None:
        mounts = [Mount("/covoiturage", self.registry), Mount("/demarches", self.dossiers)]
        self._app = Starlette(routes=mounts)

    @property
    def applied(self) -> list[str]:
        """The subject of each change that was made."""
        decided = [str(write.number) for write in self.dossiers.state.writes if write.applied]
        return decided + [rows(w.rows) for w in self.registry.state.writes if w.imported]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        victim = self.victims.get(request.headers[NAME], 0)
        proceed = partial(self._app, scope, partial(sent_again, body))
        if not (changed := subject_of(body)):
            await proceed(send)
            return
        self.arrived.append(changed)
        if victim and self.kills == ARRIVES:
            os.kill(victim, signal.SIGKILL)
        elif victim and self.kills == APPLIED:
            await proceed(to_nobody)
            os.kill(victim, signal.SIGKILL)
        else:
            await proceed(send)


@dataclass
class Past:
    """What became of processes, and what they told before they came to their end."""

    agreed: list[Agreed] = field(default_factory=list[Agreed])
    done: list[Done] = field(default_factory=list[Done])
    exits: list[int | None] = field(default_factory=list[int | None])

    @property
    def answers(self) -> list[Answer]:
        return [agreed.answer for agreed in self.agreed if agreed.answer]


@dataclass(frozen=True)
class Kept:
    """An operation of the ledger, and the result recorded if it has ended."""

    operation: Operation
    told: Mapping[str, Any]
    """What the model is told of it; nothing before it ends."""


Ledger = Mapping[str, Kept]
"""By subject: here, no two operations have the same."""


@dataclass(frozen=True)
class Place:
    """Services over a socket and one ledger, for processes to live and die among."""

    site: Site
    services: Services

    async def past(self, errands: Sequence[Errand]) -> Past:
        """What became of these errands, run at the same time, each by a process of its own."""
        past = Past()
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for errand in errands:
                    tasks.start_soon(self._run, errand, past)
        return past

    async def aftermath(self, past: Past, errand: Errand) -> Done:
        """What a process obtains a minute later, after all that was agreed to comes back twice."""
        late = replace(errand, answers=past.answers, later=A_MINUTE)
        future = await self.past([late])
        past.agreed += future.agreed
        (done,) = future.done
        return done

    async def ledger(self) -> Ledger:
        journal = Journal(lambda: self.site.ledger, self.site.seal)
        kept = [
            Kept(each, told(result) if (result := await journal.result(each)) else {})
            for each in await journal.recent(LOCAL, 100)
        ]
        await journal.close()
        by_subject = {one.operation.subject: one for one in kept}
        assert len(by_subject) == len(kept)
        return by_subject

    async def _run(self, errand: Errand, past: Past) -> None:
        telling, told = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=doomed.run, args=(self.site, errand, told), daemon=True)
        process.start()
        told.close()
        if errand.dies is not None and process.pid:
            self.services.victims[errand.name] = process.pid
        for said in await anyio.to_thread.run_sync(everything, telling, abandon_on_cancel=True):
            if isinstance(said, Agreed):
                past.agreed.append(said)
            else:
                past.done.append(said)
        await anyio.to_thread.run_sync(process.join, abandon_on_cancel=True)
        past.exits.append(process.exitcode)


@pytest.fixture(name="place")
async def _place(tmp_path: Path) -> AsyncGenerator[Place]:
    services = Services()
    async with listening(services) as address:
        site = Site(folder=tmp_path, address=address, secret=secrets.token_bytes(32))
        yield Place(site, services)


@pytest.fixture(name="tool", params=[ACCEPT, IMPORT])
def _tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("moment", ENDINGS)
async def test_five_processes_killed_at_one_moment_lose_nothing_and_double_nothing(
    place: Place, era: str, tool: str, moment: str
):
    place.services.kills = moment
    past = await place.past([errand(rank, tool, era, dies=moment) for rank in range(5)])
    assert past.exits == [KILLED] * 5
    dead = {subject(agreed.arguments) for agreed in past.agreed}
    sent = list(place.services.arrived)

    done = await place.aftermath(past, errand(LAST, tool, era))

    ledger = await accounts(place, past, done)
    ending = ENDINGS[moment][tool]
    if (ending, era) == ("pending", MODERN):
        ending = "applied"  # nothing had been sent: the same answer, come back, was still good
    else:
        assert len(place.services.arrived) == len(sent) + 1
    assert {ledger[each].operation.status for each in dead} == {ending}
    assert len(dead) == 5


async def test_twenty_processes_killed_at_random_lose_nothing_and_double_nothing(
    place: Place, era: str, tool: str
):
    """Chance draws among all the moments of a change, and the same at every run."""
    past = await place.past([errand(LAST + 1, tool, era)])
    (rehearsal,) = past.done
    chance = random.Random(f"{tool} {era}")  # noqa: S311  (nothing to keep secret)
    moments = [chance.randrange(rehearsal.moments) for _ in range(20)]
    killed = await place.past(
        [errand(rank, tool, era, dies=moment) for rank, moment in enumerate(moments)]
    )
    assert killed.exits == [KILLED] * 20
    past.agreed += killed.agreed

    done = await place.aftermath(past, errand(LAST, tool, era))

    await accounts(place, past, done)


async def accounts(place: Place, past: Past, done: Done) -> Ledger:
    """The ledger, found to agree with the services, the persons and whoever sent an answer."""
    services, ledger = place.services, await place.ledger()
    agreed = {subject(each.arguments) for each in past.agreed}
    assert set(Counter(services.arrived).values()) == {1}
    assert set(services.arrived) <= agreed <= ledger.keys()
    for kept in ledger.values():
        assert agrees(kept.operation, services), kept.operation
        assert kept.told.get("outcome", "pending") == kept.operation.status
    for answer, result in done.replayed:
        assert told(result) == ledger[subject(answer.arguments)].told
    return ledger


def agrees(operation: Operation, services: Services) -> bool:
    """Whether the ledger says of a change what the services know of it."""
    arrived, applied = (operation.subject in each for each in (services.arrived, services.applied))
    if operation.status == "undetermined":
        return operation.tool == IMPORT  # whose service shows nothing to read
    return (operation.status, arrived, applied) in {
        ("pending", False, False),
        ("not_applied", arrived, False),
        ("applied", True, True),
    }


def told(result: CallToolResult) -> dict[str, Any]:
    """What the model is told, which only a change that was made does not call an error."""
    said = facts(result)
    assert result.is_error == (said["outcome"] != "applied")
    return said


def errand(rank: int, tool: str, era: str, dies: str | int | None = None) -> Errand:
    """A change that is no other rank's: another dossier, or other rows and as many as no other."""
    number = UNDER_INSTRUCTION[rank]
    first = sum(range(rank + 1))
    rows = [
        {
            "cee_application_type": "standardized",
            "cee_application_uuid": application(each).uuid,
            "identity_key": f"{each:064x}",
        }
        for each in range(first, first + rank + 1)
    ]
    arguments: dict[str, Arguments] = {
        ACCEPT: {"number": number, "motivation": str(number)},
        IMPORT: {"rows": rows},
    }
    return Errand(name=str(rank), era=era, tool=tool, arguments=arguments[tool], dies=dies)


def subject(arguments: Arguments) -> str:
    """What the ledger calls the subject of these arguments."""
    return str(arguments["number"]) if "number" in arguments else rows(len(arguments["rows"]))


def rows(count: int) -> str:
    """The subject of an import."""
    return counted(count, "row", "rows")


def subject_of(body: bytes) -> str:
    """The subject of a change, from what was sent; empty for a read."""
    sent: Any = json.loads(body)
    if body.startswith(b"["):
        return rows(len(sent))
    return sent["variables"].get("input", {}).get("motivation", "")


def everything(told: Connection) -> list[Agreed | Done]:
    """What a process tells until it ends, however it ends."""
    said: list[Agreed | Done] = []
    try:
        while True:
            said.append(told.recv())
    except EOFError:
        return said
    finally:
        told.close()


async def sent_again(body: bytes) -> Message:
    return {"type": "http.request", "body": body}


async def to_nobody(message: Message) -> None:
    """Whoever asked is about to die."""
