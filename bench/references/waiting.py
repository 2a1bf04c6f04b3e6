"""The latency alone: requests with nothing in them, one after the other on each connection.

Whoever is asked answers `{}` at the end of its latency, and whatever is asked for is not there.
"""

import asyncio
import sys
from collections.abc import Iterator

import httpx

from bench.references.worker import obey

REQUEST = b"GET / HTTP/1.1\r\n\r\n"
END = b"\r\n\r\n{}"


async def wait(address: httpx.URL, requests: int, together: int) -> None:
    """Have so many requests answered, so many at once."""
    left = iter(range(requests))
    await asyncio.gather(*(_lane(address, left) for _ in range(together)))


async def _lane(address: httpx.URL, left: Iterator[int]) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for _ in left:
        writer.write(REQUEST)
        await reader.readuntil(END)
    writer.close()


if __name__ == "__main__":
    there = httpx.URL(sys.argv[1])
    obey(lambda order: asyncio.run(wait(there, order["requests"], order["together"])))
