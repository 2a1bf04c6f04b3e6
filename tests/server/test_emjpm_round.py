"""A day's work on eMJPM over a socket: signed in as a person does, to the access revoked."""

import csv
import io
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client

from server.sandbox import emjpm
from server.sandbox.emjpm.mesures import SIZE
from tests.server.test_login import Site, visited
from tests.support import Browser, Counter, Person, facts, listening, text

REIMS = "17510111200043"
COUNT = 1500
WRONG = {10: "annee_naissance", 700: "tribunal_siret", 1400: "nature_mesure"}
"""The wrong cell of three lines of the file, its header being the first."""


@dataclass
class Days:
    """A time that passes by the day."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, days: int) -> None:
        self.now += timedelta(days=days)


class Overnight(httpx.AsyncHTTPTransport):
    """The network; two days pass before the second batch leaves."""

    def __init__(self, days: Days) -> None:
        super().__init__()
        self._days = days
        self.batches = 0
        self.renewals = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/batch"):
            self.batches += 1
            if self.batches == 2:
                self._days.pass_by(2)
        if b"grant_type=refresh_token" in await request.aread():
            self.renewals += 1
        return await super().handle_async_request(request)


def file(*, wrong: bool) -> str:
    """Mesures to import; three of their lines are wrong, or none."""
    written = io.StringIO()
    rows = [
        {
            "numero_rg": f"26B{number:05}",
            "tribunal_siret": REIMS,
            "numero_dossier": f"R-{number}",
            "annee_naissance": "1957",
            "civilite": "madame",
            "date_nomination": "2024-03-01",
            "date_changement_etat": "2024-03-01",
            "nature_mesure": "tutelle",
            "lieu_vie": "domicile",
            "pays": "FR",
        }
        for number in range(COUNT)
    ]
    for line, column in WRONG.items() if wrong else ():
        rows[line - 2][column] = "?"
    writer = csv.DictWriter(written, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


@pytest.fixture(name="days")
def _days() -> Days:
    return Days()


@pytest.fixture(name="site")
async def _site(
    counter: Counter, days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Site]:
    """An eMJPM on this machine, to which Guichet is pointed, and nobody signed in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        callback = f"http://127.0.0.1:{free.getsockname()[1]}/emjpm"
    counter.mesures = emjpm.create(now=days, redirects=[callback])
    counter.over["emjpm"] = Overnight(days)
    counter.page = True
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with listening(counter.mesures) as url:
        site = Site(counter.mesures, url, callback, tmp_path)
        offering = site.settings.emjpm.model_copy(update={"delete_all": True})
        counter.settings["emjpm"] = offering
        yield site


async def sign_in(site: Site) -> None:
    """What the person does at a terminal, and in their browser."""
    async with site.login() as (process, page):
        await visited(await site.agreed(page))
        assert await process.wait() == 0


async def decide(counter: Counter, typed: str = "") -> None:
    """What the person does on Guichet's page: agree, or refuse without a number."""
    async with Browser() as browser:
        await browser.open(counter.opened[-1])
        if typed:
            await browser.press("approve", agreed="yes", typed=typed)
        else:
            await browser.press("refuse")


async def load(host: Client) -> str:
    return text(await host.call_tool("import_mesures", {"file": "mesures.csv"}))


async def test_a_day_s_work_from_the_sign_in_to_the_access_revoked(
    counter: Counter, site: Site, era: str
):
    table, state = counter.mesures.state.table, counter.mesures.state
    network = counter.over["emjpm"]
    assert isinstance(network, Overnight)
    with anyio.fail_after(120):
        await sign_in(site)
        counter.put_file("mesures.csv", file(wrong=True))
        async with counter.host(era, Person()) as host:
            refused = await load(host)
            assert "3 lignes du fichier sont à corriger" in refused
            assert all(f"- {line}: {column}" in refused for line, column in WRONG.items())
            assert not state.writes

            counter.put_file("mesures.csv", file(wrong=False))
            assert "Une personne doit décider, sur la page" in await load(host)
            await decide(counter, str(COUNT))
            assert '"imported":1500' in await load(host)
            assert [write.changed for write in state.writes] == [500, 500, 500]
            assert network.renewals == 1

            found = facts(await host.call_tool("list_mesures", {"search": "26B00007"}))
            number = found["mesures"][0]["id"]
            change = {"id": number, "fields": {"civilite": "monsieur"}}
            assert facts(await host.call_tool("update_mesure", change))["outcome"] == "applied"
            antenne = {"id": number, "fields": {"antenne_id": 301}}
            assert facts(await host.call_tool("update_mesure", antenne))["outcome"] == "applied"
            changed = table.rows[number].mesure
            assert (changed["civilite"], changed["antenne_id"]) == ("monsieur", 301)

            assert facts(await host.call_tool("delete_mesure", {"id": number}))["deleted"] == 1
            assert number not in table.rows

            left = len(table.rows)
            await host.call_tool("delete_all_mesures")
            await decide(counter)
            assert "n'a pas donné son accord" in text(await host.call_tool("delete_all_mesures"))
            assert len(table.rows) == left > SIZE

            state.grants.revoke()
            ended = await host.call_tool("delete_mesure", {"id": number + 1})
            assert ended.is_error
            assert text(ended).endswith("Run `guichet login emjpm`.")
            assert len(table.rows) == left
