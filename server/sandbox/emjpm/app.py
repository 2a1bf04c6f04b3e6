"""The routes for editors, and what each answers."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from server.sandbox.emjpm.door import Quota, authenticate, not_found
from server.sandbox.emjpm.mesures import Mesure, rows
from server.sandbox.emjpm.places import ANTENNES, TRIBUNAUX

INTEGER = re.compile(r"-?[0-9]{1,10}")
LARGEST_ID = 2**31 - 1
"""Identifiers are 32-bit integers in the database, which refuses any other."""


def create(*, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """A fresh service, whose one user is a service of mandataires."""
    service = _Service()
    editors = _express(
        [
            Route("/mesures", service.mesures),
            Route("/mesures/{id}", service.mesure),
            Route("/service-antennes", service.antennes),
            Route("/tribunaux", service.tribunaux),
        ],
        door=[
            Middleware(BaseHTTPMiddleware, dispatch=Quota(now)),
            Middleware(BaseHTTPMiddleware, dispatch=authenticate),
        ],
    )
    return _express([Mount("/api/editors", editors)])


class _Service:
    """The service of the token's user, and its mesures."""

    def __init__(self) -> None:
        self._rows = rows()

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
        row = self._rows.get(int(number))
        return JSONResponse(row.mesure) if row else Response(status_code=404)

    async def antennes(self, _: Request) -> Response:
        return JSONResponse({"antennes": ANTENNES})

    async def tribunaux(self, _: Request) -> Response:
        return JSONResponse({"tribunaux": TRIBUNAUX})


def _express(routes: Sequence[BaseRoute], *, door: Sequence[Middleware] = ()) -> Starlette:
    """An application whose pages for what is not routed are Express's, redirecting nobody."""
    pages = {404: not_found, 405: not_found}
    app = Starlette(routes=routes, middleware=door, exception_handlers=pages)
    app.router.redirect_slashes = False
    return app


def _listed(mesure: Mesure) -> dict[str, object]:
    """A mesure as the list shows it: prestations sociales are only told one by one."""
    ressources = [
        {"annee": ressource["annee"], "niveau_ressource": ressource["niveau_ressource"]}
        for ressource in mesure["ressources"]
    ]
    return {**mesure, "ressources": ressources}
