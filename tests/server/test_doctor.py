"""What `guichet doctor` finds: settings, files, services in miniature, and troubled networks."""

import json
import os
import re
import socket
import ssl
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import anyio
import anyio.abc
import httpx
import pytest
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.types import Receive, Scope, Send

from server import connect, instance
from server.build import offered
from server.doctor import (
    Chapter,
    Finding,
    answers,
    configuration,
    consent,
    installation,
    works,
)
from server.doctor.answering import AT_ONCE
from server.doctor.offering import CONSENT
from server.passwords import derived
from server.sandbox import covoiturage, demarches, emjpm, faire_simple
from server.sandbox.serving import mounted
from server.sandboxed import sandboxed
from server.services.ways import Transports, miniatures
from server.settings import (
    WHERE_TO_READ,
    Demarches,
    Emjpm,
    Settings,
    config_file,
    described,
    load,
)
from tests.databases import State
from tests.support import Between, environ, listening
from tools import TOOLS
from tools.asking import Consent
from tools.catalogue import SERVICES

HERE = Path(__file__).parents[2]
ANTENNES = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"antennes":[]}'
NOW = datetime.now(UTC)
SECRET = "jeton-qui-ne-doit-pas-sortir"
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
PROOFS = {"login": "sandbox", "password": "sandbox", "key": "sandbox"}
FLOWS = PROOFS | {"path_partners": "/partenaires", "path_thematics": "/thematiques"}
OAUTH = {
    "client_id": "7",
    "client_secret": SECRET,
    "redirect_uri": "http://127.0.0.1:8767/emjpm",
}


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody else's home, on a machine without a proxy."""
    network = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in (*network, *map(str.upper, network), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def given(**settings: Any) -> Settings:
    return Settings(**settings)


def of_emjpm(url: str) -> Settings:
    """Settings that have one service, at this address."""
    return given(services="emjpm", emjpm={"url": url, "token": SECRET})


def found(*chapters: Chapter) -> dict[str, Finding]:
    return {finding.subject: finding for part in chapters for finding in part.findings}


def told(*chapters: Chapter) -> str:
    return "\n".join(f"{f.subject} {f.says} {f.remedy}" for c in chapters for f in c.findings)


def here(**settings: Any) -> dict[str, Finding]:
    return found(*configuration(given(**settings), os.environ))


async def called(settings: Settings, by: Transports, *, within: float = 5) -> dict[str, Finding]:
    """What is found of services that these transports lead to."""
    async with connect.sandbox(settings, instance.throwaway_seal(), by) as desk:
        return found(await answers(settings, desk.clients, within=within))


def signed_in(content: str) -> None:
    """A sign-in is kept, as this content says."""
    settings = Emjpm.model_validate(OAUTH)
    assert settings.application
    account = f"{settings.address} 7".encode()
    (instance.state_folder() / f"emjpm-{sha256(account).hexdigest()[:12]}.json").write_text(content)


async def reached(url: str) -> Finding:
    """What is found of an eMJPM that the network leads to, or not."""
    settings = of_emjpm(url)
    with anyio.fail_after(30):
        async with connect.services(settings, instance.throwaway_seal()) as desk:
            return found(await answers(settings, desk.clients))["emjpm"]


# What is configured, and what is missing.


def test_what_is_missing_names_the_variable_that_sets_it():
    findings = here()

    for subject, variable in {
        "covoiturage (operator)": "GUICHET_COVOITURAGE_ACCESS_KEY",
        "demarches": "GUICHET_DEMARCHES_TOKEN",
        "emjpm": "GUICHET_EMJPM_TOKEN",
        "faire_simple": "GUICHET_FAIRE_SIMPLE_KEY",
        "files": "GUICHET_FILES",
    }.items():
        assert findings[subject].state == "missing"
        assert variable in findings[subject].remedy


def test_what_is_missing_is_no_trouble():
    assert works(configuration(Settings(), os.environ))


def test_every_variable_that_is_named_is_a_setting():
    known = {name for name, _ in described()} | WHERE_TO_READ.keys()
    states: list[dict[str, Any]] = [
        {},
        {"services": "emjpm", "read_only": True, "consent": "dangerously-relay"},
        {"covoiturage": {"access_key": "x"}, "demarches": {"token": "x"}, "files": "/nowhere"},
        {"covoiturage": {"secret_key": "x"}, "state_url": "nothing", "secret": "x" * 32},
        {"covoiturage": {"token": "x"}, "emjpm": {"token": "x"}, "faire_simple": PROOFS},
        {"covoiturage": {"token": "x"}, "emjpm": {"token": "x"}},
        {"emjpm": OAUTH},
    ]
    for settings in states:
        said = told(*configuration(Settings(**settings), os.environ), installation(os.environ))
        assert set(re.findall(r"GUICHET_[A-Z_]+", said)) <= known


def test_a_service_left_out_is_no_trouble_and_says_who_left_it_out():
    findings = here(services="emjpm", covoiturage={"access_key": "x"})

    assert findings["covoiturage"].state == "missing"
    assert "GUICHET_SERVICES" in findings["demarches"].says
    assert "GUICHET_SERVICES" in findings["query_dossiers"].says


@pytest.mark.parametrize(("key", "other"), [("ACCESS", "SECRET"), ("SECRET", "ACCESS")])
def test_a_key_without_the_other_is_trouble(key: str, other: str):
    finding = here(covoiturage={f"{key.lower()}_key": "x"})["covoiturage (operator)"]

    assert finding.state == "trouble"
    assert finding.says.startswith(f"GUICHET_COVOITURAGE_{key}_KEY ")
    assert finding.remedy == f"Set GUICHET_COVOITURAGE_{other}_KEY too."


def test_credentials_that_are_set_are_said_to_be():
    findings = here(
        covoiturage={"access_key": SECRET, "secret_key": SECRET},
        demarches={"tokens": {1002: SECRET}, "instructeur": SECRET},
        emjpm={"token": SECRET, "environment": "test"},
    )

    assert findings["covoiturage (operator)"].state == "ok"
    assert "démarche 1002 has a token of its own" in findings["demarches"].says
    assert findings["demarches (signature)"].state == "ok"
    assert "(test)" in findings["emjpm"].says


def test_an_application_says_whether_somebody_is_signed_in():
    before = here(emjpm=OAUTH)["emjpm (sign-in)"]
    kept = {"access_token": SECRET, "refresh_token": SECRET, "end": 0}
    signed_in(json.dumps(kept))
    after = here(emjpm=OAUTH)["emjpm (sign-in)"]
    signed_in('"keyring"')
    elsewhere = here(emjpm=OAUTH)["emjpm (sign-in)"]

    assert (before.state, before.remedy) == ("trouble", "Run `guichet login emjpm`.")
    assert (after.state, elsewhere.state) == ("ok", "ok")
    assert "a file" in after.says
    assert "keyring" in elsewhere.says


async def test_the_service_is_not_called_when_nobody_is_signed_in():
    network = Between(emjpm.create())

    findings = await called(given(services="emjpm", emjpm=OAUTH), Transports(emjpm=network))

    assert findings == {}
    assert not network.requests


def test_decisions_that_nobody_signs_are_said_to_be_out_of_reach():
    assert here(demarches={"token": "x"})["demarches (signature)"].state == "missing"


@pytest.mark.parametrize(("numbers", "state"), [("1001,1002", "ok"), ("", "missing")])
def test_it_says_whether_demarches_are_named(numbers: str, state: str):
    finding = here(demarches={"token": "x", "numbers": numbers})["demarches (numbers)"]

    assert finding.state == state
    assert ("1001, 1002" in finding.says) is bool(numbers)


# Which tools are offered.


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"demarches": {"token": "x"}, "read_only": True},
        {"services": "covoiturage", "covoiturage": {"token": "x"}},
        {"demarches": {"token": "x"}, "emjpm": {"token": "x"}, "covoiturage": {"token": "x"}},
        {"faire_simple": PROOFS},
        {"faire_simple": FLOWS},
    ],
    ids=["nothing", "read only", "one service", "tokens", "no path", "paths"],
)
def test_a_tool_is_said_to_be_offered_exactly_when_it_is(settings: dict[str, Any]):
    findings = here(**settings)

    said = {tool.name for tool in TOOLS if findings[tool.name].state == "ok"}

    assert said == {tool.name for tool in offered(Settings(**settings))}


