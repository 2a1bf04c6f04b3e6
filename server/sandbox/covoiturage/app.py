"""The routes of the registry, and what each answers."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
from server.sandbox.covoiturage.failing import FAILING, REFUSALS, too_many
from server.sandbox.covoiturage.identities import imported
from server.sandbox.covoiturage.tokens import Tokens
from server.sandbox.covoiturage.validation import UUID, faults
from server.sandbox.express import RateLimit, application
from server.sandbox.faults import Faults, Sleep

Mode = Literal["documented", "array_fault", "withdrawn"]
"""As documented; refusing every batch, as it does; or without the routes planned to go."""

REFUSAL = "Sandbox-Refusal"
"""The header that asks for one of `REFUSALS`."""

CREDENTIALS = {"access_key": "sandbox", "secret_key": "sandbox"}
TOKENS_A_MINUTE = 5
IMPORTS_A_MINUTE = 20_000
CERTIFICATES_A_WINDOW = 100
LONG_WINDOW = timedelta(minutes=5)
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
    imports_a_minute: int = IMPORTS_A_MINUTE,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Sleep = anyio.sleep,
) -> Starlette:
    """A fresh registry.

    `app.state.writes` lists the batches that arrived, oldest first; `app.state.keyed` has the keys
    that were written, by the uuid of the application.
    """
    registry = _Registry(mode, imports_a_minute, now)
    app = application(
        [
            _route("POST", "/auth/access_token", registry.access_token),
            _route("GET", "/certificates/{uuid}", registry.certificate),
            _route("POST", "/policies/cee/import/identity", registry.import_identities),
        ],
        middleware=[Middleware(Faults, FAILING, now=now, sleep=sleep)],
    )
    app.state.writes = registry.writes
    app.state.keyed = registry.applications.keyed
    app.state.says = ""
    return app


class _Registry:
    """The service behind the routes, and everything it remembers."""

    def __init__(self, mode: Mode, imports: int, now: Callable[[], datetime]) -> None:
        self.writes: list[Write] = []
        self.applications = Applications()
        self._mode = mode
        self._certificates = certificates.answers()
        self._tokens = Tokens(OPERATOR, now)
        self._token_requests = RateLimit(TOKENS_A_MINUTE, now)
        self._import_requests = RateLimit(imports, now)
        self._certificate_requests = RateLimit(CERTIFICATES_A_WINDOW, now, LONG_WINDOW)

    async def access_token(self, request: Request) -> Response:
        """A token for the right keys. Wrong ones count towards the limit too."""
        document = await sent(request)
        given = document if is_object(document) else {}
        return _within(self._token_requests, lambda: self._token_for(given))

    async def certificate(self, request: Request) -> Response:
        """A certificate, for whoever knows its uuid: no token is asked for."""
        self._check_still_served()
        return _within(self._certificate_requests, lambda: self._certificate(request))

    def _certificate(self, request: Request) -> Response:
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
        if says := request.headers.get(REFUSAL, request.app.state.says):
            return REFUSALS[says]()
        operator_id = self._tokens.operator_id(request.headers.get("authorization", ""))
        return _within(self._import_requests, lambda: self._import(document, operator_id))

    def _import(self, document: object, operator_id: int | None) -> Response:
        if wrong := [": must be array"] if self._mode == "array_fault" else faults(document):
            return JSONResponse(wrong, 400)
        if operator_id is None:
            return JSONResponse({"error": "Forbidden Error"}, 403)
        report = imported(document, operator_id, self.applications)
        self.writes[-1] = replace(self.writes[-1], imported=report.imported)
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


def _within(limit: RateLimit, answer: Callable[[], Response]) -> Response:
    """The answer, with what is left of the limit; or that nothing is."""
    quota = limit.count()
    if quota.exceeded:
        return too_many(quota.seconds_left, quota.headers)
    response = answer()
    response.headers.update(quota.headers)
    return response


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
