"""A day's work of an instructeur, through a real client, on the service behind a socket."""

import csv
import io
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.types import ResourceLink

from server.settings import Demarches
from tests.support import Browser, Counter, Person, elsewhere, facts, listening, text

CONSENTED = "Une personne doit décider, sur la page"


@pytest.fixture(name="counter")
async def _counter(counter: Counter) -> AsyncGenerator[Counter]:
    counter.page = True
    counter.put_file("refus.pdf", "%PDF-1.7 La pièce demandée manque.")
    async with listening(counter.dossiers) as dossiers:
        counter.over["demarches"] = httpx.AsyncHTTPTransport()
        counter.settings["demarches"] = Demarches.model_validate(
            {
                "url": f"{dossiers}/api/v2/graphql",
                "token": "sandbox",
                "numbers": "1001,1002",
                "instructeur": "camille.martin@exemple.gouv.fr",
            }
        )
        yield counter


@pytest.fixture(name="browser")
async def _browser() -> AsyncGenerator[Browser]:
    async with Browser() as browser:
        yield browser


async def ask(host: Client, tool: str, /, **arguments: object) -> dict[str, Any]:
    result = await host.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    return facts(result)


def exported(counter: Counter, file: str) -> list[dict[str, str]]:
    content = (counter.folder / "files" / file).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(content), delimiter=";"))


async def test_a_day_s_work(counter: Counter, era: str, browser: Browser):
    person = Person()
    async with counter.host(era, person) as host:
        # Who waits longest?
        awaiting = await ask(host, "list_demarches")
        (mobilite,) = [d for d in awaiting["demarches"] if d["number"] == 1001]
        assert mobilite
        page = await ask(host, "query_dossiers", demarche_number=1001, state="en_construction")
        longest, _, other, *_ = [d for d in page["dossiers"] if d["group"] == "Défaut"]
        dates = [d["deposited_on"] for d in page["dossiers"]]
        assert dates == sorted(dates)

        # Read one.
        read = await ask(
            host, "get_dossier", number=longest["number"], include=["champs", "messages"]
        )
        assert read["number"] == longest["number"]

        # Ask another for a correction (one of them is awaited already), and annotate a third.
        sent = await ask(
            host,
            "send_message",
            number=other["number"],
            body="Merci de joindre une pièce lisible.",
            correction="incomplete",
        )
        assert sent["outcome"] == "applied"
        form = await ask(host, "get_demarche", demarche_number=1001)
        labels = [a["label"] for a in form["annotations"] if a["type"] == "text"]
        noted = await ask(host, "annotate_dossier", number=200002, values={labels[0]: "Vu."})
        assert noted["outcome"] == "applied"

        # Accept one, refuse another with an attachment.
        accepted = await ask(host, "accept_dossier", number=200001, motivation="Complet.")
        assert accepted["state"] == "accepte"
        refused = await ask(
            host,
            "refuse_dossier",
            number=200009,
            motivation="La pièce demandée manque.",
            attachment="refus.pdf",
        )
        assert refused["state"] == "refuse"

        # Decide on a batch; somebody decides on one of them meanwhile.
        await ask(host, "reopen_dossier", number=200001, to="instruction")
        batch = {"decision": "accept", "numbers": [200002, 200001, 200011]}
        waiting = await host.call_tool("decide_dossiers", batch)
        assert text(waiting).startswith(CONSENTED)
        await browser.open(counter.opened[-1])
        await browser.press("approve", agreed="yes", typed="3")
        await elsewhere(counter, "dossierRefuser")
        decided = await ask(host, "decide_dossiers", **batch)
        assert decided["decided"] == 2
        assert [each["number"] for each in decided["not_decided"]] == [200001]

        # Export, then synchronise after one more change.
        first = await host.call_tool(
            "export_dossiers",
            {"demarche_number": 1001, "format": "csv", "since": "2020-01-01"},
        )
        assert not first.is_error, text(first)
        assert any(isinstance(part, ResourceLink) for part in first.content)
        rows = exported(counter, facts(first)["file"])
        assert len(rows) >= 250
        await ask(host, "close_dossier", number=200017, motivation="Demande retirée.")
        again = await ask(
            host,
            "export_dossiers",
            demarche_number=1001,
            format="csv",
            since=facts(first)["next_since"],
        )
        changed = exported(counter, again["file"])
        done = await ask(host, "list_operations")

    assert "200017" in {row["number"] for row in changed}
    assert len(changed) < len(rows)
    assert {operation["status"] for operation in done["operations"]} == {"applied"}
    assert len(person.questions) == 6, "as many as there were changes outside the page"