def test_a_tool_that_is_not_offered_says_why():
    assert "demarches lacks credentials" in here()["query_dossiers"].says
    assert "GUICHET_SERVICES" in here(services="emjpm")["verify_certificate"].says
    read_only = here(demarches={"token": "x"}, read_only=True)
    assert "GUICHET_READ_ONLY" in read_only["accept_dossier"].says
    unnamed = here(demarches={"token": "x"})["list_demarches"]
    assert "GUICHET_DEMARCHES_NUMBERS names no démarche" in unnamed.says
    kept = here(emjpm={"token": "x"})["delete_all_mesures"]
    assert "GUICHET_EMJPM_DELETE_ALL is not set" in kept.says
    assert "emjpm lacks credentials" in here()["delete_all_mesures"].says


def test_flows_without_a_path_are_told_from_a_lack_of_credentials():
    assert "faire_simple lacks credentials" in here()["list_faire_simple"].says
    without = here(faire_simple=PROOFS)
    assert "GUICHET_FAIRE_SIMPLE_PATH_PARTNERS" in without["list_faire_simple"].says
    assert without["faire_simple (flows)"].state == "missing"
    assert "partners, thematics" in here(faire_simple=FLOWS)["faire_simple (flows)"].says


# Who has to agree.


@pytest.mark.parametrize("mode", get_args(Consent))
def test_every_mode_of_consent_says_what_it_means(mode: Consent):
    finding = consent(Settings(consent=mode))

    assert finding.says == f"{mode}: {CONSENT[mode][1]}"
    assert (finding.state == "warning") == mode.startswith("dangerously-")


