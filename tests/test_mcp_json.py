"""The entries that a person copies out of mcp.json: each is started as a client would start it."""

import json
import os
import shutil
import sys
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from mcp import Client, StdioServerParameters
from pydantic import BaseModel, ConfigDict
from typer.main import get_command

from server.cli import app
from server.http.app import PATH
from server.settings import described
from tests.support import OFFERED

ROOT = Path(__file__).parents[1]
SECRETS = ("TOKEN", "KEY", "SECRET", "PASSWORD")


class Entry(BaseModel):
    """A server, as clients that follow the common shape know it."""

    model_config = ConfigDict(extra="forbid")

    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    type: str = "stdio"
    url: str = ""


def entries() -> dict[str, Entry]:
    servers = json.loads((ROOT / "mcp.json").read_text(encoding="utf-8"))["mcpServers"]
    return {name: Entry.model_validate(entry) for name, entry in servers.items()}


LOCAL = {name: entry for name, entry in entries().items() if entry.command}
OVER_HTTP = {name: entry for name, entry in entries().items() if entry.url}


async def offered(entry: Entry) -> list[str]:
    """The tools listed by the installed command, with the environment left as the entry has it."""
    command = shutil.which(entry.command, path=str(Path(sys.executable).parent))
    assert command, "install the project: its command is not beside this Python"
    env = entry.env | {"GUICHET_CONFIG": os.devnull}  # nobody's guichet.toml
    server = StdioServerParameters(command=command, args=entry.args, env=env)
    with anyio.fail_after(60):
        async with Client(server) as client:
            return [tool.name for tool in (await client.list_tools()).tools]


async def test_the_sandbox_offers_every_tool():
    assert await offered(LOCAL["guichet-sandbox"]) == OFFERED


async def test_without_secrets_only_what_needs_none_is_offered():
    always = ["verify_certificate", "prepare_cee_identities", "list_operations", "get_operation"]

    assert await offered(LOCAL["guichet"]) == always


def test_every_local_entry_is_one_of_those_started_above():
    assert set(LOCAL) == {"guichet-sandbox", "guichet"}
    assert {entry.type for entry in LOCAL.values()} == {"stdio"}


def test_local_entries_run_the_command_and_no_python():
    words = [word for entry in LOCAL.values() for word in (entry.command, *entry.args)]

    assert {entry.command for entry in LOCAL.values()} == {"guichet"}
    assert not [word for word in words if "python" in word or word in {"-m", "server"}]


@pytest.mark.parametrize("name", LOCAL)
def test_secrets_are_left_to_the_client_and_nothing_else_is(name: str):
    env = LOCAL[name].env
    secret = {variable for variable in env if variable.endswith(SECRETS)}

    assert set(env) <= {variable for variable, _ in described()}
    assert {v for v, value in env.items() if value == f"${{{v}}}"} == secret
    assert not [v for v in env.keys() - secret if "$" in env[v]]


def test_the_http_entry_is_where_guichet_serve_listens():
    (entry,) = OVER_HTTP.values()
    address = urlsplit(entry.url)

    assert entry.type == "http"
    assert (address.scheme, address.path) == ("http", PATH)
    assert ip_address(address.hostname or "").is_loopback
    assert address.port == default_port()


def default_port() -> object:
    serve = getattr(get_command(app), "commands", {})["serve"]
    return next(parameter.default for parameter in serve.params if parameter.name == "port")
