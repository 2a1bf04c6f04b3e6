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
from server.settings import ENVIRONMENT, SERVICES, Settings, config_file, set_values

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


def install_in(name: HostName, options: Options, machine: Machine | None = None) -> int:
    """Write the configuration of a client, or show it; 0 once it is there."""
    host = HOSTS[name]
    if options.project and not host.project:
        return _failure(f"{host.title} has no configuration of a project.", MISUSE)
    if options.sandbox and options.services:
        return _failure("the sandbox has credentials of its own: leave --service out.", MISUSE)
    command = installed()
    if command is None:
        return _failure("the command `guichet` is not installed beside this Python.", FAILED)
    settings = configured(sandbox=False, read_only=False)
    start = _launch(command, options, settings)
    machine = machine or Machine(sys.platform, Path.home(), ENVIRONMENT)
    path = _place(host, options, machine)
    if options.show or path is None:
        _show(host, start, f"For {path}" if path else f"For the configuration of {host.title}")
    elif failure := _written(path, host, start, replace=options.replace):
        _failure(f"{path}: {failure}.", FAILED)
        _show(host, start, "Nothing was written. What is to be there")
        return FAILED
    signs_in = "emjpm" in options.services and not settings.emjpm.has_credentials
    offered = _offered(settings, options)
    if is_cached(command):
        typer.echo(f"\n{CACHED}", err=True)
    for paragraph in told(host, start, offered, own=config_file(ENVIRONMENT), signs_in=signs_in):
        typer.echo(f"\n{paragraph}", err=True)
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


def _launch(command: Path, options: Options, settings: Settings) -> Launch:
    chosen = ("--sandbox",) if options.sandbox else ()
    chosen += ("--read-only",) if options.read_only else ()
    environ = set_values(ENVIRONMENT)
    if options.sandbox:
        return sandbox_launch(command, chosen, environ)
    # What Guichet reads in its own file, no client has to give.
    kept = [
        s for s in _credentials(settings) if not set(SERVICE_VARIABLES.get(s, ())) & set(environ)
    ]
    return launch(command, chosen, environ, [s for s in options.services if s not in kept])


def _credentials(settings: Settings) -> Sequence[str]:
    """The services that there are credentials for."""
    needs = {
        "covoiturage": "covoiturage_credentials",
        "demarches": "demarches",
        "emjpm": "emjpm",
        "faire_simple": "faire_simple",
    }
    return [service for service in SERVICES if needs[service] in settings.needs_met]


def _offered(settings: Settings, options: Options) -> Sequence[str]:
    return [*_credentials(settings), *options.services]


def _place(host: Host, options: Options, machine: Machine) -> Path | None:
    if options.project:
        return options.project / host.project
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


def _failure(why: str, code: int) -> int:
    typer.echo(f"guichet: {why}", err=True)
    return code
