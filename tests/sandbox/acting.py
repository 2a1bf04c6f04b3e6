"""The miniature Démarches simplifiées, called as an instructeur would have it called."""

import base64
import hashlib
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette

from server.sandbox.demarches import Write, create
from server.sandbox.faults import HEADER

NOON = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)
AT_NOON = "2026-11-02T12:00:00+01:00"


def typed_id(kind: str, number: int | str) -> str:
    return base64.b64encode(f"{kind}-{number}".encode()).decode()


CAMILLE = typed_id("Instructeur", 21)
NOE = typed_id("Instructeur", 22)
MAELLE = typed_id("Instructeur", 23)


def checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


@dataclass
class Acting:
    """A service, whose clock is ours."""

    http: httpx.AsyncClient
    app: Starlette
    clock: list[datetime] = field(default_factory=lambda: [NOON])

    @property
    def writes(self) -> list[Write]:
        return self.app.state.writes

    def later(self, by: timedelta) -> None:
        self.clock[0] += by

    @contextmanager
    def failing(self, fault: str) -> Generator[None]:
        """Have every request of the block ask for this fault."""
        self.http.headers[HEADER] = fault
        try:
            yield
        finally:
            del self.http.headers[HEADER]

    async def ask(self, query: str, **variables: object) -> Any:
        sent = {"query": query, "variables": variables}
        response = await self.http.post("/api/v2/graphql", json=sent)
        assert response.status_code == 200
        return response.json()

    async def read(self, number: int, members: str) -> Any:
        answer = await self.ask(f"{{ dossier(number: {number}) {{ {members} }} }}")
        assert "errors" not in answer
        return answer["data"]["dossier"]

    async def send(self, operation: str, shown: str, **given: object) -> Any:
        """The whole answer to a mutation; `shown` is what is asked of its payload."""
        kind = f"{operation[0].upper()}{operation[1:]}Input"
        query = f"mutation m($input: {kind}!) {{ {operation}(input: $input) {{ {shown} }} }}"
        return await self.ask(query, input=given)

    async def act(self, operation: str, number: int, shown: str = "", /, **given: object) -> Any:
        """The payload of a mutation of a dossier, signed by Camille unless told otherwise."""
        signed = {"dossierId": typed_id("Dossier", number), "instructeurId": CAMILLE, **given}
        sent = {name: value for name, value in signed.items() if value is not None}
        answer = await self.send(operation, f"{shown} errors {{ message }}", **sent)
        assert "errors" not in answer, answer
        return answer["data"][operation]

    async def refused(self, operation: str, number: int, /, **given: object) -> list[str]:
        """Why a mutation of a dossier was refused; nothing, if it was not."""
        payload = await self.act(operation, number, "", **given)
        return [str(error["message"]) for error in payload["errors"] or ()]

    async def announce(self, content: bytes, filename: str = "arrete.pdf") -> Any:
        """Where to put a file."""
        answer = await self.send(
            "createDirectUpload",
            "directUpload { url headers blobId signedBlobId }",
            dossierId=typed_id("Dossier", 200001),
            filename=filename,
            byteSize=len(content),
            checksum=checksum(content),
            contentType="application/pdf",
        )
        return answer["data"]["createDirectUpload"]["directUpload"]

    async def put(self, upload: Any, content: bytes, **headers: str) -> httpx.Response:
        """What the storage answers to a file; it is sent no token of the API."""
        request = self.http.build_request("PUT", upload["url"], content=content)
        del request.headers["Authorization"]
        request.headers.update(json.loads(upload["headers"]) | headers)
        return await self.http.send(request)

    async def upload(self, content: bytes, filename: str = "arrete.pdf") -> str:
        """The signed id of a file that was announced and put."""
        upload = await self.announce(content, filename)
        assert (await self.put(upload, content)).status_code == 201
        return upload["signedBlobId"]


@asynccontextmanager
async def acting(token: str = "sandbox") -> AsyncGenerator[Acting]:  # noqa: S107
    clock = [NOON]
    app = create(now=lambda: clock[0])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://sandbox",
        headers={"Authorization": f"Bearer {token}"},
    ) as http:
        yield Acting(http, app, clock)
