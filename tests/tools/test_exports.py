"""Exporting dossiers: all of them, once, in a file that appears whole; then what changed since."""

import csv
import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ResourceLink
from pydantic import SecretStr

from clients.demarches import DemarchesClient, DemarcheTokens
from clients.http import connected
from tests.changing import Changing
from tests.support import Between, Counter, elsewhere, facts, text
from tools.demarches import export_dossiers
from tools.files import Folder
from tools.language import in_english

MODERN = "2026-07-28"
ALWAYS = "2020-01-01"


@pytest.fixture(name="folder")
def _folder(counter: Counter) -> Path:
    (counter.folder / "files").mkdir()
    return counter.folder / "files"


async def export(host: Client, **arguments: object) -> dict[str, Any]:
    result = await host.call_tool("export_dossiers", {"demarche_number": 1001} | arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def exported(counter: Counter, **arguments: object) -> dict[str, Any]:
    async with counter.host(MODERN) as host:
        return await export(host, **arguments)


async def refusal(counter: Counter, **arguments: object) -> str:
    async with counter.host(MODERN) as host:
        result = await host.call_tool("export_dossiers", {"demarche_number": 1001} | arguments)
    assert result.is_error
    return text(result)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def objects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# A whole démarche.


async def test_every_dossier_is_in_the_file_once(counter: Counter, era: str, folder: Path):
    async with counter.host(era) as host:
        result = await host.call_tool("export_dossiers", {"demarche_number": 1001})

    path = folder / "dossiers-1001.csv"
    content = path.read_bytes()
    assert facts(result) == {
        "file": "dossiers-1001.csv",
        "uri": path.as_uri(),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "demarche": "Aide à la mobilité",
        "dossiers": 250,
        "questions": 35,
        "deleted": [],
        "deleted_count": 0,
        "lost": [],
        "lost_count": 0,
        "next_since": "",
    }
    assert [row["number"] for row in table(path)] == [str(n) for n in range(200001, 200251)]
    (link,) = (part for part in result.content if isinstance(part, ResourceLink))
    assert (link.uri, link.mime_type, link.size) == (path.as_uri(), "text/csv", len(content))
    assert names(folder) == ["dossiers-1001.csv"]


async def test_a_line_holds_the_answers_to_every_kind_of_question(counter: Counter, folder: Path):
    await exported(counter)
    first, second, *_ = table(folder / "dossiers-1001.csv")

    answers = {question: answer for question, answer in first.items() if answer}
    assert answers | {"Lieu de départ": ""} == {
        "number": "200001",
        "state": "en_instruction",
        "archived": "false",
        "deposited_at": "2026-01-05T09:00:00+01:00",
        "changed_at": first["changed_at"],
        "instruction_at": "2026-01-08T09:00:00+01:00",
        "demandeur": "Mme Alice Martin",
        "civilite": "Mme",
        "nom": "Martin",
        "prenom": "Alice",
        "usager": "usager200001@exemple.fr",
        "group": "Défaut",
        "Motif de la demande": "Je me rends chaque jour à mon travail.",
        "Mode de transport": "Autocar",
        "Date de début des trajets": "2026-02-04",
        "Distance domicile-travail (km)": "26",
        "Employeur": "Transports de l’Exemple",
        "J’atteste sur l’honneur l’exactitude de ma demande": "true",
        "Je dépose une demande détaillée": "true",
        "Civilité de l’accompagnant": "Mme",
        "Courriel de l’employeur": "contact@transports.exemple.fr",
        "Téléphone de l’employeur": "0199000000",
        "Adresse du lieu de travail": "12 rue de l’Exemple 35000 Rennes",
        "Commune de résidence": "Rennes (35000)",
        "Département de résidence": "35 – Ille-et-Vilaine",
        "Région de résidence": "Bretagne",
        "Pays de naissance": "France",
        "Intercommunalité": "Rennes Métropole",
        "Rendez-vous souhaité": "2026-04-07T09:30:00+02:00",
        "Coût annuel des trajets (€)": "1234.56",
        "Avez-vous un enfant à charge ?": "true",
        "Réseau et ligne": "TER / Rennes - Redon",
        "Jours travaillés": "Lundi, Jeudi",
        "Justificatif de domicile": "facture.pdf, bail.png",
        "Titre d’identité": "true",
        "Trajets réguliers": '[{"Destination":"Redon","Distance (km)":65},'
        '{"Destination":"Saint-Malo","Distance (km)":72}]',
        "Lieu de départ": "",
        "SIRET de l’employeur": first["SIRET de l’employeur"],
        "Dossier de l’année précédente": "400001",
        "Association d’usagers": "W353000001",
        "Fondation de soutien": "035-FDD-00001-01",
        "Engagement juridique": "2600000001",
        "IBAN": "FR7630006000011234567890189",
        "annotation: Référence comptable": "REF-200001",
        "annotation: Pièces vérifiées": "true",
    }
    assert [area["source"] for area in json.loads(first["Lieu de départ"])] == [
        "selection_utilisateur",
        "cadastre",
    ]
    blank = "Percevez-vous une autre aide à la mobilité ?"
    assert second[blank] == "", "a yes/no left blank is not a no"


async def test_companies_have_their_siret_even_when_incomplete(counter: Counter, folder: Path):
    counts = await exported(counter, demarche_number=1002, format="jsonl")
    rows = {row["number"]: row for row in objects(folder / "dossiers-1002.jsonl")}

    assert counts["dossiers"] == 12
    assert rows[300001]["demandeur"] == "Cycles de l’Exemple 1"
    assert rows[300008]["demandeur"] == rows[300008]["siret"]
    assert rows[300001]["champs"] == {
        "Objet de la subvention": "Atelier vélo n° 1",
        "Montant demandé (€)": 1000.5,
    }


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"state": "accepte"}, 50),
        ({"archived": "yes"}, 1),
        ({"archived": "no"}, 249),
        ({"group": 12}, 81),
        ({"group": 12, "state": "accepte"}, 15),
        ({"created_since": "2026-07-01T22:00:00"}, 37),
    ],
    ids=str,
)
async def test_filters_are_the_service_s_own(
    counter: Counter, folder: Path, filters: dict[str, object], count: int
):
    assert (await exported(counter, **filters))["dossiers"] == count
    assert len(table(folder / "dossiers-1001.csv")) == count