def test_a_model_that_may_agree_for_the_person_is_warned_of_in_plain_words():
    finding = consent(Settings(consent="dangerously-relay"))

    assert "Nothing proves that anybody did" in finding.says
    assert "GUICHET_CONSENT" in finding.remedy


def test_what_is_only_read_asks_nobody():
    assert "GUICHET_READ_ONLY" in consent(Settings(read_only=True)).says


def test_who_may_call_over_http_is_told_and_no_digest_of_it():
    kept = {"sha256": "5e" * 32, "scopes": ["read"], "page_password": derived("secret")}
    team = here(http={"public_url": "https://guichet.example", "tokens": {"alice": kept}})
    nobody = here(http={"public_url": "https://guichet.example"})

    assert team["address"].state == "ok"
    assert team["token alice"].says == "read; signs in to the page."
    assert "5e5e" not in f"{team}"
    assert nobody["address"].state == "trouble"
    assert here()["callers"].state == "missing"
    assert here(oidc={"issuer": "https://id.example/"})["issuer"].state == "ok"


# Where settings come from.


def test_what_takes_two_persons_and_has_nobody_to_approve_it_is_trouble():
    alone = here(four_eyes=("accept_dossier",))["four eyes"]
    token = {"sha256": "5e" * 32, "scopes": "approve", "page_password": derived("x")}
    http = {"tokens": {"bruno": token}}
    together = here(four_eyes=("accept_dossier",), http=http)["four eyes"]

    assert (alone.state, together.state) == ("trouble", "ok")
    assert "accept_dossier" in alone.says


def test_guichet_toml_is_found_where_it_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GUICHET_CONFIG")
    path = config_file(os.environ)
    assert found(installation(os.environ))["guichet.toml"].says.startswith(f"{path}: none there")

    path.parent.mkdir(parents=True)
    path.write_text('language = "en"', encoding="utf-8")
    path.chmod(0o600)

    assert load().language == "en"
    assert found(installation(os.environ))["guichet.toml"] == Finding(
        "guichet.toml", "ok", str(path)
    )


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_guichet_toml_that_is_named_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "ours.toml"
    path.write_text('language = "en"', encoding="utf-8")
    path.chmod(0o644)
    monkeypatch.setenv("GUICHET_CONFIG", str(path))

    finding = found(installation(os.environ))["guichet.toml"]

    assert load().language == "en"
    assert (finding.state, finding.remedy) == ("warning", "chmod 600 it.")

    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    told = found(installation(os.environ))["guichet.toml"]
    assert "GUICHET_SECRETS_DIRECTORY" in told.remedy, "closed, the server could not read it"


@pytest.mark.parametrize("named", ["absent.toml", "."])
def test_a_named_guichet_toml_that_is_not_there_is_trouble(tmp_path: Path, named: str):
    environ = {"GUICHET_CONFIG": str(tmp_path / named)}

    finding = found(installation(environ))["guichet.toml"]

    assert finding.state == "trouble"
    assert str(tmp_path) in finding.says
    assert "GUICHET_CONFIG" in finding.remedy


def test_a_secrets_directory_is_found_or_not(tmp_path: Path):
    def finding(named: str) -> Finding:
        return found(installation({"GUICHET_SECRETS_DIRECTORY": named}))["secrets directory"]

    assert finding(str(tmp_path)).state == "ok"
    assert finding(str(tmp_path / "absent")).state == "trouble"
    assert finding("").state == "missing"
    assert finding("${SECRETS}").state == "missing"


def test_versions_are_told():
    findings = found(installation(os.environ))

    assert findings["python"].says == ".".join(map(str, sys.version_info[:3]))
    assert re.match(r"\d+\.\d+", findings["mcp"].says)
    assert re.match(r"\d+\.\d+", findings["guichet-mcp"].says)


# What is read and kept on this machine.


