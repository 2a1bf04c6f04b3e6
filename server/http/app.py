"""What is served, and what each request goes through before it is."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from functools import partial
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from server import callers
from server.app import Connect, Server
from server.approvals.app import HOME
from server.approvals.app import MOST_BYTES as MOST_FORM_BYTES
from server.build import build, offered
from server.callers import CALLER
from server.http import messages
from server.http.bearer import Bearer, Challenge
from server.http.gate import LOOPBACK, Gate, Whole
from server.http.profiles import Profiles
from server.http.reception import Reception, SignedIn
from server.http.streams import Streams
from server.settings import Settings
from tools import Tool
from tools.sealing import Seal

PATH = "/mcp"
METADATA = f"/.well-known/oauth-protected-resource{PATH}"
"""Where a client learns who gives tokens for that path (RFC 9728)."""
MOST_SESSIONS = 1000
"""Clients of the older protocol eras that may be connected at once; the newer keep no session.

Where there are profiles, each may have as many.
"""
IDLE = 900.0
"""Seconds after which a session that asks nothing is closed."""

Run = Callable[[], AbstractAsyncContextManager[None]]
"""Opens what is served."""
Ways = dict[str, ASGIApp]
"""What answers at each path."""


def create(
    settings: Settings, connect: Connect, seal: Seal, host: str, port: int, streams: Streams
) -> Starlette:
    """The whole server, for requests that are sent to one of its names.

    Sessions are kept in this process: the clients of the older eras are asked through theirs.
    """
    reception = Reception(connect)
    chosen = _for_a_team if settings.authenticates else _for_this_machine
    run, ways = chosen(settings, reception.connected, seal, address(settings, host, port))
    names = _names(settings, host)
    ways[PATH] = streams.over(ways[PATH])
    served = Starlette(
        routes=[
            Route("/healthz", reception.alive),
            Route("/readyz", reception.ready),
            *(Route(path, Gate(app, names)) for path, app in ways.items()),
        ],
        lifespan=lambda _: run(),
    )
    # It would send a token on in clear, from behind a proxy, and to whatever Host says.
    served.router.redirect_slashes = False
    return served


def address(settings: Settings, host: str, port: int) -> str:
    """Where clients reach the server."""
    return settings.http.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _for_this_machine(settings: Settings, connect: Connect, seal: Seal, _: str) -> tuple[Run, Ways]:
    """A server for whoever runs it: nobody signs in."""
    server = build(settings, connect, seal)
    transport = _transport(server, settings)
    ways: Ways = {PATH: Whole(transport, messages.MOST_BYTES, messages.refusal)}
    return server.session_manager.run, ways


def _for_a_team(settings: Settings, connect: Connect, seal: Seal, at: str) -> tuple[Run, Ways]:
    """Servers whose callers say who they are, each with what they may do and their own journal."""
    resource, issuer = f"{at}{PATH}", settings.oidc.issuer
    signed_in = SignedIn(settings, connect, at, resource)
    offers = [settings.of_profile(name) for name in settings.profiles] or [settings]
    tools = [tool for each in offers for tool in offered(each)]
    challenge = Challenge(callers.widest(tools), f"{at}{METADATA}" if issuer else "")
    front = partial(_front, challenge)
    if settings.profiles:
        called = Profiles(settings, signed_in.connected, seal, front)
        run = called.run
    else:
        server = build(settings, signed_in.connected, seal, callers.may)
        called, run = front(settings, server), server.session_manager.run
    page = Whole(signed_in, MOST_FORM_BYTES)
    ways: Ways = {
        PATH: Bearer(called, signed_in.recognised, challenge),
        HOME: page,
        f"{HOME}/{{rest:path}}": page,
    }
    if issuer:
        ways[METADATA] = JSONResponse(
            {
                "resource": resource,
                "resource_name": "Guichet",
                "authorization_servers": [issuer],
                "scopes_supported": challenge.scopes,
                "bearer_methods_supported": ["header"],
            }
        )
    return run, ways


def _front(challenge: Challenge, settings: Settings, server: Server) -> ASGIApp:
    """What the calls of those who are recognised go through."""
    forbids = partial(_forbidden, offered(settings), challenge)
    check = partial(messages.refusal, forbids=forbids)
    return Whole(_transport(server, settings), messages.MOST_BYTES, check)


def _forbidden(tools: Collection[Tool], challenge: Challenge, name: str) -> Response | None:
    """The refusal of a call that its caller may not make: it says which scope to ask for.

    The server refuses the call by itself, but says there that no such tool is offered.
    """
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None or CALLER.get().may(tool):
        return None
    return challenge.forbidden(callers.scope_of(tool))


def _transport(server: Server, settings: Settings) -> ASGIApp:
    """The protocol; Host and Origin are the gate's."""
    return server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=messages.MOST_BYTES,
        max_sessions=MOST_SESSIONS,
        stateless_http=settings.http.stateless,
        session_idle_timeout=IDLE,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )


def _names(settings: Settings, host: str) -> frozenset[str]:
    """What the server may be called."""
    public = urlsplit(settings.http.public_url or "").hostname or ""
    given = {name.strip("[]") for name in settings.http.allowed_hosts}
    own = LOOPBACK if host in LOOPBACK else ()
    return frozenset({public, *given, *own} - {""})
