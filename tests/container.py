"""What the Dockerfile says, as those who hold it to the project read it."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from release.project import ROOT

CONTAINER = ROOT / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A line of the Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> Sequence[str]:
        return shlex.split(self.text)

    @property
    def command(self) -> list[str]:
        """The command that is run without a shell."""
        found: list[str] = json.loads(self.text[self.text.index("[") :])
        return found


def instructions() -> list[Instruction]:
    lines = CONTAINER.read_text(encoding="utf-8").splitlines()
    said = [line.partition(" ") for line in lines if re.match("[A-Z]+ ", line)]
    return [Instruction(name, text) for name, _, text in said]


def those(name: str) -> list[Instruction]:
    """The instructions of one kind, in their order."""
    return [each for each in instructions() if each.name == name]