def test_the_one_folder_is_there_or_not(tmp_path: Path):
    assert here(files=tmp_path)["files"] == Finding("files", "ok", str(tmp_path))

    absent = here(files=tmp_path / "absent")["files"]
    (tmp_path / "file").touch()
    file = here(files=tmp_path / "file")["files"]

    assert (absent.state, file.state) == ("trouble", "trouble")
    assert "does not exist" in absent.says
    assert "is not a folder" in file.says


def test_the_ledger_and_the_key_are_where_the_server_keeps_them():
    assert here()["ledger"].says.endswith("ledger.db, to be made.")
    assert here()["key"].says.endswith("instance.key, to be made.")

    instance.kept_secret(instance.state_folder() / "instance.key")
    (instance.state_folder() / "ledger.db").touch()
    findings = here()

    assert findings["ledger"] == Finding("ledger", "ok", str(instance.state_folder() / "ledger.db"))
    assert findings["key"].state == "ok"
    assert instance.ledger(Settings()).endswith(findings["ledger"].says)


def test_looking_makes_neither_a_ledger_nor_a_key():
    here()

    assert list(instance.state_folder().iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_key_that_others_can_read_is_trouble():
    key = instance.state_folder() / "instance.key"
    instance.kept_secret(key)
    key.chmod(0o640)

    finding = here()["key"]

    assert (finding.state, finding.remedy) == ("trouble", "chmod 600 it.")
    assert "is open to others on this machine" in finding.says


def test_a_key_that_was_cut_short_is_trouble():
    key = instance.state_folder() / "instance.key"
    key.touch(mode=0o600)

    finding = here()["key"]

    assert finding.state == "trouble"
    assert finding.remedy.startswith("Put back a copy of it")


def test_a_key_given_by_a_variable_needs_no_file():
    assert "GUICHET_SECRET" in here(secret="x" * 32)["key"].says


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_a_state_folder_that_others_can_look_into_is_warned_of():
    instance.state_folder().chmod(0o755)

    assert here()["state folder"].state == "warning"


def test_a_state_folder_that_cannot_be_made_is_trouble(tmp_path: Path):
    (tmp_path / "state").touch()

    finding = here()["state folder"]

    assert finding.state == "trouble"
    assert "GUICHET_STATE_URL" in finding.remedy


def test_where_a_database_is_shared_no_folder_is_needed(tmp_path: Path):
    """Nothing can be written in the container that the documentation runs it in."""
    (tmp_path / "state").touch()

    findings = here(state_url="postgresql+psycopg://guichet@127.0.0.1/guichet", secret="x" * 32)

    assert "state folder" not in findings
    assert (findings["ledger"].state, findings["key"].state) == ("ok", "ok")


def test_a_ledger_that_cannot_be_written_is_trouble():
    (instance.state_folder() / "ledger.db").mkdir()

    assert here()["ledger"].state == "trouble"


def test_a_ledger_elsewhere_is_looked_at_when_it_is_a_file(tmp_path: Path):
    path = tmp_path / "ours.db"

    assert here(state_url=instance.sqlite(path))["ledger"].says == f"{path}, to be made."
    assert here(state_url=instance.sqlite(tmp_path / "no" / "db"))["ledger"].state == "trouble"


@pytest.mark.parametrize(
    "url", ["nothing", "oracle+absent://x", "sqlite+absent:///x.db", "sqlite://"]
)
def test_a_database_that_cannot_be_used_is_trouble(url: str):
    finding = here(state_url=url)["ledger"]

    assert finding.state == "trouble"
    assert "GUICHET_STATE_URL" in finding.says


def test_a_database_of_another_kind_is_trouble_though_its_driver_is_there(
    monkeypatch: pytest.MonkeyPatch,
):
    driver = ModuleType("pymysql")
    vars(driver).update(paramstyle="format")
    monkeypatch.setitem(sys.modules, driver.__name__, driver)

    finding = here(state_url="mysql+pymysql://user@127.0.0.1/ledger")["ledger"]

    assert finding.state == "trouble"
    assert "neither SQLite nor PostgreSQL" in finding.says


def test_certificates_to_trust_that_cannot_be_read_are_trouble(tmp_path: Path):
    (tmp_path / "empty.pem").touch()
    for name, state in {"absent.pem": "trouble", "empty.pem": "trouble"}.items():
        environ = {"SSL_CERT_FILE": str(tmp_path / name)}
        assert found(*configuration(Settings(), environ))["trusted certificates"].state == state


def test_a_proxy_is_told_with_the_services_it_is_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@proxy.test:3128")
    monkeypatch.setenv("no_proxy", "emjpm.test")

    findings = here(demarches={"token": "x"}, emjpm={"url": "https://emjpm.test", "token": "x"})

    assert findings["proxy"].says == "the environment's, for covoiturage, demarches."


# Whether the services answer.


async def test_services_that_answer_are_in_no_trouble():
    findings = await called(sandboxed(Settings()), miniatures())

    assert {subject: finding.state for subject, finding in findings.items()} == {
        "covoiturage": "ok",
        "covoiturage (operator)": "ok",
        "demarches": "ok",
        "demarches (1001)": "ok",
        "demarches (1002)": "ok",
        "demarches (1003)": "ok",
        "emjpm": "ok",
        "faire_simple": "ok",
    }


async def test_the_database_that_instances_share_is_reached(postgresql: State):
    state_url = postgresql.url
    findings = await called(given(services="", state_url=state_url), miniatures())
    (absent,) = (await called(given(services="", state_url=NOWHERE), miniatures())).values()

    assert here(state_url=state_url)["ledger"].says.startswith("a postgresql database")
    assert findings["ledger"] == Finding("ledger", "ok", "its database answers.")
    assert (
        await postgresql.rows("SELECT tablename FROM pg_tables WHERE schemaname LIKE 'gui%'") == []
    )
    assert (absent.state, "GUICHET_STATE_URL" in absent.says) == ("trouble", True)


async def test_only_what_is_configured_is_called():
    assert list(await called(Settings(), miniatures())) == ["covoiturage"]
    assert await called(given(services="emjpm"), miniatures()) == {}


async def test_nothing_is_written_and_nobody_is_read():
    registry, dossiers = Between(covoiturage.create()), Between(demarches.create())
    mesures, partners = Between(emjpm.create()), Between(faire_simple.create())

    by = Transports(registry, dossiers, mesures, partners)
    await called(sandboxed(Settings()), by)

    sent = [*registry.requests, *dossiers.requests, *mesures.requests, *partners.requests]
    asked = sorted(re.sub(r"[0-9a-f-]{36}", "…", f"{r.method} {r.url.path}") for r in sent)
    assert asked == [
        "GET /api/editors/service-antennes",
        "GET /api/thematiques",
        "GET /v3.2/certificates/…",
        "GET /v3.2/certificates/…",
        *["POST /api/v2/graphql"] * 4,
        "POST /v3.3/auth/access_token",
    ]
    operations = sorted(json.loads(r.content)["operationName"] for r in dossiers.requests)
    assert operations == ["demarche", "demarche", "demarche", "jeton"]


@pytest.mark.parametrize(
    ("settings", "subject", "remedy"),
    [
        (
            {"covoiturage": {"access_key": "sandbox", "secret_key": "wrong"}},
            "covoiturage (operator)",
            "GUICHET_COVOITURAGE_SECRET_KEY",
        ),
        ({"demarches": {"token": "wrong"}}, "demarches", "GUICHET_DEMARCHES_TOKEN"),
        ({"demarches": {"token": "sandbox-expire"}}, "demarches", "GUICHET_DEMARCHES_TOKEN"),
        ({"demarches": {"token": "sandbox-ip"}}, "demarches", "address of this machine"),
        ({"emjpm": {"token": "wrong"}}, "emjpm", "GUICHET_EMJPM_TOKEN"),
        ({"faire_simple": FLOWS | {"password": "wrong"}}, "faire_simple", "FAIRE_SIMPLE_PASSWORD"),
        ({"faire_simple": FLOWS | {"key": "wrong"}}, "faire_simple", "FAIRE_SIMPLE_KEY"),
    ],
    ids=["keys", "token", "expired", "network", "mandataire", "password", "key"],
)
async def test_credentials_that_are_refused_are_trouble(
    settings: dict[str, Any], subject: str, remedy: str
):
    findings = await called(Settings(**settings), miniatures())

    assert findings[subject].state == "trouble"
    assert remedy in findings[subject].remedy
    assert findings["covoiturage"].state == "ok", "which needs no credentials"


async def test_faire_simple_is_not_called_where_only_partners_could_be_read():
    """No documented route is about nobody: without a path to another flow, that is said."""
    partners = Between(faire_simple.create())
    settings = given(
        services="faire_simple", faire_simple=PROOFS | {"path_partners": "/partenaires"}
    )

    findings = await called(settings, Transports(faire_simple=partners))

    assert findings["faire_simple"].state == "missing"
    assert "get_partner" in findings["faire_simple"].remedy
    assert not partners.requests


async def test_each_token_is_tried_on_its_own_demarche():
    tokens = {1003: "sandbox-autre", 1001: "sandbox-autre", 4: "sandbox"}
    settings = given(demarches={"token": "wrong", "tokens": tokens})

    findings = await called(settings, miniatures())

    states = {subject: f.state for subject, f in findings.items() if "demarches" in subject}
    assert states == {
        "demarches": "trouble",
        "demarches (1003)": "ok",
        "demarches (1001)": "trouble",
        "demarches (4)": "trouble",
    }
    assert "does not cover" in findings["demarches (1001)"].says


async def test_the_token_is_tried_on_each_demarche_that_is_named():
    settings = given(demarches={"token": "sandbox-autre", "numbers": "1003,1001"})

    findings = await called(settings, miniatures())

    assert findings["demarches (1003)"].says == "answers, and accepts the token for this démarche."
    assert findings["demarches (1001)"].state == "trouble"
    assert "does not cover" in findings["demarches (1001)"].says


async def test_what_a_service_has_withdrawn_is_told_from_its_credentials():
    gone = httpx.ASGITransport(app=covoiturage.create(mode="withdrawn"))
    settings = sandboxed(Settings())

    findings = await called(settings, Transports(gone, gone, gone, gone))

    assert findings["covoiturage"].says.startswith("withdrawn")
    assert findings["covoiturage (operator)"].state == "ok"
    assert "GUICHET_DEMARCHES_URL" in findings["demarches"].remedy
    assert "GUICHET_EMJPM_URL" in findings["emjpm"].remedy
    assert "GUICHET_FAIRE_SIMPLE_URL" in findings["faire_simple"].remedy


async def test_a_service_that_does_not_answer_keeps_nobody_waiting():
    settings = sandboxed(Settings())
    by = Transports(miniatures().covoiturage, Silent(), Silent(), Silent())
    with anyio.fail_after(5):
        findings = await called(settings, by, within=0.2)

    assert "does not answer" in findings["demarches"].says
    assert "does not answer" in findings["emjpm"].says
    assert findings["covoiturage"].state == "ok"


async def test_services_are_asked_at_the_same_time():
    meeting = Meeting(of=4)
    settings = sandboxed(Settings()).model_copy(
        update={
            "covoiturage": Settings().covoiturage,
            "demarches": Demarches.model_validate({"token": "x"}),
        }
    )

    findings = await called(settings, Transports(meeting, meeting, meeting, meeting))

    assert tuple(findings) == SERVICES, "in their order"
    assert ["HTTP 503" in finding.says for finding in findings.values()] == [True] * 4


async def test_a_host_whose_name_is_unknown_is_told():
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("", request=request) from socket.gaierror(-2, "x")

    by = Transports(emjpm=httpx.MockTransport(lost))

    finding = (await called(of_emjpm("https://emjpm.test"), by))["emjpm"]

    assert finding.says == "cannot be reached: its host name is unknown (DNS)."
    assert not finding.remedy.startswith("Nothing was changed")


# Whether the network is the trouble.


async def test_an_address_where_nobody_listens_refuses_the_connection():
    async with speaking(ANTENNES) as port:
        pass

    assert "the connection is refused" in (await reached(f"http://127.0.0.1:{port}")).says


async def test_a_certificate_that_nobody_signed_is_not_trusted(tmp_path: Path):
    async with speaking(ANTENNES, certified(tmp_path)) as port:
        finding = await reached(f"https://127.0.0.1:{port}")

    assert finding.state == "trouble"
    assert "signed by no authority that this machine trusts" in finding.says
    assert "SSL_CERT_FILE" in finding.remedy


async def test_a_certificate_that_is_trusted_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certified(tmp_path)))
    async with speaking(ANTENNES, tmp_path / "certificate.pem") as port:
        assert (await reached(f"https://127.0.0.1:{port}")).state == "ok"


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ({"until": NOW - timedelta(days=1)}, "has expired"),
        ({"since": NOW + timedelta(days=1)}, "is not valid yet"),
        ({"address": "127.0.0.2"}, "is for another name"),
    ],
    ids=["expired", "early", "elsewhere"],
)
async def test_what_is_wrong_with_a_certificate_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: dict[str, Any], says: str
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certified(tmp_path, **certificate)))
    async with speaking(ANTENNES, tmp_path / "certificate.pem") as port:
        assert says in (await reached(f"https://127.0.0.1:{port}")).says


