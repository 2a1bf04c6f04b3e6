"""The door of the service: one address, a token, JSON in and JSON out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module

import anyio
from graphql import ExecutionResult, GraphQLError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.sandbox.demarches.calls import Call
from server.sandbox.demarches.documents import document
from server.sandbox.demarches.errors import CrashError, TurnedAwayError, UnacceptableError
from server.sandbox.demarches.failing import FAILING, OneNull
from server.sandbox.demarches.population import registry
from server.sandbox.demarches.records import Facts, Registry
from server.sandbox.demarches.schema import member, schema
from server.sandbox.demarches.storage import BLOBS, given_out
from server.sandbox.demarches.tokens import Token, admitted
from server.sandbox.demarches.uploads import STORAGE, store
from server.sandbox.demarches.variables import check_variables
from server.sandbox.faults import PARTIAL, Faults, Sleep


def _now() -> datetime:
    return datetime.now(UTC)


def create(now: Callable[[], datetime] = _now, *, sleep: Sleep = anyio.sleep) -> Starlette:
    """A fresh service: its own `app.state.registry`, and in `app.state.writes` what arrives."""
    held = registry(now)

    async def graphql(request: Request) -> JSONResponse:
        try:
            token = admitted(request.headers.get("authorization", ""))
            posted = _posted(await request.body())
            return JSONResponse(_answer(posted, token, held, request))
        except TurnedAwayError as error:
            failure = {"message": error.message, "extensions": {"code": error.code}}
            return JSONResponse({"errors": [failure], "data": None}, error.status)

    async def storage(request: Request) -> Response:
        return await store(request, held)

    async def blob(request: Request) -> Response:
        return await given_out(request, held)

    app = Starlette(
        routes=[
            Route("/api/v2/graphql", graphql, methods=["POST"]),
            Route(f"{STORAGE}{{key}}", storage, methods=["PUT"]),
            Route(f"{BLOBS}{{key}}/{{filename}}", blob, methods=["GET"]),
        ],
        middleware=[Middleware(Faults, FAILING, now=now, sleep=sleep)],
    )
    app.state.registry, app.state.writes = held, held.writes
    schema()
    return app


class Posted(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    query: str = ""
    operation_name: str | None = None
    variables: dict[str, object] | None = None
    query_id: str | None = None


def _posted(body: bytes) -> Posted:
    try:
        posted = Posted.model_validate_json(body)
    except ValidationError:
        raise TurnedAwayError(400, "The body is not the JSON of a request", "bad_request") from None
    if posted.query_id:
        raise TurnedAwayError(400, f'No query with id "{posted.query_id}"', "bad_request")
    return posted


def _answer(posted: Posted, token: Token, held: Registry, request: Request) -> Mapping[str, object]:
    """The data and the errors of a query, or the errors alone when it cannot be executed."""
    given = posted.variables or {}
    try:
        read = document(posted.query)
        operation = read.operation(posted.operation_name)
        check_variables(schema(), operation, given)
        read.check_cost(posted.operation_name, given)
    except UnacceptableError as error:
        return {"errors": [each.formatted for each in error.errors]}
    result = _execute(
        schema(),
        read.node,
        context_value=Call(
            registry=held,
            token=token,
            fragments=read.fragments,
            address=_address(request),
        ),
        variable_values=given,
        operation_name=posted.operation_name,
        field_resolver=member,
        middleware=[OneNull()] if PARTIAL in request.scope else None,
    )
    return _told(result)


def _address(request: Request) -> str:
    """Where the sandbox is served: `base_url` is that of what it may be mounted in."""
    return str(request.url.replace(path=request.scope["root_path"], query="", fragment=""))


def _told(result: ExecutionResult) -> Mapping[str, object]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_formatted(error) for error in result.errors]}


def _formatted(error: GraphQLError) -> Facts:
    """An error of execution; a null where the schema has none is the service's `invalid_null`.

    Raises:
        TurnedAwayError: It broke down: HTTP 500, whatever else was asked.
    """
    cause = error.original_error
    if isinstance(cause, CrashError):
        raise TurnedAwayError(500, "Internal Server Error", "internal_server_error")
    if error.message.startswith("Cannot return null for non-nullable field"):
        told = {"message": error.message.rstrip("."), "extensions": {"code": "invalid_null"}}
        return {**error.formatted, **told}
    if cause is not None and not isinstance(cause, GraphQLError):
        raise cause  # a fault of the sandbox, not one of the service's
    return {**error.formatted}


# Its own annotations are incomplete, which a strict type checker does not forgive.
_execute: Callable[..., ExecutionResult] = import_module("graphql").execute_sync
