"""Consent relayed by the model, where the settings accept that danger: still once, still exact."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.support import Between, Counter, Person, facts, text

ACCEPT: dict[str, Any] = {"number": 200001, "motivation": "Dossier complet."}


@pytest.fixture(name="relaying")
def _relaying(counter: Counter) -> Counter:
    counter.settings["consent"] = "dangerously-relay"
    return counter


def code(told: str) -> str:
    found = re.search(r"confirmation='([0-9a-f]+)'", told)
    assert found
    return found[1]


async def test_the_model_is_given_the_question_then_carries_the_code_back(
    relaying: Counter, era: str
):
    async with relaying.host(era) as host:
        first = await host.call_tool("accept_dossier", ACCEPT)
        assert first.is_error
        assert not relaying.accepted
        second = await host.call_tool(
            "accept_dossier", ACCEPT | {"confirmation": code(text(first))}
        )

    assert "Accepter le dossier n° 200001" in text(first)
    assert facts(second)["outcome"] == "applied"
    assert len(relaying.accepted) == 1


async def test_a_code_serves_once_and_its_replay_gets_the_recorded_result(
    relaying: Counter, era: str
):
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        results = [
            await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})
            for _ in range(4)
        ]

    assert len(relaying.accepted) == 1
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize(
    "change", [{"number": 200002}, {"motivation": "Autre."}, {"notify": False}]
)
async def test_a_code_is_only_good_for_the_arguments_it_was_given_for(
    relaying: Counter, era: str, change: dict[str, Any]
):
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        result = await host.call_tool("accept_dossier", ACCEPT | change | {"confirmation": given})

    assert "ne correspond à aucune question" in text(result)
    assert not relaying.accepted


async def test_a_guessed_code_is_no_consent(relaying: Counter, era: str):
    async with relaying.host(era) as host:
        await host.call_tool("accept_dossier", ACCEPT)
        guessed = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": "0" * 16})

    assert guessed.is_error
    assert not relaying.accepted


async def test_another_principal_s_code_is_no_consent(relaying: Counter, era: str):
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        relaying.principal = "somebody else"
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "ne correspond à aucune question" in text(result)
    assert not relaying.accepted


async def test_a_code_expires(relaying: Counter, era: str):
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        relaying.clock.now += 601
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "Personne n'a répondu à temps" in text(result)
    assert not relaying.accepted


async def test_a_code_is_void_once_what_was_asked_changed(relaying: Counter, era: str):
    relaying.put_file("a.csv", one_row("0" * 64))
    arguments = {"file": "a.csv"}
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("import_cee_identities", arguments)))
        relaying.put_file("a.csv", one_row("1" * 64))
        result = await host.call_tool("import_cee_identities", arguments | {"confirmation": given})

    assert "n'est plus vrai" in text(result)
    assert not relaying.imports


async def test_a_code_is_void_once_the_same_facts_would_be_worded_otherwise(
    relaying: Counter, era: str
):
    """Processes may be configured differently: the person agreed to what the first one showed."""
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
    relaying.settings["language"] = "en"
    async with relaying.host(era) as host:
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "no longer true" in text(result)
    assert not relaying.accepted


@pytest.mark.parametrize(
    "read", [("Bretagne", "Défaut"), ("Défaut", "Bretagne")], ids=["and is back", "at last"]
)
async def test_a_code_is_void_if_the_dossier_reads_otherwise_for_a_moment(
    relaying: Counter, era: str, read: tuple[str, str]
):
    """What is sent comes from the first of two readings; both must show what was asked about."""
    groups = iter(("Défaut", *read))

    def in_group(document: Any) -> None:
        document["data"]["dossier"]["groupeInstructeur"]["label"] = next(groups)

    relaying.over["demarches"] = Between(relaying.dossiers, in_group)
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "n'est plus vrai" in text(result)
    assert not relaying.accepted


async def test_a_code_given_for_another_tool_is_no_consent(relaying: Counter, era: str):
    """Tools may take the same arguments: here, the ledger says that another one asked."""
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        with closing(sqlite3.connect(relaying.folder / "ledger.db")) as ledger, ledger:
            ledger.execute("UPDATE operations SET tool = 'refuse_dossier'")
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "ne correspond à aucune question" in text(result)
    assert not relaying.accepted


async def test_a_code_that_comes_too_late_is_told_so_whether_the_service_answers_or_not(
    relaying: Counter, era: str
):
    async with relaying.host(era) as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        relaying.clock.now += 601
        relaying.down = True
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    assert "Personne n'a répondu à temps" in text(result)
    assert [row["status"] for row in await relaying.rows()] == ["pending"]


async def test_a_client_that_can_ask_is_asked_even_so(relaying: Counter, era: str):
    person = Person("decline")
    async with relaying.host(era, person) as host:
        await host.call_tool("accept_dossier", ACCEPT)

    assert len(person.questions) == 1
    assert not relaying.accepted


async def test_no_code_exists_where_the_settings_do_not_accept_it(counter: Counter, era: str):
    async with counter.host(era) as host:
        (tool,) = [t for t in (await host.list_tools()).tools if t.name == "accept_dossier"]
        result = await host.call_tool("accept_dossier", ACCEPT | {"confirmation": "0" * 16})

    assert "confirmation" not in tool.input_schema["properties"]
    assert "takes no other arguments" in text(result)
    assert not counter.accepted


async def test_the_ledger_says_that_no_human_was_seen(relaying: Counter):
    async with relaying.host("2026-07-28") as host:
        given = code(text(await host.call_tool("accept_dossier", ACCEPT)))
        await host.call_tool("accept_dossier", ACCEPT | {"confirmation": given})

    (row,) = await relaying.rows()
    assert row["evidence"] == "relayed by the client, no human evidence"


def one_row(key: str) -> str:
    uuid = "6f0c8f9e-52a8-4b0e-9d2b-1f6f1c0e7a11"
    return f"cee_application_type,cee_application_uuid,identity_key\nstandardized,{uuid},{key}\n"
