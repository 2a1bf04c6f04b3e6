"""The lowest version of each direct dependency that pyproject.toml allows, as constraints."""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    for needed in map(Requirement, project["dependencies"]):
        (lowest,) = (bound.version for bound in needed.specifier if bound.operator == ">=")
        sys.stdout.write(f"{needed.name}=={lowest}\n")


main()
