"""Listing mesures: every one, once, newest first, and little of the protected persons."""

import json
from typing import Any

import pytest
from mcp import Client

from server.sandbox.emjpm.mesures import FIRST_ID, FIRST_OF_NEIGHBOUR, SIZE
from server.settings import Emjpm
from tests.support import Between, Counter, facts, text

MODERN = "2026-07-28"


async def page(host: Client, **arguments: object) -> dict[str, Any]:
    result = await host.call_tool("list_mesures", arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def every(counter: Counter, era: str = MODERN, **arguments: object) -> list[dict[str, Any]]:
    """Every mesure that the arguments select, from the first page to the one that has no next."""
    mesures: list[dict[str, Any]] = []
    following: dict[str, int] = {}
    async with counter.host(era) as host:
        while True:
            read = await page(host, **arguments, **following)
            mesures += read["mesures"]
            if "next_offset" not in read:
                assert len(mesures) == read["total"]
                return mesures
            following = {"offset": read["next_offset"]}


async def refusal(counter: Counter, era: str = MODERN, **arguments: object) -> str:
    """What the model is told of a call that fails."""
    async with counter.host(era) as host:
        result = await host.call_tool("list_mesures", arguments)
    assert result.is_error
    return text(result)


# Pages and filters.


@pytest.mark.parametrize("limit", [100, 20, 7])
async def test_following_next_visits_every_mesure_once(counter: Counter, era: str, limit: int):
    ids = [mesure["id"] for mesure in await every(counter, era, limit=limit)]

    assert sorted(ids) == list(range(FIRST_ID, FIRST_ID + SIZE))


async def test_mesures_come_newest_nomination_first_and_last_those_without(
    counter: Counter, era: str
):
    mesures = await every(counter, era)

    dated = [mesure["date_nomination"] for mesure in mesures if "date_nomination" in mesure]
    assert 0 < len(dated) < SIZE
    assert dated == sorted(dated, reverse=True)
    assert not [mesure for mesure in mesures[len(dated) :] if "date_nomination" in mesure]


async def test_a_page_holds_twenty_mesures_unless_told_otherwise(counter: Counter, era: str):
    async with counter.host(era) as host:
        first = await page(host)
        beyond = await page(host, offset=SIZE)

    assert (len(first["mesures"]), first["total"], first["next_offset"]) == (20, SIZE, 20)
    assert beyond == {"total": SIZE, "mesures": []}


@pytest.mark.parametrize(
    ("status", "count"), [("en_cours", 48), ("en_attente", 12), ("eteinte", 12), ("all", SIZE)]
)
async def test_mesures_are_listed_by_status(counter: Counter, status: str, count: int):
    mesures = await every(counter, status=status)

    assert len(mesures) == count
    if status != "all":
        ended = {"date_fin_mesure" in mesure for mesure in mesures}
        assert ended == {status == "eteinte"}
        dated = {"date_nomination" in mesure for mesure in mesures}
        assert dated == {status != "en_attente"}


async def test_a_page_cut_for_its_size_continues_after_its_last_row(counter: Counter, era: str):
    def lengthen(reply: dict[str, Any]) -> None:
        for mesure in reply["mesures"]:
            mesure["numero_dossier"] = "é" * 1_000

    counter.over["emjpm"] = Between(counter.mesures, lengthen)
    ids = [mesure["id"] for mesure in await every(counter, era, limit=100)]

    assert sorted(ids) == list(range(FIRST_ID, FIRST_ID + SIZE))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("limit", 0),
        ("limit", 101),
        ("limit", True),
        ("limit", "abc"),
        ("offset", -1),
        ("offset", False),
        ("status", "en cours"),
        ("ended_since", "hier"),
        ("ended_until", "2024-02-30"),
        ("details", ["names"]),
    ],
)
async def test_an_argument_that_does_not_fit_is_refused_before_any_request(
    counter: Counter, argument: str, value: object
):
    counter.over["emjpm"] = network = Between(counter.mesures)

    told = await refusal(counter, MODERN, **{argument: value})

    assert told.startswith(f"Nothing was done. {argument}")
    assert not network.requests


