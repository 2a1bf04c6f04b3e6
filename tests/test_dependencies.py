"""What Guichet is made of: each package argued, used, and free to be used by anybody."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NEEDED = [Requirement(line).name for line in PROJECT["dependencies"]]
EXTRAS = {
    extra: {Requirement(line).name for line in lines} - {PROJECT["name"]}
    for extra, lines in PROJECT["optional-dependencies"].items()
}
OFFERED = ("keyring", "team")
"""The extras of those who use Guichet."""

NAMED = {"tzdata": "zoneinfo"}
"""By what the code says of those that others import for it."""

PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|0BSD|Zlib)",
    re.IGNORECASE,
)
"""What a program under the MIT licence may ask for; the MPL binds its own files alone."""
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|General Public)", re.IGNORECASE)
LESSER = {"psycopg"}
"""Under the LGPL, which asks nothing of those who import it: of the extra `team`, and argued."""


def imported() -> set[str]:
    found: set[str] = set()
    for package in ("clients", "tools", "server"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Import(names=names):
                        found |= {name.name.partition(".")[0] for name in names}
                    case ast.ImportFrom(module=str(module)):
                        found.add(module.partition(".")[0])
                    case _:
                        pass
    return found


def modules(name: str) -> set[str]:
    """The packages that a distribution installs."""
    files = distribution(name).files or ()
    return {file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"}


def written() -> str:
    sources = (path for name in ("tools", "server") for path in (ROOT / name).rglob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in sources)


def closure(names: list[str]) -> Iterator[Distribution]:
    """The distributions that these need, themselves included."""
    awaited, met = [*names], set[str]()
    while awaited:
        name = awaited.pop().lower().replace("_", "-")
        if name in met:
            continue
        met.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # another platform's, or an extra that nobody asked for
            continue
        yield found
        awaited += [Requirement(line).name for line in found.requires or () if "extra" not in line]


def licence(found: Distribution) -> str:
    told = found.metadata
    named = ("License-Expression", "License")
    classifiers = [c for c in told.get_all("Classifier") or () if c.startswith("License")]
    return "; ".join([*(told[name] for name in named if name in told), *classifiers])


def argued(heading: str) -> set[str]:
    """What the first column of a section's table names."""
    _, _, section = CONTRIBUTING.partition(f"\n### {heading}\n")
    rows = [line for line in section.partition("\n#")[0].splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}


def test_each_package_is_argued():
    assert argued("What it needs to run") == {*NEEDED, *EXTRAS["keyring"]}
    assert argued("What a team needs") == EXTRAS["team"]
    assert argued("What it needs to be worked on") == EXTRAS["dev"] - EXTRAS["keyring"]


def test_none_is_asked_for_and_not_used():
    used, text = imported(), written()
    unused = {name for name in NEEDED if not modules(name) & used}

    assert unused == set(NAMED)
    assert all(said in text for said in NAMED.values())


def test_none_binds_those_who_use_it():
    names = {name for extra in OFFERED for name in EXTRAS[extra]}
    found = {each.metadata["Name"]: licence(each) for each in closure([*NEEDED, *names])}

    assert len(found) > len(NEEDED)
    assert {n for n, told in found.items() if COPYLEFT.search(told)} == LESSER
    assert {n for n, told in found.items() if not PERMISSIVE.search(told)} == LESSER
