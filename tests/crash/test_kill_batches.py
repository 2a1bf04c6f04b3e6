"""Processes killed with `kill -9` while they decide on many dossiers, one after the other.

Each calls again for what the ones before it left, after a new consent, until everything is done.
"""

import random
import secrets
from pathlib import Path

import anyio.to_thread

from tests.crash import doomed
from tests.crash.doomed import MODERN, Done, Errand, Site
from tests.crash.test_kill import KILLED, PROCESSES, UNDER_INSTRUCTION, Services
from tests.support import facts, listening
from tools.journal import Journal

KILLS = 8
A_MINUTE = 60.0
PLAN = {"decision": "accept", "numbers": list(UNDER_INSTRUCTION), "motivation": "Complet."}


async def test_a_plan_cut_short_eight_times_decides_on_each_dossier_once(tmp_path: Path):
    services, chance = Services(), random.Random(4)  # noqa: S311  (nothing to keep secret)
    async with listening(services) as address:
        site = Site(folder=tmp_path, address=address, secret=secrets.token_bytes(32))
        for rank in range(KILLS):
            assert await carried_out(site, rank, chance.randrange(4, 24)) is None
        done = await carried_out(site, KILLS, None)

    assert done is not None
    assert not done.result.is_error
    assert facts(done.result)["not_decided"] == []
    writes = services.dossiers.state.writes
    assert sorted((w.number, w.applied) for w in writes) == [
        (number, True) for number in UNDER_INSTRUCTION
    ]
    assert await recorded(site) == {str(number): ["applied"] for number in UNDER_INSTRUCTION}


async def carried_out(site: Site, rank: int, more: int | None) -> Done | None:
    """What a process did of the plan, or nothing if it died so many moments after consent."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    errand = Errand(
        name=f"process {rank}",
        era=MODERN,
        tool="decide_dossiers",
        arguments=PLAN,
        later=rank * A_MINUTE,
        dies=more,
    )
    process = PROCESSES.Process(target=doomed.carry_out, args=(site, errand, theirs))
    process.start()
    theirs.close()
    await anyio.to_thread.run_sync(process.join)
    told = list[object]()
    while ours.poll():
        try:
            told.append(ours.recv())
        except EOFError:
            break
    assert process.exitcode == (0 if more is None else KILLED), told
    return next((last for last in told if isinstance(last, Done)), None)


async def recorded(site: Site) -> dict[str, list[str]]:
    """How the journal says that each dossier's changes ended, those never sent left out."""
    journal = Journal(lambda: site.ledger, site.seal)
    ended: dict[str, list[str]] = {}
    for whole in await journal.recent("local", 100):
        for part in await journal.parts(whole.id):
            if part.status != "not_applied":
                ended.setdefault(part.subject, []).append(part.status)
    assert not (await journal.verified()).fault
    await journal.close()
    return ended
