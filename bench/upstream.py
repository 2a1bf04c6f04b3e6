"""The services on loopback, in a process of their own: they answer what was recorded, at once.

`python -m bench.upstream FILE LATENCY` prints its port, and leaves when its stdin ends. Of the
démarche number N, an export is N pages of a hundred dossiers.
"""

import asyncio
import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.processes import Process, python

HOST = "127.0.0.1"
HELD = 1_000_000
"""Bytes of a request that are taken in without pausing whoever sends it."""
PAGE = 100
FIRST_NUMBER = 100_001
EXPORT = "/demarches/api/v2/graphql export"


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the services are, and a folder for what is measured to write in."""

    address: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What points Guichet at them, every service configured, and keeps it off this user's."""
        return {
            "GUICHET_COVOITURAGE_URL": f"{self.address}/covoiturage",
            "GUICHET_COVOITURAGE_TOKEN": "sandbox",
            "GUICHET_DEMARCHES_URL": f"{self.address}/demarches/api/v2/graphql",
            "GUICHET_DEMARCHES_TOKEN": "sandbox",
            "GUICHET_DEMARCHES_INSTRUCTEUR": "camille.martin@exemple.gouv.fr",
            "GUICHET_DEMARCHES_NUMBERS": "1001,1002",
            "GUICHET_EMJPM_URL": f"{self.address}/emjpm",
            "GUICHET_EMJPM_TOKEN": "sandbox",
            "GUICHET_EMJPM_DELETE_ALL": "true",
            "GUICHET_FAIRE_SIMPLE_URL": f"{self.address}/faire_simple",
            "GUICHET_FAIRE_SIMPLE_LOGIN": "sandbox",
            "GUICHET_FAIRE_SIMPLE_PASSWORD": "sandbox",
            "GUICHET_FAIRE_SIMPLE_KEY": "sandbox",
            "GUICHET_FAIRE_SIMPLE_PATH_PARTNERS": "/partenaires",
            "GUICHET_FILES": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder),
        }


@contextmanager
def upstream(answers: Mapping[str, str], latency: float = 0.0) -> Generator[Upstream]:
    """The services giving these answers, `latency` seconds after each request."""
    with TemporaryDirectory(prefix="bench-") as folder:
        recording = Path(folder) / "answers.json"
        recording.write_text(json.dumps(answers), encoding="utf-8")
        command = python("-m", "bench.upstream", str(recording), str(latency))
        with Process(command, {}) as process:
            port = int(process.stdout.readline())
            yield Upstream(f"http://{HOST}:{port}", Path(folder))


class Services:
    """What is answered to each request."""

    def __init__(self, answers: Mapping[str, str], latency: float) -> None:
        self._answers = {key: answer.encode() for key, answer in answers.items()}
        self._pages = Pages(answers[EXPORT]) if EXPORT in answers else None
        self._latency = latency

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                path, body = await _request(reader)
                answer = self._answer(path, body)
                status = "404 Not Found" if answer is None else "200 OK"
                await asyncio.sleep(self._latency)
                writer.write(_response(status, answer or b"{}"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, path: str, body: bytes) -> bytes | None:
        if not path.endswith("/graphql"):
            return self._answers.get(path)
        posted: dict[str, Any] = json.loads(body)
        found = f"{path} {posted['operationName']}"
        if found == EXPORT and self._pages:
            wanted = posted["variables"]
            return self._pages.page(wanted["demarche"], int(wanted["after"] or 0))
        return self._answers.get(found)


class Pages:
    """A page of dossiers, as many times as wanted, each dossier with a number of its own."""

    def __init__(self, recorded: str) -> None:
        reply: dict[str, Any] = json.loads(recorded)
        edges = reply["data"]["demarche"]["dossiers"]["edges"]
        ordinary = [edge["node"] for edge in edges if edge["node"]["number"] > _LAST_PECULIAR]
        self._dossiers = [_parted(ordinary[n % len(ordinary)]) for n in range(PAGE)]

    def page(self, pages: int, after: int) -> bytes:
        first = FIRST_NUMBER + after * PAGE
        edges = ",".join(
            f'{{"cursor":"{number}","node":{before}{number}{then}}}'
            for number, (before, then) in enumerate(self._dossiers, first)
        )
        info = json.dumps({"hasNextPage": after + 1 < pages, "endCursor": str(after + 1)})
        page = f'{{"edges":[{edges}],"pageInfo":{info}}}'
        return f'{{"data":{{"demarche":{{"dossiers":{page}}}}}}}'.encode()


_LAST_PECULIAR = 200_013
"""Up to this one, the dossiers of the sandbox are each there for something special."""


def _parted(node: Mapping[str, object]) -> tuple[str, str]:
    """A dossier's JSON, before and after its number."""
    mark = 987_654_321
    text = json.dumps({**node, "number": mark}, ensure_ascii=False, separators=(",", ":"))
    before, _, after = text.partition(str(mark))
    return before, after


def _response(status: str, answer: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
    return f"{head}\r\n\r\n".encode() + answer


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    length = next((f for f in fields if f.lower().startswith("content-length: ")), ": 0")
    return line.split(" ")[1], await reader.readexactly(int(length.partition(": ")[2]))


async def _serve(services: Services) -> None:
    server = await asyncio.start_server(services.connected, HOST, 0, limit=HELD)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    answers = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    asyncio.run(_serve(Services(answers, float(sys.argv[2]))))
