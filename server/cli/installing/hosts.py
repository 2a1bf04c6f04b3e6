"""The clients that Guichet installs itself in: where each keeps its servers, in which shape.

As they were in November 2026. A client's way of taking a secret from elsewhere is how it is given
one; a client without such a way is given none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

NAME = "NAME"
"""Stands for a variable in the way a client refers to one."""


class HostName(StrEnum):
    """The clients, as they are named on the command line."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    VSCODE = "vscode"
    CURSOR = "cursor"
    GEMINI = "gemini"
    ZED = "zed"
    CODEX = "codex"
    LIBRECHAT = "librechat"


@dataclass(frozen=True, slots=True)
class Machine:
    """Whose files these are, and where the system keeps them."""

    platform: str
    """As `sys.platform` says it."""
    home: Path
    variables: Mapping[str, str]

    def folder(self, variable: str, otherwise: str) -> Path:
        """The folder that a variable names, or else this one of the user's."""
        named = self.variables.get(variable)
        return Path(named) if named else self.home / otherwise

    @property
    def settings(self) -> Path:
        """Where desktop applications keep what is theirs."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData/Roaming")
        if self.platform == "darwin":
            return self.home / "Library/Application Support"
        return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A client, and how it is told of a server."""

    title: str
    place: Callable[[Machine], Path] | None
    """Its file for all that its user does; without one, what to add is only shown."""
    project: str = ""
    """Its file in a project, if it reads one there."""
    form: Literal["json", "toml", "yaml"] = "json"
    servers: str = "mcpServers"
    """What the servers are under."""
    typed: bool = False
    """Whether a server says by which transport it is reached."""
    refers: str = ""
    """How a value is taken from elsewhere, if it can be."""
    asks: bool = False
    """Whether it asks its user for the values, and keeps them."""
    comments: bool = False
    """Whether its file may hold comments."""
    then: str
    """What its user has to do next."""


def _claude_desktop(machine: Machine) -> Path:
    """Windows keeps the files of a packaged application apart, and shows it nothing else."""
    folder = machine.settings / "Claude"
    if machine.platform == "win32":
        packages = machine.folder("LOCALAPPDATA", "AppData/Local") / "Packages"
        found = sorted(packages.glob("Claude_*/LocalCache/Roaming/Claude"))
        folder = found[0] if found else folder
    return folder / "claude_desktop_config.json"


def _zed(machine: Machine) -> Path:
    if machine.platform == "win32":
        return machine.settings / "Zed/settings.json"
    return machine.folder("XDG_CONFIG_HOME", ".config") / "zed/settings.json"


HOSTS: Mapping[HostName, Host] = {
    HostName.CLAUDE_DESKTOP: Host(
        title="Claude Desktop",
        place=_claude_desktop,
        then="Quit Claude Desktop altogether, and start it again.",
    ),
    HostName.CLAUDE_CODE: Host(
        title="Claude Code",
        place=lambda machine: machine.folder("CLAUDE_CONFIG_DIR", "") / ".claude.json",
        project=".mcp.json",
        typed=True,
        refers="${NAME:-}",  # it warns of a variable that is not set, unless told what then
        then="Start `claude` anew; /mcp shows whether it is connected.",
    ),
    HostName.VSCODE: Host(
        title="VS Code",
        place=lambda machine: machine.settings / "Code/User/mcp.json",
        project=".vscode/mcp.json",
        servers="servers",
        typed=True,
        refers="${input:NAME}",
        asks=True,
        comments=True,
        then="Run “MCP: List Servers” in VS Code and start this one; ask in the chat's agent mode.",
    ),
    HostName.CURSOR: Host(
        title="Cursor",
        place=lambda machine: machine.home / ".cursor/mcp.json",
        project=".cursor/mcp.json",
        refers="${env:NAME}",
        comments=True,
        then="Restart Cursor, and turn the server on under Settings, MCP.",
    ),
    HostName.GEMINI: Host(
        title="Gemini CLI",
        place=lambda machine: machine.home / ".gemini/settings.json",
        project=".gemini/settings.json",
        refers="${NAME}",
        comments=True,
        then="Start `gemini` anew; /mcp shows whether it is connected.",
    ),
    HostName.ZED: Host(
        title="Zed",
        place=_zed,
        project=".zed/settings.json",
        servers="context_servers",
        comments=True,
        then="Zed starts it at once: see the settings of its agent panel.",
    ),
    HostName.CODEX: Host(
        title="Codex",
        place=lambda machine: machine.folder("CODEX_HOME", ".codex") / "config.toml",
        project=".codex/config.toml",
        form="toml",
        servers="mcp_servers",
        refers=NAME,
        comments=True,
        then="Start `codex` anew; /mcp shows whether it is connected.",
    ),
    HostName.LIBRECHAT: Host(
        title="LibreChat",
        place=None,  # its file is where it was deployed, often in a container
        form="yaml",
        refers="${NAME}",
        then="Restart LibreChat. In a container, this command has to be inside it.",
    ),
}
