"""What is around mesures: their tribunaux, antennes and accounts, and how many there are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from server.settings import Emjpm
from tests.support import Between, Counter, facts, text
from tools.emjpm.summary import PARIS

MODERN = "2026-07-28"

Rewrite = Callable[[Any], None]


async def call(counter: Counter, tool: str, era: str = MODERN, **arguments: object):
    async with counter.host(era) as host:
        result = await host.call_tool(tool, arguments)
    assert len(text(result).encode()) <= 20_000
    return result


async def told(counter: Counter, tool: str, era: str = MODERN, **arguments: object):
    result = await call(counter, tool, era, **arguments)
    assert not result.is_error, text(result)
    return facts(result)


def connected_as(counter: Counter, who: str) -> Counter:
    counter.settings["emjpm"] = Emjpm.model_validate({"url": "https://emjpm.sandbox", "token": who})
    return counter


# Tribunaux.


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("Béthune", "Tribunal judiciaire de Béthune"),
        ("BETHUNE", "Tribunal judiciaire de Béthune"),
        ("judiciaire auch", "Tribunal judiciaire d'Auch"),
        ("17590111500055", "Tribunal judiciaire de Béthune"),
        ("175 901 115", "Tribunal judiciaire de Béthune"),
        ("98600", "Tribunal de Première Instance de Mata-Utu"),
        ("saint denis", "Tribunal de proximité de Saint-Denis"),
        ("La Roche-sur-Yon", "Tribunal judiciaire de La Roche-sur-Yon"),
    ],
)
async def test_a_tribunal_is_found_by_name_city_postcode_or_siret(
    counter: Counter, era: str, search: str, first: str
):
    found = await told(counter, "list_tribunaux", era, search=search)

    assert found["tribunaux"][0]["nom"] == first
    assert found["total"] == len(found["tribunaux"])


async def test_tribunaux_are_never_given_all_at_once(counter: Counter):
    many = await told(counter, "list_tribunaux", search="tribunal")
    none = await told(counter, "list_tribunaux", search="atlantis")
    unsaid = await call(counter, "list_tribunaux", search="")
    signs = await told(counter, "list_tribunaux", search="---")

    assert (many["total"], len(many["tribunaux"])) == (290, 20)
    assert none == signs == {"total": 0, "tribunaux": []}
    assert unsaid.is_error


# Antennes and accounts.


async def test_antennes_are_listed_with_the_id_that_mesures_name(counter: Counter, era: str):
    found = await told(counter, "list_antennes", era)

    assert [antenne["id"] for antenne in found["antennes"]] == [301, 302]
    assert found["antennes"][1]["nom"] == "Antenne d'Épernay"


async def test_a_mandataire_of_his_own_has_no_antenne(counter: Counter):
    alone = connected_as(counter, "sandbox-individuel")

    assert await told(alone, "list_antennes") == {"total": 0, "antennes": []}


async def test_following_next_visits_every_antenne_once(counter: Counter):
    def many(reply: Any) -> None:
        reply["antennes"] = [{"id": number, "nom": "é" * 200} for number in range(150)]

    counter.over["emjpm"] = Between(counter.mesures, many)
    pages = [await told(counter, "list_antennes")]
    while "next_offset" in pages[-1]:
        pages.append(await told(counter, "list_antennes", offset=pages[-1]["next_offset"]))

    assert {page["total"] for page in pages} == {150}
    assert [antenne["id"] for page in pages for antenne in page["antennes"]] == list(range(150))


async def test_the_account_of_a_service_is_told(counter: Counter, era: str):
    user = await told(counter, "get_emjpm_user", era)

    assert (user["type"], user["prenom"], user["nom"]) == ("service", "Paula", "Rousseau")
    assert user["service"]["departements"] == ["51 Marne"]
    assert user["service"]["mesures_en_cours"] == 48
    assert "direction" not in user


async def test_the_account_of_a_direction_is_told(counter: Counter):
    user = await told(connected_as(counter, "sandbox-direction"), "get_emjpm_user")

    assert user["direction"] == "departemental, 50 Manche"
    assert "service" not in user


async def test_an_account_as_it_is_documented_is_understood(counter: Counter):
    """Without the id of a service, and with one département."""

    def older(reply: Any) -> None:
        del reply["service"]["departements"], reply["service"]["id"]

    counter.over["emjpm"] = Between(counter.mesures, older)

    assert (await told(counter, "get_emjpm_user"))["service"]["departements"] == ["51 Marne"]


async def test_a_direction_lists_its_services(counter: Counter, era: str):
    direction = connected_as(counter, "sandbox-direction")

    found = await told(direction, "list_direction_services", era)
    rest = await told(direction, "list_direction_services", era, offset=1)

    assert found["total"] == rest["total"] == 2
    assert [service["id"] for service in found["services"]] == [50, 51]
    assert [service["id"] for service in rest["services"]] == [51]
    assert found["services"][0]["mesures_en_attente"] == 12


@pytest.mark.parametrize(
    ("who", "tool", "remedy"),
    [
        ("sandbox", "list_direction_services", "the account of a direction"),
        ("sandbox-direction", "list_mesures", "the account of a mandataire or of a service"),
    ],
)
async def test_an_account_that_is_not_the_right_one_is_told_which_is(
    counter: Counter, who: str, tool: str, remedy: str
):
    result = await call(connected_as(counter, who), tool)

    assert result.is_error
    assert remedy in text(result)


# Counts.


async def test_mesures_are_counted_by_status_whatever_else_is(counter: Counter, era: str):
    summary = await told(counter, "summarize_mesures", era)

    assert summary["total"] == 72
    assert summary["by_status"] == {"en_attente": 12, "en_cours": 48, "eteinte": 12}
    for name in ("by_nature", "by_age", "by_departement"):
        assert sum(summary[name].values()) == 48


@pytest.mark.parametrize(("status", "count"), [("all", 72), ("eteinte", 12), ("en_attente", 12)])
async def test_a_status_chooses_what_is_counted_further(counter: Counter, status: str, count: int):
    summary = await told(counter, "summarize_mesures", status=status)

    assert summary["total"] == 72
    for name in ("by_nature", "by_age", "by_departement"):
        assert sum(summary[name].values()) == count


async def test_what_awaits_has_no_nature_and_lives_nowhere_yet(counter: Counter):
    summary = await told(counter, "summarize_mesures", status="en_attente")

    assert summary["by_nature"] == summary["by_departement"] == {"unknown": 12}


async def test_kinds_unknown_to_us_are_counted_under_their_own_name(counter: Counter):
    summary = await told(counter, "summarize_mesures", status="all")

    assert summary["by_departement"]["abroad"] == 1
    assert "51" in summary["by_departement"]


async def test_kinds_too_many_to_be_told_apart_are_counted_together(counter: Counter):
    def many(reply: Any) -> None:
        first = reply["mesures"][0]
        reply["mesures"] = [
            {**first, "etats": [{"nature_mesure": f"{number}"}]} for number in range(200)
        ]

    counter.over["emjpm"] = Between(counter.mesures, many)
    natures = (await told(counter, "summarize_mesures"))["by_nature"]

    assert natures["others"] == 50
    assert sum(natures.values()) == 200


@pytest.mark.parametrize(
    ("age", "bracket"),
    [
        (17, "00-17"),
        (18, "18-24"),
        (24, "18-24"),
        (25, "25-39"),
        (59, "40-59"),
        (84, "75-84"),
        (85, "85+"),
        (110, "85+"),
    ],
)
async def test_ages_are_counted_by_bracket(counter: Counter, age: int, bracket: str):
    year = datetime.now(PARIS).year

    assert await alone(counter, lambda m: m.update(annee_naissance=year - age), "by_age") == {
        bracket: 1
    }


@pytest.mark.parametrize(
    ("etat", "departement"),
    [
        ({"pays": "FR", "code_postal": "01000"}, "01"),
        ({"pays": "FR", "code_postal": "97410"}, "974"),
        ({"pays": "FR", "code_postal": None}, "unknown"),
        ({"pays": None, "code_postal": "75001"}, "unknown"),
        ({"pays": "be", "code_postal": "7500"}, "abroad"),
    ],
)
async def test_a_departement_is_read_in_the_latest_postcode(
    counter: Counter, etat: dict[str, object], departement: str
):
    older = {"date_changement_etat": "2020-01-01", "pays": "FR", "code_postal": "33000"}
    newer = {"date_changement_etat": "2021-01-01", **etat}

    def moved(mesure: dict[str, Any]) -> None:
        mesure["etats"] = [newer, older]

    assert await alone(counter, moved, "by_departement") == {departement: 1}


async def alone(counter: Counter, change: Rewrite, name: str) -> dict[str, int]:
    """A count when there is one mesure, changed."""

    def one(reply: Any) -> None:
        reply["mesures"] = reply["mesures"][:1]
        change(reply["mesures"][0])

    counter.over["emjpm"] = Between(counter.mesures, one)
    return (await told(counter, "summarize_mesures", status="eteinte"))[name]
