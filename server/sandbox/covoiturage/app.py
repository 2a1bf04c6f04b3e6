"""The routes of the registry, and what each answers."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.sandbox.covoiturage import certificates
from server.sandbox.covoiturage.applications import OPERATOR, Applications
from server.sandbox.covoiturage.documents import MiddlewareError, is_array, is_object, sent
from server.sandbox.covoiturage.failing import FAILING, too_many
from server.sandbox.covoiturage.identities import imported
from server.sandbox.covoiturage.tokens import Tokens
from server.sandbox.covoiturage.validation import UUID, faults
from server.sandbox.express import RateLimit, application
from server.sandbox.faults import Faults, Sleep

Mode = Literal["documented", "array_fault", "withdrawn"]
"""As documented; refusing every batch, as it does; or without the routes planned to go."""

CREDENTIALS = {"access_key": "sandbox", "secret_key": "sandbox"}
TOKENS_A_MINUTE = 5
VERSION = re.compile(r"v?3(\.[23](\.0)?)?")
"""The ranges that 3.2.0 or 3.3.0 is in, among those a client would write."""


@dataclass(frozen=True)
class Write:
    """A batch that arrived, whatever became of it."""

    operation: str
    rows: int
    imported: int = 0


def create(
    *,
    mode: Mode = "documented",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Sleep = anyio.sleep,
) -> Starlette:
    """A fresh registry. `app.state.writes` lists the batches that arrived, oldest first."""
    registry = _Registry(mode, now)
    app = application(
        [
            _route("POST", "/auth/access_token", registry.access_token),
            _route("GET", "/certificates/{uuid}", registry.certificate),
            _route("POST", "/policies/cee/import/identity", registry.import_identities),
        ],
        middleware=[Middleware(Faults, FAILING, now=now, sleep=sleep)],
    )
    app.state.writes = registry.writes
    return app


class _Registry:
    """The service behind the routes, and everything it remembers."""

    def __init__(self, mode: Mode, now: Callable[[], datetime]) -> None:
        self.writes: list[Write] = []
        self._mode = mode
        self._applications = Applications()
        self._certificates = certificates.answers()
        self._tokens = Tokens(OPERATOR, now)
        self._token_requests = RateLimit(TOKENS_A_MINUTE, now)

    async def access_token(self, request: Request) -> Response:
        """A token for the right keys. Wrong ones count towards the limit too."""
        document = await sent(request)
        quota = self._token_requests.count()
        if quota.exceeded:
            return too_many(quota.seconds_left, quota.headers)
        response = self._token_for(document if is_object(document) else {})
        response.headers.update(quota.headers)
        return response

    async def certificate(self, request: Request) -> Response:
        """A certificate, for whoever knows its uuid: no token is asked for."""
        self._check_still_served()
        uuid: str = request.path_params["uuid"]
        if not UUID.fullmatch(uuid):
            wrong = [
                '/uuid: must match format "uuid"',
                '/uuid: must pass "macro" keyword validation',
            ]
            return _rpc_error(400, -32602, "Invalid params", wrong)
        certificate = self._certificates.get(uuid.lower())
        if certificate is None:
            unknown = f"Certificate not found: null - {uuid}"
            return _rpc_error(404, -32504, "Not found", unknown)
        return JSONResponse(certificate)

    async def import_identities(self, request: Request) -> Response:
        """Write identity keys. A wrong batch is refused before anyone asks who sends it."""
        document = await sent(request)
        batch = Write("import_identities", rows=len(document) if is_array(document) else 0)
        self.writes.append(batch)
        self._check_still_served()
        operator_id = self._tokens.operator_id(request.headers.get("authorization", ""))
        if wrong := [": must be array"] if self._mode == "array_fault" else faults(document):
            return JSONResponse(wrong, 400)
        if operator_id is None:
            return JSONResponse({"error": "Forbidden Error"}, 403)
        report = imported(document, operator_id, self._applications)
        self.writes[-1] = replace(batch, imported=report.imported)
        return JSONResponse(report.document)

    def _token_for(self, document: dict[str, object]) -> Response:
        if wrong := [*_credential_faults(document)]:
            return _rpc_error(400, -32602, "Invalid params", wrong)
        if document != CREDENTIALS:
            refusal = "Invalid access key or secret key"
            return _rpc_error(401, -32501, "Unauthorized Error", refusal)
        return JSONResponse({"access_token": self._tokens.issue()}, 201)

    def _check_still_served(self) -> None:
        if self._mode == "withdrawn":
            raise HTTPException(404)


def _route(method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route under each supported version; under any other, an empty 404."""

    async def answer(request: Request) -> Response:
        if not VERSION.fullmatch(request.path_params["version"]):
            return Response(status_code=404)
        try:
            return await endpoint(request)
        except MiddlewareError as error:
            return JSONResponse(error.document, error.status)

    return Route(f"/{{version}}{path}", answer, methods=[method])


def _credential_faults(document: dict[str, object]) -> Iterator[str]:
    """Both must be texts, and nothing else is accepted."""
    for name in CREDENTIALS:
        if not isinstance(document.get(name), str):
            received = json.dumps(document[name]) if name in document else "undefined"
            yield f"{name} : Expected a string, but received: {received}"
    for name in document.keys() - CREDENTIALS.keys():
        received = json.dumps(document[name])
        yield f"{name} : Expected a value of type `never`, but received: `{received}`"


def _rpc_error(status: int, code: int, message: str, data: str | list[str]) -> Response:
    """The JSON-RPC error of the routes that speak it."""
    error = {"data": data, "code": code, "message": message}
    return JSONResponse({"jsonrpc": "2.0", "id": 1, "error": error}, status)
