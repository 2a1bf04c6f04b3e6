"""Secrets in every setting, names in every text of a service: planted, then looked for.

Every tool is called, at the level of log that tells most, with a collector of spans: once when all
goes well, and once for each way a service has of failing that repeats what it was sent.
"""

import json
from collections.abc import Iterator
from typing import Any, get_args

import anyio
import httpx
import pytest
from mcp.types import CallToolResult
from pydantic import BaseModel, SecretStr

from clients.http import TOO_MANY_REQUESTS
from clients.secrecy import spellings
from server.sandbox.covoiturage import operator_file
from server.services.emjpm import sign_in
from server.settings import Covoiturage, Demarches, Emjpm, FaireSimple, Oidc, Settings
from tests.proof.everyday import CALLS, REFUSED, Written
from tests.proof.test_injection import CSV
from tests.server.test_planted_secrets import telling_all
from tests.spans import Spans
from tests.support import Counter, Person, text
from tests.tools.test_emjpm_sign_in import CALLBACK, consent

PERSON = "Xantippe-4711"
"""What every text of a service ends with."""

SECRETS = {
    "covoiturage.access_key": "c4n4ry/acc3ss+1",
    "covoiturage.secret_key": "c4n4ry/s3cr3t+2",
    "covoiturage.token": "c4n4ry/b34r3r+3",
    "demarches.token": "c4n4ry/t0k3n+4",
    "demarches.tokens": "c4n4ry/0th3r+5",
    "emjpm.token": "c4n4ry/p41r+6",
    "emjpm.client_secret": "c4n4ry/0auth+7",
    "faire_simple.password": "c4n4ry/p4ss w0rd+8",
    "faire_simple.key": "c4n4ry/k3y+9",
    "oidc.client_secret": "c4n4ry/1ssu3r+10",
    "secret": "c4n4ry/" + "0123456789abcdef" * 3,
    "secret_previous": "c4n4ry/" + "fedcba9876543210" * 3,
}
ALWAYS_SENT = {"demarches.token", "demarches.tokens", "faire_simple.key"}
SENT = {
    True: ALWAYS_SENT | {"covoiturage.access_key", "covoiturage.secret_key", "emjpm.token"},
    False: ALWAYS_SENT | {"covoiturage.token", "emjpm.client_secret"},
}
"""What the services are shown with keys, and without; a password is sent encoded."""
FAILING = (302, 400, 401, 403, 404, 422, 429, 503)
SPELT = [spelt for secret in SECRETS.values() for spelt in spellings(SecretStr(secret))]


def settings(*, keys: bool) -> Settings:
    """Every secret there is; of the two ways to sign in to a service, one then the other."""
    registry = {"access_key": "covoiturage.access_key", "secret_key": "covoiturage.secret_key"}
    chosen = registry if keys else {"token": "covoiturage.token"}
    application = {
        "client_id": "7",
        "client_secret": SECRETS["emjpm.client_secret"],
        "redirect_uri": CALLBACK,
    }
    account = {"token": SECRETS["emjpm.token"]} if keys else application
    return Settings(
        covoiturage=Covoiturage.model_validate(
            {"url": "https://covoiturage.sandbox"} | {n: SECRETS[s] for n, s in chosen.items()}
        ),
        demarches=Demarches.model_validate(
            {
                "url": "https://demarches.sandbox/api/v2/graphql",
                "token": SECRETS["demarches.token"],
                "tokens": {1002: SECRETS["demarches.tokens"]},
                "instructeur": "camille.martin@exemple.gouv.fr",
                "numbers": "1001,1002",
            }
        ),
        emjpm=Emjpm.model_validate({"url": "https://emjpm.sandbox"} | account),
        faire_simple=FaireSimple.model_validate(
            {
                "url": "https://faire-simple.sandbox/api",
                "login": "sandbox",
                "password": SECRETS["faire_simple.password"],
                "key": SECRETS["faire_simple.key"],
                "path_partners": "/partenaires",
            }
        ),
        oidc=Oidc.model_validate(
            {
                "issuer": "https://sso.exemple.fr",
                "client_id": "guichet",
                "client_secret": SECRETS["oidc.client_secret"],
            }
        ),
        secret=SecretStr(SECRETS["secret"]),
        secret_previous=(SecretStr(SECRETS["secret_previous"]),),
    )


