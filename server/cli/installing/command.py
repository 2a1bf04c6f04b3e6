"""What `guichet install` does: the configuration of a client is written, or shown."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from server.build import MISUSE, configured
from server.cli.installing.editing import read, with_server, write
from server.cli.installing.entry import (
    SERVICE_VARIABLES,
    Launch,
    json_document,
    launch,
    sandbox_launch,
    toml_table,
    yaml_mapping,
)
from server.cli.installing.hosts import HOSTS, Host, HostName, Machine
from server.cli.installing.jsonc import UnusableError
from server.cli.installing.telling import told
from server.settings import ENVIRONMENT, Settings, config_file, set_values
from tools.catalogue import SERVICES

FAILED = 1
CACHED = (
    "This installation is in a cache, which may be emptied any day: run `uv tool install .`, then\n"
    "this command again with --replace."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person asks for."""

    services: Sequence[str] = ()
    sandbox: bool = False
    read_only: bool = False
    project: Path | None = None
    """The folder of the project to install in, instead of everywhere."""
    replace: bool = False
    show: bool = False


def install_in(name: HostName, options: Options) -> int:
    """Write the configuration of a client, or show it; 0 once it is there."""
    host = HOSTS[name]
    if misuse := _misuse(host, options):
        return _failure(misuse, MISUSE)
    command = installed()
    if command is None:
        return _failure("the command `guichet` is not installed beside this Python.", FAILED)
    settings = configured(sandbox=False, read_only=False)
    start = _launch(command, options, settings)
    path = _place(host, options)
    if options.show or path is None:
        _show(host, start, f"For {path}" if path else f"For the configuration of {host.title}")
    elif failure := _written(path, host, start, replace=options.replace):
        _failure(f"{path}: {failure}.", FAILED)
        _show(host, start, "Nothing was written. What is to be there")
        return FAILED
    if is_cached(command):
        typer.echo(f"\n{CACHED}", err=True)
    _tell(host, start, options, settings)
    return 0


def installed() -> Path | None:
    """The command `guichet` of this installation, where it will still be tomorrow."""
    folders = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    found = shutil.which("guichet", path=os.pathsep.join(folders))
    return Path(found).absolute() if found else None


def is_cached(command: Path) -> bool:
    """Whether a cache holds this installation, as `uv tool run` has it."""
    # An environment may bear that mark itself, so that no backup is made of it.
    above = command.parents[2:]
    return any((folder / "CACHEDIR.TAG").is_file() for folder in above)


def _misuse(host: Host, options: Options) -> str:
    """What makes no sense in what is asked for, if anything."""
    if options.project and not host.project:
        return f"{host.title} has no configuration of a project."
    if options.sandbox and options.services:
        return "the sandbox has credentials of its own: leave --service out."
    return ""


def _launch(command: Path, options: Options, settings: Settings) -> Launch:
    chosen = ("--sandbox",) if options.sandbox else ()
    chosen += ("--read-only",) if options.read_only else ()
    environ = set_values(ENVIRONMENT)
    if options.sandbox:
        return sandbox_launch(command, chosen, environ)
    # What Guichet reads in its own file, no client has to give.
    missing = [
        service
        for service in options.services
        if service not in _credentials(settings)
        or environ.keys() & set(SERVICE_VARIABLES.get(service, ()))
    ]
    return launch(command, chosen, environ, missing)


def _credentials(settings: Settings) -> Sequence[str]:
    """The services that there are credentials for."""
    needs = {
        "covoiturage": "covoiturage_credentials",
        "demarches": "demarches",
        "emjpm": "emjpm",
        "faire_simple": "faire_simple",
    }
    return [service for service in SERVICES if needs[service] in settings.needs_met]


def _place(host: Host, options: Options) -> Path | None:
    if options.project:
        return options.project / host.project
    machine = Machine(sys.platform, Path.home(), ENVIRONMENT)
    return host.place(machine) if host.place else None


def _written(path: Path, host: Host, start: Launch, *, replace: bool) -> str:
    """Why the file could not be written; nothing if it is as it has to be."""
    try:
        before = read(path)
        text = "" if before is None else before.decode()
        edited = with_server(text, host, start, replace=replace)
        if before is not None and edited == text:
            typer.echo(f"{host.title} has “{start.name}” already: {path}")
            return ""
        if not path.parent.is_dir():
            typer.echo(f"{path.parent} was not there: is {host.title} installed?", err=True)
        write(path, edited, before)
    except UnicodeDecodeError:
        return "it is not in UTF-8"
    except UnusableError as error:
        return f"{error}"
    except OSError as error:
        return f"it cannot be read or written ({type(error).__name__})"
    typer.echo(f"{host.title} now has “{start.name}”: {path}")
    return ""


def _show(host: Host, start: Launch, where: str) -> None:
    written = {"json": json_document, "toml": toml_table, "yaml": yaml_mapping}[host.form]
    typer.echo(f"{where}:", err=True)
    typer.echo(written(host, start), nl=False)


def _tell(host: Host, start: Launch, options: Options, settings: Settings) -> None:
    offered = [*_credentials(settings), *options.services]
    signs_in = "emjpm" in options.services and not settings.emjpm.has_credentials
    for paragraph in told(host, start, offered, own=config_file(ENVIRONMENT), signs_in=signs_in):
        typer.echo(f"\n{paragraph}", err=True)


def _failure(why: str, code: int) -> int:
    typer.echo(f"guichet: {why}", err=True)
    return code