async def test_an_address_that_does_not_speak_tls_is_told():
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "does not speak TLS" in (await reached(f"https://127.0.0.1:{port}")).says


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy asks who you are"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy does not let it be reached (HTTP 403)"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "the proxy does not let it be reached (HTTP 502)"),
    ],
    ids=["authentication", "forbidden", "gateway"],
)
async def test_a_proxy_that_refuses_is_told_from_the_service(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, says: str
):
    async with speaking(answer) as port:
        monkeypatch.setenv("https_proxy", f"http://user:{SECRET}@127.0.0.1:{port}")
        finding = await reached("https://emjpm.test")

    assert finding.state == "trouble"
    assert says in finding.says
    assert "https_proxy" in finding.remedy


async def test_a_proxy_that_is_not_there_is_told_from_the_service(monkeypatch: pytest.MonkeyPatch):
    async with speaking(ANTENNES) as port:
        pass
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")

    finding = await reached("https://emjpm.test")

    assert "its way goes through a proxy, and the connection is refused" in finding.says
    assert "no_proxy" in finding.remedy


# What each profile has of its own.


async def test_the_credentials_of_each_profile_are_tried_and_told_by_its_name():
    services, arrived = mounted(), list[str]()

    async def town(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.append(scope.get("path", ""))
        await services(scope, receive, send)

    async with listening(town) as address:
        run = await ran(**of_profiles(address))
        asked = len(arrived)
        offline = await ran("--offline", **of_profiles(address))

    assert re.search(r"ok +paris: demarches +answers, and accepts the token\.", run.says)
    assert re.search(r"ok +paris: demarches \(1001\) ", run.says)
    assert re.search(r"trouble +lyon: demarches +", run.says)
    assert "In trouble: nantes: emjpm (sign-in), lyon: demarches." in run.says
    assert "Run `guichet login emjpm --profile nantes`." in run.says
    assert SECRET not in run.says
    assert run.code == 1
    assert "lyon: demarches" not in offline.says
    assert len(arrived) == asked


async def test_so_many_services_are_asked_at_the_same_time_and_no_more():
    crowd = Crowd()
    numbers = ",".join(map(str, range(1, AT_ONCE + 3)))
    settings = given(services="demarches", demarches={"token": "x", "numbers": numbers})

    findings = await called(settings, Transports(demarches=crowd))

    assert len(findings) == AT_ONCE + 3
    assert crowd.most == AT_ONCE


# The command.


async def test_the_command_is_content_with_what_works():
    async with speaking(ANTENNES) as port:
        run = await ran(
            GUICHET_SERVICES="emjpm",
            GUICHET_EMJPM_URL=f"http://127.0.0.1:{port}",
            GUICHET_EMJPM_TOKEN=SECRET,
        )

    assert "answers, and accepts the token." in run.says
    assert "Nothing that is configured is in trouble." in run.says
    assert run.code == 0
    assert SECRET not in run.says


async def test_the_command_fails_when_a_service_that_is_configured_does():
    async with speaking(ANTENNES) as port:
        pass

    run = await ran(
        GUICHET_SERVICES="emjpm",
        GUICHET_EMJPM_URL=f"http://127.0.0.1:{port}",
        GUICHET_EMJPM_TOKEN=SECRET,
    )

    assert "In trouble: emjpm." in run.says
    assert run.code == 1


async def test_the_command_calls_nobody_offline():
    async with speaking(ANTENNES) as port:
        pass

    run = await ran("--offline", GUICHET_COVOITURAGE_URL=f"http://127.0.0.1:{port}")

    assert "not called, as asked." in run.says
    assert run.code == 0


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"GUICHET_EMJPM_TOKN": "x"}, "Did you mean GUICHET_EMJPM_TOKEN?"),
        ({"GUICHET_CONSENT": "x"}, "GUICHET_CONSENT: must be"),
        ({"GUICHET_EMJPM_URL": "https://emjpm.test:port"}, "no usable host or port"),
        ({"GUICHET_EMJPM_URL": "https://☃.test"}, "no usable host or port"),
        ({"GUICHET_SECRETS_DIRECTORY": "/nowhere"}, f"{Path('/nowhere')} does not exist"),
        ({"GUICHET_CONFIG": "/"}, "GUICHET_CONFIG: this is a folder"),
        ({"GUICHET_CONFIG": str(HERE / "tests/support.py")}, "The settings cannot be read"),
    ],
    ids=["misspelt", "mistaken", "no port", "no host", "no secrets", "a folder", "not TOML"],
)
async def test_settings_that_cannot_be_used_are_the_trouble(variables: dict[str, str], says: str):
    run = await ran("--offline", **variables)

    assert says in run.says
    assert "Traceback" not in run.says
    assert run.code == 1


