"""What a client is told: the command to start, and the variables that go with it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.cli.installing.hosts import NAME, Host
from server.settings import PREFIX, described, located, secret_names
from tools.catalogue import SERVICES

SERVICE_VARIABLES: Mapping[str, Sequence[str]] = {
    "covoiturage": ("GUICHET_COVOITURAGE_ACCESS_KEY", "GUICHET_COVOITURAGE_SECRET_KEY"),
    "demarches": (
        "GUICHET_DEMARCHES_TOKEN",
        "GUICHET_DEMARCHES_INSTRUCTEUR",
        "GUICHET_DEMARCHES_NUMBERS",
    ),
    "faire_simple": (
        "GUICHET_FAIRE_SIMPLE_LOGIN",
        "GUICHET_FAIRE_SIMPLE_PASSWORD",
        "GUICHET_FAIRE_SIMPLE_KEY",
    ),
}
"""What it takes to work with each; eMJPM is signed in to, outside of any client."""
TOGETHER = (
    "GUICHET_EMJPM_CLIENT_ID",
    "GUICHET_EMJPM_REDIRECT_URI",
    "GUICHET_FAIRE_SIMPLE_LOGIN",
)
"""No secrets, but refused without the secret that goes with them: taken from where it is."""
OF_ANY_SANDBOX = (
    "GUICHET_CONFIG",
    "GUICHET_CONSENT",
    "GUICHET_LANGUAGE",
    "GUICHET_READ_ONLY",
)
OVER_HTTP = (
    "GUICHET_HTTP_",
    "GUICHET_METRICS",
    "GUICHET_OIDC_",
    "GUICHET_PROFILES",
    "GUICHET_TRACES",
)
"""What they begin with that a server on stdio has no use for."""
PATHS = ("GUICHET_CONFIG", "GUICHET_FILES", "GUICHET_SECRETS_DIRECTORY")

Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Launch:
    """A server to be started by a client."""

    name: str
    command: str
    options: Sequence[str]
    values: Mapping[str, str]
    """What the configuration may hold as it is."""
    elsewhere: Sequence[str]
    """The variables that it must take from elsewhere: secrets, and what nobody has set yet."""


def sandbox_launch(command: Path, options: Sequence[str], environ: Mapping[str, str]) -> Launch:
    """The services in miniature: nothing of the real ones is told."""
    values = {name: value for name, value in environ.items() if name in OF_ANY_SANDBOX}
    return Launch("guichet-sandbox", str(command), options, _absolute(values), ())


def launch(
    command: Path,
    options: Sequence[str],
    environ: Mapping[str, str],
    services: Sequence[str],
) -> Launch:
    """The real services: with what is set here, and what these services need besides."""
    apart = {*secret_names(), *TOGETHER}
    environ = {name: value for name, value in environ.items() if not name.startswith(OVER_HTTP)}
    wanted = [name for service in services for name in SERVICE_VARIABLES.get(service, ())]
    values = {name: value for name, value in environ.items() if name not in apart}
    elsewhere = dict.fromkeys([*wanted, *environ])
    return Launch(
        "guichet",
        str(command),
        options,
        _absolute(values),
        [name for name in elsewhere if name not in values],
    )


def entry(host: Host, launch: Launch) -> Entry:
    """The server, as this client writes it."""
    told: dict[str, object] = {"type": "stdio"} if host.typed else {}
    told |= {"command": launch.command, "args": list(launch.options)}
    referred = {name: host.refers.replace(NAME, name) for name in launch.elsewhere if host.refers}
    if host.form == "toml":
        names = {"env_vars": list(referred)} if referred else {}
        return told | names | ({"env": dict(launch.values)} if launch.values else {})
    return told | {"env": dict(launch.values) | referred}


def inputs(launch: Launch) -> Sequence[Entry]:
    """What VS Code asks its user for."""
    meaning, secret = dict(described()), set(secret_names())
    return [
        {
            "type": "promptString",
            "id": name,
            "description": f"{name}: {meaning[name].strip('…')}",
            "password": name in secret,
        }
        for name in launch.elsewhere
    ]


def toml_table(host: Host, launch: Launch) -> str:
    """The tables of this server, for the end of a file."""
    told = {name: value for name, value in entry(host, launch).items() if name != "env"}
    lines = [f"[{host.servers}.{launch.name}]", *_assignments(told)]
    if launch.values:
        lines += ["", f"[{host.servers}.{launch.name}.env]", *_assignments(launch.values)]
    return "\n".join(lines) + "\n"


def yaml_mapping(host: Host, launch: Launch) -> str:
    """The same in YAML, of which JSON is a part."""
    lines = [f"  {launch.name}:"]
    lines += [f"    {name}: {_quoted(value)}" for name, value in entry(host, launch).items()]
    return "\n".join([f"{host.servers}:", *lines]) + "\n"


def json_document(host: Host, launch: Launch) -> str:
    """A whole file that holds this server alone."""
    asked = {"inputs": inputs(launch)} if host.asks and launch.elsewhere else {}
    document = asked | {host.servers: {launch.name: entry(host, launch)}}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def own_file(variables: Sequence[str]) -> str:
    """Where these go in `guichet.toml`, with values to fill in."""
    tables: dict[str, list[str]] = {}
    for name in variables:
        table, setting = _setting(name)
        tables.setdefault(table, []).append(f"{setting} = {_example(name)}")
    return "\n\n".join(
        "\n".join(([f"[{table}]"] if table else []) + lines)
        for table, lines in sorted(tables.items())
    )


def _setting(variable: str) -> tuple[str, str]:
    """A variable's table in `guichet.toml`, and its name there."""
    name = variable.removeprefix(PREFIX).lower()
    table = next((service for service in SERVICES if name.startswith(f"{service}_")), "")
    return table, name.removeprefix(f"{table}_")


def _example(variable: str) -> str:
    return "[1001]" if variable.endswith("_NUMBERS") else '"…"'


def _assignments(values: Mapping[str, object]) -> Iterator[str]:
    return (f"{name} = {_quoted(value)}" for name, value in values.items())


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _absolute(values: Mapping[str, str]) -> Mapping[str, str]:
    """The same, true from any working directory."""
    return {n: str(located(v).absolute()) if n in PATHS else v for n, v in values.items()}
