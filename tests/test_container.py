"""The image, which no test builds: what it is made of exists, and is run as the project says.

`tests/proof/test_container.py` runs its instructions.
"""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from release.project import PACKAGES, ROOT
from server.cli import app
from server.settings import WHERE_TO_READ, described, load, secret_names
from tests.container import CONTAINER, those

COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETTINGS = {name for name, _ in described()} | set(WHERE_TO_READ)


def test_the_image_is_of_one_python_that_the_project_is_tested_with():
    bases = {each.words[0] for each in those("FROM")}
    (version,) = {base.removeprefix("python:").removesuffix("-slim") for base in bases}

    assert f"Programming Language :: Python :: {version}" in PYPROJECT["project"]["classifiers"]


def test_all_that_is_copied_exists_and_the_packages_are_among_it():
    copied = [source for each in those("COPY") for source in each.words[:-1]]
    own = {name for name in copied if not name.startswith(("--", "/"))}
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert all((ROOT / name).exists() for name in own)
    assert own > set(PACKAGES)
    assert {line[1:] for line in kept if line.startswith("!")} == own


def test_what_is_installed_is_an_extra_with_the_versions_that_are_tested():
    install = those("RUN")[-1].words

    assert install[install.index("--constraint") + 1] == "constraints.txt"
    assert install[-1] == ".[team]"
    assert "team" in PYPROJECT["project"]["optional-dependencies"]


def test_the_server_runs_as_nobody_in_particular_and_not_as_root():
    said = CONTAINER.read_text(encoding="utf-8")
    (user,) = those("USER")

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.text)
    assert said.index("USER") < said.index("\nCMD")
    assert "USER" in said[said.rindex("FROM") :]


def test_the_command_that_starts_it_exists_with_its_options():
    program, *arguments = those("CMD")[0].command
    told = CliRunner().invoke(app, [arguments[0], "--help"], env={"COLUMNS": "200"})

    assert program in PYPROJECT["project"]["scripts"]
    assert told.exit_code == 0
    for option in (each for each in arguments if each.startswith("--")):
        assert option in told.output


def test_one_port_is_served_looked_at_and_published():
    command = those("CMD")[0].command
    port = command[command.index("--port") + 1]

    assert those("EXPOSE")[0].text == port
    assert f"127.0.0.1:{port}/healthz" in those("HEALTHCHECK")[0].text
    assert f'"127.0.0.1:{port}:{port}"' in COMPOSE


def test_every_variable_of_the_services_is_a_setting_and_every_secret_is_a_file():
    named = set(re.findall(r"GUICHET_\w+", COMPOSE))
    given = {name for name in named if re.search(rf"^ +{name}: \S", COMPOSE, re.MULTILINE)}

    assert named <= SETTINGS
    assert not given & set(secret_names())
    assert named - given <= set(secret_names())
    for name in named - given:
        assert f"  {name}:\n    file: ./secrets/{name}\n" in COMPOSE


@pytest.mark.parametrize(
    "promise",
    ["read_only: true", "cap_drop: [ALL]", '"no-new-privileges:true"', "stop_grace_period: 110s"],
)
def test_the_service_can_write_nowhere_and_has_the_time_to_stop(promise: str):
    served = COMPOSE[COMPOSE.index("  server:") : COMPOSE.index("  postgres:\n    image:")]

    assert promise in served


def test_the_secrets_that_are_mounted_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As files named after their variables, each ended by a line feed."""
    values = {"GUICHET_SECRET": "s" * 44, "GUICHET_STATE_URL": "postgresql+psycopg://g:p@db/g"}
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
    monkeypatch.setenv("GUICHET_SECRETS_DIRECTORY", str(tmp_path))
    settings = load()

    assert settings.secret
    assert settings.secret.get_secret_value() == values["GUICHET_SECRET"]
    assert settings.state_url == values["GUICHET_STATE_URL"]