@pytest.mark.parametrize(
    ("search", "numbers"),
    [
        ("18A00001", ["18A00001"]),
        ("18 a-00001", ["18A00001"]),
        ("D-2019-0001", ["18A00001"]),
        ("2019-0001", ["18A00001"]),
        ("nobody's", []),
        ("--", []),
    ],
)
async def test_a_search_is_in_both_numbers_however_they_are_punctuated(
    counter: Counter, search: str, numbers: list[str]
):
    found = await every(counter, search=search)

    assert [mesure["numero_rg"] for mesure in found] == numbers


async def test_mesures_are_those_of_a_tribunal(counter: Counter):
    mesures = await every(counter, tribunal_siret="175 101 112 00043")

    assert {mesure["tribunal_siret"] for mesure in mesures} == {"17510111200043"}
    assert await every(counter, tribunal_siret="1751") == []


@pytest.mark.parametrize(
    ("nature", "natures"),
    [
        ("tutelle", {"tutelle"}),
        ("Curatelle renforcée", {"curatelle_renforcee"}),
        ("curatelle", {"curatelle_renforcee", "curatelle_simple"}),
        ("??", set[str]()),
    ],
)
async def test_a_nature_is_that_of_the_latest_etat(
    counter: Counter, nature: str, natures: set[str]
):
    mesures = await every(counter, nature=nature)

    assert {mesure["nature_mesure"] for mesure in mesures} == natures


async def test_mesures_ended_between_two_days_are_those_eteintes(counter: Counter):
    network = Between(counter.mesures)
    counter.over["emjpm"] = network
    ended = sorted(m["date_fin_mesure"] for m in await every(counter, status="eteinte"))

    since = await every(counter, ended_since=ended[3])
    compact = await every(counter, ended_since=ended[3].replace("-", ""))
    until = await every(counter, ended_until=ended[3])
    between = await every(counter, ended_since=ended[3], ended_until=ended[5])

    assert sorted(m["date_fin_mesure"] for m in since) == [d for d in ended if d >= ended[3]]
    assert compact == since
    assert sorted(m["date_fin_mesure"] for m in until) == [d for d in ended if d <= ended[3]]
    assert {m["date_fin_mesure"] for m in between} == set(ended[3:6])
    assert {request.url.params["status"] for request in network.requests} == {"eteinte"}


async def test_an_end_that_a_reopened_mesure_keeps_is_not_taken_for_one(counter: Counter):
    """The service keeps the date when it makes a mesure en_cours again."""
    assert await every(counter, status="en_cours", ended_since="2000-01-01") == []


# What is in a row.


async def test_a_row_says_what_the_mesure_now_is(counter: Counter, era: str):
    mesures = {mesure["id"]: mesure for mesure in await every(counter, era)}

    assert mesures[120_002] == {
        "id": 120_002,
        "numero_rg": "18A00001",
        "numero_dossier": "D-2019-0001",
        "tribunal_siret": mesures[120_002]["tribunal_siret"],
        "date_nomination": "2019-01-15",
        "nature_mesure": "curatelle_simple",
        "lieu_vie": "domicile",
    }


async def test_a_row_says_what_the_mesure_successively_was_if_asked(counter: Counter, era: str):
    mesures = {m["id"]: m for m in await every(counter, era, details=["etats"])}

    assert mesures[120_002] == {
        "id": 120_002,
        "numero_rg": "18A00001",
        "numero_dossier": "D-2019-0001",
        "tribunal_siret": mesures[120_002]["tribunal_siret"],
        "date_nomination": "2019-01-15",
        "etats": [
            {
                "date_changement_etat": "2019-01-15",
                "nature_mesure": "tutelle",
                "champ_mesure": "protection_bien",
                "lieu_vie": "etablissement",
            },
            {
                "date_changement_etat": "2019-08-03",
                "nature_mesure": "curatelle_simple",
                "champ_mesure": "protection_personne",
                "lieu_vie": "domicile",
            },
        ],
    }


async def test_etats_come_oldest_first(counter: Counter, era: str):
    """The service gives them in no order: every second mesure has them backwards."""
    mesures = await every(counter, era, details=["etats"])
    histories = [[etat["date_changement_etat"] for etat in each["etats"]] for each in mesures]

    assert max(map(len, histories)) > 1
    assert histories == [sorted(dates) for dates in histories]


