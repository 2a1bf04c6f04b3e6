"""What a client says to a server, at its barest: the measures are of the server."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from bench.processes import Process

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
CLIENT = {"name": "bench", "version": "1"}
Message = dict[str, Any]
Answer = Callable[[str], Mapping[str, object]]
"""What a person answers to a question, as the content of a form."""


class CallFailedError(Exception):
    """The server answered with an error: there is nothing to measure."""


class StdioHost:
    """A client of the 2025-11-25 protocol, on the pipes of a server."""

    def __init__(self, process: Process, answer: Answer | None = None) -> None:
        self._process = process
        self._answer = answer
        self._last = 0
        self._arrived: dict[int, Message] = {}

    def __enter__(self) -> Self:
        capabilities: Message = {"elicitation": {}} if self._answer else {}
        self.ask(
            "initialize",
            protocolVersion=LEGACY,
            capabilities=capabilities,
            clientInfo=CLIENT,
        )
        self._send({"method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()

    def ask(self, method: str, **params: object) -> Message:
        """The result of a request."""
        return self.result(self.begin(method, **params))

    def call(self, tool: str, arguments: Mapping[str, object]) -> Message:
        """The result of a tool.

        Raises:
            CallFailedError: It is an error.
        """
        return _successful(self.ask("tools/call", name=tool, arguments=arguments))

    def begin(self, method: str, **params: object) -> int:
        """Send a request, and get its number."""
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        return self._last

    def arrived(self, number: int) -> bool:
        """Whether a result came while another was waited for."""
        return number in self._arrived

    def result(self, number: int) -> Message:
        """The result of a request that was sent; questions that come before it are answered."""
        while number not in self._arrived:
            self._take(self._next())
        message = self._arrived.pop(number)
        if "error" in message:
            raise CallFailedError(message["error"])
        return message["result"]

    def _take(self, message: Message) -> None:
        if "method" not in message:
            self._arrived[message["id"]] = message
        elif message["method"] == "elicitation/create" and self._answer:
            content = self._answer(message["params"]["message"])
            answer = {"action": "accept", "content": content}
            self._send({"id": message["id"], "result": answer})

    def _send(self, message: Message) -> None:
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()

    def _next(self) -> Message:
        line = self._process.stdout.readline()
        if not line:
            raise CallFailedError("the server left")
        return json.loads(line)


async def called_over_http(
    port: int, tool: str, arguments: Mapping[str, object], *, calls: int, at_once: int
) -> None:
    """Call a tool so many times over HTTP, so many at once, as the 2026-07-28 protocol does.

    Raises:
        CallFailedError: One of them failed.
    """
    request = _request(port, tool, arguments)
    share = calls // at_once
    await asyncio.gather(*(_caller(port, request, share) for _ in range(at_once)))


def _request(port: int, tool: str, arguments: Mapping[str, object]) -> bytes:
    own = "io.modelcontextprotocol"
    meta = {
        f"{own}/protocolVersion": MODERN,
        f"{own}/clientInfo": CLIENT,
        f"{own}/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    head = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {MODERN}",
        "Mcp-Method: tools/call",
        f"Mcp-Name: {tool}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", body]).encode()


async def _caller(port: int, request: bytes, calls: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(calls):
            writer.write(request)
            _check(await _answered(reader))
    finally:
        writer.close()


async def _answered(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:-1])
    return await reader.readexactly(int(fields[b"content-length"]))


def _check(body: bytes) -> None:
    message: Message = json.loads(body)
    if "error" in message:
        raise CallFailedError(message["error"])
    _successful(message["result"])


def _successful(result: Message) -> Message:
    if result.get("isError"):
        content: Sequence[Message] = result["content"]
        raise CallFailedError(content[0]["text"])
    return result
