"""Over HTTP, for a team: who is recognised, what each may do, and what is each one's own."""

import tomllib
from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from typer.testing import CliRunner

from server import callers, tokens
from server.build import build
from server.callers import CALLER, Caller
from server.cli import app
from server.passwords import derived
from server.settings import Http
from tests.over_http import HEADERS, LIST, bearer, known_by, served, signed_in
from tests.support import ERAS, OFFERED, Browser, Counter, Person, facts, text

PASSWORDS = {"alice": "w3xa-x7kh-bu5d-wc6w-679k", "bruno": "22aa-33bb-44cc-55dd-66ee"}
NAMES = ("alice", "bruno", "chloe", "david")
ACCEPT = {"name": "accept_dossier", "arguments": {"number": 200001}}


@cache
def team() -> dict[str, Any]:
    """Two who may do everything, on the page too, one who reads, one who has two services."""
    kept = {name: derived(password) for name, password in PASSWORDS.items()}
    return known_by(
        alice={"scopes": "read,write", "page_password": kept["alice"]},
        bruno={"scopes": "read,write", "page_password": kept["bruno"]},
        chloe="read",
        david="demarches:read, emjpm:write",
    )


@pytest.fixture(name="url")
async def _url(counter: Counter) -> AsyncGenerator[str]:
    counter.settings = team()
    async with served(counter) as url:
        yield url


