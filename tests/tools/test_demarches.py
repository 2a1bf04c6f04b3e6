"""Démarches: those of this counter, what each asks, and what is gone from it."""

from collections.abc import Sequence
from typing import Any

import pytest
from mcp import Client

from server.settings import Demarches
from tests.support import Between, Counter, facts, text

MODERN = "2026-07-28"
LETTERS = "a\u202eb\u200bc\nd"


async def answer(host: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await host.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    assert len(text(result).encode()) <= 20_000
    return facts(result)


async def refusal(counter: Counter, tool: str, **arguments: object) -> str:
    async with counter.host(MODERN) as host:
        result = await host.call_tool(tool, arguments)
    assert result.is_error
    return text(result)


async def every(host: Client, tool: str, **arguments: object) -> list[dict[str, Any]]:
    """Every page, to the last."""
    read = [await answer(host, tool, **arguments)]
    while after := read[-1]["next"]:
        read.append(await answer(host, tool, **arguments, after=after))
    return read


def configured(counter: Counter, token: str, numbers: Sequence[int] = ()) -> None:
    counter.settings["demarches"] = Demarches.model_validate(
        {"url": "https://demarches.sandbox/api/v2/graphql", "token": token, "numbers": numbers}
    )


# Those of this counter.


async def test_the_configured_demarches_are_listed_with_what_awaits(counter: Counter, era: str):
    async with counter.host(era) as host:
        listed = await answer(host, "list_demarches")

    assert listed == {
        "demarches": [
            {
                "number": 1001,
                "title": "Aide à la mobilité",
                "state": "publiee",
                "en_construction": 60,
                "en_instruction": 100,
                "all_counted": True,
            },
            {
                "number": 1002,
                "title": "Subvention aux associations et entreprises",
                "state": "publiee",
                "en_construction": 2,
                "en_instruction": 4,
                "all_counted": True,
            },
            {
                "number": 1003,
                "title": "Appel à projets",
                "state": "publiee",
                "en_construction": 0,
                "en_instruction": 0,
                "all_counted": True,
            },
        ],
        "unread": [],
        "left_out": [],
    }


async def test_a_count_says_when_there_are_more(counter: Counter):
    def more(reply: dict[str, Any]) -> None:
        reply["data"]["demarche"]["enInstruction"]["pageInfo"]["hasNextPage"] = True

    counter.over["demarches"] = Between(counter.dossiers, more)
    async with counter.host(MODERN) as host:
        first = (await answer(host, "list_demarches"))["demarches"][0]

    assert first["en_instruction"] == 100
    assert first["all_counted"] is False


async def test_a_demarche_out_of_reach_hides_no_other(counter: Counter, era: str):
    configured(counter, "sandbox", (1004, 1002, 9999))
    async with counter.host(era) as host:
        listed = await answer(host, "list_demarches")

    assert [row["number"] for row in listed["demarches"]] == [1002]
    hidden, absent = listed["unread"]
    assert (hidden["number"], absent["number"]) == (1004, 9999)
    assert "the token does not cover its démarche" in hidden["reason"]
    assert "there is no démarche with this number" in absent["reason"]


async def test_demarches_that_a_result_cannot_hold_are_named(counter: Counter):
    def hide(reply: dict[str, Any]) -> None:
        reply["errors"][0]["extensions"]["code"] = "unauthorized"

    counter.over["demarches"] = Between(counter.dossiers, hide)
    named = list(range(5001, 5101))
    configured(counter, "sandbox", named)
    async with counter.host(MODERN) as host:
        listed = await answer(host, "list_demarches")

    assert listed["left_out"]
    assert [row["number"] for row in listed["unread"]] + listed["left_out"] == named


async def test_nothing_is_listed_where_none_is_named(counter: Counter, era: str):
    configured(counter, "sandbox")
    async with counter.host(era) as host:
        offered = {tool.name for tool in (await host.list_tools()).tools}

    assert "list_demarches" not in offered
    assert "query_dossiers" in offered


# What each asks.


async def test_a_demarche_tells_what_it_is_and_who_instructs_it(counter: Counter, era: str):
    async with counter.host(era) as host:
        read = await answer(host, "get_demarche", demarche_number=1001)

    assert (read["title"], read["state"], read["covered"]) == (
        "Aide à la mobilité",
        "publiee",
        True,
    )
    assert (read["service"], read["organisation"]) == ("Bureau des aides", "Ministère de l’Exemple")
    assert read["url"] == "https://demarches.exemple.fr/commencer/1001"
    assert read["notice"]["name"] == "notice.pdf"
    assert read["deliberation"]["name"] == "deliberation.pdf"
    assert "fichiers.exemple.fr" not in str(read)
    assert [(group["number"], group["label"]) for group in read["groups"]] == [
        (11, "Défaut"),
        (12, "Bretagne"),
    ]
    assert "camille.martin@exemple.gouv.fr" in read["groups"][0]["instructeurs"]
    assert [label["name"] for label in read["labels"]] == ["Urgent", "À relancer"]
    assert read["published_at"] == "2026-01-04T10:00:00+01:00"
    assert not {"closed_at", "unpublished_at", "declarative"} & set(read)


async def test_a_form_tells_each_question_its_type_its_options_and_whether_it_must_be_answered(
    counter: Counter,
):
    async with counter.host(MODERN) as host:
        read = await answer(host, "get_demarche", demarche_number=1001)

    questions = {row["label"]: row for row in read["questions"]}
    assert questions["Mode de transport"] == {
        "id": "Q2hhbXAtMTAwMg==",
        "label": "Mode de transport",
        "type": "drop_down_list",
        "required": True,
        "options": ["Train", "Autocar", "Covoiturage", "Vélo"],
    }
    assert questions["Destination"]["repetition"] == "Trajets réguliers"
    assert questions["Motif de la demande"]["type"] == "textarea"
    assert not questions["Employeur"]["required"]
    assert [(row["label"], row["type"], row["required"]) for row in read["annotations"]] == [
        ("Référence comptable", "text", True),
        ("Commentaire interne", "textarea", False),
        ("Pièces vérifiées", "checkbox", False),
    ]


async def test_the_options_of_a_list_are_cut_with_a_count(counter: Counter):
    def lengthen(reply: dict[str, Any]) -> None:
        questions = reply["data"]["demarche"]["activeRevision"]["champDescriptors"]
        questions[1].update(options=[f"Option {n}" for n in range(500)], otherOption=True)

    counter.over["demarches"] = Between(counter.dossiers, lengthen)
    async with counter.host(MODERN) as host:
        question = (await answer(host, "get_demarche", demarche_number=1001))["questions"][1]

    assert question["options"] == [f"Option {n}" for n in range(30)]
    assert question["options_more"] == 470
    assert question["other_allowed"] is True


async def test_a_long_form_is_told_page_by_page_and_nothing_is_lost(counter: Counter, era: str):
    def lengthen(reply: dict[str, Any]) -> None:
        revision = reply["data"]["demarche"]["activeRevision"]
        question = revision["champDescriptors"][0]
        revision["champDescriptors"] = [
            {**question, "id": f"Q{n}", "label": f"{n} {'é' * 500}"} for n in range(300)
        ]
        group = reply["data"]["demarche"]["groupeInstructeurs"][0]
        members = [{"id": str(n), "email": f"agent{n}@exemple.gouv.fr"} for n in range(900)]
        group["instructeurs"] = members

    counter.over["demarches"] = Between(counter.dossiers, lengthen)
    async with counter.host(era) as host:
        read = await every(host, "get_demarche", demarche_number=1001)

    questions = [row["id"] for each in read for row in each.get("questions", ())]
    assert questions == [f"Q{n}" for n in range(300)]
    parts = [each["part"] for each in read if "part" in each]
    assert "".join(part["text"] for part in parts).count("@exemple.gouv.fr") == 900
    assert {part["section"] for part in parts} == {"groups"}
    assert [group["number"] for each in read for group in each.get("groups", ())] == [12]
    assert read[-1]["labels"][0]["name"] == "Urgent"


async def test_a_form_that_changed_between_two_pages_is_read_again(counter: Counter):
    async with counter.host(MODERN) as host:
        read = await host.call_tool(
            "get_demarche", {"demarche_number": 1001, "after": "questions.3.0.12"}
        )

    assert text(read) == "It has changed since the page before: read it again without `after`."


async def test_what_is_public_is_told_of_a_demarche_that_the_token_does_not_cover(
    counter: Counter, era: str
):
    configured(counter, "sandbox-autre")
    async with counter.host(era) as host:
        read = await answer(host, "get_demarche", demarche_number=1001)

    assert read["covered"] is False
    assert read["title"] == "Aide à la mobilité"
    assert read["questions"][0]["label"] == "Motif de la demande"
    assert read["groups"] == read["labels"] == []


async def test_a_demarche_whose_public_description_is_refused_is_still_told(counter: Counter):
    def hide(reply: dict[str, Any]) -> None:
        reply["data"]["descriptor"] = None
        message = "An object of type DemarcheDescriptor was hidden due to permissions"
        error = {
            "message": message,
            "path": ["descriptor"],
            "extensions": {"code": "unauthorized"},
        }
        reply["errors"] = [error]

    counter.over["demarches"] = Between(counter.dossiers, hide)
    async with counter.host(MODERN) as host:
        read = await answer(host, "get_demarche", demarche_number=1001)

    assert read["covered"] is True
    assert read["questions"]
    assert [each["path"] for each in read["missing"]] == ["descriptor"]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1004, "this exists, but the token does not cover its démarche"),
        (9999, "there is no démarche with this number"),
    ],
    ids=["out of scope and not public", "unknown"],
)
async def test_a_demarche_out_of_reach_is_told_from_one_that_does_not_exist(
    counter: Counter, number: int, told: str
):
    assert told in await refusal(counter, "get_demarche", demarche_number=number)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("inconnu", "there is no token, or an unknown one"),
        ("sandbox-expire", "the token has expired"),
        ("sandbox-ip", "the token may not be used from this machine"),
    ],
)
@pytest.mark.parametrize("tool", ["get_demarche", "list_deleted_dossiers"])
async def test_what_is_wrong_with_a_token_is_told_without_it(
    counter: Counter, tool: str, token: str, told: str
):
    configured(counter, token)

    reason = await refusal(counter, tool, demarche_number=1001)

    assert told in reason
    assert token not in reason


