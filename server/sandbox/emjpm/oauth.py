"""Signing in: the page where a user consents, the code it sends, and the tokens bought with it.

A user and an editor have one pair of tokens: whatever makes a new one deletes the other.
"""

import html
import re
import secrets
from base64 import b64decode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from server.sandbox.emjpm.accounts import EDITOR, EDITOR_SECRET, USERS, User
from server.sandbox.emjpm.refusals import RefusedError, SilentError

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(hours=24)
REFRESH_LIFE = timedelta(days=14)
DIGITS = re.compile(r"[0-9]{1,9}")
FORM = "application/x-www-form-urlencoded"

PAGE = """<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>eMJPM : autorisation</title></head>
<body>
<h1>Autoriser ce logiciel métier ?</h1>
<p>eMJPM en miniature : les personnes sont inventées, choisissez celle que vous êtes.</p>
{forms}
<p><a href="{refusal}">Refuser</a></p>
</body>
</html>
"""
A_FORM = """<form method="post" action="../api/oauth/authorize">
<input type="hidden" name="response_type" value="code">
<input type="hidden" name="client_id" value="{client_id}">
<input type="hidden" name="redirect_uri" value="{redirect_uri}">
<input type="hidden" name="state" value="{state}">
<input type="hidden" name="access_token" value="{session}">
<button type="submit">Autoriser en tant que {who}</button>
</form>"""


@dataclass(frozen=True)
class Pair:
    """The tokens of a user."""

    user: User
    access: str
    access_end: datetime
    refresh: str
    refresh_end: datetime


@dataclass(frozen=True)
class Code:
    user: User
    redirect_uri: str
    end: datetime


