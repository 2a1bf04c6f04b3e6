"""Whether the services answer."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
from sqlalchemy import select

from clients import ApiError, Clients
from clients.demarches import NO_DEMARCHE
from clients.known import Flow
from server.doctor.findings import Chapter, Finding
from server.services.emjpm import sign_in
from server.settings import Settings
from tools.database import Database, UnusableDatabaseError

LONGEST = 15.0
"""Seconds that a service has to answer."""
AT_ONCE = 10
"""Reads under way together, however many profiles and démarches there are."""
HARMLESS: tuple[Flow, ...] = ("thematics", "campaigns")


@dataclass(frozen=True, slots=True)
class Check:
    """One cheap read of a service, and what it means that it succeeds."""

    subject: str
    says: str
    read: Callable[[], Awaitable[None]]


async def answers(settings: Settings, clients: Clients, *, within: float = LONGEST) -> Chapter:
    """Whether each service answers, several of them asked at the same time."""
    checks = (*_for_all(settings, clients), *_credentials(settings, clients))
    return Chapter("Answers", (*await _findings(checks, within), *_unchecked(settings)))


async def answers_to_profiles(
    settings: Settings, clients: Mapping[str, Clients], *, within: float = LONGEST
) -> Chapter:
    """Whether the services accept the credentials of each profile, with clients by profile."""
    owns = {name: settings.of_profile(name) for name in clients}
    asked = [
        (name, check)
        for name, own in owns.items()
        for check in _credentials(own, clients[name], name)
    ]
    found = await _findings([check for _, check in asked], within)
    told = [one.of_profile(name) for (name, _), one in zip(asked, found, strict=True)]
    untold = [one.of_profile(name) for name, own in owns.items() for one in _unchecked(own)]
    return Chapter("Answers, by profile", (*told, *untold))


def unasked() -> Chapter:
    """That no service was called."""
    return Chapter("Answers", (Finding("services", "missing", "not called, as asked."),))


def _for_all(settings: Settings, clients: Clients) -> Iterator[Check]:
    """What needs no credentials of a service, and so is the same for every profile."""
    if settings.shares_state:
        says = "its database answers."
        yield Check("ledger", says, partial(_reached, settings.state_url))
    if "covoiturage" in settings.needs_met:
        says = "answers about certificates."
        yield Check("covoiturage", says, clients.covoiturage.check_certificates)


def _credentials(settings: Settings, clients: Clients, whose: str = "") -> Iterator[Check]:
    """What each credential opens; `whose` is the profile that they are of, if any."""
    met, demarches = settings.needs_met, settings.demarches
    if "covoiturage_credentials" in met:
        passed = "lets GUICHET_COVOITURAGE_TOKEN pass; only an import would prove what it is for."
        says = passed if settings.covoiturage.token else "gives a token for the operator's keys."
        yield Check("covoiturage (operator)", says, clients.covoiturage.check_credentials)
    if "demarches" in met:
        named = dict.fromkeys((*demarches.tokens, *demarches.numbers))
        for number in (*((NO_DEMARCHE,) if demarches.token else ()), *named):
            yield _token_check(number, clients, own=number in demarches.tokens)
    if "emjpm" in met and _can_come_in(settings, whose):
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


def _can_come_in(settings: Settings, whose: str) -> bool:
    """Whether there may be a token to try: somebody has to sign in first, where that gives one."""
    application = settings.emjpm.application
    if application is None or settings.shares_state:
        return True
    return sign_in(settings.emjpm, application, whose=whose).place() is not None


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


async def _findings(checks: Sequence[Check], within: float) -> Sequence[Finding]:
    """What each of them finds, in their order."""
    found: dict[Check, Finding] = {}
    turn = anyio.CapacityLimiter(AT_ONCE)

    async def keep(check: Check) -> None:
        async with turn:
            found[check] = await _found(check, within)

    async with anyio.create_task_group() as group:
        for check in checks:
            group.start_soon(keep, check)
    return [found[check] for check in checks]


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