async def test_an_empty_demarche_is_a_header(counter: Counter, folder: Path):
    assert (await exported(counter, demarche_number=1003))["dossiers"] == 0
    assert len((folder / "dossiers-1003.csv").read_bytes().splitlines()) == 1


async def test_nothing_is_replaced(counter: Counter, folder: Path):
    async with counter.host(MODERN) as host:
        files = [(await export(host))["file"] for _ in range(2)]

    assert files == ["dossiers-1001.csv", "dossiers-1001-2.csv"]


async def test_progress_is_told(counter: Counter, era: str, folder: Path):
    told: list[float] = []

    async def keep(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with counter.host(era) as host:
        arguments = {"demarche_number": 1001}
        await host.call_tool("export_dossiers", arguments, progress_callback=keep)

    assert told == [100, 200, 250]
    assert names(folder) == ["dossiers-1001.csv"]


async def test_what_an_applicant_wrote_for_a_spreadsheet_or_a_machine_is_harmless(
    counter: Counter, folder: Path
):
    def hostile(reply: dict[str, Any]) -> None:
        for edge in reply["data"]["demarche"].get("dossiers", {"edges": ()})["edges"]:
            edge["node"]["demandeur"]["nom"] = '=HYPERLINK("https://evil.test")'
            edge["node"]["champs"][0]["stringValue"] = "@SUM(A1)\u202e\x00"

    counter.over["demarches"] = Between(counter.dossiers, hostile)
    await exported(counter)

    (row, *_) = table(folder / "dossiers-1001.csv")
    assert row["nom"] == '\'=HYPERLINK("https://evil.test")'
    assert row["Motif de la demande"] == "'@SUM(A1)\ufffd\ufffd"


# What goes wrong.


def without_200042(reply: dict[str, Any]) -> None:
    """Spoil the answer: nothing but its number can be read of this dossier."""
    edges = reply["data"]["demarche"].get("dossiers", {"edges": ()})["edges"]
    for place, edge in enumerate(edges):
        if edge["node"]["number"] == 200042 and len(edge["node"]) > 1:
            edge["node"] = None
            path = ["demarche", "dossiers", "edges", place, "node", "demandeur"]
            error = {"message": "?", "path": path, "extensions": {"code": "invalid_null"}}
            reply["errors"] = [error]


async def test_a_dossier_that_cannot_be_read_is_told_and_hides_no_other(
    counter: Counter, folder: Path
):
    counter.over["demarches"] = Between(counter.dossiers, without_200042)
    counts = await exported(counter)

    reason = "one of its own records is incomplete."
    assert counts["lost"] == [{"number": 200042, "part": "", "reason": reason}]
    assert (counts["dossiers"], counts["lost_count"]) == (249, 1)
    assert "200042" not in {row["number"] for row in table(folder / "dossiers-1001.csv")}


async def test_losses_told_at_length_are_the_first_ones(counter: Counter, folder: Path):
    def lost_at_length(reply: dict[str, Any]) -> None:
        for place, _ in enumerate(
            reply["data"]["demarche"].get("dossiers", {"edges": ()})["edges"]
        ):
            path = ["demarche", "dossiers", "edges", place, "node", "é" * 300]
            error = {"message": "?", "path": path, "extensions": {"code": "invalid_null"}}
            reply.setdefault("errors", []).append(error)

    counter.over["demarches"] = Between(counter.dossiers, lost_at_length)
    counts = await exported(counter)

    assert 0 < len(counts["lost"]) < 30
    assert counts["lost_count"] == counts["dossiers"] == 250


async def test_an_export_that_fails_leaves_nothing(counter: Counter, folder: Path):
    def cut(page: int) -> None:
        if page == 3:
            assert [name[:9] for name in names(folder)] == [".guichet-"]
        if page >= 3:
            raise httpx.ConnectError("cut")

    counter.over["demarches"] = Changing(1_000, between=cut)

    assert "cannot be reached" in await refusal(counter)
    assert names(folder) == []


async def test_an_export_that_is_cancelled_leaves_nothing(counter: Counter, era: str, folder: Path):
    reached = anyio.Event()

    class Stuck(Changing):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.pages == 3:
                reached.set()
                await anyio.sleep_forever()
            return await super().handle_async_request(request)

    counter.over["demarches"] = Stuck(1_000)
    with anyio.fail_after(5):
        async with counter.host(era) as host, anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "export_dossiers", {"demarche_number": 1001})
            await reached.wait()
            assert [name[:9] for name in names(folder)] == [".guichet-"]
            tasks.cancel_scope.cancel()
        while names(folder):
            await anyio.lowlevel.checkpoint()


