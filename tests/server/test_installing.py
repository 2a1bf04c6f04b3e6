"""Guichet in the files of its clients: each where that client looks, and nothing else changed."""

import json
import os
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli import app
from server.cli.installing.command import installed, is_cached
from server.cli.installing.editing import write
from server.cli.installing.entry import SERVICE_VARIABLES
from server.cli.installing.hosts import HOSTS, Host, HostName, Machine
from server.cli.installing.jsonc import (
    Document,
    UnusableError,
    as_object,
    listed,
    members,
    parsed,
)
from server.settings import load
from tests.support import own_log

HOME = Path("home")
PLACES = {
    ("claude-desktop", "linux"): ".config/Claude/claude_desktop_config.json",
    ("claude-desktop", "darwin"): "Library/Application Support/Claude/claude_desktop_config.json",
    ("claude-desktop", "win32"): "AppData/Roaming/Claude/claude_desktop_config.json",
    ("claude-code", "linux"): ".claude.json",
    ("claude-code", "darwin"): ".claude.json",
    ("claude-code", "win32"): ".claude.json",
    ("vscode", "linux"): ".config/Code/User/mcp.json",
    ("vscode", "darwin"): "Library/Application Support/Code/User/mcp.json",
    ("vscode", "win32"): "AppData/Roaming/Code/User/mcp.json",
    ("cursor", "linux"): ".cursor/mcp.json",
    ("cursor", "darwin"): ".cursor/mcp.json",
    ("cursor", "win32"): ".cursor/mcp.json",
    ("gemini", "linux"): ".gemini/settings.json",
    ("gemini", "darwin"): ".gemini/settings.json",
    ("gemini", "win32"): ".gemini/settings.json",
    ("zed", "linux"): ".config/zed/settings.json",
    ("zed", "darwin"): ".config/zed/settings.json",
    ("zed", "win32"): "AppData/Roaming/Zed/settings.json",
    ("codex", "linux"): ".codex/config.toml",
    ("codex", "darwin"): ".codex/config.toml",
    ("codex", "win32"): ".codex/config.toml",
}
ALL_THAT_SIGNS_IN = [
    "GUICHET_EMJPM_CLIENT_ID",
    "GUICHET_EMJPM_CLIENT_SECRET",
    "GUICHET_EMJPM_REDIRECT_URI",
    *(name for names in SERVICE_VARIABLES.values() for name in names),
]
WITH_FILES = [name for name, host in HOSTS.items() if host.place]
ZED = """\
// Zed settings
{
    "theme": "One", // the light one
    "context_servers": {
        /* mine */
        "other": {"command": "// not a comment", "args": []}, // keep
    },
    "vim_mode": true,
}
"""
CODEX = """\
model = "o" # why not
[mcp_servers.other]
command = "other"
"""


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine where nothing is installed, and a folder on it."""
    for variable in ("GUICHET_CONFIG", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData/Roaming"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    with own_log():
        yield tmp_path


def install(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["install", *arguments])


def place(home: Path, name: HostName) -> Path:
    found = HOSTS[name].place
    assert found
    return found(Machine(sys.platform, home, os.environ))


def content(host: Host, text: str) -> Document:
    return tomllib.loads(text) if host.form == "toml" else parsed(text, comments=False)


def server(host: Host, text: str, name: str = "guichet") -> dict[str, object]:
    return as_object(members(content(host, text), host.servers)[name])


@pytest.mark.parametrize(("name", "platform"), PLACES)
def test_a_client_s_file_is_where_it_looks(name: HostName, platform: str):
    found = HOSTS[name].place

    assert found
    assert found(Machine(platform, HOME, {})) == HOME / PLACES[name, platform]


def test_every_client_s_place_is_known_on_each_platform():
    assert {name for name, _ in PLACES} == set(WITH_FILES)
    assert len(PLACES) == 3 * len(WITH_FILES)


def test_the_page_about_it_tells_the_same():
    page = (Path(__file__).parents[2] / "docs/install.md").read_text(encoding="utf-8")

    for name, host in HOSTS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert host.project in row
        for place in (place for (client, _), place in PLACES.items() if client == name):
            assert place.replace("AppData/Roaming", "%APPDATA%") in row


def test_folders_that_a_person_moved_are_followed():
    environ = {"XDG_CONFIG_HOME": "x", "CLAUDE_CONFIG_DIR": "c", "CODEX_HOME": "o"}
    linux = Machine("linux", HOME, environ)
    found = {name: host.place(linux) for name, host in HOSTS.items() if host.place}

    assert found[HostName.VSCODE] == Path("x/Code/User/mcp.json")
    assert found[HostName.ZED] == Path("x/zed/settings.json")
    assert found[HostName.CLAUDE_CODE] == Path("c/.claude.json")
    assert found[HostName.CODEX] == Path("o/config.toml")


def test_claude_desktop_packaged_for_windows_has_its_file_in_its_package(home: Path):
    """Windows shows a packaged application its own folder, in the place of the usual one."""
    packaged = home / "AppData/Local/Packages/Claude_abc/LocalCache/Roaming/Claude"
    packaged.mkdir(parents=True)
    found = HOSTS[HostName.CLAUDE_DESKTOP].place

    assert found
    assert found(Machine("win32", home, {})) == packaged / "claude_desktop_config.json"


@pytest.mark.parametrize("name", WITH_FILES)
def test_the_sandbox_is_installed_by_an_absolute_command(home: Path, name: HostName):
    done = install(name, "--sandbox")

    assert done.exit_code == 0, done.output
    told = server(HOSTS[name], place(home, name).read_text(encoding="utf-8"), "guichet-sandbox")
    assert told["command"] == str(installed())
    assert Path(str(told["command"])).is_absolute()
    assert told["args"] == ["--sandbox"]
    assert str(place(home, name)) in done.stdout
    assert "démarche 1001" in done.stderr


@pytest.mark.parametrize("name", HOSTS)
def test_no_secret_is_written_nor_shown(
    home: Path, name: HostName, monkeypatch: pytest.MonkeyPatch
):
    """What is set here is a secret, or may be; what is not, is told as it is."""
    monkeypatch.setenv("GUICHET_DEMARCHES_TOKEN", "s3cret-token")
    monkeypatch.setenv("GUICHET_STATE_URL", "sqlite:///s3cret-password")
    monkeypatch.setenv("GUICHET_DEMARCHES_NUMBERS", "1001")

    shown, done = install(name, "--print"), install(name)

    files = [path for path in home.rglob("*") if path.is_file()]
    written = "".join(path.read_text(encoding="utf-8") for path in files)
    assert done.exit_code == shown.exit_code == 0
    assert len(files) == (name in WITH_FILES)
    assert "s3cret" not in written + shown.output + done.output
    assert "1001" in shown.stdout
    assert "GUICHET_DEMARCHES_TOKEN" in (done.stderr if HOSTS[name].refers else shown.output) or (
        "token = " in done.stderr
    )


@pytest.mark.parametrize(
    "name", [name for name, host in HOSTS.items() if host.place and host.form == "json"]
)
def test_what_a_client_does_not_fill_in_counts_as_unset(
    name: HostName, monkeypatch: pytest.MonkeyPatch
):
    """The server starts all the same: what goes with a secret is not there without it."""
    for variable in ALL_THAT_SIGNS_IN:
        monkeypatch.setenv(variable, "http://127.0.0.1:1" if variable.endswith("URI") else "7")
    told = server(HOSTS[name], install(name, "--print").stdout)
    for variable in ALL_THAT_SIGNS_IN:
        monkeypatch.delenv(variable)
    for variable, value in as_object(told["env"]).items():
        monkeypatch.setenv(variable, str(value))

    assert load().needs_met == {"ledger", "covoiturage"}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("claude-code", "${GUICHET_DEMARCHES_TOKEN:-}"),
        ("cursor", "${env:GUICHET_DEMARCHES_TOKEN}"),
        ("gemini", "${GUICHET_DEMARCHES_TOKEN}"),
    ],
)
def test_a_client_is_told_of_a_variable_in_its_own_way(name: HostName, written: str):
    told = server(HOSTS[name], install(name, "--print", "--service", "demarches").stdout)

    assert as_object(told["env"])["GUICHET_DEMARCHES_TOKEN"] == written


def test_vscode_asks_for_what_a_service_needs_and_hides_what_is_secret():
    shown = json.loads(install("vscode", "--print", "--service", "demarches").stdout)

    asked = {asked["id"]: asked["password"] for asked in shown["inputs"]}
    assert asked == {
        "GUICHET_DEMARCHES_TOKEN": True,
        "GUICHET_DEMARCHES_INSTRUCTEUR": False,
        "GUICHET_DEMARCHES_NUMBERS": False,
    }
    assert {v[len("${input:") : -1] for v in shown["servers"]["guichet"]["env"].values()} == set(
        asked
    )


def test_codex_forwards_what_a_service_needs():
    shown = tomllib.loads(install("codex", "--print", "--service", "covoiturage").stdout)

    assert shown["mcp_servers"]["guichet"]["env_vars"] == [
        "GUICHET_COVOITURAGE_ACCESS_KEY",
        "GUICHET_COVOITURAGE_SECRET_KEY",
    ]


def test_a_client_that_would_keep_secrets_in_clear_is_given_none():
    done = install("claude-desktop", "--service", "demarches")

    assert '[demarches]\ntoken = "…"\n' in done.stderr
    assert "guichet.toml" in done.stderr


def test_a_folder_in_one_s_home_is_written_whole(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUICHET_FILES", "~")

    told = server(HOSTS[HostName.CURSOR], install("cursor", "--print").stdout)

    assert as_object(told["env"])["GUICHET_FILES"] == str(home)


def test_what_serves_a_team_is_neither_written_nor_asked_for(monkeypatch: pytest.MonkeyPatch):
    token = '{"alice": {"sha256": "' + "5e" * 32 + '", "scopes": ["read"]}}'
    monkeypatch.setenv("GUICHET_HTTP_TOKENS", token)
    monkeypatch.setenv("GUICHET_OIDC_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("GUICHET_PROFILES", '{"paris": {"principals": ["token alice"]}}')
    monkeypatch.setenv("GUICHET_METRICS", "127.0.0.1:9464")
    monkeypatch.setenv("GUICHET_TRACES", "true")

    done = install("claude-desktop", "--print")

    assert as_object(server(HOSTS[HostName.CLAUDE_DESKTOP], done.stdout)["env"]) == {}
    assert "oidc" not in done.stderr
    assert "profiles" not in done.stderr


def test_what_guichet_reads_in_its_own_file_no_client_has_to_give(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    (home / "guichet.toml").write_text('[demarches]\ntoken = "mine"\n', encoding="utf-8")
    monkeypatch.setenv("GUICHET_CONFIG", "../guichet.toml")

    shown = json.loads(install("vscode", "--print", "--service", "demarches").stdout)

    env = {"GUICHET_CONFIG": str(home / "project/../guichet.toml")}
    assert "inputs" not in shown
    assert shown["servers"]["guichet"]["env"] == env


def test_emjpm_is_signed_in_to_and_no_client_is_asked_for_it():
    shown = install("vscode", "--print", "--service", "emjpm")

    assert "inputs" not in json.loads(shown.stdout)
    assert "guichet login emjpm" in shown.stderr


def test_what_was_there_stays_to_the_last_byte_with_its_comments(home: Path):
    zed, codex = place(home, HostName.ZED), place(home, HostName.CODEX)
    for path, text in ((zed, ZED), (codex, CODEX)):
        path.parent.mkdir(parents=True)
        path.write_bytes(text.replace("\n", "\r\n").encode())

    assert install("zed", "--sandbox").exit_code == install("codex", "--sandbox").exit_code == 0

    edited = zed.read_bytes().decode()
    lines = iter(edited.split("\r\n"))
    assert all(line in lines for line in ZED.split("\n"))
    assert "\n" not in edited.replace("\r\n", "")
    servers = members(parsed(edited, comments=True), "context_servers")
    assert list(servers) == ["other", "guichet-sandbox"]
    assert codex.read_bytes().decode().startswith(CODEX.replace("\n", "\r\n"))
    assert set(tomllib.loads(codex.read_bytes().decode())["mcp_servers"]) == set(servers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"servers": {}}',
        "{ // nothing yet\n}",
        '\ufeff{\n\t"servers": {\n\t\t"other": {} // last\n\t}\n}\n',
        '{"inputs": [{"id": "x"}], "servers": {"a": 1, "b": [2, "]"]}, "z": 1.0e2}',
        '{"a": {"servers": 1}, "servers": {"guichet": {"command": "old"}, "c": "\\u00e9"}}',
    ],
)
def test_it_finds_its_place_in_any_file(home: Path, text: str):
    path = place(home, HostName.VSCODE)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    before = parsed(text.lstrip("\ufeff") or "{}", comments=True)

    done = install("vscode", "--service", "demarches", "--replace")

    edited = path.read_text(encoding="utf-8")
    after = parsed(edited.removeprefix("\ufeff"), comments=True)
    assert done.exit_code == 0, done.output
    assert edited.startswith("\ufeff") == text.startswith("\ufeff")
    assert listed(after, "inputs")[:-3] == listed(before, "inputs")
    ours = {"guichet": members(after, "servers")["guichet"]}
    assert after == before | {
        "servers": members(before, "servers") | ours,
        "inputs": after["inputs"],
    }
    assert install("vscode", "--service", "demarches").exit_code == 0
    assert path.read_text(encoding="utf-8") == edited, "the second time, nothing is left to do"


def test_an_entry_that_differs_is_replaced_only_if_asked(home: Path):
    path = place(home, HostName.CURSOR)
    path.parent.mkdir(parents=True)
    path.write_text('{"mcpServers": {"guichet": {"command": "mine"}, "b": {}}}', encoding="utf-8")
    before = path.read_bytes()

    refused = install("cursor")

    assert refused.exit_code == 1
    assert path.read_bytes() == before
    assert "--replace" in refused.stderr
    assert json.loads(refused.stdout)["mcpServers"]["guichet"]["command"] == str(installed())
    assert install("cursor", "--replace").exit_code == 0
    after = json.loads(path.read_bytes())["mcpServers"]
    assert after["guichet"]["command"] == str(installed())
    assert after["b"] == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (HostName.VSCODE, b'{"servers": '),
        (HostName.VSCODE, b'["servers"]'),
        (HostName.VSCODE, b'{"servers": []}'),
        (HostName.VSCODE, b'{"inputs": {}}'),
        (HostName.VSCODE, b'{"a": 1 /* over\n two lines */ }'),
        (HostName.VSCODE, b'{"servers": "\xe9"}'),
        (HostName.CLAUDE_DESKTOP, b"{} // a comment that it would not read"),
        (HostName.CODEX, b"model = "),
        (HostName.CODEX, b"mcp_servers = {}"),
        (HostName.CODEX, b'[mcp_servers.guichet]\ncommand = "mine"\n'),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_and_what_to_add_is_shown(
    home: Path, name: HostName, text: bytes
):
    path = place(home, name)
    path.parent.mkdir(parents=True)
    path.write_bytes(text)

    refused = install(name, "--service", "demarches")

    assert refused.exit_code == 1
    assert [p.read_bytes() for p in path.parent.iterdir()] == [text]
    assert str(path) in refused.stderr
    assert server(HOSTS[name], refused.stdout)["command"] == str(installed())


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_permissions_and_links_stay_and_a_new_file_is_for_its_owner(home: Path):
    kept, link = home / "kept.json", place(home, HostName.GEMINI)
    kept.write_text("{}", encoding="utf-8")
    kept.chmod(0o664)
    link.parent.mkdir()
    link.symlink_to(kept)

    assert install("gemini").exit_code == install("cursor").exit_code == 0

    assert link.is_symlink()
    assert "guichet" in kept.read_text(encoding="utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o664
    assert stat.S_IMODE(place(home, HostName.CURSOR).stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == ["kept.json"]


def test_what_a_client_wrote_meanwhile_is_not_lost(home: Path):
    path = home / "file.json"
    path.write_text('{"theirs": 1}', encoding="utf-8")

    with pytest.raises(UnusableError, match="try again"):
        write(path, '{"ours": 1}', b"{}")

    assert [p.read_text(encoding="utf-8") for p in home.glob("file*")] == ['{"theirs": 1}']


def test_an_installation_that_a_cache_holds_is_known(tmp_path: Path):
    """uv marks its cache so; and a whole environment too, which is no cache."""
    command = tmp_path / "cache/archive/abc/bin/guichet"
    command.parent.mkdir(parents=True)
    (tmp_path / "cache/archive/abc/CACHEDIR.TAG").touch()

    assert not is_cached(command)
    (tmp_path / "cache/CACHEDIR.TAG").touch()
    assert is_cached(command)


@pytest.mark.parametrize("name", [name for name, host in HOSTS.items() if host.project])
def test_a_project_can_have_it_alone(home: Path, name: HostName):
    assert install(name, "--sandbox", "--project").exit_code == 0

    assert (home / "project" / HOSTS[name].project).is_file()
    assert not place(home, name).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["claude-desktop", "--project"],
        ["vscode", "--sandbox", "--service", "emjpm"],
        ["emacs"],
        ["vscode", "--service", "impots"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_a_wrong_use(home: Path, arguments: list[str]):
    assert install(*arguments).exit_code == 2
    assert not [path for path in home.rglob("*") if path.is_file()]