async def test_a_mesure_en_attente_is_nearly_empty(counter: Counter, era: str):
    waiting = await every(counter, era, status="en_attente")

    assert {frozenset(mesure) for mesure in waiting} == {
        frozenset({"id", "numero_rg", "tribunal_siret"})
    }


async def test_values_of_lists_unknown_to_us_survive(counter: Counter, era: str):
    """Old rows and new laws bring what no documentation lists."""
    mesures = {m["id"]: m for m in await every(counter, era, details=["etats"])}

    natures = [etat["nature_mesure"] for etat in mesures[FIRST_ID + 9]["etats"]]
    assert "habilitation_familiale" in natures
    assert mesures[FIRST_ID + 26]["cause_sortie"] == "revocation"


async def test_what_is_missing_is_absent_and_never_null(counter: Counter, era: str):
    def strip(reply: dict[str, Any]) -> None:
        reply["mesures"] = [
            dict.fromkeys(mesure) | {"id": mesure["id"], "numero_rg": mesure["numero_rg"]}
            for mesure in reply["mesures"]
        ]

    counter.over["emjpm"] = Between(counter.mesures, strip)
    mesures = await every(counter, era)

    assert len(mesures) == SIZE
    assert {tuple(mesure) for mesure in mesures} == {("id", "numero_rg")}


async def test_resources_may_be_numbers_as_they_are_documented(counter: Counter, era: str):
    """The service is sent numbers, and gives texts back."""

    def number(reply: dict[str, Any]) -> None:
        for mesure in reply["mesures"]:
            mesure["ressources"] = [{"annee": 2025, "niveau_ressource": 9870.5}]

    counter.over["emjpm"] = Between(counter.mesures, number)

    assert len(await every(counter, era)) == SIZE


async def test_nothing_tells_who_the_protected_person_is(counter: Counter, era: str):
    """Birth year, civility, town, position and resources: the service gives them all."""
    told = json.dumps(await every(counter, era))

    for name in (
        *("annee_naissance", "civilite", "code_postal", "ville", "pays"),
        *("latitude", "longitude", "ressources", "niveau_ressource", "prestations_sociales"),
    ):
        assert name not in told
    for value in ("madame", "monsieur", "AUCH", "TOURNAI", "14246", "AAH"):
        assert value not in told


@pytest.mark.parametrize(
    ("details", "told", "untold"),
    [
        ([], set[str](), {"etats", "civilite", "annee_naissance", "ressources"}),
        (["person"], {"civilite", "annee_naissance"}, {"etats", "ressources"}),
        (["resources"], {"ressources"}, {"etats", "civilite"}),
        (["places"], {"etats"}, {"civilite", "ressources"}),
    ],
    ids=["none", "person", "resources", "places"],
)
async def test_details_are_told_when_they_are_asked_for(
    counter: Counter, details: list[str], told: set[str], untold: set[str]
):
    mesures = {m["id"]: m for m in await every(counter, details=details)}

    mesure = mesures[FIRST_ID + 2]
    assert told <= mesure.keys()
    assert not untold & mesure.keys()


async def test_places_are_those_of_each_etat(counter: Counter):
    mesures = {m["id"]: m for m in await every(counter, details=["places"])}

    abroad = mesures[FIRST_ID + 39]["etats"]
    assert {"BE", "FR"} >= {etat["pays"] for etat in abroad}
    assert "TOURNAI" in {etat.get("ville") for etat in abroad}


# One mesure.