async def test_without_a_folder_nothing_is_asked_of_the_service():
    async def unheard(done: int, told: str, total: int | None = None) -> None: ...

    nowhere, changing = Folder(None, in_english), Changing(1)
    async with connected("https://demarches.test/x", transport=changing) as http:
        client = DemarchesClient(http, tokens=DemarcheTokens(SecretStr("t")))
        with pytest.raises(ToolError, match="name it with GUICHET_FILES"):
            await export_dossiers(client, nowhere, unheard, 1001)

    assert changing.sent == []


async def test_a_groupe_of_another_demarche_is_refused(counter: Counter, folder: Path):
    assert "which has 11, 12" in await refusal(counter, group=13)
    assert names(folder) == []


# A synchronisation.


async def test_the_next_export_holds_what_changed_and_nothing_else(counter: Counter, folder: Path):
    async with counter.host(MODERN) as host:
        first = await export(host, since=ALWAYS)
        nothing = await export(host, since=first["next_since"])
        await elsewhere(counter, "dossierRefuser")
        changed = await export(host, since=nothing["next_since"])

    assert (first["dossiers"], nothing["dossiers"], changed["dossiers"]) == (250, 0, 1)
    (row,) = table(folder / changed["file"])
    assert (row["number"], row["state"]) == ("200001", "refuse")


async def test_what_was_deleted_is_listed_by_number_once(counter: Counter, folder: Path):
    async with counter.host(MODERN) as host:
        first = await export(host, since=ALWAYS)
        later = await export(host, since=first["next_since"])

    gone = [200251, 200252, 200253, 200254, 200255]
    assert sorted(first["deleted"]) == gone
    assert first["deleted_count"] == 5
    rows = [row for row in table(folder / first["file"]) if row["deleted_at"]]
    assert sorted(int(row["number"]) for row in rows) == gone
    assert later["deleted"] == []


