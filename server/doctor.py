"""What is configured, what is missing, and what works: findings, for a command to show.

Nothing is changed here, but for the folder of the ledger, made as the server makes it, and for the
count of requests that instances share, of which those made here are. A finding holds no secret, and
no measure of one: addresses that could hold one are not repeated.
"""

import os
import platform
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

import anyio
import httpx
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

from clients import ApiError, Clients
from clients.demarches import NO_DEMARCHE
from clients.emjpm import LOGIN
from clients.faire_simple import Flow
from clients.network import proxy_of
from server import connect, instance, tokens
from server.approvers import Approvers
from server.build import offered
from server.callers import service_of
from server.settings import SERVICES, Application, Settings, config_file
from tools import TOOLS, Tool
from tools.database import Database, UnusableDatabaseError, address

LONGEST = 15.0
"""Seconds that a service has to answer."""
HARMLESS: tuple[Flow, ...] = ("thematics", "campaigns")

State = Literal["ok", "missing", "warning", "trouble"]
"""`missing` is a choice, `warning` works and somebody should know; `trouble` has to be repaired."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How something stands, and what to do about it if anything."""

    subject: str
    state: State
    says: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One cheap read of a service, and what it means that it succeeds."""

    subject: str
    says: str
    read: Callable[[], Awaitable[None]]


def works(chapters: tuple[Chapter, ...]) -> bool:
    """Whether nothing that is configured is in trouble."""
    return all(finding.state != "trouble" for part in chapters for finding in part.findings)


def installation(environ: Mapping[str, str]) -> Chapter:
    """What runs, and where its settings are looked for."""
    findings = (
        *(Finding(name, "ok", version(name)) for name in ("guichet-mcp", "mcp")),
        Finding("python", "ok", platform.python_version()),
        _config(environ),
        _secrets_directory(environ),
    )
    return Chapter("Installation", findings)


def configuration(settings: Settings, environ: Mapping[str, str]) -> tuple[Chapter, ...]:
    """What can be told of the settings without calling any service.

    Raises:
        httpx.InvalidURL: One of the addresses has no usable host or port.
    """
    services = (
        *_covoiturage(settings),
        *_demarches(settings),
        *_emjpm(settings),
        *_faire_simple(settings),
    )
    kept = (_files(settings), *_state(settings))
    return (
        Chapter("Services", services),
        Chapter("Tools", tuple(_tool(tool, settings) for tool in TOOLS)),
        Chapter("Consent", (consent(settings),)),
        Chapter("HTTP", tuple(_http(settings))),
        Chapter("Files", kept),
        Chapter("Network", tuple(_network(settings, environ))),
    )


async def answers(settings: Settings, clients: Clients, *, within: float = LONGEST) -> Chapter:
    """Whether each service answers, all of them asked at the same time."""
    checks = tuple(_checks(settings, clients))
    found: dict[Check, Finding] = {}

    async def keep(check: Check) -> None:
        found[check] = await _found(check, within)

    async with anyio.create_task_group() as group:
        for check in checks:
            group.start_soon(keep, check)
    unknown = tuple(_unchecked(settings))
    return Chapter("Answers", (*(found[check] for check in checks), *unknown))


def unasked() -> Chapter:
    """That no service was called."""
    return Chapter("Answers", (Finding("services", "missing", "not called, as asked."),))


def consent(settings: Settings) -> Finding:
    """Who has to agree to a change, in plain words."""
    if settings.read_only:
        says = "GUICHET_READ_ONLY: no tool that changes anything is offered."
        return Finding("changes", "ok", says)
    state, says = CONSENT[settings.consent]
    remedy = "" if state == "ok" else "Unset GUICHET_CONSENT, and a person is asked again."
    return Finding("changes", state, f"{settings.consent}: {says}", remedy)


_RELAYED = (
    "where the client cannot ask, the model itself says that the person agreed. Nothing proves that"
    " anybody did: a model that is wrong, or misled by what it reads, can change a service alone."
)
CONSENT: Mapping[str, tuple[State, str]] = {
    "ask": (
        "ok",
        "a person is asked before each change; when nobody can be asked, nothing is changed.",
    ),
    "page": ("ok", "a person is asked before each change, on a page outside their client."),
    "dangerously-relay": ("warning", _RELAYED),
    "dangerously-none": (
        "warning",
        "nobody is asked: whatever a model or a program calls is done at once.",
    ),
}
"""What each mode of consent means."""


# Where settings come from.


def _config(environ: Mapping[str, str]) -> Finding:
    subject, path, named = "guichet.toml", config_file(environ), _set(environ, "GUICHET_CONFIG")
    if not (named or path.exists()):
        return Finding(subject, "missing", f"{path}: none there, and none is needed.")
    if wrong := _unread(path.read_bytes):
        remedy = "Correct GUICHET_CONFIG, or unset it." if named else "Let the server read it."
        return Finding(subject, "trouble", f"{path} {wrong}.", remedy)
    if not path.is_file():
        return Finding(subject, "missing", f"{path} is not read, not being a file.")
    if _open_to_others(path):
        says = f"{path} is open to others on this machine, and so are the tokens in it, if any."
        return Finding(subject, "warning", says, "chmod 600 it.")
    return Finding(subject, "ok", f"{path}")


def _secrets_directory(environ: Mapping[str, str]) -> Finding:
    subject, named = "secrets directory", _set(environ, "GUICHET_SECRETS_DIRECTORY")
    if not named:
        says = "GUICHET_SECRETS_DIRECTORY names none, and none is needed."
        return Finding(subject, "missing", says)
    remedy = "Correct GUICHET_SECRETS_DIRECTORY, or unset it."
    return _folder(subject, Path(named), remedy)


def _set(environ: Mapping[str, str], name: str) -> str:
    """The value of a variable, unless it is empty or was left as `${VAR}`."""
    value = environ.get(name, "")
    return "" if value.startswith("${") and value.endswith("}") else value


# What is configured of each service.

_OPERATOR = (
    "Set GUICHET_COVOITURAGE_ACCESS_KEY and GUICHET_COVOITURAGE_SECRET_KEY, an operator's"
    " application keys, or GUICHET_COVOITURAGE_TOKEN."
)
_ADMINISTRATOR = "Set GUICHET_DEMARCHES_TOKEN, an administrator's API token."
_MANDATAIRE = (
    "Set GUICHET_EMJPM_CLIENT_ID, GUICHET_EMJPM_CLIENT_SECRET and GUICHET_EMJPM_REDIRECT_URI, the"
    " editor's OAuth application, then sign in; or GUICHET_EMJPM_TOKEN."
)
_APPLICATION = (
    "Set GUICHET_FAIRE_SIMPLE_LOGIN, GUICHET_FAIRE_SIMPLE_PASSWORD and GUICHET_FAIRE_SIMPLE_KEY, as"
    " the SGMAP gave them to your application."
)
_FLOWS = (
    "Set those you know, GUICHET_FAIRE_SIMPLE_PATH_PARTNERS and the five others: no document gives"
    " them."
)


def _covoiturage(settings: Settings) -> Iterator[Finding]:
    registry = settings.covoiturage
    if "covoiturage" not in settings.services:
        yield _left_out("covoiturage")
        return
    yield Finding("covoiturage", "ok", f"{_shown(registry.url)}; certificates need no credentials.")
    subject = "covoiturage (operator)"
    if registry.token:
        yield Finding(subject, "ok", "GUICHET_COVOITURAGE_TOKEN is set.")
    elif registry.access_key and registry.secret_key:
        keys = "GUICHET_COVOITURAGE_ACCESS_KEY and GUICHET_COVOITURAGE_SECRET_KEY"
        yield Finding(subject, "ok", f"{keys} are set.")
    elif registry.access_key or registry.secret_key:
        alone, other = ("ACCESS", "SECRET") if registry.access_key else ("SECRET", "ACCESS")
        says = f"GUICHET_COVOITURAGE_{alone}_KEY is of no use alone."
        yield Finding(subject, "trouble", says, f"Set GUICHET_COVOITURAGE_{other}_KEY too.")
    else:
        yield Finding(subject, "missing", "no operator's credentials.", _OPERATOR)


def _demarches(settings: Settings) -> Iterator[Finding]:
    demarches = settings.demarches
    if "demarches" not in settings.services:
        yield _left_out("demarches")
        return
    if not (demarches.token or demarches.tokens):
        yield Finding("demarches", "missing", "no token.", _ADMINISTRATOR)
        return
    default = ("GUICHET_DEMARCHES_TOKEN is set",) if demarches.token else ()
    own = tuple(f"démarche {number} has a token of its own" for number in demarches.tokens)
    yield Finding("demarches", "ok", f"{_shown(demarches.url)}; {', '.join((*default, *own))}.")
    subject = "demarches (signature)"
    if demarches.instructeur:
        yield Finding(subject, "ok", "GUICHET_DEMARCHES_INSTRUCTEUR is set.")
    else:
        remedy = "Set GUICHET_DEMARCHES_INSTRUCTEUR, the e-mail or the identifier of who signs."
        yield Finding(subject, "missing", "nobody signs, so no decision can be taken.", remedy)
    subject = "demarches (numbers)"
    if demarches.numbers:
        named = ", ".join(map(str, demarches.numbers))
        yield Finding(subject, "ok", f"GUICHET_DEMARCHES_NUMBERS names {named}.")
    else:
        remedy = "Set GUICHET_DEMARCHES_NUMBERS, the numbers of the démarches to list."
        yield Finding(subject, "missing", "the service lists no démarche by itself.", remedy)


def _emjpm(settings: Settings) -> Iterator[Finding]:
    emjpm = settings.emjpm
    if "emjpm" not in settings.services:
        yield _left_out("emjpm")
        return
    where = "" if emjpm.url else f" ({emjpm.environment})"
    if emjpm.token:
        says = f"{_shown(emjpm.address)}{where}; GUICHET_EMJPM_TOKEN is set."
        yield Finding("emjpm", "ok", says)
    elif emjpm.application:
        yield Finding("emjpm", "ok", f"{_shown(emjpm.address)}{where}; an OAuth application.")
        yield _signed_in(settings, emjpm.application)
    else:
        yield Finding("emjpm", "missing", "no credentials.", _MANDATAIRE)


def _signed_in(settings: Settings, application: Application) -> Finding:
    """Whether somebody signed in; neither the service, nor a keyring or a database, is asked."""
    subject = "emjpm (sign-in)"
    if settings.shares_state:
        says = "in the database of GUICHET_STATE_URL, sealed, if somebody signed in."
        return Finding(subject, "ok", says)
    place = connect.sign_in(settings.emjpm, application).place()
    if place is None:
        return Finding(subject, "trouble", "nobody is signed in.", f"Run `{LOGIN}`.")
    kept = "the system's keyring" if place == "keyring" else "a file of the state folder"
    return Finding(subject, "ok", f"somebody is signed in; it is kept in {kept}.")


def _faire_simple(settings: Settings) -> Iterator[Finding]:
    service, subject = settings.faire_simple, "faire_simple"
    if subject not in settings.services:
        yield _left_out(subject)
        return
    if not service.has_credentials:
        yield Finding(subject, "missing", "no login, password and key.", _APPLICATION)
        return
    yield Finding(subject, "ok", f"{service.url}; login, password and key are set.")
    subject, flows = "faire_simple (flows)", ", ".join(service.paths)
    if flows:
        yield Finding(subject, "ok", f"their paths are set: {flows}.")
    else:
        yield Finding(subject, "missing", "the path of none is set.", _FLOWS)


def _left_out(service: str) -> Finding:
    remedy = f"Add {service} to GUICHET_SERVICES to have it."
    return Finding(service, "missing", "left out by GUICHET_SERVICES.", remedy)


def _shown(url: str) -> str:
    """An address, unless there is more to it than where to go."""
    return "an address with more than a place in it" if set("@?#") & set(url) else url


# Which tools there are.


def _tool(tool: Tool, settings: Settings) -> Finding:
    if tool.name in {one.name for one in offered(settings)}:
        says = "offered; it changes a service." if tool.writes else "offered."
        return Finding(tool.name, "ok", says)
    return Finding(tool.name, "missing", f"not offered: {why_not(tool, settings)}.")


def why_not(tool: Tool, settings: Settings) -> str:
    """What keeps a tool from being offered."""
    if tool.needs in settings.needs_met:
        return "it changes a service, and GUICHET_READ_ONLY is set"
    service = service_of(tool)
    if service not in settings.services:
        return f"GUICHET_SERVICES leaves {service} out"
    if tool.needs == "faire_simple_flows" and service in settings.needs_met:
        return "neither GUICHET_FAIRE_SIMPLE_PATH_PARTNERS nor the path of another flow is set"
    if tool.needs == "demarches_numbers" and service in settings.needs_met:
        return "GUICHET_DEMARCHES_NUMBERS names no démarche"
    if tool.needs == "emjpm_delete_all" and service in settings.needs_met:
        return "GUICHET_EMJPM_DELETE_ALL is not set"
    return f"{service} lacks credentials"


# Who may call over HTTP.


def _http(settings: Settings) -> Iterator[Finding]:
    http, oidc = settings.http, settings.oidc
    named = http.public_url or ", ".join(http.allowed_hosts)
    if named and not settings.authenticates:
        remedy = "Run `guichet token create`, or set GUICHET_OIDC_ISSUER."
        says = f"{named}, and nobody would have to sign in: `guichet serve --http` does not start."
        yield Finding("address", "trouble", says, remedy)
    elif named:
        yield Finding("address", "ok", f"{named}.")
    else:
        remedy = "Set GUICHET_HTTP_PUBLIC_URL to serve others than this machine."
        yield Finding("address", "missing", "this machine alone.", remedy)
    for name, token in http.tokens.items():
        page = "signs in to the page" if token.page_password else "has no password for the page"
        yield Finding(f"token {name}", "ok", f"{', '.join(token.scopes)}; {page}.")
    if oidc.issuer:
        audience = oidc.audience or "the public address, /mcp included"
        page = "sign in to the page there" if oidc.client_id else "have no page"
        says = f"{oidc.issuer}; its tokens are for {audience}, and its users {page}."
        yield Finding("issuer", "ok", says)
    for name, profile in settings.profiles.items():
        tools, whose = len(offered(settings.of_profile(name))), ", ".join(profile.principals)
        yield Finding(f"profile {name}", "ok", f"{tools} tools, for {whose}.")
    for name in http.tokens if settings.profiles else ():
        if settings.profile_of(tokens.principal(name)) is None:
            remedy = "Add it to the principals of a profile, or remove it."
            yield Finding(f"token {name}", "warning", "is in no profile: it gives nothing.", remedy)
    if settings.four_eyes:
        yield _four_eyes(settings)
    if not settings.authenticates:
        yield Finding(
            "callers", "missing", "nobody signs in: any program of this machine may call."
        )


def _four_eyes(settings: Settings) -> Finding:
    """Whether somebody could approve what takes two persons, whoever asks."""
    approvers = Approvers(settings)
    lacking = [tool for tool in settings.four_eyes if not approvers.suffice(tool)]
    if not lacking:
        return Finding("four eyes", "ok", f"{', '.join(settings.four_eyes)}.")
    remedy = "Give somebody the scope approve and a page password (`guichet token create`), or "
    remedy += "name users of the issuer in GUICHET_OIDC_APPROVERS."
    says = f"nobody can approve {', '.join(lacking)}: it will be refused."
    return Finding("four eyes", "trouble", says, remedy)


# What requests go through.


def _network(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    urls = {
        "covoiturage": httpx.URL(settings.covoiturage.url),
        "demarches": httpx.URL(settings.demarches.url),
        "emjpm": httpx.URL(settings.emjpm.address),
        "faire_simple": httpx.URL(settings.faire_simple.url),
    }
    through = [name for name in SERVICES if name in settings.needs_met and proxy_of(urls[name])]
    told = f"the environment's (https_proxy), for {', '.join(through)}."
    yield Finding("proxy", "ok", told if through else "none, or none for these services.")
    if file := environ.get("SSL_CERT_FILE"):
        yield _trusted(Path(file))


def _trusted(path: Path) -> Finding:
    wrong = _unread(partial(ssl.create_default_context, cafile=str(path)))
    if wrong:
        says = f"SSL_CERT_FILE: {path} {wrong}."
        remedy = "Correct SSL_CERT_FILE, a file of certificates in PEM, or unset it."
        return Finding("trusted certificates", "trouble", says, remedy)
    return Finding("trusted certificates", "ok", f"{path}, as SSL_CERT_FILE says.")


# What is read and kept on this machine.


def _files(settings: Settings) -> Finding:
    if settings.files is None:
        remedy = "Set GUICHET_FILES, the one folder that tools read from and save in."
        return Finding(
            "files", "missing", "no folder: tools that read or save a file refuse.", remedy
        )
    return _folder("files", settings.files.absolute(), "Correct GUICHET_FILES, or its permissions.")


def _state(settings: Settings) -> Iterator[Finding]:
    """The ledger and the key, where the server keeps them."""
    try:
        folder = instance.state_folder()
    except OSError as error:
        says = f"cannot be made ({type(error).__name__})."
        remedy = "Let the server write there, or set GUICHET_STATE_URL and GUICHET_SECRET."
        yield Finding("state folder", "trouble", says, remedy)
        return
    if _open_to_others(folder):
        says = f"{folder} is open to others on this machine."
        yield Finding("state folder", "warning", says, "chmod 700 it.")
    else:
        yield _folder("state folder", folder, "Let the server read it.")
    yield _database(settings.state_url) if settings.state_url else _ledger(folder / "ledger.db")
    yield _key(folder / "instance.key", settings)


def _database(url: str) -> Finding:
    """A database of the user's choice; it is not connected to."""
    try:
        engine = create_engine(address(url))
    except (SQLAlchemyError, ImportError, ValueError) as error:
        says = f"GUICHET_STATE_URL names no usable database ({type(error).__name__})."
        remedy = "Write it as SQLAlchemy does, with a driver that is installed."
        return Finding("ledger", "trouble", says, remedy)
    if engine.dialect.name == "sqlite" and engine.url.database:
        return _ledger(Path(engine.url.database))
    says = f"a {engine.dialect.name} database, as GUICHET_STATE_URL says, which instances share."
    return Finding("ledger", "ok", says)


