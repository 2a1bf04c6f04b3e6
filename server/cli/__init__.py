"""The commands that a person types. Hosts start the server without going through here."""

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from server import stdio
from server.cli import journal, token
from server.cli.installing.hosts import HostName

app = typer.Typer(
    name="guichet",
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback is for the log, values are for nobody
    help="The counter where AI assistants meet French public services. Without a command: an MCP "
    "server on stdio, on the services that are configured.",
)

app.add_typer(journal.app)
app.add_typer(token.app)


def _tell_version(asked: bool) -> None:  # noqa: FBT001  (what typer calls it with)
    if asked:
        typer.echo(f"guichet {version('guichet-mcp')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which, and leave."),
]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="On the services in miniature.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Offer nothing that changes anything.")]
Port = Annotated[int, typer.Option(min=1, max=65_535)]


class Service(StrEnum):
    """The services that one signs in to."""

    EMJPM = "emjpm"


class Wanted(StrEnum):
    """The services that a client may be given the credentials of."""

    COVOITURAGE = "covoiturage"
    DEMARCHES = "demarches"
    EMJPM = "emjpm"
    FAIRE_SIMPLE = "faire_simple"


Named = Annotated[Service, typer.Argument(help="The service.")]
ProfileName = Annotated[str, typer.Option("--profile", help="For those who work with this one.")]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    *,
    sandbox: Sandbox = False,
    read_only: ReadOnly = False,
    version: Version = False,
) -> None:
    if context.invoked_subcommand is None:
        stdio.serve(sandbox=sandbox, read_only=read_only)


@app.command()
def serve(
    *,
    http: Annotated[bool, typer.Option("--http", help="Over Streamable HTTP, at /mcp.")],
    host: Annotated[
        str, typer.Option(help="Beyond loopback, everybody must sign in.")
    ] = "127.0.0.1",
    port: Port = 8765,
    sandbox: Sandbox = False,
    read_only: ReadOnly = False,
) -> None:
    """Serve MCP over HTTP, to the clients of this machine or to a team that signs in."""
    from server import http as over_http  # noqa: PLC0415  (each command loads what it needs)
    from server.build import configured, connection, observed  # noqa: PLC0415

    settings = configured(sandbox=sandbox, read_only=read_only)
    observed(settings)
    connect, seal = connection(settings, sandbox=sandbox)
    over_http.serve(settings, connect, seal, host, port)


@app.command()
def serve_sandbox(
    *,
    port: Port = 8766,
    latency: Annotated[
        int, typer.Option(min=0, metavar="MS", help="Milliseconds before each answer.")
    ] = 0,
) -> None:
    """Serve the services in miniature over HTTP, for our clients and anybody's."""
    from server.sandbox import serving  # noqa: PLC0415  (each command loads what it needs)

    address = f"http://{serving.HOST}:{port}"
    typer.echo(
        f"GUICHET_COVOITURAGE_URL={address}/covoiturage\n"
        "GUICHET_COVOITURAGE_ACCESS_KEY=sandbox\n"
        "GUICHET_COVOITURAGE_SECRET_KEY=sandbox\n"
        f"GUICHET_DEMARCHES_URL={address}/demarches/api/v2/graphql\n"
        "GUICHET_DEMARCHES_TOKEN=sandbox\n"
        "GUICHET_DEMARCHES_NUMBERS=1001,1002,1003\n"
        "GUICHET_DEMARCHES_INSTRUCTEUR=camille.martin@exemple.gouv.fr\n"
        f"GUICHET_EMJPM_URL={address}/emjpm\n"
        f"GUICHET_EMJPM_AUTHORIZE_URL={address}/emjpm/application/authorization\n"
        "GUICHET_EMJPM_TOKEN=sandbox\n"
        f"GUICHET_FAIRE_SIMPLE_URL={address}/faire_simple/api\n"
        "GUICHET_FAIRE_SIMPLE_LOGIN=sandbox\n"
        "GUICHET_FAIRE_SIMPLE_PASSWORD=sandbox\n"
        "GUICHET_FAIRE_SIMPLE_KEY=sandbox\n"
        "GUICHET_FAIRE_SIMPLE_PATH_PARTNERS=/partenaires\n"
        "GUICHET_FAIRE_SIMPLE_PATH_THEMATICS=/thematiques\n"
        "GUICHET_FAIRE_SIMPLE_PATH_CAMPAIGNS=/campagnes\n"
        "GUICHET_FAIRE_SIMPLE_PATH_PROPOSALS=/propositions\n"
        "GUICHET_FAIRE_SIMPLE_PATH_UPDATES=/actualisation\n"
        "GUICHET_FAIRE_SIMPLE_PATH_UPDATES_BY_SEMESTER=/actualisation/{semester}"
    )
    serving.serve(port, latency / 1000)


