"""Profiles: each principal works with the credentials of their own, and of nobody else."""

import hashlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import TextResourceContents
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send
from typer.testing import CliRunner

from clients.emjpm import Pair
from server import connect, instance
from server.app import Connect
from server.cli import app
from server.doctor import configuration
from server.sandbox.serving import mounted
from server.services.emjpm import sign_in
from server.settings import Emjpm, Settings
from tests.over_http import HEADERS, LIST, bearer, known_by, served, signed_in
from tests.support import ERAS, facts, listening, own_log
from tests.tools.changes import INTENT
from tools.journal import Journal
from tools.sealing import Seal

EVERYBODY = {"alice": "read,write", "aline": "read,write", "bruno": "read", "chloe": "read,write"}
AGES_AGO = 1_000_000_000.0
PAIR = Pair(access_token=SecretStr("a"), refresh_token=SecretStr("r"), end=0.0)


@dataclass
class Town:
    """The services in miniature over a socket, and whose credentials arrive there from where."""

    app: ASGIApp = field(default_factory=mounted)
    arrived: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The service and the token of each request."""
    connections: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """The ports that each token came from."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = dict(scope["headers"])[b"authorization"].decode()
            self.arrived.append((scope["path"].split("/")[1], token.removeprefix("Bearer ")))
            self.connections.setdefault(token, set()).add(scope["client"][1])
            scope = {**scope, "headers": [*_accepted(scope["headers"])]}
        await self.app(scope, receive, send)

    def arrivals(self) -> set[tuple[str, str]]:
        """What arrived since this was last asked."""
        since = set(self.arrived)
        self.arrived.clear()
        return since


def _accepted(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(k, b"Bearer sandbox" if k == b"authorization" else v) for k, v in headers]


@dataclass
class Team:
    """A server of two profiles, and of credentials of its own that nobody should have."""

    address: str
    folder: Path
    seal: Seal = field(default_factory=instance.throwaway_seal)

    @property
    def ledger(self) -> str:
        return instance.sqlite(self.folder / "ledger.db")

    def files(self, profile: str) -> Path:
        return self.folder / profile

    def connection(self) -> tuple[Settings, Connect, Seal]:
        paris: dict[str, Any] = {
            "principals": ["token alice", "token aline"],
            "demarches": {"token": "d-paris", "numbers": [1001]},
            "files": self.files("paris"),
        }
        lyon: dict[str, Any] = {
            "principals": ["token bruno"],
            "demarches": {"token": "d-lyon", "numbers": [1003]},
            "emjpm": {"token": "m-lyon"},
            "files": self.files("lyon"),
        }
        settings = Settings.model_validate(
            {
                "demarches": {
                    "url": f"{self.address}/demarches/api/v2/graphql",
                    "token": "d-all",
                    "numbers": [1002],
                },
                "emjpm": {"url": f"{self.address}/emjpm", "token": "m-all"},
                "state_url": self.ledger,
                "profiles": {"paris": paris, "lyon": lyon},
                **known_by(**EVERYBODY),
            }
        )
        return settings, partial(connect.services, settings, self.seal), self.seal


@pytest.fixture(name="town")
def _town() -> Town:
    return Town()


@pytest.fixture(name="team")
async def _team(town: Town, tmp_path: Path) -> AsyncGenerator[Team]:
    for profile in ("paris", "lyon"):
        (tmp_path / profile).mkdir()
    async with listening(town) as address:
        yield Team(address, tmp_path)


async def names(host: Client) -> set[str]:
    return {tool.name for tool in (await host.list_tools()).tools}


async def guides(host: Client) -> set[str]:
    return {str(resource.uri) for resource in (await host.list_resources()).resources}


async def test_each_is_offered_what_their_own_profile_has(team: Team, town: Town, era: str):
    async with served(team) as url:
        async with signed_in(url, "alice", era) as host:
            theirs, read = await names(host), await guides(host)
            mine = facts(await host.call_tool("list_demarches", {}))
            with pytest.raises(MCPError, match="Unknown tool"):
                await host.call_tool("list_mesures", {})
        async with signed_in(url, "bruno", era) as host:
            others, others_read = await names(host), await guides(host)
            yours = facts(await host.call_tool("list_demarches", {}))

    assert "accept_dossier" in theirs
    assert not {"list_mesures", "get_partner"} & theirs
    assert "list_mesures" in others
    assert "accept_dossier" not in others  # for want of the scope
    assert others_read - read == {"guichet://emjpm/guide"}
    assert [each["number"] for each in mine["demarches"]] == [1001]
    assert [each["number"] for each in yours["demarches"]] == [1003]