def _ledger(path: Path) -> Finding:
    try:
        there = path.exists()
        with path.open("ab") if there else TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        says = f"{path} cannot be written ({type(error).__name__})."
        remedy = "Let the server write it: without it, nothing can be changed."
        return Finding("ledger", "trouble", says, remedy)
    return Finding("ledger", "ok", f"{path}" if there else f"{path}, to be made.")


def _key(path: Path, settings: Settings) -> Finding:
    if settings.secret:
        count = len(settings.secret_previous)
        before = f" GUICHET_SECRET_PREVIOUS has {count} more, to read with." if count else ""
        return Finding("key", "ok", f"GUICHET_SECRET is set: no file is used.{before}")
    wrong = _unread(path.read_bytes)
    if wrong == ABSENT:
        return Finding("key", "ok", f"{path}, to be made.")
    if wrong:
        return Finding("key", "trouble", f"{path} {wrong}.", "Let the server read it.")
    if _open_to_others(path):
        says = f"{path} is open to others on this machine, and so is what the ledger keeps sealed."
        return Finding("key", "trouble", says, "chmod 600 it.")
    return Finding("key", "ok", f"{path}")


def _folder(subject: str, path: Path, remedy: str) -> Finding:
    wrong = _unread(lambda: next(path.iterdir(), None))
    if wrong:
        return Finding(subject, "trouble", f"{path} {wrong}.", remedy)
    return Finding(subject, "ok", f"{path}")


