"""`server.json`, for the MCP registry: `python -m release.registry NAMESPACE`.

The namespace is the publisher's, such as io.github.somebody: the registry checks that it is theirs.
"""

import argparse
import json
import re
import sys

from release.project import Project, project
from server.settings import WHERE_TO_READ, described, secret_names

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
NAMESPACE = re.compile(r"[a-zA-Z0-9.-]+")
SUMMARY = "French public services for AI assistants, with a person's consent before every change."
"""In the 100 characters that the registry leaves."""


def server_json(of: Project, namespace: str) -> dict[str, object]:
    """What the registry is told: one package, started by uvx, and every variable it reads."""
    secret = set(secret_names())
    variables = (*described(), *WHERE_TO_READ.items())
    return {
        "$schema": SCHEMA,
        "name": f"{namespace}/guichet",
        "title": "Guichet",
        "description": SUMMARY,
        "version": of.version,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": of.name,
                "version": of.version,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [
                    {"name": name, "description": meaning.strip("…"), "isSecret": name in secret}
                    for name, meaning in variables
                ],
            }
        ],
    }


def namespace(text: str) -> str:
    """A namespace, if it can be one."""
    if not NAMESPACE.fullmatch(text):
        raise argparse.ArgumentTypeError("letters, digits, dots and hyphens, such as io.github.you")
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m release.registry")
    parser.add_argument("namespace", type=namespace)
    chosen = parser.parse_args().namespace
    sys.stdout.write(json.dumps(server_json(project(), chosen), indent=2, ensure_ascii=False))
