"""Who may call over HTTP."""

from collections.abc import Iterator

from server import tokens
from server.approvers import Approvers
from server.build import offered
from server.doctor.findings import Finding
from server.doctor.services import signed_in
from server.settings import Settings


def callers(settings: Settings) -> Iterator[Finding]:
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
    for name in settings.profiles:
        yield from _profile(settings, name)
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


def _profile(settings: Settings, name: str) -> Iterator[Finding]:
    """What a profile is offered and for whom, and whether it is signed in where it has to be."""
    own, whose = settings.of_profile(name), ", ".join(settings.profiles[name].principals)
    yield Finding(f"profile {name}", "ok", f"{len(offered(own))} tools, for {whose}.")
    if "emjpm" in own.needs_met and own.emjpm.application:
        yield signed_in(own, own.emjpm.application, name).of_profile(name)


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