@app.command()
def demo() -> None:
    """Show the main job on the sandbox, through a real MCP client; asks you before each change."""
    from server.cli.demo import run  # noqa: PLC0415  (each command loads what it needs)

    raise typer.Exit(run())


@app.command()
def call(
    tool: Annotated[str, typer.Argument(help="Its name, as `guichet tools` tells it.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE…", help="What it takes; a list repeats its name, or is in JSON."
        ),
    ] = None,
    *,
    sandbox: Sandbox = False,
    read_only: ReadOnly = False,
    raw: Annotated[
        bool, typer.Option("--json", help="The structured result alone, for a program.")
    ] = False,
) -> None:
    """Call one tool without an assistant; you are asked here before anything changes."""
    from server.cli.call import run  # noqa: PLC0415  (each command loads what it needs)

    words = arguments or []
    raise typer.Exit(run(tool, words, sandbox=sandbox, read_only=read_only, raw=raw))


@app.command("tools")
def list_tools(
    name: Annotated[str, typer.Argument(help="One of them, to know what it takes.")] = "",
    *,
    sandbox: Sandbox = False,
    read_only: ReadOnly = False,
) -> None:
    """List the tools: what each does, and whether it is offered here."""
    from server.build import configured  # noqa: PLC0415  (each command loads what it needs)
    from server.cli.catalogue import show, show_all  # noqa: PLC0415

    chosen = configured(sandbox=sandbox, read_only=read_only)
    raise typer.Exit(show(name, chosen) if name else show_all(chosen))


@app.command()
def install(
    client: Annotated[HostName, typer.Argument(help="The client to install Guichet in.")],
    *,
    sandbox: Sandbox = False,
    read_only: ReadOnly = False,
    services: Annotated[
        list[Wanted] | None,
        typer.Option("--service", help="A service to give credentials for; may be repeated."),
    ] = None,
    project: Annotated[
        bool, typer.Option("--project", help="For the project in this folder alone.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of an entry that differs.")
    ] = False,
    show: Annotated[bool, typer.Option("--print", help="Show it, and write nothing.")] = False,
) -> None:
    """Configure a client to start Guichet, in the client's own file; no secret is written there."""
    from server.cli.installing import command  # noqa: PLC0415  (each command loads what it needs)

    options = command.Options(
        services=[service.value for service in services or ()],
        sandbox=sandbox,
        read_only=read_only,
        project=Path.cwd() if project else None,
        replace=replace,
        show=show,
    )
    raise typer.Exit(command.install_in(client, options))


@app.command()
def doctor(
    *,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Call no service. A démarches token that admits only the first machine to use "
            "it is then not used.",
        ),
    ] = False,
) -> None:
    """Say what is configured, what is missing, and whether each service answers."""
    from server.cli.doctor import run  # noqa: PLC0415  (each command loads what it needs)

    raise typer.Exit(run(offline=offline))


@app.command()
def login(
    service: Named,
    *,
    paste: Annotated[
        bool,
        typer.Option(
            "--paste",
            help="Paste the address that the browser ends at, if it cannot reach this machine.",
        ),
    ] = False,
    profile: ProfileName = "",
) -> None:
    """Sign in to a service, on its own page: Guichet then acts there as you do.

    Signing in again, here or on another machine, ends the sign-in before.
    """
    from server.cli.login import sign_in  # noqa: PLC0415  (each command loads what it needs)

    raise typer.Exit(sign_in(paste=paste, profile=profile))


@app.command()
def logout(service: Named, *, profile: ProfileName = "") -> None:
    """Forget a sign-in on this machine; the service itself keeps it until it is revoked there."""
    from server.cli.login import sign_out  # noqa: PLC0415  (each command loads what it needs)

    raise typer.Exit(sign_out(profile=profile))
