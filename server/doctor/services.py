"""What is configured of each service."""

from collections.abc import Iterator

from clients.emjpm import LOGIN
from server.doctor.findings import Finding
from server.services.emjpm import sign_in
from server.settings import Application, Settings

OPERATOR = (
    "Set GUICHET_COVOITURAGE_ACCESS_KEY and GUICHET_COVOITURAGE_SECRET_KEY, an operator's"
    " application keys, or GUICHET_COVOITURAGE_TOKEN."
)
ADMINISTRATOR = "Set GUICHET_DEMARCHES_TOKEN, an administrator's API token."
MANDATAIRE = (
    "Set GUICHET_EMJPM_CLIENT_ID, GUICHET_EMJPM_CLIENT_SECRET and GUICHET_EMJPM_REDIRECT_URI, the"
    " editor's OAuth application, then sign in; or GUICHET_EMJPM_TOKEN."
)
APPLICATION = (
    "Set GUICHET_FAIRE_SIMPLE_LOGIN, GUICHET_FAIRE_SIMPLE_PASSWORD and GUICHET_FAIRE_SIMPLE_KEY, as"
    " the SGMAP gave them to your application."
)
FLOWS = (
    "Set those you know, GUICHET_FAIRE_SIMPLE_PATH_PARTNERS and the five others: no document gives"
    " them."
)


def services(settings: Settings) -> Iterator[Finding]:
    """Each of them, whether it is configured or not."""
    yield from _covoiturage(settings)
    yield from _demarches(settings)
    yield from _emjpm(settings)
    yield from _faire_simple(settings)


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
        yield Finding(subject, "missing", "no operator's credentials.", OPERATOR)


def _demarches(settings: Settings) -> Iterator[Finding]:
    demarches = settings.demarches
    if "demarches" not in settings.services:
        yield _left_out("demarches")
        return
    if not (demarches.token or demarches.tokens):
        yield Finding("demarches", "missing", "no token.", ADMINISTRATOR)
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
        yield signed_in(settings, emjpm.application)
    else:
        yield Finding("emjpm", "missing", "no credentials.", MANDATAIRE)


def signed_in(settings: Settings, application: Application, whose: str = "") -> Finding:
    """Whether somebody signed in; neither the service, nor a keyring or a database, is asked."""
    subject = "emjpm (sign-in)"
    if settings.shares_state:
        says = "in the database of GUICHET_STATE_URL, sealed, if somebody signed in."
        return Finding(subject, "ok", says)
    place = sign_in(settings.emjpm, application, whose=whose).place()
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
        yield Finding(subject, "missing", "no login, password and key.", APPLICATION)
        return
    yield Finding(subject, "ok", f"{service.url}; login, password and key are set.")
    subject, flows = "faire_simple (flows)", ", ".join(service.paths)
    if flows:
        yield Finding(subject, "ok", f"their paths are set: {flows}.")
    else:
        yield Finding(subject, "missing", "the path of none is set.", FLOWS)


def _left_out(service: str) -> Finding:
    remedy = f"Add {service} to GUICHET_SERVICES to have it."
    return Finding(service, "missing", "left out by GUICHET_SERVICES.", remedy)


def _shown(url: str) -> str:
    """An address, unless there is more to it than where to go."""
    return "an address with more than a place in it" if set("@?#") & set(url) else url
