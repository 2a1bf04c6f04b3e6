"""`guichet token`: the bearer tokens of those who may call over HTTP."""

import re
from typing import Annotated, NoReturn

import typer

from server import passwords, tokens
from server.build import MISUSE
from server.settings import CALLED, NAMING, SCOPES

app = typer.Typer(
    name="token", no_args_is_help=True, help="Make bearer tokens for those who call over HTTP."
)


@app.callback()
def main() -> None:
    """Keep `create` a command of its own, however few there are."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose: letters, digits and - . _")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it lets do; once each: {', '.join(SCOPES)}.", show_default="read"),
    ] = None,
) -> None:
    """Make a token, shown this once, and what to put in guichet.toml, which holds no secret.

    Whoever may change or approve something also gets a password for the page of approvals.
    """
    scopes = list(dict.fromkeys(scope or ["read"]))
    _check(name, scopes)
    token, password = tokens.fresh(), passwords.fresh()
    decides = any(scope.endswith(("write", "approve")) for scope in scopes)
    typer.echo(f"The token of {name}, for their client, shown this once:\n{token}\n")
    if decides:
        typer.echo(f"Their password for the page of approvals, shown this once:\n{password}\n")
    typer.echo("For guichet.toml:\n")
    typer.echo(f"[http.tokens.{_key(name)}]\nsha256 = {_text(tokens.digest(token))}")
    typer.echo(f"scopes = [{', '.join(map(_text, scopes))}]")
    if decides:
        typer.echo(f"page_password = {_text(passwords.derived(password))}")


def _check(name: str, scopes: list[str]) -> None:
    unknown = ", ".join(scope for scope in scopes if scope not in SCOPES)
    if unknown:
        _leave(f"there is no scope {unknown}. There are {', '.join(SCOPES)}.")
    if not re.fullmatch(CALLED, name):
        _leave(f"a name is {NAMING}.")


def _leave(text: str) -> NoReturn:
    typer.echo(f"guichet: {text}", err=True)
    raise typer.Exit(MISUSE)


def _key(name: str) -> str:
    """A name as a key of TOML, where a dot would make a table of it."""
    return name if "." not in name else _text(name)


def _text(value: str) -> str:
    return f'"{value}"'