def calling(era: str, **params: Any) -> dict[str, Any]:
    """The call of a tool, as a client of this era writes it, and what goes in its headers."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": era,
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    }
    if era == ERAS[-1]:
        params |= {"_meta": meta}
    return {
        "json": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        "headers": {"MCP-Protocol-Version": era, "Mcp-Method": "tools/call"},
    }


# Who is recognised.


async def test_nobody_comes_in_without_a_token_that_is_known(url: str):
    unknown: list[Any] = [
        [],
        [("Authorization", "Bearer mallory")],
        [("Authorization", "Basic alice")],
        [("Authorization", "Bearer alice"), ("Authorization", "Bearer alice")],
        [("Authorization", f"Bearer {tokens.digest('alice')}")],
        [("Authorization", f"Bearer {'a' * 20_000}")],
        [("Authorization", b"Bearer \xff\xed\xa0\x80")],
    ]
    challenges: list[str] = []
    async with httpx.AsyncClient(headers=HEADERS) as client:
        for shown in unknown:
            for method, address in (("POST", url), ("GET", url), ("POST", f"{url}?token=alice")):
                response = await client.request(method, address, json=LIST, headers=shown)
                assert response.status_code == 401, shown
                assert "accept_dossier" not in response.text
                challenges.append(response.headers["www-authenticate"])

    assert challenges[0] == 'Bearer scope="read write"'
    assert challenges[3] == 'Bearer error="invalid_token", scope="read write"'


async def test_a_token_that_was_just_made_lets_its_owner_in_and_is_kept_nowhere(counter: Counter):
    made = CliRunner().invoke(app, ["token", "create", "eve.b", "--scope", "demarches:write"])
    (token,) = (line for line in made.output.splitlines() if line.startswith(tokens.PREFIX))
    written = made.output.partition("For guichet.toml:\n")[2]
    counter.settings = {"http": Http.model_validate(tomllib.loads(written)["http"])}

    async with served(counter) as url, signed_in(url, token, ERAS[-1]) as host:
        offered = {tool.name for tool in (await host.list_tools()).tools}

    assert "accept_dossier" in offered
    assert "list_mesures" not in offered
    assert token not in written


@pytest.mark.parametrize(
    "options",
    [["Eve"], ["eve", "--scope", "admin"], ["eve", "--scope", "read,write"], ["e/e"]],
    ids=" ".join,
)
def test_a_token_is_made_only_for_what_exists(options: list[str]):
    made = CliRunner().invoke(app, ["token", "create", *options])

    assert made.exit_code == 2
    assert tokens.PREFIX not in made.output


@pytest.mark.parametrize(
    "wrong",
    [
        {"alice": {"sha256": "0" * 64, "scopes": ["read", "admin"]}},
        {"alice": {"sha256": "0" * 64, "scopes": []}},
        {"alice": {"sha256": "alice", "scopes": ["read"]}},
        {"alice": {"sha256": "0" * 64, "scopes": ["read"], "page_password": "in clear"}},
        {"Alice, or local": {"sha256": "0" * 64, "scopes": ["read"]}},
        {name: {"sha256": "0" * 64, "scopes": ["read"]} for name in ("alice", "bruno")},
    ],
    ids=["unknown scope", "no scope", "no digest", "a password", "a name", "the same token"],
)
def test_tokens_that_cannot_be_used_are_refused_at_start(wrong: dict[str, object]):
    with pytest.raises(ValidationError) as refused:
        Http.model_validate({"tokens": wrong})

    assert "in clear" not in str(refused.value)


# What each may do.


async def test_each_is_offered_what_their_scopes_let_them_call(url: str, era: str):
    offered: dict[str, list[str]] = {}
    for name in NAMES:
        async with signed_in(url, name, era) as host:
            offered[name] = [tool.name for tool in (await host.list_tools()).tools]

    assert offered["alice"] == offered["bruno"] == OFFERED
    assert {"query_dossiers", "list_mesures", "list_operations"} <= set(offered["chloe"])
    assert not {"accept_dossier", "update_mesure", "import_cee_identities"} & set(offered["chloe"])
    assert {"query_dossiers", "update_mesure", "list_mesures"} <= set(offered["david"])
    assert not {"accept_dossier", "get_partner", "verify_certificate"} & set(offered["david"])


async def test_what_is_not_offered_cannot_be_called_whatever_the_headers_say(
    counter: Counter, url: str, era: str
):
    """The refusal says what to ask for, besides what one has already."""
    call = calling(era, **ACCEPT)
    async with httpx.AsyncClient(headers=HEADERS) as client:
        answers = [
            await client.post(
                url, json=call["json"], headers=call["headers"] | bearer(name) | {"Mcp-Name": said}
            )
            for name in ("chloe", "david")
            for said in ("accept_dossier", "query_dossiers")
        ]

    assert {answer.status_code for answer in answers} == {403}
    assert [answer.headers["www-authenticate"] for answer in answers[::2]] == [
        'Bearer error="insufficient_scope", scope="read demarches:write"',
        'Bearer error="insufficient_scope", scope="demarches:read emjpm:write demarches:write"',
    ]
    assert not counter.accepted


async def test_the_server_itself_knows_no_tool_that_is_not_offered_to_whoever_calls(
    counter: Counter,
):
    """Whatever let the call through to it."""
    settings, connect, seal = counter.connection()
    server = build(settings, connect, seal, callers.may)
    current = CALLER.set(Caller("token chloe", frozenset({"read"})))
    async with Client(server) as host:
        with pytest.raises(MCPError, match="Unknown tool"):
            await host.call_tool("accept_dossier", {"number": 200001})
        read = await host.call_tool("list_mesures", {"limit": 1})
    CALLER.reset(current)

    assert not read.is_error
    assert not counter.accepted


async def test_a_header_that_lies_about_the_tool_is_refused(counter: Counter, url: str):
    call = calling(ERAS[-1], **ACCEPT)
    headers = HEADERS | call["headers"] | bearer("alice") | {"Mcp-Name": "query_dossiers"}
    async with httpx.AsyncClient(headers=headers) as client:
        answer = await client.post(url, json=call["json"])

    assert answer.status_code == 400
    assert not counter.accepted


# What is each one's own.


async def test_a_session_is_of_no_use_to_anybody_else(counter: Counter, url: str):
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": ERAS[0],
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    async with httpx.AsyncClient(headers=HEADERS) as client:
        opened = await client.post(url, json=opening, headers=bearer("alice"))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        for name in ("bruno", "chloe"):
            for method in ("POST", "GET", "DELETE"):
                stolen = await client.request(
                    method, url, json=LIST, headers=bearer(name) | session
                )
                assert stolen.status_code == 404
        own = await client.post(url, json=LIST, headers=bearer("alice") | session)

    assert own.status_code == 200


async def test_an_answer_is_of_no_use_to_anybody_else(counter: Counter, url: str):
    """Bruno may change what Alice may, and repeats what she sent, sealed state and all."""
    async with httpx.AsyncClient(headers=HEADERS | {"Mcp-Name": "accept_dossier"}) as client:

        async def call(name: str, **more: Any) -> Any:
            call = calling(ERAS[-1], **ACCEPT, **more)
            headers = call["headers"] | bearer(name)
            return (await client.post(url, json=call["json"], headers=headers)).json()

        asked = (await call("alice"))["result"]
        (question,) = asked["inputRequests"]
        answer = {"action": "accept", "content": {"agreed": True, "typed": "200001"}}
        answered = {
            "requestState": asked["requestState"],
            "inputResponses": {question: answer},
        }
        stolen = await call("bruno", **answered)
        before = len(counter.accepted)
        own = await call("alice", **answered)
        replayed = await call("bruno", **answered)

    assert "error" in stolen
    assert before == 0
    assert own["result"]["structuredContent"]["outcome"] == "applied"
    assert "error" in replayed
    assert len(counter.accepted) == 1


async def test_each_reads_what_they_did_themselves_and_nothing_else(
    counter: Counter, url: str, era: str
):
    async with signed_in(url, "alice", era, Person()) as host:
        await host.call_tool("accept_dossier", {"number": 200001})
        (mine,) = facts(await host.call_tool("list_operations", {}))["operations"]
    async with signed_in(url, "bruno", era) as host:
        theirs = facts(await host.call_tool("list_operations", {}))["operations"]
        stolen = await host.call_tool("get_operation", {"id": mine["id"]})

    assert mine["status"] == "applied"
    assert theirs == []
    assert stolen.is_error
    assert [row["principal"] for row in await counter.rows()] == ["token alice"]


# The page.


async def test_a_plan_is_decided_on_by_the_person_who_signs_in_with_their_password(
    counter: Counter, url: str, era: str
):
    home = url.replace("/mcp", "/approvals")
    async with Browser() as browser, signed_in(url, "alice", era) as host:
        waiting = await host.call_tool("accept_dossier", {"number": 200001})
        shut = await browser.open(home)
        await browser.sign_in(home, "alice", PASSWORDS["bruno"])
        refused = browser.status
        await browser.sign_in(home, "alice", PASSWORDS["alice"])
        await browser.open(f"{browser.origin}{browser.plans[0]}")
        await browser.press("approve", agreed="yes", typed="200001")
        done = await host.call_tool("accept_dossier", {"number": 200001})

    assert home in text(waiting)
    assert "200001" not in shut
    assert refused == 403
    assert facts(done)["outcome"] == "applied"
    assert len(counter.accepted) == 1


async def test_the_plan_of_somebody_else_can_be_neither_seen_nor_answered(
    counter: Counter, url: str
):
    home = url.replace("/mcp", "/approvals")
    async with Browser() as browser, signed_in(url, "alice", ERAS[-1]) as host:
        await host.call_tool("accept_dossier", {"number": 200001})
        (plan,) = await counter.rows()
        await browser.sign_in(home, "bruno", PASSWORDS["bruno"])
        listed = browser.page
        statuses: list[int] = []
        for path in ("", "/approve", "/refuse"):
            address = f"{home}/{plan['id']}{path}"
            fields = {"agreed": "yes", "typed": "200001", "token": "x"}
            origin = {"Origin": browser.origin}
            sent = await browser.http.request(
                "POST" if path else "GET", address, data=fields if path else None, headers=origin
            )
            statuses.append(sent.status_code)

    assert "200001" not in listed
    assert statuses == [404, 404, 404]
    assert [row["status"] for row in await counter.rows()] == ["pending"]


async def test_who_has_no_page_and_cannot_be_asked_is_told_so(counter: Counter):
    counter.settings = known_by(bruno="read,write")
    async with served(counter) as url, signed_in(url, "bruno", ERAS[-1]) as host:
        refused = await host.call_tool("accept_dossier", {"number": 200001})

    assert refused.is_error
    assert "guichet token create" in text(refused)
    assert await counter.rows() == []


async def test_a_password_is_not_tried_for_long(url: str):
    """Nor is one of a name that does not exist, which is refused as any other."""
    home = url.replace("/mcp", "/approvals")
    async with Browser() as browser:
        for name in ("bruno", "nobody"):
            statuses: list[int] = []
            for _ in range(6):
                await browser.sign_in(home, name, "wrong")
                statuses.append(browser.status)
            assert statuses == [403] * 5 + [429]
        await browser.sign_in(home, "bruno", PASSWORDS["bruno"])
        late = browser.status
        await browser.sign_in(home, "alice", PASSWORDS["alice"])

    assert late == 429
    assert browser.status == 200


async def test_another_site_cannot_sign_anybody_in(url: str):
    """It could have them approve, without knowing, what somebody else asked for."""
    home = url.replace("/mcp", "/approvals")
    fields = {"name": "alice", "password": PASSWORDS["alice"]}
    async with httpx.AsyncClient(headers={"Origin": "https://evil.example"}) as client:
        answer = await client.post(f"{home}/sign-in", data=fields)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
