"""Stdin and stdout read and written by the event loop, where they are the pipes of a host.

The SDK hands each readline, write and flush to a worker thread: without those three hops a ping
takes a third of the time, and 0.4 of the processor. The loop waits until a pipe is ready, and a
ready pipe does not block: it is read for what is there, and written by pieces that it has room for.
It is never made non-blocking, as whoever shares it would find it so.

As under the SDK's own transport, what tools and child processes read or print is not the wire.
"""

import logging
import os
import select
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio

LOG = logging.getLogger(__name__)
MOST_BYTES = 4 * 1024 * 1024
"""The longest message, as over HTTP."""
CHUNK = 64 * 1024
"""What a pipe holds."""
STDIN, STDOUT, STDERR = 0, 1, 2


class Incoming(anyio.AsyncFile[str]):
    """The lines of a pipe."""

    def __init__(self, pipe: int) -> None:
        super().__init__(os.fdopen(pipe, encoding="utf-8"))
        self._pipe = pipe

    async def __aiter__(self) -> AsyncIterator[str]:
        line = bytearray()
        while chunk := await self._chunk():
            *ends, start = chunk.split(b"\n")
            for end in ends:
                line += end
                if len(line) <= MOST_BYTES:
                    yield line.decode(errors="replace")
                else:
                    LOG.error("A message of over %d bytes was left unread.", MOST_BYTES)
                line.clear()
            if len(line) <= MOST_BYTES:
                line += start
        if 0 < len(line) <= MOST_BYTES:
            yield line.decode(errors="replace")

    async def _chunk(self) -> bytes:
        await anyio.wait_readable(self._pipe)
        try:
            return os.read(self._pipe, CHUNK)
        except ConnectionError:  # a socket whose host left before it had read everything
            return b""


class Outgoing(anyio.AsyncFile[str]):
    """A pipe to write to."""

    def __init__(self, pipe: int) -> None:
        super().__init__(os.fdopen(pipe, "w", encoding="utf-8"))
        self._pipe = pipe
        self._room = select.poll()
        self._room.register(pipe, select.POLLOUT)

    async def write(self, b: str) -> int:
        left = memoryview(b.encode())
        while left:
            if not self._room.poll(0):
                await anyio.wait_writable(self._pipe)
            try:
                left = left[os.write(self._pipe, left[: select.PIPE_BUF]) :]
            except ConnectionError:  # the host stopped listening, and will close stdin
                raise anyio.ClosedResourceError from None
        return len(b)

    async def flush(self) -> None:
        """Nothing is held back."""


def incoming() -> Incoming | None:
    """Stdin, out of anybody else's reach; None where the SDK's own transport is to read it."""
    if not _is_pipe(STDIN):
        return None
    with Path(os.devnull).open() as nothing:
        return Incoming(_taken(STDIN, nothing.fileno()))


def outgoing() -> Outgoing | None:
    """Stdout, where what anybody else prints goes to stderr; None as for `incoming`."""
    return Outgoing(_taken(STDOUT, STDERR)) if _is_pipe(STDOUT) else None


def _is_pipe(descriptor: int) -> bool:
    """Whether the loop can wait for it: not for a file; a terminal is shared with the shell."""
    if sys.platform == "win32" or sys.stderr is None:
        return False
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _taken(descriptor: int, instead: int) -> int:
    """Another descriptor of the same, that no child inherits; the given one leads elsewhere."""
    own = os.dup(descriptor)
    os.dup2(instead, descriptor)
    return own
