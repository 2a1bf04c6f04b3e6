"""The tokens of an OpenID issuer: a real one, on this machine, and what somebody forges."""

import base64
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import jwt
import pytest

from clients.http import connected
from server.callers import UnknowableError
from server.openid import KEPT, SELDOM
from server.openid import Issuer as Trusted
from server.settings import Oidc
from tests.authorization import Issuer, issuing, rsa
from tests.over_http import HEADERS, LIST, bearer, served, signed_in
from tests.support import Browser, Clock, Counter, Person, facts, text

AUDIENCE = "https://guichet.example/mcp"


@dataclass
class Trust:
    """An issuer, and whoever trusts it."""

    issuer: Issuer
    trusted: Trusted
    clock: Clock

    async def principal(self, token: str) -> str:
        caller = await self.trusted.recognised(token)
        return caller.principal.removeprefix(self.issuer.address) if caller else ""


@pytest.fixture(name="trust")
async def _trust() -> AsyncGenerator[Trust]:
    clock = Clock()
    async with (
        issuing(AUDIENCE) as issuer,
        connected(issuer.address, sleep=clock.sleep) as http,
    ):
        yield Trust(issuer, Trusted(http, issuer.address, AUDIENCE, clock), clock)


async def test_whoever_signs_in_at_the_issuer_may_do_what_it_says(counter: Counter, era: str):
    async with issuing("guichet") as issuer:
        oidc = Oidc.model_validate({"issuer": issuer.address, "audience": "guichet"})
        counter.settings = {"oidc": oidc}
        camille = await issuer.token("camille", "demarches:write openid")
        async with served(counter) as url, signed_in(url, camille, era, Person()) as host:
            offered = {tool.name for tool in (await host.list_tools()).tools}
            accepted = await host.call_tool("accept_dossier", {"number": 200001})

    assert facts(accepted)["outcome"] == "applied"
    assert "list_mesures" not in offered
    (operation,) = await counter.rows()
    assert operation["principal"] == f"{issuer.address} camille"


async def test_who_is_not_recognised_is_told_where_to_get_a_token(counter: Counter):
    async with issuing("") as issuer:
        counter.settings = {"oidc": Oidc.model_validate({"issuer": issuer.address})}
        async with served(counter) as url, httpx.AsyncClient(headers=HEADERS) as client:
            issuer.audience = url
            unknown = await client.post(url, json=LIST)
            granted = await issuer.token("camille", "openid")
            powerless = await client.post(url, json=LIST, headers=bearer(granted))
            place = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
            metadata = (await client.get(place)).json()

    told = f'scope="read write", resource_metadata="{place}"'
    assert unknown.headers["www-authenticate"] == f"Bearer {told}"
    assert powerless.status_code == 403
    assert powerless.headers["www-authenticate"] == f'Bearer error="insufficient_scope", {told}'
    assert metadata["resource"] == url
    assert metadata["authorization_servers"] == [issuer.address]
    assert metadata["scopes_supported"] == ["read", "write"]


# Which tokens are good.


async def test_a_token_says_who_it_is_and_what_they_may_do(trust: Trust):
    real = await trust.trusted.recognised(await trust.issuer.token("camille", "read emjpm:write"))
    listed = await trust.trusted.recognised(trust.issuer.signed(scope=None, scp=["read"]))

    assert real
    assert real.principal == f"{trust.issuer.address} camille"
    assert real.scopes == {"read", "emjpm:write"}
    assert listed
    assert listed.scopes == {"read"}


def unsigned(token: str) -> str:
    return f"{token.rpartition('.')[0]}."


def saying(token: str, **header: object) -> str:
    """The same token, whose header says something else."""
    written, _, rest = token.partition(".")
    said = json.loads(base64.urlsafe_b64decode(f"{written}==")) | header
    again = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"{again}.{rest}"


def confused(issuer: Issuer) -> str:
    """Signed with what everybody knows, the public key, as if it were a secret."""
    claims = jwt.decode(issuer.signed(), options={"verify_signature": False})
    public = issuer.key.as_pem(private=False).hex()
    return jwt.encode(claims, public, "HS256", headers={"kid": "first"})


FORGED: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.signed(exp=int(time.time()) - 60),
    "endless": lambda issuer: issuer.signed(exp=None),
    "not yet good": lambda issuer: issuer.signed(nbf=int(time.time()) + 600),
    "for somebody else": lambda issuer: issuer.signed(aud="https://other.example/mcp"),
    "for nobody": lambda issuer: issuer.signed(aud=None),
    "of another issuer": lambda issuer: issuer.signed(iss="https://other.example"),
    "of no issuer": lambda issuer: issuer.signed(iss=None),
    "of nobody": lambda issuer: issuer.signed(sub=None),
    "of an empty name": lambda issuer: issuer.signed(sub=""),
    "of an endless name": lambda issuer: issuer.signed(sub="c" * 300),
    "signed by another key": lambda issuer: issuer.signed(rsa("first")),
    "signed by an unknown key": lambda issuer: issuer.signed(rsa("other")),
    "unsigned": lambda issuer: unsigned(issuer.signed()),
    "unsigned, and says so": lambda issuer: unsigned(saying(issuer.signed(), alg="none")),
    "signed, and says it is not": lambda issuer: saying(issuer.signed(), alg="none"),
    "signed with the public key": confused,
    "altered": lambda issuer: issuer.signed().replace(".", ".A", 1),
    "no token": lambda _: "guichet",
    "nested without end": lambda _: f"{base64.b64encode(b'[' * 9_000).decode()}.e30.x",
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_no_forged_token_is_good(trust: Trust):
    assert await trust.principal(trust.issuer.signed()) == " camille"

    for kind, forged in FORGED.items():
        assert not await trust.principal(forged(trust.issuer)), kind


