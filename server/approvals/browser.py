"""The person's own browser, opened for them."""

import sys

import anyio
from anyio import run_process

OPENED_WITHIN = 10.0

_OPENING = """\
import os, sys, webbrowser
os.environ.pop("TERM", None)
sys.exit(not webbrowser.open(sys.stdin.read()))
"""
"""Without a terminal, only browsers with a window are tried."""


async def open_browser(address: str) -> bool:
    """Whether a browser was opened at this address.

    From a process of its own: a browser inherits stdin and stdout, and ours are the protocol's.
    """
    with anyio.move_on_after(OPENED_WITHIN):
        command = [sys.executable, "-I", "-c", _OPENING]
        done = await run_process(command, input=address.encode(), check=False)
        return done.returncode == 0
    return False