ABSENT = "does not exist"
_WRONG: Mapping[type[OSError], str] = {
    FileNotFoundError: ABSENT,
    IsADirectoryError: "is a folder",
    NotADirectoryError: "is not a folder",
    PermissionError: "may not be read",
}


def _unread(read: Callable[[], object]) -> str:
    """What keeps a path from being read, or nothing."""
    try:
        read()
    except OSError as error:
        return _WRONG.get(type(error), f"cannot be read ({type(error).__name__})")
    return ""


def _open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


# Whether the services answer.


def _checks(settings: Settings, clients: Clients) -> Iterator[Check]:
    met, registry, demarches = settings.needs_met, clients.covoiturage, settings.demarches
    if settings.shares_state:
        says = "its database answers."
        yield Check("ledger", says, partial(_reached, settings.state_url))
    if "covoiturage" in met:
        says = "answers about certificates."
        yield Check("covoiturage", says, registry.check_certificates)
    if "covoiturage_credentials" in met:
        passed = "lets GUICHET_COVOITURAGE_TOKEN pass; only an import would prove what it is for."
        says = passed if settings.covoiturage.token else "gives a token for the operator's keys."
        yield Check("covoiturage (operator)", says, registry.check_credentials)
    if "demarches" in met:
        named = dict.fromkeys((*demarches.tokens, *demarches.numbers))
        for number in (*((NO_DEMARCHE,) if demarches.token else ()), *named):
            yield _token_check(number, clients, own=number in demarches.tokens)
    if "emjpm" in met and _can_come_in(settings):
        yield Check("emjpm", "answers, and accepts the token.", clients.emjpm.check_token)
    if flow := _harmless(settings):
        says = f"answers, and lets {flow} be read."
        yield Check("faire_simple", says, partial(clients.faire_simple.check_access, flow))


