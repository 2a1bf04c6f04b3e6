"""A real authorization server, on authlib, for the tests to get tokens from and to forge them."""
# pyright: basic
# (authlib has no types)

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import anyio
import httpx
import jwt
from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    AuthorizationCodeMixin,
    ClientCredentialsGrant,
    ClientMixin,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import OpenIDCode
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.support import listening

Key = RSAKey | ECKey


def rsa(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "alg": "RS256", "use": "sig"}, auto_kid=False)


@dataclass
class Issuer:
    """An issuer of tokens to clients that know their secret, `secret`."""

    audience: str
    key: Key = field(default_factory=lambda: rsa("first"))
    address: str = ""
    person: str = "camille"
    """Who is signed in there, and agrees to whatever is asked."""
    asks: bool = False
    """Whether they have to say so on a page of its own, as they would."""
    codes: dict[str, Any] = field(default_factory=dict)
    down: bool = False
    held: anyio.Event | None = None
    """What its answers wait for."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""

    async def token(self, client: str, scope: str) -> str:
        """A token for a client, as it would ask for it."""
        fields = {"grant_type": "client_credentials", "scope": scope}
        async with httpx.AsyncClient(auth=(client, "secret")) as http:
            answer = await http.post(f"{self.address}/token", data=fields)
        return answer.raise_for_status().json()["access_token"]

    def signed(self, key: Key | None = None, *, alg: str = "RS256", **claims: Any) -> str:
        """A token that says anything; a claim that is None is left out."""
        usual = {
            "iss": self.address,
            "aud": self.audience,
            "exp": int(time.time()) + 60,
            "sub": "camille",
            "scope": "read write",
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        key = key or self.key
        return jwt.encode(said, key.as_pem(private=True), alg, headers={"kid": key.kid})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if self.held:
            await self.held.wait()
        if self.down:
            return Response(status_code=500)
        return JSONResponse(
            {
                "issuer": self.address,
                "jwks_uri": f"{self.address}/keys",
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
            }
        )

    async def _keys(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        server, asked = self._server(), (request, dict(request.query_params))
        grant = server.get_consent_grant(asked)
        answer: Any = server.create_authorization_response(grant.request, _User(self.person), grant)
        place = escape(answer.headers["location"])
        return HTMLResponse(f'<a id="yes" href="{place}">Yes</a>') if self.asks else answer

    async def _token(self, request: Request) -> Response:
        asked = (request, dict(await request.form()))
        answer: Any = self._server().create_token_response(asked)
        return answer

    def _server(self) -> "_Server":
        server = _Server()
        server.register_grant(ClientCredentialsGrant)
        server.register_grant(_CodeGrant, [CodeChallenge(required=True), _IdTokens(self)])
        server.register_token_generator("default", _Tokens(self))
        server.codes = self.codes
        return server


@asynccontextmanager
async def issuing(audience: str) -> AsyncGenerator[Issuer]:
    """An issuer that listens for as long as the block runs."""
    issuer = Issuer(audience)
    async with listening(issuer.app()) as issuer.address:
        yield issuer


class _Client(ClientMixin):
    def __init__(self, name: str) -> None:
        self.name = name

    def get_client_id(self) -> str:
        return self.name

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == "secret"

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == ("none" if self.name == "page" else "client_secret_basic")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"client_credentials", "authorization_code"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri.endswith("/approvals/sign-in/back")


@dataclass
class _User:
    name: str

    def get_user_id(self) -> str:
        return self.name


@dataclass
class _Code(AuthorizationCodeMixin):
    """A code, and what it was given for."""

    user: _User
    asked: dict[str, str]

    def get_redirect_uri(self) -> str:
        return self.asked["redirect_uri"]

    def get_scope(self) -> str:
        return self.asked["scope"]

    def get_nonce(self) -> str:
        return self.asked["nonce"]

    def get_auth_time(self) -> None:
        return None

    get_acr = get_amr = get_auth_time

    @property
    def code_challenge(self) -> str:
        return self.asked["code_challenge"]

    @property
    def code_challenge_method(self) -> str:
        return self.asked["code_challenge_method"]


class _CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012  (as authlib has it)

    def save_authorization_code(self, code: str, request: Any) -> None:
        self.server.codes[code] = _Code(request.user, request.payload.data)

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        found = self.server.codes.get(code)
        return found if found and found.asked["client_id"] == client.name else None

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        codes = self.server.codes
        for code in [code for code, kept in codes.items() if kept is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code: _Code) -> _User:
        return authorization_code.user


class _IdTokens(OpenIDCode):
    def __init__(self, issuer: Issuer) -> None:
        super().__init__(require_nonce=True)
        self._of = issuer

    def exists_nonce(self, nonce: str, request: object) -> bool:
        return False

    def generate_user_info(self, user: _User, scope: str) -> dict[str, str]:
        return {"sub": user.name}

    def resolve_client_private_key(self, client: object) -> dict[str, Any]:
        return self._of.key.as_dict(private=True)

    def get_client_claims(self, client: _Client) -> dict[str, Any]:
        return {"iss": self._of.address, "aud": client.name}


class _Asked(OAuth2Request):
    @property
    def form(self) -> dict[str, str]:
        return self.payload.data if self.payload else {}

    args = form


class _Server(AuthorizationServer):
    codes: dict[str, _Code]

    def query_client(self, client_id: str) -> _Client:
        return _Client(client_id)

    def save_token(self, token: object, request: object) -> None:
        """A JWT need not be kept."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: tuple[Request, dict[str, Any]]) -> OAuth2Request:
        came, form = request
        made = _Asked(came.method, str(came.url), headers=came.headers)
        made.payload = BasicOAuth2Payload(form)
        return made

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]):
        return Response(json.dumps(body) if body else "", status, dict(headers))


class _Tokens(JWTBearerTokenGenerator):
    def __init__(self, issuer: Issuer) -> None:
        super().__init__(issuer.address)
        self._of = issuer

    def get_jwks(self) -> dict[str, Any]:
        return self._of.key.as_dict(private=True)

    def get_audiences(self, client: object, user: object, scope: str) -> str:
        return self._of.audience