class UnknownTokenError(Exception):
    """It was never given, or is not good any more; `reason` is what the caller is told."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Grants:
    """Every code and every pair there is, for the one editor of the sandbox."""

    def __init__(self, now: Callable[[], datetime], redirects: Collection[str]) -> None:
        self._now = now
        self._redirects = redirects
        self._codes: dict[str, Code] = {}
        self._pairs: dict[int, Pair] = {}

    def user(self, token: str) -> User:
        """Whose access token this is.

        Raises:
            UnknownTokenError: Nobody's, or not any more.
        """
        if token in USERS:
            return USERS[token]
        pair = next((pair for pair in self._pairs.values() if pair.access == token), None)
        if pair is None:
            raise UnknownTokenError("access token is invalid")
        if pair.access_end <= self._now():
            raise UnknownTokenError("access token has expired")
        return pair.user

    def revoke(self, user: User = USERS["sandbox"]) -> None:
        """What the user does in the web application: the pair is deleted."""
        self._pairs.pop(user.id, None)

    async def page(self, request: Request) -> Response:
        """Where the user consents, or not; the page makes up the state it is not given."""
        asked = request.query_params
        client_id, redirect_uri = asked.get("client_id", ""), asked.get("redirect_uri", "")
        known = {
            "client_id": html.escape(client_id),
            "redirect_uri": html.escape(redirect_uri),
            "state": html.escape(asked.get("state") or secrets.token_hex(8)),
        }
        forms = [A_FORM.format(**known, session=s, who=_named(user)) for s, user in USERS.items()]
        refusal = html.escape(f"{redirect_uri}?{DENIED}") if self._registered(redirect_uri) else "#"
        return HTMLResponse(PAGE.format(forms="\n".join(forms), refusal=refusal))

    async def authorize(self, request: Request) -> Response:
        """Send the browser back with a code, to the address registered for the editor."""
        form = await request.form()
        client_id, redirect_uri = _sent(form, "client_id"), _sent(form, "redirect_uri")
        if not DIGITS.fullmatch(client_id):
            raise SilentError
        if int(client_id) != EDITOR or not self._registered(redirect_uri):
            what = "Invalid client: `redirect_uri` does not match client value"
            raise _oauth("invalid_client", what)
        user = USERS.get(_sent(form, "access_token"))
        if user is None:
            return Response("Unauthorized", 401)
        if not _sent(form, "state"):
            raise _oauth("invalid_request", "Missing parameter: `state`")
        code = secrets.token_hex(20)
        self._codes[code] = Code(user, redirect_uri, self._now() + CODE_LIFE)
        back = urlencode({"code": code, "state": _sent(form, "state")})
        return RedirectResponse(f"{redirect_uri}?{back}", 302)

    async def token(self, request: Request) -> Response:
        """A new pair, for a code or for a refresh token."""
        if request.headers.get("content-type", "").partition(";")[0] != FORM:
            raise _oauth("invalid_request", f"Invalid request: content must be {FORM}")
        form = await request.form()
        _check_client(form, request.headers.get("authorization", ""))
        match _sent(form, "grant_type"):
            case "":
                raise _oauth("invalid_request", "Missing parameter: `grant_type`")
            case "authorization_code":
                user = self._of_code(form)
            case "refresh_token":
                user = self._of_refresh(form)
            case _:
                raise _oauth(
                    "unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid"
                )
        return self._issued(user)

    def _registered(self, redirect_uri: str) -> bool:
        return redirect_uri in self._redirects

    def _of_code(self, form: FormData) -> User:
        """A code is good for five minutes, and as often as it is sent."""
        if not _sent(form, "code"):
            raise _oauth("invalid_request", "Missing parameter: `code`")
        code = self._codes.get(_sent(form, "code"))
        if code is None:
            told = "Cannot read properties of undefined (reading 'client_id')"
            raise RefusedError({"error": "server_error", "error_description": told}, 503)
        if code.end <= self._now():
            raise _oauth("invalid_grant", "Invalid grant: authorization code has expired")
        if _sent(form, "redirect_uri") != code.redirect_uri:
            raise _oauth("invalid_request", "Invalid request: `redirect_uri` is invalid")
        return code.user

    def _of_refresh(self, form: FormData) -> User:
        """A refresh token is good once."""
        refresh = _sent(form, "refresh_token")
        if not refresh:
            raise _oauth("invalid_request", "Missing parameter: `refresh_token`")
        pair = next((pair for pair in self._pairs.values() if pair.refresh == refresh), None)
        if pair is None:
            raise _oauth("invalid_grant", "Invalid grant: refresh token is invalid")
        if pair.refresh_end <= self._now():
            raise _oauth("invalid_grant", "Invalid grant: refresh token has expired")
        return pair.user

    def _issued(self, user: User) -> Response:
        now = self._now()
        pair = Pair(
            user,
            access=secrets.token_hex(20),
            access_end=now + ACCESS_LIFE,
            refresh=secrets.token_hex(20),
            refresh_end=now + REFRESH_LIFE,
        )
        self._pairs[user.id] = pair
        document = {
            "access_token": pair.access,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "refresh_token": pair.refresh,
        }
        return JSONResponse(document, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


DENIED = "error_reason=user_denied&error=access_denied&error_description=Permissions+error"
"""What a refusal comes back with: no state."""


def _check_client(form: FormData, authorization: str) -> None:
    """The editor's id and secret, in the body or by Basic.

    Raises:
        RefusedError: They are not those of an editor.
    """
    basic = authorization.removeprefix("Basic ") if authorization.startswith("Basic ") else ""
    status = 401 if basic else 400
    if basic:
        client_id, _, secret = b64decode(basic).decode().partition(":")
    else:
        client_id, secret = _sent(form, "client_id"), _sent(form, "client_secret")
    if not (client_id and secret):
        raise _oauth("invalid_client", "Invalid client: cannot retrieve client credentials", status)
    if not DIGITS.fullmatch(client_id):
        told = "invalid input syntax for type integer"
        raise RefusedError({"error": "server_error", "error_description": told}, 503)
    if (int(client_id), secret) != (EDITOR, EDITOR_SECRET):
        raise _oauth("invalid_client", "Invalid client: client is invalid", status)


def _sent(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _named(user: User) -> str:
    return html.escape(f"{user.prenom} {user.nom} ({user.type}, {user.email})")


def _oauth(error: str, description: str, status: int = 400) -> RefusedError:
    return RefusedError({"error": error, "error_description": description}, status)
