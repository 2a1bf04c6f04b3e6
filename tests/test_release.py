"""What is published besides the wheel says what the project does, no more and no less."""

import json
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from release.bundle import ENTRY_POINT, make, manifest
from release.project import PACKAGES, ROOT, project
from release.registry import server_json
from server.cli.installing.entry import SERVICE_VARIABLES
from server.settings import WHERE_TO_READ, described, load, secret_names

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUNDLE = manifest(project())
REGISTRY = server_json(project(), "io.github.somebody")


@pytest.fixture(name="env")
def _env() -> dict[str, str]:
    """What the client gives to the server: `${user_config.…}`, where nobody filled anything in."""
    return json.loads(json.dumps(BUNDLE))["server"]["mcp_config"]["env"]


@pytest.fixture(name="asked")
def _asked() -> dict[str, dict[str, object]]:
    return json.loads(json.dumps(BUNDLE))["user_config"]


def test_the_bundle_asks_for_settings_and_hides_the_secret_ones(
    env: dict[str, str], asked: dict[str, dict[str, object]]
):
    assert set(env) <= {name for name, _ in described()}
    assert {name: value for name, value in env.items() if not asked[_key(value)]["sensitive"]} == {
        name: value for name, value in env.items() if name not in set(secret_names())
    }
    assert {_key(value) for value in env.values()} == set(asked)


def test_the_bundle_asks_for_all_that_a_service_needs(env: dict[str, str]):
    needed = {name for names in SERVICE_VARIABLES.values() for name in names}

    assert needed | {"GUICHET_EMJPM_TOKEN"} <= set(env)


def test_what_a_person_does_not_fill_in_counts_as_unset(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GUICHET_READ_ONLY", "false")  # the one that has a default

    assert not load().demarches.has_token


def test_the_bundle_holds_all_that_the_wheel_does(tmp_path: Path):
    """And is the same, to the last byte, whenever it is made of the same sources."""
    first, again = make(tmp_path), make(tmp_path / "again")
    with ZipFile(first) as archive:
        names = set(archive.namelist())
        told = json.loads(archive.read("manifest.json"))

    sources = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert tuple(PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert sources | {ENTRY_POINT, "pyproject.toml", "README.md", "LICENSE"} <= names
    assert names - sources == {
        "manifest.json",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "constraints.txt",
    }
    assert told == BUNDLE
    assert first.read_bytes() == again.read_bytes()


def test_what_is_said_to_be_typed_says_so_where_type_checkers_look():
    assert "Typing :: Typed" in PYPROJECT["project"]["classifiers"]
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_the_registry_is_told_of_every_variable_and_which_are_secret():
    (package,) = json.loads(json.dumps(REGISTRY))["packages"]
    told = {v["name"]: v["isSecret"] for v in package["environmentVariables"]}

    assert set(told) == {name for name, _ in described()} | set(WHERE_TO_READ)
    assert {name for name, secret in told.items() if secret} == set(secret_names())


def test_the_registry_s_package_is_one_that_uvx_can_start():
    (package,) = json.loads(json.dumps(REGISTRY))["packages"]

    assert package["identifier"] == PYPROJECT["project"]["name"]
    assert package["identifier"] in PYPROJECT["project"]["scripts"]
    assert package["version"] == REGISTRY["version"] == BUNDLE["version"]
    assert len(str(REGISTRY["description"])) <= 100


def _key(value: str) -> str:
    return value.removeprefix("${user_config.").removesuffix("}")
