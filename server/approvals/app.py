"""The page's addresses: the plans that wait, one plan, and the two ways to answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.approvals import rendering
from server.approvals.passwords import Passwords, TooManyError
from server.approvals.rendering import Given, Misfit, Waiting
from server.approvals.sessions import Session, Sessions
from server.approvals.shield import Shield
from tools import refusals
from tools.guard import fits
from tools.journal import Journal, Operation
from tools.language import Say
from tools.questions import Typed
from tools.results import error

HOME = "/approvals"
STYLE = f"{HOME}/style.css"
ENTRANCE = f"{HOME}/enter"
SIGN_IN = f"{HOME}/sign-in"
OPEN_TO_ALL = {("GET", ENTRANCE), ("GET", STYLE), ("POST", SIGN_IN)}
MOST_BYTES = 64 * 1024
"""The largest form that is read."""
MOST_FIELDS = 10


def create(
    journal: Journal,
    say: Say,
    sessions: Sessions,
    origins: Sequence[str],
    passwords: Passwords | None = None,
) -> ASGIApp:
    """The page, for browsers that reach it at one of these addresses, all of one scheme and port.

    They come in with a one-time key; or with a password, if there are any.
    """
    counter = _Counter(journal, say, sessions, urlsplit(origins[0]), passwords)
    app = Starlette(
        routes=[
            Route(STYLE, _style),
            Route(ENTRANCE, counter.enter),
            Route(SIGN_IN, counter.sign_in, methods=["POST"]),
            Route(HOME, counter.waiting),
            Route(f"{HOME}/{{operation}}", counter.plan),
            Route(f"{HOME}/{{operation}}/approve", counter.approve, methods=["POST"]),
            Route(f"{HOME}/{{operation}}/refuse", counter.refuse, methods=["POST"]),
        ],
        middleware=[Middleware(_SignedIn, counter=counter)],
        exception_handlers={404: counter.not_found, 413: counter.too_large},
    )
    app.router.redirect_slashes = False
    return Shield(app, origins)


@dataclass(frozen=True, slots=True)
class _Counter:
    """Where plans are shown and answered."""

    journal: Journal
    say: Say
    sessions: Sessions
    at: SplitResult
    passwords: Passwords | None

    @property
    def cookie(self) -> str:
        """Named after the port: browsers give a port's cookies to the other ports of its host."""
        return f"guichet-{self.at.port}" if self.at.port else "guichet"

    def session(self, request: Request) -> Session | None:
        return self.sessions.find(request.cookies.get(self.cookie, ""))

    async def enter(self, request: Request) -> Response:
        """Change a key for a cookie; a browser that has one keeps it, and its forms."""
        key = self.sessions.use(request.query_params.get("key", ""))
        session = self.session(request)
        if key is None:
            return _redirect(HOME) if session else self.locked()
        response = _redirect(f"{HOME}/{key.operation}")
        if session is None or session.principal != key.principal:
            self._let_in(response, key.principal)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Change a name and a password for a cookie."""
        if self.passwords is None:
            return self.locked()
        fields = await _fields(request)
        name, password = (fields.get(field, [""])[0] for field in ("name", "password"))
        try:
            principal = await self.passwords.principal(name.strip(), password.strip())
        except TooManyError as error:
            seconds = {"Retry-After": f"{error.seconds}"}
            html = rendering.sign_in(self.say, name, too_many=True)
            return HTMLResponse(html, 429, seconds)
        if principal is None:
            return HTMLResponse(rendering.sign_in(self.say, name, wrong=True), 403)
        response = _redirect(HOME)
        self._let_in(response, principal)
        return response

    async def waiting(self, request: Request) -> Response:
        plans = await self._waiting(_session(request))
        return HTMLResponse(rendering.waiting(self.say, plans))

    async def plan(self, request: Request) -> Response:
        session, operation = _session(request), await self._operation(request)
        if self._awaits_an_answer(operation):
            return self._shown(session, operation, Given())
        return await self._decided(session, operation)

    async def approve(self, request: Request) -> Response:
        session, operation = _session(request), await self._operation(request)
        given = await _given(request)
        first = session.spend(given.token, operation.id)
        if not self._awaits_an_answer(operation):
            return await self._decided(session, operation, repeated=True)
        if misfits := self._misfits(operation, given, first=first):
            return self._shown(session, operation, given, misfits)
        agreed = await self.journal.approve(operation.id)
        return await self._answered(session, operation, counts=agreed)

    async def refuse(self, request: Request) -> Response:
        """End a plan, or take an agreement back as long as nothing was sent."""
        session, operation = _session(request), await self._operation(request)
        given = await _given(request)
        first = session.spend(given.token, operation.id)
        if not first and self._awaits_an_answer(operation):
            return self._shown(session, operation, given, (_sent_before(self.say),))
        if not first or not self.journal.is_open(operation):
            return await self._decided(session, operation, repeated=True)
        told = error(refusals.declined(self.say))
        refused = await self.journal.refuse(operation.id, "declined", told)
        return await self._answered(session, operation, counts=refused)

    async def not_found(self, request: Request, _: Exception) -> Response:
        title = self.say(fr="Page introuvable", en="Page not found")
        reason = self.say(
            fr="Il n'y a rien à cette adresse, ou plus rien.",
            en="There is nothing at this address, or nothing any more.",
        )
        return HTMLResponse(rendering.wrong(self.say, title, reason), 404)

    async def too_large(self, request: Request, _: Exception) -> Response:
        title = self.say(fr="Envoi trop long", en="Too much was sent")
        reason = self.say(
            fr="Ce qui a été envoyé est plus long que ce que cette page demande.",
            en="What was sent is longer than what this page asks for.",
        )
        return HTMLResponse(rendering.wrong(self.say, title, reason), 413)

    def locked(self) -> Response:
        shown = rendering.sign_in if self.passwords else rendering.locked
        return HTMLResponse(shown(self.say), 403)

    def _let_in(self, response: Response, principal: str) -> None:
        response.set_cookie(
            self.cookie,
            self.sessions.open(principal),
            path=HOME,
            secure=self.at.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    async def _operation(self, request: Request) -> Operation:
        """The plan at this address.

        Raises:
            HTTPException: There is none that was put to whoever asks.
        """
        found = await self.journal.find(request.path_params["operation"])
        if found is None or not found.by_page or found.principal != _session(request).principal:
            raise HTTPException(404)
        return found

    async def _waiting(self, session: Session) -> list[Waiting]:
        return [
            Waiting(operation, self.journal.asked(operation))
            for operation in await self.journal.on_page(session.principal)
            if self._awaits_an_answer(operation)
        ]

    def _awaits_an_answer(self, operation: Operation) -> bool:
        return operation.status == "pending" and self.journal.is_open(operation)

    def _misfits(self, operation: Operation, given: Given, *, first: bool) -> tuple[Misfit, ...]:
        """What keeps a form from being an agreement."""
        typed = self.journal.asked(operation).typed
        wrong = (
            None if first else _sent_before(self.say),
            None if given.agreed else _unticked(self.say),
            _mistyped(self.say, typed) if typed and not fits(typed, given.typed) else None,
        )
        return tuple(misfit for misfit in wrong if misfit)

    def _shown(
        self,
        session: Session,
        operation: Operation,
        given: Given,
        misfits: tuple[Misfit, ...] = (),
    ) -> Response:
        shown = Waiting(operation, self.journal.asked(operation))
        html = rendering.plan(self.say, shown, session.form(operation.id), given, misfits)
        return HTMLResponse(html, 422 if misfits else 200)

    async def _answered(self, session: Session, operation: Operation, *, counts: bool) -> Response:
        """To what came of the plan, by a GET: going back or reloading sends nothing again."""
        if counts:
            return _redirect(f"{HOME}/{operation.id}")
        return await self._decided(session, operation, repeated=True)

    async def _decided(
        self, session: Session, operation: Operation, *, repeated: bool = False
    ) -> Response:
        current = await self.journal.find(operation.id) or operation
        html = rendering.decided(
            self.say,
            current,
            is_open=self.journal.is_open(current),
            token=session.form(current.id),
            repeated=repeated,
            others=len(await self._waiting(session)),
        )
        return HTMLResponse(html, 409 if repeated else 200)


class _SignedIn:
    """Shows nothing but the ways in and the stylesheet to a browser that did not come in."""

    def __init__(self, app: ASGIApp, counter: _Counter) -> None:
        self._app = app
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if (request.method, request.url.path) in OPEN_TO_ALL:
            await self._app(scope, receive, send)
        elif session := self._counter.session(request):
            scope["visitor"] = session
            await self._app(scope, receive, send)
        else:
            await self._counter.locked()(scope, receive, send)


async def _style(request: Request) -> Response:
    return Response(rendering.stylesheet(), media_type="text/css")


def _session(request: Request) -> Session:
    session: Session = request.scope["visitor"]
    return session


async def _given(request: Request) -> Given:
    """The form that was sent, a field given twice counting once."""
    fields = await _fields(request)
    return Given(
        token=fields.get("token", [""])[0],
        agreed=fields.get("agreed") == ["yes"],
        typed=fields.get("typed", [""])[0],
    )


async def _fields(request: Request) -> Mapping[str, list[str]]:
    """The fields of the form that was sent.

    Raises:
        HTTPException: It is larger than any of ours.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413)
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(413) from None


def _redirect(path: str) -> Response:
    return RedirectResponse(path, 303)


def _unticked(say: Say) -> Misfit:
    return Misfit(
        "agreed",
        say(
            fr="Cochez la case si vous êtes d'accord, ou choisissez « Refuser ».",
            en="Tick the box if you agree, or choose “Refuse”.",
        ),
    )


def _mistyped(say: Say, typed: Typed) -> Misfit:
    return Misfit(
        "typed",
        say(
            fr=f"Ce n'est pas ce qui est demandé. {typed.asks} : {typed.value}.",
            en=f"This is not what is asked for. {typed.asks}: {typed.value}.",
        ),
    )


def _sent_before(say: Say) -> Misfit:
    return Misfit(
        "",
        say(
            fr="Ce formulaire a déjà servi, ou il est trop ancien. Vérifiez, puis répondez de "
            "nouveau.",
            en="This form was sent before, or is too old. Check it, then answer again.",
        ),
    )
