"""The page's addresses: the plans that wait, one plan, and the two ways to answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qs, urlsplit

from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from clients import ApiError
from server.approvals import rendering
from server.approvals.code_flow import LASTS, CodeFlow
from server.approvals.passwords import Passwords, TooManyError
from server.approvals.rendering import Given, Misfit, Trouble, Waiting
from server.approvals.sessions import Session, Sessions
from server.approvals.shield import Shield
from server.approvals.visits import Visit, Visits
from server.approvers import Approvers
from server.callers import UnknowableError
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
TO_ISSUER = f"{SIGN_IN}/issuer"
FROM_ISSUER = f"{SIGN_IN}/back"
"""Where the issuer sends browsers back: what it is told to allow."""
OPEN_TO_ALL = {
    ("GET", ENTRANCE),
    ("GET", STYLE),
    ("POST", SIGN_IN),
    ("GET", TO_ISSUER),
    ("GET", FROM_ISSUER),
}
MOST_BYTES = 64 * 1024
"""The largest form that is read."""
MOST_FIELDS = 10


Came = Session | Visit
"""A browser that came in."""


@dataclass(frozen=True, slots=True)
class Door:
    """How people come in where no browser can be opened for them."""

    passwords: Passwords
    flow: CodeFlow | None


def create(
    journal: Journal,
    say: Say,
    sessions: Sessions | Visits,
    origins: Sequence[str],
    door: Door | None = None,
    approvers: Approvers | None = None,
) -> ASGIApp:
    """The page, for browsers that reach it at one of these addresses, all of one scheme and port.

    They come in with a one-time key; or by signing in, if there is a door.
    """
    counter = _Counter(journal, say, sessions, urlsplit(origins[0]), door, approvers)
    app = Starlette(
        routes=[
            Route(STYLE, _style),
            Route(ENTRANCE, counter.enter),
            Route(SIGN_IN, counter.sign_in, methods=["POST"]),
            Route(TO_ISSUER, counter.leave),
            Route(FROM_ISSUER, counter.come_back),
            Route(HOME, counter.waiting),
            Route(f"{HOME}/{{operation}}", counter.plan),
            Route(f"{HOME}/{{operation}}/approve", counter.approve, methods=["POST"]),
            Route(f"{HOME}/{{operation}}/refuse", counter.refuse, methods=["POST"]),
        ],
        middleware=[Middleware(_SignedIn, counter=counter)],
        exception_handlers={
            404: counter.not_found,
            413: counter.too_large,
            ToolError: counter.unusable,
        },
    )
    app.router.redirect_slashes = False
    return Shield(app, origins)


@dataclass(frozen=True, slots=True)
class _Counter:
    """Where plans are shown and answered."""

    journal: Journal
    say: Say
    sessions: Sessions | Visits
    at: SplitResult
    door: Door | None
    approvers: Approvers | None

    @property
    def cookie(self) -> str:
        """Named after the port: browsers give a port's cookies to the other ports of its host."""
        return f"guichet-{self.at.port}" if self.at.port else "guichet"

    @property
    def attempt(self) -> str:
        """The cookie of a browser that was sent to the issuer."""
        return f"{self.cookie}-sign-in"

    def session(self, request: Request) -> Came | None:
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
        if self.door is None:
            return self.locked()
        fields = await _fields(request)
        name, password = (fields.get(field, [""])[0].strip() for field in ("name", "password"))
        try:
            principal = await self.door.passwords.principal(name, password)
        except TooManyError as error:
            refusal = self._shut(429, name, "too_many")
            refusal.headers["Retry-After"] = f"{error.seconds}"
            return refusal
        if principal is None:
            return self._shut(403, name, "wrong")
        response = _redirect(HOME)
        self._let_in(response, principal)
        return response

    async def leave(self, request: Request) -> Response:
        """Send a browser to the issuer, with what it must bring back."""
        if self.door is None or self.door.flow is None:
            return self.locked()
        try:
            place, kept = await self.door.flow.begun()
        except UnknowableError:
            return self._shut(503, trouble="issuer")
        response = _redirect(place)
        self._keep(response, self.attempt, kept, path=SIGN_IN, same_site="lax", lasts=LASTS)
        return response

    async def come_back(self, request: Request) -> Response:
        """Change the issuer's answer for a cookie."""
        if self.door is None or self.door.flow is None:
            return self.locked()
        kept = request.cookies.get(self.attempt, "")
        try:
            principal = await self.door.flow.principal(kept, dict(request.query_params))
        except (ApiError, UnknowableError):
            return self._shut(503, trouble="issuer")
        if principal is None:
            return self._shut(403, trouble="issuer")
        response = HTMLResponse(rendering.signed_in(self.say))
        response.delete_cookie(self.attempt, path=SIGN_IN)
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
        if self._is_for_another(session, operation):
            return self._not_alone()
        if not self._awaits_an_answer(operation):
            return await self._decided(session, operation, repeated=True)
        asked = self.journal.asked(operation)
        if asked is None:
            return self._unreadable()
        if misfits := self._misfits(asked.typed, given, first=first):
            return self._shown(session, operation, given, misfits)
        agreed = await self.journal.approve(operation.id, by=_other(session, operation))
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
        by = _other(session, operation)
        refused = await self.journal.decline(operation, told, by=by)
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

    async def unusable(self, request: Request, _: Exception) -> Response:
        """What is said while the ledger cannot be read, or written."""
        title = self.say(fr="Le journal ne répond pas", en="The journal does not answer")
        reason = self.say(
            fr="Rien ne dit si votre réponse, s'il y en avait une, est enregistrée. Rouvrez cette "
            "demande dans un instant : elle montrera où elle en est.",
            en="Nothing tells whether your answer, if there was one, is recorded. Open this plan "
            "again in a moment: it will show where it stands.",
        )
        return HTMLResponse(rendering.wrong(self.say, title, reason), 503)

    def locked(self) -> Response:
        return self._shut(403) if self.door else HTMLResponse(rendering.locked(self.say), 403)

    def _shut(self, status: int, name: str = "", trouble: Trouble = "") -> Response:
        """The ways to sign in, and what went wrong with one of them."""
        html = rendering.sign_in(
            self.say,
            by_password=bool(self.door and self.door.passwords),
            by_issuer=bool(self.door and self.door.flow),
            name=name,
            trouble=trouble,
        )
        return HTMLResponse(html, status)

    def _let_in(self, response: Response, principal: str) -> None:
        self._keep(response, self.cookie, self.sessions.open(principal), path=HOME)

    def _keep(
        self,
        response: Response,
        cookie: str,
        secret: str,
        *,
        path: str,
        same_site: Literal["lax", "strict"] = "strict",
        lasts: int | None = None,
    ) -> None:
        response.set_cookie(
            cookie,
            secret,
            lasts,
            path=path,
            secure=self.at.scheme == "https",
            httponly=True,
            samesite=same_site,
        )

    async def _operation(self, request: Request) -> Operation:
        """The plan at this address.

        Raises:
            HTTPException: There is none that whoever asks may see.
        """
        found = await self.journal.find(request.path_params["operation"])
        session = _session(request)
        if found is None or not found.by_page or not self._may_see(session, found):
            raise HTTPException(404)
        return found

    def _may_see(self, session: Came, operation: Operation) -> bool:
        return not _other(session, operation) or self._sees_of_others(session, operation)

    def _sees_of_others(self, session: Came, operation: Operation) -> bool:
        listed = operation.tool in self._decides_on(session)
        together = self.approvers and self.approvers.together(
            session.principal, operation.principal
        )
        return listed and bool(together)

    def _decides_on(self, session: Came) -> frozenset[str]:
        """The tools of which whoever came in decides on what others ask for."""
        return self.approvers.tools(session.principal) if self.approvers else frozenset()

    def _is_for_another(self, session: Came, operation: Operation) -> bool:
        """Whether it takes somebody else than whoever came in to agree."""
        needed = self.approvers and self.approvers.needs_another(operation.tool)
        return bool(needed) and not _other(session, operation)

    def _not_alone(self) -> Response:
        title = self.say(fr="Une autre personne doit décider", en="Another person must decide")
        reason = self.say(
            fr="Vous l'avez demandé : votre accord ne suffit pas. Rien n'a été enregistré.",
            en="You asked for it: your agreement is not enough. Nothing was recorded.",
        )
        return HTMLResponse(rendering.wrong(self.say, title, reason), 403)

    def _unreadable(self) -> Response:
        """What is said in the place of a plan that nobody can read any more."""
        title = self.say(
            fr="Cette demande ne peut pas être montrée", en="This request cannot be shown"
        )
        return HTMLResponse(rendering.wrong(self.say, title, rendering.unreadable(self.say)), 410)

    async def _waiting(self, session: Came) -> list[Waiting]:
        own = await self.journal.on_page(session.principal)
        tools = self._decides_on(session)
        others = await self.journal.others_on_page(session.principal, tools) if tools else []
        theirs = [each for each in others if self._sees_of_others(session, each)]
        return [
            self._presented(session, operation)
            for operation in (*own, *theirs)
            if self._awaits_an_answer(operation)
        ]

    def _presented(self, session: Came, operation: Operation) -> Waiting:
        return Waiting(
            operation,
            self.journal.asked(operation),
            asker=operation.principal if _other(session, operation) else "",
            for_another=self._is_for_another(session, operation),
        )

    def _awaits_an_answer(self, operation: Operation) -> bool:
        return operation.status == "pending" and self.journal.is_open(operation)

    def _misfits(self, typed: Typed | None, given: Given, *, first: bool) -> tuple[Misfit, ...]:
        """What keeps a form from being an agreement."""
        wrong = (
            None if first else _sent_before(self.say),
            None if given.agreed else _unticked(self.say),
            _mistyped(self.say, typed) if typed and not fits(typed, given.typed) else None,
        )
        return tuple(misfit for misfit in wrong if misfit)

    def _shown(
        self,
        session: Came,
        operation: Operation,
        given: Given,
        misfits: tuple[Misfit, ...] = (),
    ) -> Response:
        shown = self._presented(session, operation)
        if shown.asked is None:
            return self._unreadable()
        html = rendering.plan(self.say, shown, session.form(operation.id), given, misfits)
        return HTMLResponse(html, 422 if misfits else 200)

    async def _answered(self, session: Came, operation: Operation, *, counts: bool) -> Response:
        """To what came of the plan, by a GET: going back or reloading sends nothing again."""
        if counts:
            return _redirect(f"{HOME}/{operation.id}")
        return await self._decided(session, operation, repeated=True)

    async def _decided(
        self, session: Came, operation: Operation, *, repeated: bool = False
    ) -> Response:
        current = await self.journal.find(operation.id) or operation
        html = rendering.decided(
            self.say,
            current,
            is_open=self.journal.is_open(current),
            token=session.form(current.id),
            repeated=repeated,
            others=len(await self._waiting(session)),
            asker=current.principal if _other(session, current) else "",
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


def _session(request: Request) -> Came:
    session: Came = request.scope["visitor"]
    return session


def _other(session: Came, operation: Operation) -> str:
    """Whoever came in, if it is not they who asked; empty if it is."""
    return "" if session.principal == operation.principal else session.principal


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