async def test_no_secret_is_ever_shown(tmp_path: Path):
    async with speaking(b"HTTP/1.1 407 Who?\r\n\r\n") as port:
        run = await ran(
            https_proxy=f"http://user:{SECRET}@127.0.0.1:{port}",
            GUICHET_COVOITURAGE_URL="https://covoiturage.test",
            GUICHET_COVOITURAGE_ACCESS_KEY=SECRET,
            GUICHET_COVOITURAGE_SECRET_KEY=SECRET,
            GUICHET_DEMARCHES_URL=f"https://demarches.test/api?key={SECRET}",
            GUICHET_DEMARCHES_TOKEN=SECRET,
            GUICHET_DEMARCHES_TOKENS=f'{{"1001": "{SECRET}"}}',
            GUICHET_EMJPM_URL="https://emjpm.test",
            GUICHET_EMJPM_TOKEN=SECRET,
            GUICHET_SECRET=f"{SECRET}{SECRET}",
            GUICHET_STATE_URL=f"postgresql+absent://user:{SECRET}@127.0.0.1/ledger",
        )

    assert run.says.count("the proxy asks who you are") == 5
    assert SECRET not in run.says
    unfolded = "".join(run.says.split()).replace(str(tmp_path), "").replace(str(port), "")
    assert str(len(SECRET)) not in unfolded
    assert run.code == 1


