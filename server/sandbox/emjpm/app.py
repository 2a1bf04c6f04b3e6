"""The routes for editors, and what each answers."""

import json
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from server.sandbox.emjpm.accounts import REDIRECTS, SERVICE, Owner
from server.sandbox.emjpm.door import Authentication, Journal, Limiter
from server.sandbox.emjpm.failing import FAILING
from server.sandbox.emjpm.mandoline import Mandoline
from server.sandbox.emjpm.mesures import Mesure
from server.sandbox.emjpm.oauth import Grants
from server.sandbox.emjpm.places import ANTENNES
from server.sandbox.emjpm.refusals import (
    DatabaseError,
    RefusedError,
    Silence,
    SilentError,
    violation,
)
from server.sandbox.emjpm.rules import (
    STRICT_RG,
    Document,
    faults,
    is_array,
    is_object,
    normalized,
)
from server.sandbox.emjpm.saving import (
    COLUMNS,
    TAKEN_RG,
    Saving,
    Table,
    court,
    integer,
    is_court,
    refused,
)
from server.sandbox.emjpm.tribunaux import TRIBUNAUX
from server.sandbox.express import application
from server.sandbox.faults import Faults, Sleep

INTEGER = re.compile(r"-?[0-9]{1,10}")
LARGEST_ID = 2**31 - 1
"""Identifiers are 32-bit integers in the database, which refuses any other."""
MOST_BYTES = 10 * 1024 * 1024
MOST_IN_BATCH = 1000
ANTENNE_IDS = {antenne["id"] for antenne in ANTENNES}

Operation = Literal["create", "create_batch", "update", "delete", "delete_all"]


@dataclass(frozen=True)
class Write:
    """A request to change mesures that arrived, whatever became of it."""

    operation: Operation
    sent: int
    """How many mesures it held, or named: -1, all of them."""
    id: str = ""
    changed: int = 0


def create(
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Sleep = anyio.sleep,
    redirects: Collection[str] = REDIRECTS,
) -> Starlette:
    """A fresh service. `app.state` holds what no route tells:

    - `writes`, the requests to change mesures that arrived, oldest first;
    - `grants`, whose `revoke()` is what a user does in the web application;
    - `table`, every mesure there is.
    """
    grants, table = Grants(now, redirects), Table()
    service, mandoline = _Service(table, now), Mandoline(table)
    limiter = Middleware(BaseHTTPMiddleware, dispatch=Limiter(now))
    authentication = Middleware(BaseHTTPMiddleware, dispatch=Authentication(grants))
    route = _Routes(sleep)
    editors = application(
        [
            route("GET", "/mesures", service.mesures),
            route("POST", "/mesures", service.create),
            route("DELETE", "/mesures", service.delete_all),
            route("POST", "/mesures/batch", service.create_batch),
            route("GET", "/mesures/{id}", service.mesure),
            route("PUT", "/mesures/{id}", service.update),
            route("DELETE", "/mesures/{id}", service.delete),
            route("GET", "/service-antennes", service.antennes),
            route("GET", "/tribunaux", service.tribunaux),
        ],
        middleware=[
            limiter,
            Middleware(BaseHTTPMiddleware, dispatch=Journal(sleep)),
            authentication,
        ],
    )
    about_users = application(
        [
            route("GET", "/user", mandoline.user),
            route("GET", "/direction-services", mandoline.services),
        ],
        middleware=[limiter, authentication],
    )
    app = application(
        [
            Mount("/api/editors", editors),
            Mount("/api/mandoline", about_users),
            route("POST", "/api/oauth/authorize", grants.authorize),
            route("POST", "/api/oauth/token", grants.token),
            route("GET", "/application/authorization", grants.page),
        ],
        middleware=[Middleware(Faults, FAILING, now=now, sleep=sleep)],
    )
    app.state.writes, app.state.grants, app.state.table = service.writes, grants, table
    return app