async def test_a_dossier_that_changes_during_an_export_is_there_once_as_it_became(
    counter: Counter, folder: Path
):
    changing = Changing(250)
    counter.over["demarches"] = changing

    def meanwhile(page: int) -> None:
        if page in {1, 2}:
            changing.change(5)
            changing.change(240)

    changing.between = meanwhile
    counts = await exported(counter, since=ALWAYS, format="jsonl")

    rows = objects(folder / "dossiers-1001.jsonl")
    assert counts["dossiers"] == len(rows) == 250
    assert len({row["number"] for row in rows}) == 250
    answers = {row["number"]: row["champs"]["Motif"] for row in rows}
    assert answers[5] == f"État au changement {changing.changed[5]}"
    assert answers[240] == f"État au changement {changing.changed[240]}"
    content = (folder / "dossiers-1001.jsonl").read_bytes()
    assert counts["sha256"] == hashlib.sha256(content).hexdigest()
    assert counts["bytes"] == len(content)


async def test_a_dossier_that_could_not_be_read_is_read_again_by_the_next_exports(
    counter: Counter, folder: Path
):
    """Its deletion, should there be one, still comes after it."""
    counter.over["demarches"] = Between(counter.dossiers, without_200042)
    async with counter.host(MODERN) as host:
        first = await export(host, since=ALWAYS, format="jsonl")
        second = await export(host, since=first["next_since"], format="jsonl")
    counter.over.clear()
    async with counter.host(MODERN) as host:
        third = await export(host, since=second["next_since"], format="jsonl")
        fourth = await export(host, since=third["next_since"], format="jsonl")

    assert [counts["lost_count"] for counts in (first, second, third, fourth)] == [1, 1, 0, 0]
    assert 200042 in {row["number"] for row in objects(folder / third["file"])}
    assert first["deleted"] == second["deleted"] == third["deleted"] != []
    assert (fourth["dossiers"], fourth["deleted"]) == (0, [])


async def test_a_deletion_that_could_not_be_read_is_read_again_by_the_next_export(
    counter: Counter, folder: Path
):
    def cut(reply: dict[str, Any]) -> None:
        if edges := reply["data"]["demarche"].get("deletedDossiers", {}).get("edges"):
            lost.append(edges[0]["node"]["number"])
            edges[0] = None
            path = ["demarche", "deletedDossiers", "edges", 0]
            error = {"message": "?", "path": path, "extensions": {"code": "invalid_null"}}
            reply["errors"] = [error]

    lost: list[int] = []
    counter.over["demarches"] = Between(counter.dossiers, cut)
    first = await exported(counter, since=ALWAYS)
    counter.over.clear()
    second = await exported(counter, since=first["next_since"])

    assert lost[0] not in first["deleted"]
    assert lost[0] in second["deleted"]
    assert second["dossiers"] == 0


async def test_deletions_after_a_page_of_which_nothing_can_be_read_are_exported(
    counter: Counter, folder: Path
):
    """A page of two is given in place of the first."""

    def cut(reply: dict[str, Any]) -> None:
        gone = reply["data"]["demarche"].get("deletedDossiers")
        if gone and len(gone["edges"]) > 2:
            gone["pageInfo"] |= {"hasNextPage": True, "endCursor": gone["edges"][1]["cursor"]}
            first.extend(edge["node"]["number"] for edge in gone["edges"])
            gone["edges"] = [None, None]

    first: list[int] = []
    counter.over["demarches"] = Between(counter.dossiers, cut)
    counts = await exported(counter, since=ALWAYS)

    assert counts["lost_count"] == 2
    assert counts["deleted"][-len(first[2:]) :] == first[2:] != []