def of_profiles(address: str) -> dict[str, str]:
    """The variables of three profiles: one that works, one whose token is wrong, one signed out."""
    people = {name: {"sha256": f"{n}" * 64, "scopes": "read"} for n, name in enumerate("abc")}
    profiles: dict[str, Any] = {
        "paris": {
            "principals": ["token a"],
            "demarches": {"token": "sandbox", "numbers": [1001]},
        },
        "lyon": {"principals": ["token b"], "demarches": {"token": SECRET}},
        "nantes": {"principals": ["token c"], "emjpm": OAUTH},
    }
    return {
        "GUICHET_SERVICES": "demarches,emjpm",
        "GUICHET_DEMARCHES_URL": f"{address}/demarches/api/v2/graphql",
        "GUICHET_EMJPM_URL": f"{address}/emjpm",
        "GUICHET_HTTP_TOKENS": json.dumps(people),
        "GUICHET_PROFILES": json.dumps(profiles),
    }


class Run:
    """A command that has ended."""

    def __init__(self, code: int, says: str) -> None:
        self.code = code
        self.says = says


async def ran(*options: str, **variables: str) -> Run:
    """What the command gives in an environment of its own; on one line, to be searched."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME")}
    alone = environ(**kept, GUICHET_CONFIG=os.devnull, COLUMNS="400") | variables
    with anyio.fail_after(60):
        done = await anyio.run_process(
            [sys.executable, "-m", "server", "doctor", *options],
            env=alone,
            cwd=HERE,
            check=False,
        )
    return Run(done.returncode, f"{done.stdout.decode()}{done.stderr.decode()}")


class Silent(httpx.AsyncBaseTransport):
    """A network on which nothing ever comes back."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.Event().wait()
        raise AssertionError