async def read_one(counter: Counter, era: str, **arguments: object) -> dict[str, Any]:
    async with counter.host(era) as host:
        result = await host.call_tool("get_mesure", arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def test_one_mesure_is_told_with_its_dates_and_its_antenne(counter: Counter, era: str):
    mesure = await read_one(counter, era, id=FIRST_ID + 1)

    assert mesure["antenne_id"] == 302
    assert mesure["date_premier_mesure"] == "2018-01-15"
    assert mesure["date_protection_en_cours"] == "2019-08-03"
    assert [etat["nature_mesure"] for etat in mesure["etats"]] == ["tutelle", "curatelle_simple"]
    private = {"civilite", "annee_naissance", "ressources"}
    assert not private & mesure.keys()
    assert not {"code_postal", "ville", "pays"} & mesure["etats"][0].keys()


async def test_one_mesure_is_told_whole_when_it_is_asked_for(counter: Counter):
    details = ["etats", "person", "places", "resources"]

    mesure = await read_one(counter, MODERN, id=FIRST_ID + 1, details=details)

    assert (mesure["civilite"], mesure["annee_naissance"]) == ("madame", 1939)
    assert mesure["etats"][0]["ville"] == "EPERNAY"
    assert mesure["ressources"] == [
        {"annee": 2019, "niveau_ressource": "9870.5", "prestations_sociales": []}
    ]


def eventful(reply: dict[str, Any]) -> None:
    """A mesure, or the first of a list, of which there is more to tell than a result holds."""
    mesure = reply["mesures"][0] if "mesures" in reply else reply
    mesure["etats"] = [
        {"date_changement_etat": "2020-01-01", "lieu_vie": f"{number:0100}"}
        for number in range(300)
    ]
    mesure["ressources"] = [{"annee": year} for year in range(1900, 2000)]


async def test_a_mesure_of_many_etats_is_read_a_page_at_a_time(counter: Counter):
    counter.over["emjpm"] = Between(counter.mesures, eventful)
    asked = {"id": FIRST_ID, "details": ["etats", "resources"]}
    pages = [await read_one(counter, MODERN, **asked)]
    while "next_offset" in pages[-1]:
        offset = pages[-1]["next_offset"]
        pages.append(await read_one(counter, MODERN, **asked, offset=offset))

    etats = [etat["lieu_vie"] for page in pages for etat in page["etats"]]
    years = [ressource["annee"] for page in pages for ressource in page["ressources"]]
    assert etats == [f"{number:0100}" for number in range(300)]
    assert years == list(range(1900, 2000))


async def test_a_mesure_that_would_fill_a_list_is_in_it_without_its_details(counter: Counter):
    counter.over["emjpm"] = Between(counter.mesures, eventful)

    mesures = await every(counter, details=["etats"])

    assert sum("too_long" in mesure for mesure in mesures) == 1
    assert all(("etats" in mesure) is not ("too_long" in mesure) for mesure in mesures)


@pytest.mark.parametrize("number", [1, FIRST_OF_NEIGHBOUR])
async def test_a_mesure_that_is_not_there_is_not_told_from_another_s(counter: Counter, number: int):
    async with counter.host(MODERN) as host:
        result = await host.call_tool("get_mesure", {"id": number})

    assert result.is_error
    assert f"no mesure of this account has the id {number}" in text(result)


async def test_what_a_mandataire_wrote_is_clean_and_on_one_line(counter: Counter, era: str):
    def rewrite(reply: dict[str, Any]) -> None:
        reply["mesures"][0].update(numero_dossier="D\u202e-1\n2\x00", date_nomination="2099-01-01")

    counter.over["emjpm"] = Between(counter.mesures, rewrite)
    async with counter.host(era) as host:
        (first,) = (await page(host, limit=1))["mesures"]

    assert first["numero_dossier"] == "D\ufffd-1 2\ufffd"


# What the service refuses.


async def test_a_token_that_is_no_longer_good_is_told_with_its_setting(counter: Counter, era: str):
    counter.settings["emjpm"] = Emjpm.model_validate(
        {"url": "https://emjpm.sandbox", "token": "a-token-of-yesterday"}
    )

    told = await refusal(counter, era)

    assert "the token is revoked, or unknown." in told
    assert "GUICHET_EMJPM_TOKEN" in told
    assert "a-token-of-yesterday" not in told


async def test_an_address_that_is_not_the_api_s_is_told_with_its_setting(
    counter: Counter, era: str
):
    counter.settings["emjpm"] = Emjpm.model_validate(
        {"url": "https://emjpm.sandbox/application", "token": "sandbox"}
    )

    assert "GUICHET_EMJPM_URL" in await refusal(counter, era)