def secret_settings(model: type[BaseModel] = Settings, place: str = "") -> Iterator[str]:
    """Every setting that holds a secret, or several."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secret_settings(kind, f"{place}{name}.")
        elif SecretStr in kinds(kind):
            yield f"{place}{name}"


def kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from kinds(inner)


class Signed(Written):
    """A service that lets our canaries in, or that repeats whatever it was sent as it fails."""

    status = 0
    """What it fails with; 0 when it does not."""
    met = ""
    """Every request that came, as it was sent."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()  # one that was made again from its stream holds nothing yet
        self.met += f"{request.url} {request.headers.raw!r} {request.content!r}\n"
        if not self.status:
            return await super().handle_async_request(request)
        told = f"{request.url} {dict(request.headers)} {request.content!r} {PERSON}"
        body = json.dumps({"error": told, "errors": [{"message": told}], "message": told})
        return httpx.Response(
            self.status, stream=httpx.ByteStream(body.encode()), headers={"X-Told": PERSON}
        )

    def sent(self, request: httpx.Request) -> httpx.Request:
        """The request, with the credentials that the sandbox knows."""
        headers = httpx.Headers(request.headers)
        basic = headers.get("Authorization", "").startswith("Basic")
        signed = "Basic c2FuZGJveDpzYW5kYm94" if basic else "Bearer sandbox"
        if not request.url.path.endswith("/access_token") and "Authorization" in headers:
            token = headers["Authorization"].removeprefix("Bearer ")
            headers["Authorization"] = signed if token in SPELT or basic else f"Bearer {token}"
        body = request.content
        for spelt in SPELT:
            body = body.replace(spelt.encode(), b"sandbox")
        headers["Content-Length"] = str(len(body))
        url = request.url
        if "key" in url.params:
            url = url.copy_set_param("key", "sandbox")
        return httpx.Request(request.method, url, headers=headers, content=body)


@pytest.fixture(name="spans")
def _spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


def test_every_setting_that_holds_a_secret_has_its_canary():
    assert set(secret_settings()) == set(SECRETS)


@pytest.mark.parametrize(
    ("status", "keys"),
    [
        (0, True),
        (500, False),
        pytest.param(0, False, marks=pytest.mark.proof),
        *(pytest.param(status, True, marks=pytest.mark.proof) for status in FAILING),
    ],
)
async def test_nothing_planted_gets_out(
    counter: Counter,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    status: int,
    *,
    keys: bool,
):
    """Secrets get out nowhere; names, in results, questions and files asked for alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(counter.folder))
    person = Person()
    with telling_all(settings(keys=keys)), anyio.fail_after(60):
        results, met = await called(counter, person, status, keys=keys)
    said = capfd.readouterr()
    traced = "".join(spans.told)
    kept = b"".join(path.read_bytes() for path in counter.folder.glob("ledger.db*"))
    hidden = [said.out, said.err, traced, kept.decode("latin-1")]
    errors = [text(result) for result in results if result.is_error]
    shown = [result.model_dump_json() for result in results] + person.questions

    sent = {name for name, it in SECRETS.items() if found(spellings(SecretStr(it)), met)}
    assert sent == SENT[keys] or status == TOO_MANY_REQUESTS  # after which less is asked
    assert "tools/call" in traced
    assert "DEBUG" in said.err
    assert not [error for error in errors if error.startswith("Error executing tool")]
    assert status or len(errors) == len(REFUSED)
    assert status or any(PERSON in result for result in shown)
    assert not found(SPELT, [*hidden, *shown])
    assert not found([PERSON], hidden)
    assert not status or not found([PERSON], errors)


def found(planted: list[str], places: list[str]) -> list[str]:
    return [word for word in planted if any(word in place for place in places)]


async def called(
    counter: Counter, person: Person, status: int, *, keys: bool
) -> tuple[list[CallToolResult], list[str]]:
    """What every tool gave, and what the services were sent."""
    apps = {
        "demarches": counter.dossiers,
        "emjpm": counter.mesures,
        "faire_simple": counter.partners,
        "covoiturage": counter.registry,
    }
    ours = settings(keys=keys)
    counter.settings |= {name: getattr(ours, name) for name in apps} | {"secret": ours.secret}
    counter.put_file("mesures.csv", CSV)
    counter.put_file("demandes-cee.csv", operator_file())
    ways = {name: Signed(app, lambda text, _: f"{text} {PERSON}") for name, app in apps.items()}
    counter.over.update(ways)
    for way in ways.values():
        way.status = status
    if ours.emjpm.application:
        ended = (await consent(counter)).model_copy(update={"end": 0.0})
        await sign_in(ours.emjpm, ours.emjpm.application).begin(ended)
    async with counter.host("2026-07-28", person) as host:
        results = [await host.call_tool(tool, dict(given)) for tool, given in CALLS]
    return results, [way.met for way in ways.values()]
