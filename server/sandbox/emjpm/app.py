"""The routes for editors, and what each answers."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from server.sandbox.emjpm.door import Limiter, authenticate
from server.sandbox.emjpm.failing import FAILING
from server.sandbox.emjpm.mesures import Mesure, reserved_rows, rows
from server.sandbox.emjpm.places import ANTENNES, TRIBUNAUX
from server.sandbox.express import application
from server.sandbox.faults import Faults, Sleep

INTEGER = re.compile(r"-?[0-9]{1,10}")
LARGEST_ID = 2**31 - 1
"""Identifiers are 32-bit integers in the database, which refuses any other."""


def create(
    *, now: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Sleep = anyio.sleep
) -> Starlette:
    """A fresh service, whose one user is a service of mandataires."""
    service = _Service()
    editors = application(
        [
            Route("/mesures", service.mesures),
            Route("/mesures/{id}", service.mesure),
            Route("/service-antennes", service.antennes),
            Route("/tribunaux", service.tribunaux),
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=Limiter(now)),
            Middleware(BaseHTTPMiddleware, dispatch=authenticate),
        ],
    )
    faults = Middleware(Faults, FAILING, now=now, sleep=sleep)
    return application([Mount("/api/editors", editors)], middleware=[faults])


class _Service:
    """The service of the token's user, and its mesures."""

    def __init__(self) -> None:
        self._rows = rows()
        self._reserved = reserved_rows()

    async def mesures(self, request: Request) -> Response:
        """All mesures, unsorted and on one page, or those of a status compared as it is written.

        An unknown status has no mesures, an empty one has them all.
        """
        status = request.query_params.get("status")
        found = [row.mesure for row in self._rows.values() if not status or row.status == status]
        return JSONResponse({"mesures": [_listed(mesure) for mesure in found]})

    async def mesure(self, request: Request) -> Response:
        number: str = request.path_params["id"]
        if not INTEGER.fullmatch(number) or abs(int(number)) > LARGEST_ID:
            wrong = {"msg": "oups, something goes wrong. please contact support."}
            return JSONResponse({"errors": [wrong]}, 400)
        row = self._rows.get(int(number)) or self._reserved.get(int(number))
        return JSONResponse(row.mesure) if row else Response(status_code=404)

    async def antennes(self, _: Request) -> Response:
        return JSONResponse({"antennes": ANTENNES})

    async def tribunaux(self, _: Request) -> Response:
        return JSONResponse({"tribunaux": TRIBUNAUX})


def _listed(mesure: Mesure) -> dict[str, object]:
    """A mesure as the list shows it: prestations sociales are only told one by one."""
    ressources = [
        {"annee": ressource["annee"], "niveau_ressource": ressource["niveau_ressource"]}
        for ressource in mesure["ressources"]
    ]
    return {**mesure, "ressources": ressources}
