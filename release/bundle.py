"""The MCPB bundle, which Claude Desktop installs by a double click: `python -m release.bundle`.

The client brings uv, which fetches Python and the dependencies at the versions of constraints.txt.
It asks for what is in `USER_CONFIG`, and keeps what is secret in the system's own keychain.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from release.project import AUTHOR, PACKAGES, ROOT, Project, project
from server.settings import described, secret_names
from tools import TOOLS

USER_CONFIG: Mapping[str, str] = {
    "GUICHET_DEMARCHES_TOKEN": "Démarches simplifiées: API token",
    "GUICHET_DEMARCHES_INSTRUCTEUR": "Démarches simplifiées: who signs",
    "GUICHET_DEMARCHES_NUMBERS": "Démarches simplifiées: démarches",
    "GUICHET_COVOITURAGE_ACCESS_KEY": "Covoiturage: access key",
    "GUICHET_COVOITURAGE_SECRET_KEY": "Covoiturage: secret key",
    "GUICHET_EMJPM_TOKEN": "eMJPM: token",
    "GUICHET_FAIRE_SIMPLE_LOGIN": "faire-simple: login",
    "GUICHET_FAIRE_SIMPLE_PASSWORD": "faire-simple: password",
    "GUICHET_FAIRE_SIMPLE_KEY": "faire-simple: API key",
    "GUICHET_FILES": "Folder of files",
    "GUICHET_READ_ONLY": "Change nothing",
}
"""What a person is asked for, by its title; whatever else is set in `guichet.toml`."""
KINDS = {"GUICHET_FILES": "directory", "GUICHET_READ_ONLY": "boolean"}
ENTRY_POINT = "server/__main__.py"
FILES = ("LICENSE", "README.md", "constraints.txt", "pyproject.toml")
LONG_AGO = (2026, 1, 1, 0, 0, 0)
"""When every file was last changed: the same sources make the same bundle, to the last byte."""


def manifest(of: Project) -> dict[str, object]:
    """What the bundle says of itself."""
    start = ["tool", "run", "--constraints", "${__dirname}/constraints.txt"]
    return {
        "manifest_version": "0.4",
        "name": of.name,
        "display_name": "Guichet",
        "version": of.version,
        "description": of.description,
        "author": {"name": AUTHOR},
        "license": of.license,
        "keywords": list(of.keywords),
        "server": {
            "type": "uv",
            "entry_point": ENTRY_POINT,
            "mcp_config": {
                "command": "uv",
                "args": [*start, "--from", "${__dirname}", "guichet"],
                "env": {name: f"${{user_config.{_key(name)}}}" for name in USER_CONFIG},
            },
        },
        "tools": [{"name": tool.name, "description": tool.title} for tool in TOOLS],
        "compatibility": {"runtimes": {"python": of.requires_python}},
        "user_config": {_key(name): _asked(name) for name in USER_CONFIG},
    }


def make(folder: Path) -> Path:
    """A bundle of this very tree, in a folder."""
    of = project()
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"guichet-{of.version}.mcpb"
    with ZipFile(bundle, "w", ZIP_DEFLATED) as archive:
        told = json.dumps(manifest(of), indent=2, ensure_ascii=False)
        archive.writestr(_entry("manifest.json"), told.encode())
        for path in sorted(_sources()):
            archive.writestr(_entry(path.relative_to(ROOT).as_posix()), path.read_bytes())
    return bundle


def _asked(variable: str) -> dict[str, object]:
    kind = KINDS.get(variable, "string")
    default = {"default": False} if kind == "boolean" else {}
    return {
        "type": kind,
        "title": USER_CONFIG[variable],
        "description": dict(described())[variable].strip("…"),
        "required": False,
        "sensitive": variable in set(secret_names()),
        **default,
    }


def _key(variable: str) -> str:
    return variable.removeprefix("GUICHET_").lower()


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in FILES)
    for package in PACKAGES:
        found = (ROOT / package).rglob("*")
        yield from (p for p in found if p.is_file() and "__pycache__" not in p.parts)


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, LONG_AGO)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


if __name__ == "__main__":
    sys.stdout.write(f"{make(ROOT / 'dist')}\n")