class Meeting(httpx.AsyncBaseTransport):
    """A network on which nobody is answered before everybody has asked."""

    def __init__(self, of: int) -> None:
        self._awaited = of
        self._met = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._awaited -= 1
        if self._awaited == 0:
            self._met.set()
        await self._met.wait()
        return httpx.Response(503, stream=httpx.ByteStream(b""))


class Crowd(httpx.AsyncBaseTransport):
    """A network that counts how many are on it together."""

    def __init__(self) -> None:
        self._now = 0
        self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._now += 1
        self.most = max(self.most, self._now)
        await anyio.wait_all_tasks_blocked()
        self._now -= 1
        return httpx.Response(503, stream=httpx.ByteStream(b""))


@asynccontextmanager
async def speaking(reply: bytes, certificate: Path | None = None) -> AsyncGenerator[int]:
    """The port of a server that answers anything with these bytes, over TLS with a certificate."""

    async def answer(stream: anyio.abc.ByteStream) -> None:
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
            async with stream:
                await stream.receive()
                await stream.send(reply)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra_attributes[anyio.abc.SocketAttribute.local_port]()
    async with listener, anyio.create_task_group() as group:
        if certificate:
            group.start_soon(Secured(listener, presenting(certificate)).serve, answer)
        else:
            group.start_soon(listener.serve, answer)
        yield port
        group.cancel_scope.cancel()


class Secured(TLSListener):
    """A listener that does not mind being hung up on."""

    def __init__(self, listener: anyio.abc.Listener[Any], context: ssl.SSLContext) -> None:
        super().__init__(listener, context, standard_compatible=False)

    @staticmethod
    async def handle_handshake_error(exc: BaseException, stream: anyio.abc.AnyByteStream) -> None:
        await anyio.aclose_forcefully(stream)


def presenting(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


def certified(
    folder: Path,
    *,
    address: str = "127.0.0.1",
    since: datetime = NOW - timedelta(days=30),
    until: datetime = NOW + timedelta(days=30),
) -> Path:
    """A certificate that signs itself, and its key beside it."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Guichet, tests")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(private)
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path