async def test_each_calls_services_with_their_own_credentials_over_their_own_connections(
    team: Team, town: Town
):
    async with (
        served(team) as url,
        signed_in(url, "alice", ERAS[-1]) as alice,
        signed_in(url, "bruno", ERAS[-1]) as bruno,
    ):
        await alice.call_tool("get_dossier", {"number": 200001})
        by_alice = town.arrivals()
        await bruno.call_tool("get_dossier", {"number": 200001})
        await bruno.call_tool("list_mesures", {"limit": 1})
        by_bruno = town.arrivals()
        await alice.call_tool("get_dossier", {"number": 200002})
        by_alice_again = town.arrivals()

    assert by_alice == by_alice_again == {("demarches", "d-paris")}
    assert by_bruno == {("demarches", "d-lyon"), ("emjpm", "m-lyon")}
    assert not town.connections["Bearer d-paris"] & town.connections["Bearer d-lyon"]


async def test_whoever_has_no_profile_gets_nowhere(team: Team, town: Town):
    async with served(team) as url, httpx.AsyncClient(headers=HEADERS) as http:
        refused = await http.post(url, json=LIST, headers=bearer("chloe"))

    assert refused.status_code == 403
    assert "No profile of this server names “token chloe”" in refused.json()["error_description"]
    assert "www-authenticate" not in refused.headers
    assert not town.arrived


async def test_an_export_is_in_the_folder_of_its_profile_and_read_by_nobody_of_another(
    team: Team,
):
    async with (
        served(team) as url,
        signed_in(url, "alice", ERAS[-1]) as alice,
        signed_in(url, "aline", ERAS[-1]) as aline,
        signed_in(url, "bruno", ERAS[-1]) as bruno,
    ):
        export = facts(await alice.call_tool("export_dossiers", {"demarche_number": 1003}))
        (own,) = (await alice.read_resource(export["uri"])).contents
        (team.files("lyon") / export["file"]).write_bytes(
            (team.files("paris") / export["file"]).read_bytes()
        )
        for other in (aline, bruno):
            for address in (export["uri"], export["uri"].replace("/paris/", "/lyon/")):
                with pytest.raises(MCPError):
                    await other.read_resource(address)

    assert isinstance(own, TextResourceContents)
    assert [each.name for each in team.files("paris").iterdir()] == [export["file"]]


async def test_a_change_is_settled_with_the_credentials_of_its_own_profile_alone(
    team: Team, town: Town
):
    """A process died a while ago in the middle of a change of Alice's."""
    request = replace(INTENT.asked.request, address=f"{team.address}/demarches/api/v2/graphql")
    intent = replace(
        INTENT,
        principal="token alice",
        tool="archive_dossier",
        subject="200001",
        goal="archived",
        asked=INTENT.asked.model_copy(update={"request": request}),
    )
    before = Journal(lambda: team.ledger, team.seal, clock=lambda: AGES_AGO)
    operation = await before.ask("aa", intent)
    assert await before.begin(operation, "form")
    statuses: list[str] = []
    async with served(team) as url:
        for name in ("bruno", "alice"):
            async with signed_in(url, name, ERAS[-1]) as host:
                await host.call_tool("list_operations", {})
            found = await before.find("aa")
            assert found is not None
            statuses.append(found.status)
    await before.close()

    assert statuses[0] == "executing"
    assert statuses[1] != "executing"
    assert town.arrivals() == {("demarches", "d-paris")}


async def test_each_profile_signs_in_to_emjpm_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """They have one application, and one state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    given = {"client_id": "7", "client_secret": "s", "redirect_uri": "http://127.0.0.1/emjpm"}
    emjpm = Emjpm.model_validate(given)
    assert emjpm.application
    kept = {name: sign_in(emjpm, emjpm.application, None, name) for name in ("", "paris", "lyon")}
    await kept["paris"].write(PAIR)

    assert await kept["paris"].read() is not None
    assert await kept["lyon"].read() is None
    assert await kept[""].read() is None


def test_doctor_tells_what_each_profile_has_and_which_tokens_have_none(tmp_path: Path):
    settings, _, _ = Team("http://127.0.0.1:1", tmp_path).connection()

    (told,) = (part for part in configuration(settings, {}) if part.title == "HTTP")
    found = {(finding.subject, finding.state): finding.says for finding in told.findings}

    assert found["profile lyon", "ok"].endswith("tools, for token bruno.")
    assert [subject for subject, state in found if state == "warning"] == ["token chloe"]


def test_signing_in_for_a_profile_takes_its_own_settings(monkeypatch: pytest.MonkeyPatch):
    """The deployment has a token, and the profile neither that one nor an application."""
    digest = hashlib.sha256(b"bruno").hexdigest()
    profiles = {"lyon": {"principals": ["token bruno"]}}
    monkeypatch.setenv("GUICHET_EMJPM_TOKEN", "of the deployment")
    monkeypatch.setenv("GUICHET_PROFILES", json.dumps(profiles))
    known = {"bruno": {"sha256": digest, "scopes": "read"}}
    monkeypatch.setenv("GUICHET_HTTP_TOKENS", json.dumps(known))

    def told(command: str, profile: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [command, "emjpm", "--profile", profile])
        return done.exit_code, done.output

    with own_log():
        for command in ("login", "logout"):
            assert told(command, "lyon")[0] == 2
            assert "set GUICHET_EMJPM_CLIENT_ID" in told(command, "lyon")[1]
            assert "there is no profile 'paris'" in told(command, "paris")[1]