class _Routes:
    """Makes routes whose refusals are answered, and whose silences last."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep

    def __call__(
        self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Route:
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except SilentError:
                return Silence(self._sleep)
            except RefusedError as error:
                return JSONResponse(error.document, error.status)

        return Route(path, answer, methods=[method])


class _Service:
    """The mesures, as each user may read and change them."""

    def __init__(self, table: Table, now: Callable[[], datetime]) -> None:
        self.writes: list[Write] = []
        self._table = table
        self._now = now

    async def mesures(self, request: Request) -> Response:
        """All mesures, unsorted and on one page, or those of a status compared as it is written.

        An unknown status has no mesures, an empty one has them all.
        """
        status = request.query_params.get("status")
        rows = self._table.of(_owner(request))
        found = [row.mesure for row in rows if not status or row.status == status]
        return JSONResponse({"mesures": [_listed(mesure) for mesure in found]})

    async def mesure(self, request: Request) -> Response:
        owner, number = _owner(request), request.path_params["id"]
        if not _is_id(number):
            wrong = {"msg": "oups, something goes wrong. please contact support."}
            return JSONResponse({"errors": [wrong]}, 400)
        row = self._table.find(int(number), owner)
        return JSONResponse(row.mesure) if row else Response(status_code=404)

    async def create(self, request: Request) -> Response:
        """Save one mesure. A number that strict mode refuses is saved all the same."""
        owner, body = _owner(request), await _sent(request)
        self._arrived(Write("create", 1))
        _check(body)
        _check_antenne(body, owner)
        saving = self._saving(owner)
        mesure = saving.upsert(body)
        self._keep(saving.table, 1)
        if body.get("strictNumeroRG") is True and not _is_strict(body):
            raise _not_strict(f"Invalid numero rg: {body['numero_rg']}")
        return JSONResponse(mesure, 201)

    async def create_batch(self, request: Request) -> Response:
        """Save up to 1,000 mesures, or none. What is no list of them is nothing to save."""
        owner, body = _owner(request), await _sent(request)
        sent = body.get("mesures", [])
        bodies = [item for item in sent if is_object(item)] if is_array(sent) else []
        self._arrived(Write("create_batch", len(bodies)))
        _check_batch(sent, bodies)
        if any(item.get("antenne_id") is not None for item in bodies):
            raise SilentError
        saving = self._saving(owner)
        mesures = [saving.upsert(item) for item in bodies]
        self._keep(saving.table, len(mesures))
        if body.get("strictNumeroRG") is True and not all(map(_is_strict, bodies)):
            names = ",".join(str(item["numero_rg"]) for item in bodies if not _is_strict(item))
            raise _not_strict(f"There are invalid numero rg: {names}")
        return JSONResponse({"mesures": mesures[::-1]}, 201)

    async def update(self, request: Request) -> Response:
        """Write over a mesure; what is not there, or somebody else's, is not distinguished."""
        owner, number = _owner(request), request.path_params["id"]
        body = await _sent(request)
        self._arrived(Write("update", 1, number))
        _check(body)
        _check_antenne(body, owner)
        if not _is_id(number):
            why = f'invalid input syntax for type integer: "{number}"'
            raise DatabaseError('select "mesures".* from "mesures" where "id" = $1', why)
        row = self._table.find(int(number), owner)
        if row is None:
            told = f"mesure with id = {number} not found with {owner.kind}_id = {owner.id}"
            raise refused([{"msg": told}])
        saving = self._saving(owner)
        mesure = saving.update(row, body)
        self._keep(saving.table, 1)
        return JSONResponse(mesure, 201)

    async def delete(self, request: Request) -> Response:
        """Delete a mesure; of somebody else's, what it holds, and say that nothing was."""
        owner, number = _owner(request), request.path_params["id"]
        self._arrived(Write("delete", 1, number))
        if not _is_id(number):
            raise SilentError
        if int(number) in self._table.rows:
            self._table.empty(int(number))
        if self._table.find(int(number), owner) is None:
            return JSONResponse({"affected_rows": 0})
        self._table.remove(int(number))
        self._arrived_did(1)
        return JSONResponse({"affected_rows": 1})

    async def delete_all(self, request: Request) -> Response:
        """Delete every mesure, those en attente included, whatever is asked for."""
        owner = _owner(request)
        self._arrived(Write("delete_all", -1))
        numbers = [row.mesure["id"] for row in self._table.of(owner)]
        for number in numbers:
            self._table.remove(number)
        self._arrived_did(len(numbers))
        return JSONResponse({"affected_rows": len(numbers)})

    async def antennes(self, request: Request) -> Response:
        """Those of the service; a mandataire has none."""
        has_them = request.state.user.owner == SERVICE
        return JSONResponse({"antennes": ANTENNES if has_them else []})

    async def tribunaux(self, _: Request) -> Response:
        return JSONResponse({"tribunaux": TRIBUNAUX})

    def _saving(self, owner: Owner) -> Saving:
        return Saving(self._table.draft(), owner, self._now())

    def _keep(self, draft: Table, changed: int) -> None:
        self._table.take(draft)
        self._arrived_did(changed)

    def _arrived(self, write: Write) -> None:
        self.writes.append(write)

    def _arrived_did(self, changed: int) -> None:
        self.writes[-1] = replace(self.writes[-1], changed=changed)


