"""What `guichet tools` shows: what can be called here, and what each tool takes."""

import json

import anyio
import typer
from mcp.types import Tool as ListedTool

from server.app import Server
from server.build import MISUSE, connection, offered
from server.cli.arguments import Schema, as_schema, nearest, properties, required, strings
from server.cli.tables import show_table
from server.doctor import why_not
from server.settings import Settings
from tools import TOOLS, Tool


def show_all(settings: Settings) -> int:
    """Show every tool, one a line."""
    rows = [(tool.name, tool.title, _kind(tool), _now(tool, settings)) for tool in TOOLS]
    show_table(("tool", "what it does", "kind", "now"), rows)
    typer.echo("`guichet tools NAME` tells what one of them takes.", err=True)
    return 0


def show(name: str, settings: Settings) -> int:
    """Show one tool, and what it takes."""
    tool = next((tool for tool in TOOLS if tool.name == name), None)
    if tool is None:
        hint = nearest(name, (tool.name for tool in TOOLS))
        typer.echo(f"guichet: there is no tool {name}.{hint}", err=True)
        return MISUSE
    listed = anyio.run(_listed, tool, settings)
    asks = f" A person is asked, and must do: {tool.rung.value}." if tool.rung else ""
    typer.echo(f"{tool.name}: {tool.title} ({_kind(tool)}; {_now(tool, settings)}).{asks}\n")
    typer.echo(f"{listed.description}\n")
    _show_parameters(listed.input_schema)
    needed = "".join(f" {name}=…" for name in required(listed.input_schema))
    typer.echo(f"\nguichet call {tool.name}{needed}")
    return 0


def _show_parameters(schema: Schema) -> None:
    needed = required(schema)
    show_table(
        ("parameter", "kind", "default", "what it is"),
        [
            (
                name,
                _type(told),
                "(required)" if name in needed else _default(told),
                str(told.get("description", "")),
            )
            for name, told in properties(schema).items()
        ],
    )


async def _listed(tool: Tool, settings: Settings) -> ListedTool:
    """The tool as clients are told of it, offered here or not."""
    here = [one for one in offered(settings) if one.name == tool.name]
    connect, seal = connection(settings, sandbox=True)  # which is not opened
    (listed,) = await Server(here or [tool], connect, seal).list_tools()
    return listed


def _kind(tool: Tool) -> str:
    if tool.saves:
        return "saves a file"
    return "writes" if tool.writes else "reads"


def _now(tool: Tool, settings: Settings) -> str:
    if any(one.name == tool.name for one in offered(settings)):
        return "offered"
    return f"not offered: {why_not(tool, settings)}"


def _type(schema: Schema) -> str:
    if items := schema.get("items"):
        return f"list of {_type(as_schema(items))}"
    words = strings(schema.get("enum", []))
    return " | ".join(words) or str(schema.get("type", "object"))


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return json.dumps(default, ensure_ascii=False) if default else ""
