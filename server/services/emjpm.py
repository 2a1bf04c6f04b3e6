"""The client of eMJPM, and the sign-in of the user that it works for."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx

from clients.auth import Bearer
from clients.emjpm import SERVICE, EmjpmClient, OAuth, SignedIn
from clients.http import connected
from clients.pace import Pace
from server import instance
from server.services.ways import Common, Transports, kept
from server.settings import Application, Emjpm
from server.sign_ins import SignIn

if TYPE_CHECKING:
    from server.shared import Shared, SharedSignIn


def client(
    emjpm: Emjpm, by: Transports, stack: AsyncExitStack, common: Common, whose: str
) -> EmjpmClient:
    """The client, at the pace that the service allows."""
    auth = Bearer(emjpm.token) if emjpm.token else _signed_in(emjpm, by, stack, common, whose)
    http = connected(emjpm.address, auth=auth, transport=by.emjpm, sleep=by.sleep)
    budget = common.budget(SERVICE, emjpm.a_minute, by.clock)
    return EmjpmClient(kept(Pace(SERVICE, budget, sleep=by.sleep).keep(http), stack))


def oauth_http(emjpm: Emjpm, by: Transports) -> httpx.AsyncClient:
    """What carries the requests of OAuth, which no token authenticates."""
    return connected(emjpm.address, transport=by.emjpm, sleep=by.sleep)


def oauth(application: Application, http: httpx.AsyncClient) -> OAuth:
    return OAuth(
        http,
        authorize_url=application.authorize_url,
        client_id=application.client_id,
        client_secret=application.client_secret,
        redirect_uri=application.redirect_uri,
    )


def sign_in(
    emjpm: Emjpm, application: Application, shared: "Shared | None" = None, whose: str = ""
) -> "SignIn | SharedSignIn":
    """Where the sign-in to these addresses, with this application, is kept for this profile."""
    account = f"{emjpm.address} {application.client_id} {whose}".rstrip()
    return shared.sign_in(account) if shared else SignIn(instance.state_folder, account)


def _signed_in(
    emjpm: Emjpm, by: Transports, stack: AsyncExitStack, common: Common, whose: str
) -> httpx.Auth | None:
    """The user who signed in, or nothing if no application is there to sign in with."""
    application = emjpm.application
    if application is None:
        return None
    http = kept(oauth_http(emjpm, by), stack)
    return SignedIn(oauth(application, http), sign_in(emjpm, application, common.shared, whose))
