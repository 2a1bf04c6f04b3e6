"""Exports as many dossiers as its first argument says, and tells the memory that it took.

A process of its own: the peak of one that ran other tests would be theirs.
"""

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.http import connected
from tests.changing import Changing
from tools.demarches import export_dossiers
from tools.files import Folder
from tools.language import in_english


async def main(count: int, since: str) -> None:
    async def unheard(done: int, told: str, total: int | None = None) -> None: ...

    with TemporaryDirectory() as folder:
        async with connected("https://demarches.test/x", transport=Changing(count)) as http:
            done = await export_dossiers(
                DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t"))),
                Folder(Path(folder), in_english),
                unheard,
                1001,
                since=since,
            )
    assert done.dossiers == count
    bytes_in_a_unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_in_a_unit
    sys.stdout.write(f"{peak}\n")


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), sys.argv[2])
