"""`guichet login` and `guichet logout`: letting Guichet act on eMJPM as oneself, or no more."""

import secrets
from typing import TYPE_CHECKING

import anyio
import typer

from clients.emjpm import LOGIN, OAuth
from clients.errors import ApiError
from server import connect, instance
from server.approvals.browser import open_browser
from server.build import MISUSE, configured
from server.callback import Callback, NoCodeError, code_in, receives
from server.services import emjpm as services
from server.services.ways import Transports
from server.settings import Application, Emjpm, Settings
from server.sign_ins import Place, SignIn
from tools.language import speaking

if TYPE_CHECKING:
    from server.shared import SharedSignIn

FAILED = 1
"""The exit code when nobody is signed in after all."""
PATIENCE = 600.0
"""Seconds that a person has to agree in their browser."""
STATE_BYTES = 32

KEPT: dict[Place, str] = {
    "keyring": "in the system's keyring",
    "file": "in a file that you alone can read",
    "database": "in the database of GUICHET_STATE_URL, sealed",
}


def sign_in(*, paste: bool, profile: str) -> int:
    """Have the person agree on eMJPM's page, and keep what that is worth."""
    settings, application = _application(profile)
    try:
        place = anyio.run(_signing_in, settings, application, paste, profile)
    except (ApiError, NoCodeError) as error:
        return _failure(f"{error}")
    except OSError as error:
        told = f"the redirection address cannot be listened at ({type(error).__name__})."
        return _failure(f"{told} Free its port, or run `{LOGIN} --paste`.")
    emjpm = settings.emjpm
    where = "at GUICHET_EMJPM_URL" if emjpm.url else emjpm.environment
    typer.echo(f"Signed in to eMJPM ({where}). It is kept {KEPT[place]}.")
    return 0


def sign_out(*, profile: str) -> int:
    """Forget what is kept."""
    settings, application = _application(profile)
    try:
        was_kept = anyio.run(_forgetting, settings, application, profile)
    except ApiError as error:
        return _failure(f"{error}")
    if not was_kept:
        typer.echo("Nobody is signed in to eMJPM here.")
        return 0
    where = "everywhere that shares the database" if settings.shares_state else "on this machine"
    typer.echo(f"Signed out of eMJPM {where}. To revoke the access, use your eMJPM account.")
    return 0


async def _forgetting(settings: Settings, application: Application, profile: str) -> bool:
    """Whether there was anything to forget."""
    async with connect.shared_state(settings, instance.seal(settings)) as shared:
        kept = services.sign_in(settings.emjpm, application, shared, profile)
        if kept.place() is None:
            return False
        async with kept.alone():
            await kept.forget()
        return True


async def _signing_in(
    settings: Settings,
    application: Application,
    paste: bool,  # noqa: FBT001  (anyio.run names nothing)
    profile: str,
) -> Place:
    emjpm = settings.emjpm
    async with services.oauth_http(emjpm, Transports()) as http:
        oauth = services.oauth(application, http)
        if paste or not receives(application.redirect_uri):
            code = await _pasted(oauth)
        else:
            code = await _received(oauth, application.redirect_uri, settings)
        async with connect.shared_state(settings, instance.seal(settings)) as shared:
            kept = services.sign_in(emjpm, application, shared, profile)
            return await _kept(oauth, code, kept)


async def _received(oauth: OAuth, redirect_uri: str, settings: Settings) -> str:
    """The code, as the person's browser brings it."""
    state = secrets.token_urlsafe(STATE_BYTES)
    callback = Callback(redirect_uri, state, speaking(settings.language))
    async with callback.listening():
        page = oauth.consent_page(state)
        typer.echo(f"Agree on eMJPM's page, in your browser. If it does not open:\n{page}")
        await open_browser(page)
        await callback.answered(within=PATIENCE)
    return callback.code()


async def _pasted(oauth: OAuth) -> str:
    """The code, in the address that the person copies from any browser."""
    state = secrets.token_urlsafe(STATE_BYTES)
    typer.echo(f"Open this page in a browser, and agree there:\n{oauth.consent_page(state)}")
    typer.echo("It then goes to an address that may not load: copy that address, whole.")
    address = typer.prompt("Paste it here (nothing is shown)", hide_input=True)
    return code_in(address, state)


async def _kept(oauth: OAuth, code: str, kept: "SignIn | SharedSignIn") -> Place:
    """Change the code for a pair, and keep it: no other process may renew the last one then."""
    async with kept.alone():
        return await kept.begin(await oauth.exchange(code))


def _application(profile: str) -> tuple[Settings, Application]:
    """The settings, and the application to sign in with; leaves if there is none."""
    settings = configured(sandbox=False, read_only=False)
    if profile and profile not in settings.profiles:
        _failure(f"there is no profile {profile!r} in GUICHET_PROFILES.")
        raise typer.Exit(MISUSE)
    settings = settings.of_profile(profile) if profile else settings
    application = settings.emjpm.application
    if application is None:
        _failure(_without_application(settings.emjpm))
        raise typer.Exit(MISUSE)
    return settings, application


def _without_application(emjpm: Emjpm) -> str:
    if emjpm.token:
        return "GUICHET_EMJPM_TOKEN is set: there is nobody to sign in or out."
    return (
        "set GUICHET_EMJPM_CLIENT_ID, GUICHET_EMJPM_CLIENT_SECRET and GUICHET_EMJPM_REDIRECT_URI,"
        " the OAuth application that eMJPM gave to your editor."
    )


def _failure(why: str) -> int:
    typer.echo(f"guichet: {why}", err=True)
    return FAILED
