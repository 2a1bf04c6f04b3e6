"""How eMJPM fails, when it is asked to."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from server.sandbox.express import WINDOW, quota_headers
from server.sandbox.faults import Failing, reserved

REQUESTS_A_MINUTE = 360

NGINX = """<html>
<head><title>503 Service Temporarily Unavailable</title></head>
<body>
<center><h1>503 Service Temporarily Unavailable</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""
"""The service has no maintenance of its own: what stands before it answers."""


def reserved_id(rank: int) -> int:
    """The id of the mesure that asks for a fault."""
    return 999_000 + rank


def reserved_rg(rank: int) -> str:
    """Its numéro RG: the id, as long as one must be."""
    return f"{reserved_id(rank):08}"


def too_many() -> Response:
    """A sentence, declared as HTML; the pause is always a whole window."""
    sentence = "Too many requests, please try again later."
    return HTMLResponse(sentence, 429, {"Retry-After": f"{WINDOW.total_seconds():.0f}"})


def _limited(reset: datetime) -> Response:
    response = too_many()
    response.headers.update(quota_headers(REQUESTS_A_MINUTE, 0, reset))
    return response


def _closed() -> Response:
    return HTMLResponse(NGINX, 503)


def _writes(request: Request, _: bytes) -> bool:
    return request.method not in {"GET", "HEAD"}


FAILING = Failing(
    reserved=reserved(lambda rank: str(reserved_id(rank)), reserved_rg),
    limited=_limited,
    closed=_closed,
    writes=_writes,
    texts=("nom", "ville"),
)