async def test_what_an_administration_wrote_is_clean(counter: Counter, era: str):
    def rewrite(reply: dict[str, Any]) -> None:
        demarche = reply["data"]["demarche"]
        demarche["title"] = demarche["description"] = demarche["service"]["nom"] = LETTERS
        question = demarche["activeRevision"]["champDescriptors"][1]
        question.update(label=LETTERS, description=LETTERS, options=[LETTERS])
        demarche["groupeInstructeurs"][0]["label"] = LETTERS

    counter.over["demarches"] = Between(counter.dossiers, rewrite)
    async with counter.host(era) as host:
        read = await answer(host, "get_demarche", demarche_number=1001)

    question = read["questions"][1]
    for written in (
        *(read["title"], read["description"], read["service"], read["groups"][0]["label"]),
        *(question["label"], question["description"], *question["options"]),
    ):
        assert written == "a\ufffdb\ufffdc d"


# What is gone.


async def test_what_was_deleted_and_what_will_be_are_told_together(counter: Counter, era: str):
    async with counter.host(era) as host:
        (only,) = await every(host, "list_deleted_dossiers", demarche_number=1001)

    assert [(row["number"], row["kind"]) for row in only["dossiers"]] == [
        (200251, "deleted"),
        (200252, "deleted"),
        (200253, "deleted"),
        (200254, "pending"),
        (200255, "pending"),
    ]
    assert only["dossiers"][0] == {
        "number": 200251,
        "kind": "deleted",
        "state": "en_construction",
        "reason": "user_request",
        "at": "2026-05-04T10:00:00+02:00",
    }


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"kind": "deleted"}, [200251, 200252, 200253]),
        ({"kind": "pending"}, [200254, 200255]),
        ({"group": 12}, [200252, 200255]),
        ({"group": 11, "kind": "pending"}, [200254]),
        ({"since": "2026-07-06"}, [200253, 200254, 200255]),
        ({"since": "2026-07-06T12:00:01"}, [200254, 200255]),
        ({"since": "2026-07-06T12:00:00", "kind": "deleted", "group": 11}, [200253]),
        ({"demarche_number": 1002}, []),
    ],
)
@pytest.mark.parametrize("limit", [100, 1])
async def test_what_is_gone_is_told_by_kind_group_and_date_whatever_the_page(
    counter: Counter, filters: dict[str, Any], found: list[int], limit: int
):
    async with counter.host(MODERN) as host:
        read = await every(
            host, "list_deleted_dossiers", **{"demarche_number": 1001, "limit": limit} | filters
        )

    assert [row["number"] for each in read for row in each["dossiers"]] == found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"after": "n'importe quoi"}, "`after` is not a `next` of list_deleted_dossiers"),
        ({"after": "a:b:c"}, "`after` is not a `next` of list_deleted_dossiers"),
        ({"since": "hier"}, "Nothing was done. since: "),
        ({"kind": "tous"}, "Nothing was done. kind: "),
        ({"limit": 101}, "Nothing was done. limit: "),
    ],
)
async def test_what_does_not_fit_is_refused_before_any_request(
    counter: Counter, arguments: dict[str, Any], told: str
):
    counter.over["demarches"] = network = Between(counter.dossiers)

    reason = await refusal(counter, "list_deleted_dossiers", demarche_number=1001, **arguments)

    assert reason.startswith(told)
    assert not network.requests


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"demarche_number": 9999}, "there is no démarche with this number"),
        ({"demarche_number": 1004}, "the token does not cover its démarche"),
        ({"group": 13}, "groupe instructeur 13 is not of démarche 1001"),
        ({"group": 9999}, "there is no groupe instructeur with this number"),
        ({"after": "pas:base64"}, "Check the number, and that the cursor comes from the same"),
    ],
)
async def test_what_the_service_refuses_is_told_in_words(
    counter: Counter, arguments: dict[str, Any], told: str
):
    asked = {"demarche_number": 1001} | arguments

    assert told in await refusal(counter, "list_deleted_dossiers", **asked)


async def test_a_removal_that_cannot_be_read_is_named_and_hides_no_other(counter: Counter):
    def spoil(reply: dict[str, Any]) -> None:
        reply["data"]["demarche"]["deletedDossiers"]["edges"][0]["node"] = None

    counter.over["demarches"] = Between(counter.dossiers, spoil)
    async with counter.host(MODERN) as host:
        only = await answer(host, "list_deleted_dossiers", demarche_number=1001)

    assert [row["number"] for row in only["dossiers"]] == [200252, 200253, 200254, 200255]
    assert only["missing"][0]["path"] == "demarche.deletedDossiers.edges.0"