async def _sent(request: Request) -> Document:
    """The body of a request, which is empty if it is no object.

    Raises:
        RefusedError: It is not JSON, or too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        raise _bad_type()
    body = await request.body()
    try:
        document: object = json.loads(body) if len(body) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if document is None:
        told = "Une erreur est survenue, veuillez réessayer plus tard"
        raise RefusedError({"error": told}, 500)
    return document if is_object(document) else {}


def _bad_type() -> RefusedError:
    return RefusedError({"errors": [{"msg": "The content-type must be 'application/json'"}]}, 400)


def _owner(request: Request) -> Owner:
    """Whose mesures the user may see.

    Raises:
        RefusedError: Nobody's.
    """
    owner: Owner | None = request.state.user.owner
    if owner is None:
        raise refused([{"msg": "mandataire not found"}])
    return owner


def _is_id(number: str) -> bool:
    return bool(INTEGER.fullmatch(number)) and abs(int(number)) <= LARGEST_ID


def _check(body: Document) -> None:
    """The court is looked at first: a wrong one hides the rest."""
    if not is_court(body):
        raise refused([_wrong_court(body, "siret is not valid")])
    if found := faults(body):
        raise refused(found)


def _check_batch(sent: object, bodies: list[Document]) -> None:
    if len(bodies) > MOST_IN_BATCH:
        raise refused([{"msg": f"The number of mesures must be <= {MOST_IN_BATCH}"}])
    if is_object(sent):
        raise refused(faults({}, at="mesures.", in_batch=True))
    if wrong := [body for body in bodies if not is_court(body)]:
        told = "Le SIRET du Tribunal est invalide"
        raise refused([_wrong_court(body, told) for body in wrong], under="tiErrors")
    found = [
        fault
        for place, body in enumerate(bodies)
        for fault in faults(body, at=f"mesures[{place}].", in_batch=True)
    ]
    if found:
        raise refused(found)
    _check_twice(bodies)


def _check_twice(bodies: list[Document]) -> None:
    """Each mesure of a batch is written for itself: twice the same would be two rows."""
    keys = [(court(body), normalized(body["numero_rg"])) for body in bodies]
    if len(set(keys)) != len(keys):
        raise violation("mesures", COLUMNS, TAKEN_RG)


def _check_antenne(body: Document, owner: Owner) -> None:
    antenne = integer(body.get("antenne_id"))
    if antenne is not None and (owner != SERVICE or antenne not in ANTENNE_IDS):
        told = "antenne_id does not match with your service."
        raise refused([{"msg": told, "param": "antenne_id", "value": body["antenne_id"]}])


def _wrong_court(body: Document, msg: str) -> Document:
    value = {"value": body["tribunal_siret"]} if "tribunal_siret" in body else {}
    return {"msg": msg, "param": "tribunal_siret", **value}


def _is_strict(body: Document) -> bool:
    return bool(STRICT_RG.fullmatch(str(body["numero_rg"])))


def _not_strict(which: str) -> RefusedError:
    rule = "Numero RG must contain exactly 8 uppercase alphanumeric characters."
    return refused([{"msg": f"{rule} {which}"}])


def _listed(mesure: Mesure) -> Document:
    """A mesure as the list shows it: prestations sociales are only told one by one."""
    ressources = [
        {"annee": ressource["annee"], "niveau_ressource": ressource["niveau_ressource"]}
        for ressource in mesure["ressources"]
    ]
    return {**mesure, "ressources": ressources}
