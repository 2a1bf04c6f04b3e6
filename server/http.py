"""The server over Streamable HTTP, on this machine alone."""

import sys

import uvicorn

from server.app import Server
from server.build import MISUSE

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_SESSIONS = 200
"""Clients of the older protocol eras that may be connected at once; the newer keep no session."""
LAST_WORDS = 100
"""Seconds left, when stopping, to the changes being made: longer than any may take."""


def serve(server: Server, host: str, port: int, *, stateless: bool = False) -> None:
    """Serve at `/mcp` until interrupted; refuses any host that other machines could reach.

    A server that is `stateless` keeps no session: each request may reach another instance, and the
    clients of the older eras, which are asked within a session, decide on the page instead.
    """
    if host not in LOOPBACK:
        sys.stderr.write(
            f"guichet: {host} can be reached from elsewhere, and nobody would have to sign in. "
            "Serve on 127.0.0.1.\n"
        )
        raise SystemExit(MISUSE)
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        host=host,
        max_sessions=MOST_SESSIONS,
        stateless_http=stateless,
    )
    sys.stderr.write(f"guichet: serving on http://{host}:{port}{PATH}\n")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=LAST_WORDS,
    )
