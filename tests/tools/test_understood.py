"""What agents write for a number, a list or a date: understood if it is certain, or mended."""

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from clients.dates import in_iso
from server.settings import Demarches
from tests.support import Browser, Counter, Person, facts, text
from tools.parameters import DemarcheNumber, DossierNumber, GroupNumber, Whole

DOSSIER = TypeAdapter[int](DossierNumber)
MODERN = "2026-07-28"
PAGE = "https://demarche.numerique.gouv.fr/procedures/1001/dossiers/200002"


def noting(value: object) -> dict[str, Any]:
    return {"number": 300002, "values": {"Synthèse": value}}


def identifier(of: str) -> str:
    return base64.b64encode(of.encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        200002,
        200002.0,
        "200002 ",
        " n° 200 002 ",
        identifier("Dossier-200002"),
        identifier("Dossier-200002").rstrip("="),
        PAGE,
        f"{PAGE}/annotations-privees?onglet=1",
        "https://www.demarches-simplifiees.fr/procedures/1001/a-suivre/dossiers/200002",
        "demarche.numerique.gouv.fr/dossiers/200002",
    ],
)
def test_a_dossier_may_be_named_by_whatever_an_agent_has_at_hand(written: object):
    assert DOSSIER.validate_python(written) == 200002


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (True, "a number, not a boolean"),
        (1.5, "a whole number, such as 20"),
        (None, "a whole number, such as 20"),
        ("12 13", "a dossier's number, such as 200001"),
        ("le dernier", "a dossier's number, such as 200001; its id or its page's address"),
        (identifier("Procedure-1001"), "another record's. query_dossiers lists its dossiers"),
        (identifier("Champ-12"), "and this is another record's"),
        ("https://demarche.numerique.gouv.fr/procedures/1001", "query_dossiers lists its dossiers"),
        ("https://ailleurs.example/dossiers/200002", "another site's page: give the number alone"),
        ("https://[/dossiers/200002", "a dossier's number, such as 200001"),
        (0, "greater than 0"),
    ],
)
def test_what_could_be_something_else_is_refused_with_the_way_to_say_it(written: object, said: str):
    with pytest.raises(ValidationError) as caught:
        DOSSIER.validate_python(written)

    assert said in caught.value.errors()[0]["msg"]


def test_a_demarche_and_a_groupe_may_be_named_likewise():
    demarche, group = TypeAdapter[int](DemarcheNumber), TypeAdapter[int](GroupNumber)

    assert demarche.validate_python(PAGE) == 1001
    assert demarche.validate_python(identifier("Procedure-1001")) == 1001
    assert group.validate_python(identifier("GroupeInstructeur-7")) == 7
    assert TypeAdapter[int](Whole).validate_python("20") == 20


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("22/11/2026", "2026-11-22"),
        ("1.3.2026", "2026-03-01"),
        ("22 novembre 2026", "2026-11-22"),
        ("le 1er Août 2026", "2026-08-01"),
        ("2026-11-22", "2026-11-22"),
        ("31/02/2026", "31/02/2026"),
        ("22/11/26", "22/11/26"),
        ("hier", "hier"),
    ],
)
def test_a_date_is_read_as_people_write_it_in_france(written: str, read: str):
    assert in_iso(written) == read


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_dossier", {"number": PAGE, "include": "champs, messages"}),
        ("query_dossiers", {"demarche_number": PAGE, "updated_since": "1er janvier 2020"}),
        ("list_mesures", {"ended_since": "01/01/2020", "details": "person"}),
        ("export_dossiers", {"demarche_number": "1003", "since": "01/01/2020"}),
    ],
)
async def test_tools_take_what_is_certain(counter: Counter, tool: str, arguments: dict[str, Any]):
    async with counter.host(MODERN) as host:
        result = await host.call_tool(tool, arguments)

    assert not result.is_error, text(result)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_dossier", {"number": 1001}, "1001 is a démarche of this counter: query_dossiers"),
        ("query_dossiers", {"demarche_number": 200001}, "get_dossier tells which démarche"),
        ("query_dossiers", {}, "Nothing was done. demarche_number: required."),
        ("query_dossiers", {"demarche_number": 1, "limit": 900}, "limit: a number up to 100."),
        ("list_mesures", {"status": "ouverte"}, "status: 'all', 'en_attente', 'en_cours' or 'ete"),
        ("list_mesures", {"search": 12}, "search: a text, between quotes."),
        ("list_demarches", {"all": True}, "Nothing was done: list_demarches takes no arguments."),
        ("get_dossier", {"number": 200001, "include": True}, "include: a list."),
        ("accept_dossier", {"number": 1, "motivation": "x" * 5001}, "5000 characters at most."),
        ("annotate_dossier", noting(None), "done. values.Synthèse: a text, a number"),
        ("annotate_dossier", noting(["a", 1]), "done. values.Synthèse: a text, a number"),
        ("annotate_dossier", noting("a\u202e"), "values.Synthèse: holds characters that cannot be"),
    ],
)
async def test_a_mistake_is_answered_with_the_fix(
    counter: Counter, tool: str, arguments: dict[str, Any], said: str
):
    async with counter.host(MODERN) as host:
        result = await host.call_tool(tool, arguments)

    assert result.is_error
    assert said in text(result)


async def test_the_pages_of_another_instance_name_none_of_our_dossiers(counter: Counter):
    here = {"url": "https://demarches.example/api/v2/graphql", "token": "sandbox"}
    counter.settings["demarches"] = Demarches.model_validate(here)
    async with counter.host(MODERN) as host:
        theirs = await host.call_tool("get_dossier", {"number": PAGE})
        ours = await host.call_tool(
            "get_dossier", {"number": "https://demarches.example/dossiers/200002"}
        )

    assert "another site's page" in text(theirs)
    assert facts(ours)["number"] == 200002


async def test_one_consent_is_one_change_however_the_number_is_then_written(counter: Counter):
    """The page is answered for the call, not for its spelling."""
    counter.page, counter.settings["consent"] = True, "page"
    async with counter.host(MODERN, Person()) as host, Browser() as browser:
        await host.call_tool("accept_dossier", {"number": 200002})
        await browser.open(counter.opened[0])
        await browser.press("approve", agreed="yes", typed="200002")
        made = await host.call_tool("accept_dossier", {"number": PAGE, "motivation": ""})
        again = await host.call_tool("accept_dossier", {"number": "200002"})

    assert facts(made)["outcome"] == "applied"
    assert again.is_error
    assert len(counter.accepted) == 1
    assert len(counter.opened) == 1