def _harmless(settings: Settings) -> Flow | None:
    """A flow that tells of nobody and is not long, by its name, among those that can be read."""
    readable = settings.faire_simple.paths if "faire_simple" in settings.needs_met else ()
    return next((flow for flow in HARMLESS if flow in readable), None)


def _unchecked(settings: Settings) -> Iterator[Finding]:
    if "faire_simple" in settings.needs_met and not _harmless(settings):
        says = "not called: the only paths known are about partners."
        yield Finding("faire_simple", "missing", says, "get_partner will tell, given a uid.")


def _can_come_in(settings: Settings) -> bool:
    """Whether there may be a token to try: somebody has to sign in first, where that gives one."""
    application = settings.emjpm.application
    if application is None or settings.shares_state:
        return True
    return connect.sign_in(settings.emjpm, application).place() is not None


async def _reached(url: str) -> None:
    """Connect to a database; nothing is made there, nor read."""
    database = Database(url)
    try:
        await database.read(lambda connection: connection.execute(select(1)))
    finally:
        await database.close()


def _token_check(demarche: int, clients: Clients, *, own: bool) -> Check:
    async def read() -> None:
        await clients.demarches.check_token(demarche)

    if demarche == NO_DEMARCHE:
        return Check("demarches", "answers, and accepts the token.", read)
    token = "the démarche's own token" if own else "the token for this démarche"
    says = f"answers, and accepts {token}."
    return Check(f"demarches ({demarche})", says, read)


async def _found(check: Check, within: float) -> Finding:
    try:
        with anyio.fail_after(within):
            await check.read()
    except TimeoutError:
        says = f"does not answer within {within:.0f} seconds."
        return Finding(check.subject, "trouble", says, "Try again in a few minutes.")
    except UnusableDatabaseError as error:
        return Finding(check.subject, "trouble", f"{error}")
    except ApiError as error:
        remedy = error.remedy.removeprefix("Nothing was changed. ")
        return Finding(check.subject, "trouble", error.reason, remedy)
    return Finding(check.subject, "ok", check.says)
