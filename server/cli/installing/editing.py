"""A client's file with Guichet in it, and nothing else changed."""

import os
import secrets
import tomllib
from collections.abc import Sequence
from pathlib import Path

from server.cli.installing.entry import Launch, entry, inputs, toml_table
from server.cli.installing.hosts import Host
from server.cli.installing.jsonc import (
    UNEDITABLE,
    Document,
    UnusableError,
    as_object,
    listed,
    members,
    parsed,
    with_items,
    with_member,
)

MARK = "\ufeff"
"""What some Windows editors begin a file with."""


def with_server(text: str, host: Host, launch: Launch, *, replace: bool) -> str:
    """The text of a client's file, with this server; the very same if it is there already.

    Raises:
        UnusableError: It holds another entry of that name that is not to be replaced, or cannot be
            edited without losing something.
    """
    if text.startswith(MARK):
        return MARK + with_server(text[1:], host, launch, replace=replace)
    if host.form == "toml":
        return _in_toml(text, host, launch, replace=replace)
    return _in_json(text if text.strip() else "{}\n", host, launch, replace=replace)


def write(path: Path, text: str, before: bytes | None) -> None:
    """Put the text in place of what was read there, all at once, with the same permissions.

    Raises:
        UnusableError: Somebody wrote there meanwhile.
    """
    path = path.resolve()  # a link stays one, as those who keep their settings elsewhere want it
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o600 if before is None else path.stat().st_mode & 0o777
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        draft.chmod(mode)
        if read(path) != before:
            raise UnusableError("it was changed meanwhile: try again")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> bytes | None:
    """What a file holds, or nothing if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _in_json(text: str, host: Host, launch: Launch, *, replace: bool) -> str:
    document, wanted = parsed(text, comments=host.comments), entry(host, launch)
    _check_free(document, host, launch, wanted, replace=replace)
    if host.asks and (missing := _unasked(document, launch)):
        text = with_items(text, "inputs", missing)
    if _present(document, host, launch) == wanted:
        return text
    return with_member(text, host.servers, launch.name, wanted)


def _in_toml(text: str, host: Host, launch: Launch, *, replace: bool) -> str:
    """The text with our tables at its end: TOML lets the rest be, to the last byte."""
    # tomlkit would replace an entry, too; `codex mcp remove` does, and is no dependency.
    document, wanted = _toml(text), entry(host, launch)
    _check_free(document, host, launch, wanted, replace=False)
    if _present(document, host, launch) == wanted:
        return text
    apart = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    edited = f"{text}{apart}{toml_table(host, launch)}"
    there = members(document, host.servers)
    if _toml(edited) != document | {host.servers: there | {launch.name: wanted}}:
        raise UnusableError(UNEDITABLE)
    return edited


def _toml(text: str) -> Document:
    try:
        return tomllib.loads(text)
    except ValueError:
        raise UnusableError("it is not valid TOML") from None


def _check_free(
    document: Document, host: Host, launch: Launch, wanted: object, *, replace: bool
) -> None:
    there = _present(document, host, launch)
    if there in (None, wanted) or replace:
        return
    remedy = "--replace puts this one in its place"
    if host.form == "toml":
        remedy = f"`codex mcp remove {launch.name}` makes room for this one"
    raise UnusableError(f'it has another "{launch.name}": {remedy}')


def _present(document: Document, host: Host, launch: Launch) -> object:
    return members(document, host.servers).get(launch.name)


def _unasked(document: Document, launch: Launch) -> Sequence[object]:
    """The inputs that are not asked for yet."""
    known = [as_object(item).get("id") for item in listed(document, "inputs")]
    return [asked for asked in inputs(launch) if asked["id"] not in known]