async def test_deletions_that_lead_back_to_one_another_are_not_gone_through_for_ever(
    counter: Counter, folder: Path
):
    def stuck(reply: dict[str, Any]) -> None:
        if gone := reply["data"]["demarche"].get("deletedDossiers"):
            gone["pageInfo"]["hasNextPage"] = True
            given.append(gone)
            reply["data"]["demarche"]["deletedDossiers"] = given[0]
            assert len(given) < 5, "for ever"

    given: list[dict[str, Any]] = []
    counter.over["demarches"] = Between(counter.dossiers, stuck)

    assert "leads back" in await refusal(counter, since=ALWAYS)
    assert names(folder) == []


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_applies_every_export_has_what_the_service_has(
    counter: Counter, folder: Path, seed: int
):
    """Rounds of changes and deletions, some of them while pages are read."""
    chance = random.Random(seed)  # noqa: S311  (nothing is hidden by it)
    changing = Changing(300)
    counter.over["demarches"] = changing
    copy: dict[int, str] = {}

    def meanwhile(_: int) -> None:
        for _ in range(chance.randrange(4)):
            number = chance.randrange(1, 301)
            if number not in changing.deleted:
                chance.choice([changing.change, changing.change, changing.hide, changing.delete])(
                    number
                )

    changing.between = meanwhile
    since = ALWAYS
    async with counter.host(MODERN) as host:
        for rank in range(8):
            if rank == 7:
                changing.between = lambda _: None
            counts = await export(host, since=since, format="jsonl")
            for row in objects(folder / counts["file"]):
                if "deleted_at" in row:
                    copy.pop(row["number"], None)
                else:
                    copy[row["number"]] = row["champs"]["Motif"]
            since = counts["next_since"]
            assert counts["dossiers"] + counts["deleted_count"] == len(
                objects(folder / counts["file"])
            )

    left = set(range(1, 301)) - changing.deleted.keys() - changing.pending.keys()
    assert copy == {n: f"État au changement {changing.changed.get(n, n)}" for n in left}


async def test_the_date_stays_the_same_and_the_cursor_goes_on(counter: Counter, folder: Path):
    """A round without anything new gives no cursor: the one before is kept."""
    changing = Changing(3)
    counter.over["demarches"] = changing
    async with counter.host(MODERN) as host:
        since = ALWAYS
        for _ in range(3):
            since = (await export(host, since=since))["next_since"]

    pages = [sent for sent in changing.sent if "updatedSince" in sent]
    assert {sent["updatedSince"] for sent in pages} == {"2020-01-01T00:00:00+01:00"}
    assert [sent["after"] for sent in pages] == [None, "3-3", "3-3"]
    assert len(names(folder)) == 3


@pytest.mark.parametrize(
    "other",
    [{"demarche_number": 1002}, {"group": 12}, {"state": "accepte"}, {"archived": "no"}],
    ids=str,
)
async def test_a_cursor_is_of_one_demarche_and_of_its_filters(
    counter: Counter, folder: Path, other: dict[str, object]
):
    since = (await exported(counter, since=ALWAYS))["next_since"]

    assert "of another démarche" in await refusal(counter, since=since, **other)
    assert names(folder) == ["dossiers-1001.csv"]


async def test_a_cursor_that_was_miscopied_is_refused(counter: Counter, folder: Path):
    since = (await exported(counter, since=ALWAYS))["next_since"]

    for wrong in (since[:-1], since[:40] + "x" + since[41:], "sync-", "sync-%%%", "yesterday"):
        assert "Nothing was written" in await refusal(counter, since=wrong)
    assert names(folder) == ["dossiers-1001.csv"]


async def test_two_dates_are_refused(counter: Counter, folder: Path):
    told = await refusal(counter, since=ALWAYS, created_since=ALWAYS)

    assert told == "Give since or created_since, not both: the service ignores the second."
    assert names(folder) == []


# Any number of them.


def peak(dossiers: int, since: str) -> int:
    """Bytes of memory that a process needed, at most, to export so many dossiers."""
    script = Path(__file__).parents[1] / "exporting_many.py"
    root = script.parents[1]
    told = subprocess.run(  # noqa: S603  (our own script)
        [sys.executable, script, str(dossiers), since],
        cwd=root,
        capture_output=True,
        check=True,
        timeout=120,
        env={"PYTHONPATH": str(root), "GUICHET_CONFIG": "/dev/null"},
    )
    return int(told.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells what a process needed")
def test_memory_does_not_grow_with_the_dossiers():
    """Nor when what changed is looked for: whose each line is has to be remembered then."""
    few, many = peak(1_000, ALWAYS), peak(10_000, ALWAYS)

    assert many - few < 8_000_000
