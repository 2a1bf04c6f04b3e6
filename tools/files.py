"""The one folder that tools may read from: nothing outside it, whatever the model asks for."""

from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.path_security import PathEscapeError, safe_join

from tools.language import Say

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder named by the settings, or none."""

    root: Path | None
    say: Say

    async def content(self, name: str, *, most: int) -> bytes:
        """What a file of the folder holds, if that is at most `most` bytes.

        Raises:
            ToolError: No folder is configured, or it has no such readable file.
        """
        return await anyio.to_thread.run_sync(self._content, name, most)

    def _content(self, name: str, most: int) -> bytes:
        path = self._path(name)
        try:
            if not path.is_file():
                raise FileNotFoundError
            with path.open("rb") as file:
                content = file.read(most + 1)
        except OSError:
            raise ToolError(self._absent(name)) from None
        if len(content) > most:
            raise ToolError(
                self.say(
                    fr=f"Le fichier dépasse {most // MEGABYTE} Mo : partagez-le.",
                    en=f"The file is larger than {most // MEGABYTE} MB: split it.",
                )
            )
        return content

    def _path(self, name: str) -> Path:
        if self.root is None:
            raise ToolError(
                self.say(
                    fr="Aucun dossier n'est configuré : nommez-le par GUICHET_FILES.",
                    en="No folder is configured: name it with GUICHET_FILES.",
                )
            )
        try:
            return safe_join(self.root, name)
        except (PathEscapeError, ValueError, OSError):
            raise ToolError(self._absent(name)) from None

    def _absent(self, name: str) -> str:
        return self.say(
            fr=f"GUICHET_FILES n'a pas de fichier nommé {name!r}. "
            "Donnez un nom relatif à ce dossier ; rien n'est lu en dehors.",
            en=f"GUICHET_FILES has no file named {name!r}. "
            "Give a name relative to that folder; nothing is read outside it.",
        )
