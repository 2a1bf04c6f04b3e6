"""What pyproject.toml says of the project, for those who must repeat it."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).parents[1]
PACKAGES = ("clients", "tools", "server")
AUTHOR = "The Guichet maintainers"


class Project(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    description: str
    license: str
    keywords: tuple[str, ...]
    requires_python: str = Field(alias="requires-python")


def project() -> Project:
    """The project, as its wheel names it."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return Project.model_validate(told["project"])