async def test_the_keys_are_those_that_the_issuer_has_now(trust: Trust):
    """A new one is known when a token first names it; one that is gone, after a while."""
    before = trust.issuer.signed()
    assert await trust.principal(before)

    trust.issuer.key = rsa("second")
    trust.clock.now += SELDOM
    assert await trust.principal(trust.issuer.signed())
    assert not await trust.principal(before)

    gone, trust.issuer.key = trust.issuer.signed(), rsa("second")
    trust.clock.now += KEPT
    assert not await trust.principal(gone)


async def test_the_issuer_is_not_asked_for_each_token_that_names_a_key(trust: Trust):
    """Or anybody could have it asked as often as they like."""
    for n in range(20):
        await trust.principal(
            trust.issuer.signed() if n % 2 else saying("e30.e30.", kid=f"{n}", alg="RS256")
        )

    assert trust.issuer.asked.count("/keys") == 1


async def test_who_has_a_known_key_does_not_wait_for_an_issuer_that_is_slow(trust: Trust):
    token = trust.issuer.signed()
    assert await trust.principal(token)

    trust.clock.now += KEPT
    trust.issuer.held = anyio.Event()
    asked = len(trust.issuer.asked)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trust.principal, token)
            while len(trust.issuer.asked) == asked:
                await anyio.lowlevel.checkpoint()
            assert await trust.principal(token)
            trust.issuer.held.set()


async def test_an_issuer_that_does_not_answer_is_not_taken_for_a_wrong_token(trust: Trust):
    """Its last keys stay good; before there were any, nobody can tell."""
    trust.issuer.down = True
    with pytest.raises(UnknowableError):
        await trust.principal(trust.issuer.signed())

    trust.issuer.down = False
    trust.clock.now += SELDOM
    assert await trust.principal(trust.issuer.signed())

    trust.issuer.down = True
    trust.clock.now += KEPT
    assert await trust.principal(trust.issuer.signed())


# The page.


@dataclass
class Team:
    """A server whose page the issuer knows, and a browser."""

    issuer: Issuer
    url: str
    browser: Browser

    @property
    def home(self) -> str:
        return self.url.replace("/mcp", "/approvals")


@pytest.fixture(name="team")
async def _team(counter: Counter) -> AsyncGenerator[Team]:
    async with issuing("guichet") as issuer, Browser() as browser:
        oidc = {"issuer": issuer.address, "audience": "guichet", "client_id": "page"}
        counter.settings = {"oidc": Oidc.model_validate(oidc)}
        async with served(counter) as url:
            yield Team(issuer, url, browser)


async def test_a_plan_is_decided_on_by_the_person_whom_the_issuer_knows(
    counter: Counter, team: Team, era: str
):
    camille = await team.issuer.token("camille", "write")
    async with signed_in(team.url, camille, era) as host:
        waiting = await host.call_tool("accept_dossier", {"number": 200001})
        team.issuer.person = "dominique"
        await team.browser.open(f"{team.home}/sign-in/issuer")
        others = await team.browser.open(team.home)
        team.issuer.person = "camille"
        await team.browser.open(f"{team.home}/sign-in/issuer")
        await team.browser.open(team.home)
        await team.browser.open(f"{team.browser.origin}{team.browser.plans[0]}")
        await team.browser.press("approve", agreed="yes", typed="200001")
        done = await host.call_tool("accept_dossier", {"number": 200001})

    assert team.home in text(waiting)
    assert "200001" not in others
    assert facts(done)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_nobody_comes_back_who_did_not_leave(team: Team):
    """Else a link would have a browser sign in as somebody else, and agree in their name."""
    team.browser.http.follow_redirects = False
    await team.browser.http.get(f"{team.home}/sign-in/issuer")
    left = await team.browser.http.get(f"{team.home}/sign-in/issuer")
    sent_back = (await team.browser.http.get(left.headers["location"])).headers["location"]
    altered = sent_back.replace("state=", "state=x")

    async with httpx.AsyncClient() as victim:
        elsewhere = await victim.get(sent_back)
    wrong = await team.browser.http.get(altered)
    right = await team.browser.http.get(sent_back)
    again = await team.browser.http.get(sent_back)

    assert [answer.status_code for answer in (elsewhere, wrong, right, again)] == [
        403,
        403,
        200,
        403,
    ]


async def test_a_code_is_of_no_use_without_what_its_browser_kept(team: Team):
    """PKCE, as the issuer sees it; and the token it gives is this attempt's alone."""
    team.browser.http.follow_redirects = False
    left = await team.browser.http.get(f"{team.home}/sign-in/issuer")
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    sent_back = (await team.browser.http.get(left.headers["location"])).headers["location"]
    fields = {
        "grant_type": "authorization_code",
        "client_id": "page",
        "code": parse_qs(urlsplit(sent_back).query)["code"][0],
        "redirect_uri": asked["redirect_uri"][0],
        "code_verifier": "v" * 43,
    }
    async with httpx.AsyncClient() as thief:
        refused = await thief.post(f"{team.issuer.address}/token", data=fields)
    for code in team.issuer.codes.values():
        code.asked["nonce"] = "of another attempt"
    another = await team.browser.http.get(sent_back)

    assert asked["code_challenge_method"] == ["S256"]
    assert refused.status_code == 400
    assert another.status_code == 403
