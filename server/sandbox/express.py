"""What two of the services owe to Express and its rate limiter, before any rule of their own."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

WINDOW = timedelta(minutes=1)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Error</title>
</head>
<body>
<pre>Cannot {asked}</pre>
</body>
</html>
"""


def application(routes: Sequence[BaseRoute], *, middleware: Sequence[Middleware] = ()) -> Starlette:
    """An application whose pages for what is not routed are Express's, redirecting nobody."""
    pages = {404: not_found, 405: not_found}
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=pages)
    app.router.redirect_slashes = False
    return app


async def not_found(request: Request, _: Exception) -> Response:
    """The page for a path or a method that is not routed: Express knows no 405."""
    asked = html.escape(f"{request.method} {request.url.path}")
    return HTMLResponse(PAGE.format(asked=asked), status_code=404)


@dataclass(frozen=True)
class Quota:
    """Where a caller stands, and the headers that say so."""

    exceeded: bool
    seconds_left: int
    """Until the window ends."""
    headers: dict[str, str]


class RateLimit:
    """So many requests a window, counted from the first one; here, everyone is one caller."""

    def __init__(self, limit: int, now: Callable[[], datetime], window: timedelta = WINDOW) -> None:
        self._limit = limit
        self._now = now
        self._window = window
        self._count = 0
        self._reset = now()

    def count(self) -> Quota:
        """One more request."""
        now = self._now()
        if now >= self._reset:
            self._count, self._reset = 0, now + self._window
        self._count += 1
        return Quota(
            exceeded=self._count > self._limit,
            seconds_left=math.ceil((self._reset - now).total_seconds()),
            headers=quota_headers(self._limit, max(0, self._limit - self._count), self._reset),
        )


def quota_headers(limit: int, remaining: int, reset: datetime) -> dict[str, str]:
    """The limiter's headers: the reset is in epoch seconds, whatever documentation says."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(reset.timestamp())),
    }
