"""A user who signed in to eMJPM in miniature, and a count of the tokens that it gave."""

from datetime import datetime

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clients.emjpm import Pair


class Counting:
    """The service, and what it answers to those who ask for tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.tokens: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"].endswith("/oauth/token"):
                self.tokens.append(message["status"])
            await send(message)

        await self._app(scope, receive, sending)


async def consented(app: Starlette, now: datetime) -> Pair:
    """A pair, as a user's consent gives one."""
    transport = httpx.ASGITransport(app=app)
    callback = "http://127.0.0.1:8767/emjpm"
    asked = {"client_id": "7", "redirect_uri": callback, "state": "x", "access_token": "sandbox"}
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
        agreed = await http.post("/api/oauth/authorize", data=asked)
        code = httpx.URL(agreed.headers["location"]).params["code"]
        form = {"client_id": "7", "client_secret": "sandbox", "redirect_uri": callback}
        form |= {"grant_type": "authorization_code", "code": code}
        given = (await http.post("/api/oauth/token", data=form)).json()
    return Pair.model_validate({**given, "end": now.timestamp() + 10**9})
