"""The one folder that tools may read from and write to: nothing outside it, whatever is asked."""

import base64
import errno
import hashlib
import mimetypes
import os
import re
import stat
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from itertools import chain, pairwise
from pathlib import Path, PurePath
from secrets import token_hex
from typing import BinaryIO, TypeVar

import anyio
import anyio.to_thread
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.path_security import PathEscapeError, safe_join

from clients.text import one_line
from tools.language import Say

Read = TypeVar("Read")

MEGABYTE = 1_000_000
MOST_NAME_BYTES = 180
"""Bytes of a name that a stranger gave: file systems take 255, and a number may be added."""
LEFT_BEHIND = 86_400.0
"""Seconds without a write after which a draft is nobody's: the process that wrote it died."""
MOST_NAMESAKES = 1_000
"""Files of the same name, numbered, that the folder may hold."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of the folder, whole, with what tells it from any other."""

    name: str
    """As it is shown and sent: nothing in it hides, and the folders above it are left out."""
    content: bytes = field(repr=False)
    content_type: str
    sha256: str
    """In hexadecimal."""
    md5: str
    """In base64, as services that store files ask for it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was just written to the folder."""

    name: str
    uri: str
    """A file: address on this machine."""
    size: int
    sha256: str
    """In hexadecimal."""


class Draft:
    """A file being written, that nobody sees: it is gone unless it is kept."""

    def __init__(self, file: BinaryIO, path: Path, folder: PurePath, refusal: str) -> None:
        self._file = file
        self._path = path
        self._folder = folder
        """Where it is in the one folder."""
        self._refusal = refusal
        self._sha256 = hashlib.sha256()
        self.size = 0

    async def write(self, chunk: bytes) -> None:
        """Add to the file.

        Raises:
            ToolError: It cannot be written, for want of room for instance.
        """
        await anyio.to_thread.run_sync(self.add, chunk)

    def add(self, chunk: bytes) -> None:
        """The same, for a worker thread.

        Raises:
            ToolError: It cannot be written.
        """
        try:
            self._file.write(chunk)
        except OSError:
            raise ToolError(self._refusal) from None
        self._sha256.update(chunk)
        self.size += len(chunk)

    async def cut(self, spans: Iterable[tuple[int, int]]) -> None:
        """Take these parts out: where each starts and how long it is, in order, in bytes.

        Raises:
            ToolError: It cannot be written.
        """
        await anyio.to_thread.run_sync(self._cut, spans)

    async def keep(self, name: str, *, once: bool = False) -> Kept:
        """The file under this name, made safe, or the first one free that resembles it.

        Nothing that was there is replaced, and no more can be written. With `once`, a file of such
        a name that holds the very same stands for this one.

        Raises:
            ToolError: It cannot be written.
        """
        path = await anyio.to_thread.run_sync(self._keep, name, once)
        shown = (self._folder / path.name).as_posix()
        return Kept(shown, path.as_uri(), self.size, self._sha256.hexdigest())

    async def take_back(self, kept: Kept) -> None:
        """Remove what was just kept, as the new file that it is without `once`."""
        await anyio.to_thread.run_sync(self._take_back, PurePath(kept.name).name)

    def reading(self) -> BinaryIO:
        """What was written so far, from its start; for a worker thread, which closes it.

        Raises:
            ToolError: It cannot be read again.
        """
        try:
            self._file.flush()
            return self._path.open("rb")
        except OSError:
            raise ToolError(self._refusal) from None

    def _cut(self, spans: Iterable[tuple[int, int]]) -> None:
        """Move what follows each part to where it started, by small pieces."""
        try:
            self._file.flush()
            with self._path.open("rb") as before:
                rest = iter(spans)
                first = next(rest, (self.size, 0))
                self._file.seek(first[0])
                for (start, length), (end, _) in pairwise(chain([first], rest, [(self.size, 0)])):
                    before.seek(start + length)
                    _copy(before, self._file, end - start - length)
            self._file.truncate()
            self._file.flush()
            with self._path.open("rb") as after:
                self._sha256 = hashlib.file_digest(after, "sha256")
        except OSError:
            raise ToolError(self._refusal) from None
        self.size = self._file.tell()

    def _take_back(self, name: str) -> None:
        with suppress(OSError):
            self._path.with_name(name).unlink()

    def _keep(self, name: str, once: bool) -> Path:  # noqa: FBT001  (run in a thread)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()  # Windows lets nobody rename what is open
            known = self._sha256.digest() if once else b""
            return _moved(self._path, safe_name(name), known)
        except OSError:
            raise ToolError(self._refusal) from None


async def keep_all(drafts: Sequence[tuple[Draft, str]]) -> list[Kept]:
    """These files under their names, as `Draft.keep` gives them: all, or none.

    Raises:
        ToolError: One of them cannot be written.
    """
    kept = list[Kept]()
    with anyio.CancelScope(shield=True):
        try:
            for draft, name in drafts:
                kept.append(await draft.keep(name))
        except ToolError:
            for (draft, _), one in zip(drafts, kept, strict=False):
                await draft.take_back(one)
            raise
    return kept


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

    async def piece(self, name: str, *, most: int) -> Piece:
        """A file of the folder with what tells it from any other, if it is at most `most` bytes.

        Raises:
            ToolError: No folder is configured, or it has no such readable file.
        """
        return await anyio.to_thread.run_sync(self._piece, name, most)

    @asynccontextmanager
    async def opened(self, name: str, *, most: int) -> AsyncGenerator[BufferedReader]:
        """A file of the folder, to be read in worker threads, if it is at most `most` bytes.

        Raises:
            ToolError: No folder is configured, or it has no such readable file.
        """
        file = await self.reading(partial(self._open, name, most))
        try:
            yield file
        finally:
            file.close()

    async def reading(self, read: Callable[[], Read]) -> Read:
        """What a function gives that reads an open file, called in a worker thread.

        Raises:
            ToolError: The file can no longer be read.
        """
        try:
            return await anyio.to_thread.run_sync(read)
        except OSError:
            raise ToolError(self._cut_short()) from None

    async def sha256(self, name: str, *, most: int) -> str:
        """What tells the content of a file of the folder from any other, in hexadecimal.

        Raises:
            ToolError: No folder is configured, or it has no such readable file.
        """
        async with self.opened(name, most=most) as file:
            digest = await self.reading(partial(hashlib.file_digest, file, "sha256"))
        return digest.hexdigest()

    @asynccontextmanager
    async def draft(self, *, beside: str = "") -> AsyncGenerator[Draft]:
        """A new file, for this machine's user alone, that is gone after the block unless kept.

        It will be in the same place as the file that it is `beside`.

        Raises:
            ToolError: No folder is configured, or it cannot be written to.
        """
        where = PurePath(beside).parent
        folder = self._path(where.as_posix()) if beside else self._root()
        path = folder / f".guichet-{token_hex(8)}.part"
        try:
            file = await anyio.to_thread.run_sync(_begun, path)
        except OSError:
            raise ToolError(self._unwritable()) from None
        try:
            yield Draft(file, path, where, self._unwritable())
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_discard, file, path)

    def _read(self, name: str) -> BufferedReader:
        try:
            return _opened(self._path(name))
        except OSError:
            raise ToolError(self._absent(name)) from None

    def _content(self, name: str, most: int) -> bytes:
        try:
            with self._read(name) as file:
                content = file.read(most + 1)
        except OSError:
            raise ToolError(self._absent(name)) from None
        if len(content) > most:
            raise ToolError(self._too_large(most))
        return content

    def _open(self, name: str, most: int) -> BufferedReader:
        file = self._read(name)
        if os.fstat(file.fileno()).st_size > most:
            file.close()
            raise ToolError(self._too_large(most))
        return file

    def _too_large(self, most: int) -> str:
        return self.say(
            fr=f"Le fichier dépasse {most // MEGABYTE} Mo : donnez-en un moins lourd.",
            en=f"The file is larger than {most // MEGABYTE} MB: give a smaller one.",
        )

    def _piece(self, name: str, most: int) -> Piece:
        content = self._content(name, most)
        own_name = one_line(Path(name).name) or "file"
        return Piece(
            own_name,
            content,
            content_type(own_name),
            hashlib.sha256(content).hexdigest(),
            base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        )

    def _path(self, name: str) -> Path:
        root = self._root()
        try:
            return safe_join(root, name)
        # Until Python 3.13, a loop of symbolic links is a RuntimeError.
        except (PathEscapeError, ValueError, OSError, RuntimeError):
            raise ToolError(self._absent(name)) from None

    def _root(self) -> Path:
        if self.root is None:
            raise ToolError(
                self.say(
                    fr="Aucun dossier n'est configuré : nommez-le par GUICHET_FILES.",
                    en="No folder is configured: name it with GUICHET_FILES.",
                )
            )
        return self.root.absolute()

    def _absent(self, name: str) -> str:
        return self.say(
            fr=f"GUICHET_FILES n'a pas de fichier nommé {name!r}. "
            "Donnez un nom relatif à ce dossier ; rien n'est lu en dehors.",
            en=f"GUICHET_FILES has no file named {name!r}. "
            "Give a name relative to that folder; nothing is read outside it.",
        )

    def _cut_short(self) -> str:
        return self.say(
            fr="La lecture du fichier s'est interrompue, comme lorsqu'un disque réseau ne répond "
            "plus. Ce qui a déjà été envoyé est noté : recommencez avec le même fichier quand il "
            "se lit de nouveau.",
            en="The file could not be read to its end, as when a network drive goes away. What was "
            "sent already is recorded: call again with the same file once it can be read.",
        )

    def _unwritable(self) -> str:
        return self.say(
            fr="Le fichier n'a pas pu être écrit dans GUICHET_FILES : vérifiez que ce dossier "
            "existe, que vous pouvez y écrire et qu'il reste de la place. Rien n'y a été laissé.",
            en="The file could not be written to GUICHET_FILES: check that this folder exists, "
            "that you may write to it, and that there is room left. Nothing was left there.",
        )


def safe_name(given: str) -> str:
    """A name that a stranger gave, as one that any file system takes, and that hides nothing.

    Separators and signs that some systems reserve become `_`, as does what a reader cannot see.
    """
    line = _NOT_IN_A_NAME.sub("_", one_line(unicodedata.normalize("NFC", given)))
    stem, suffix = _split(line.lstrip(". -~").rstrip(". "))
    if _DEVICES.fullmatch(stem.partition(".")[0].strip()):
        stem = f"_{stem}"
    room = MOST_NAME_BYTES - len(suffix.encode())
    short = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{short or 'file'}{suffix}"


def rename(path: Path, target: Path) -> None:
    """Give a file another name, and never one that is taken.

    It is done in one step; where a file cannot have two names, an empty one has it for a moment.

    Raises:
        FileExistsError: It is taken.
    """
    try:
        target.hardlink_to(path)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise
        _created(target).close()  # the name is ours from here on
        path.replace(target)
    else:
        path.unlink()


def settle(folder: Path) -> None:
    """Have a folder remember the names in it, should the machine stop; where it can be asked to."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # what some shares answer for any folder
            raise
    finally:
        os.close(descriptor)


def content_type(name: str) -> str:
    """What a file is, by its name: the same on every machine."""
    suffix = Path(name).suffix.lower()
    known = _OFFICE.get(suffix) or mimetypes.types_map.get(suffix)
    return known or "application/octet-stream"


_DRAFT = re.compile(r"\.guichet-[0-9a-f]{16}\.part")
_NOT_IN_A_NAME = re.compile(r'[\\/:*?"<>|\ufffd]+')
_DEVICES = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9¹²³]", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever follows the first dot."""
_EXTENSION = re.compile(r"(?<=.)\.[0-9A-Za-z]{1,15}$")
_OFFICE = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".jsonl": "application/x-ndjson",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
"""What administrations exchange, and not every Python knows."""
_WITHOUT_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
"""What a file system answers that cannot give a file a second name; the last one, on Windows."""


def _split(name: str) -> tuple[str, str]:
    """A name and its extension, if it has one that looks like it."""
    found = _EXTENSION.search(name)
    return (name[: found.start()], found[0]) if found else (name, "")


def _opened(path: Path) -> BufferedReader:
    """An ordinary file, open for reading: neither a link put there since, nor a pipe.

    Raises:
        OSError: It is none, or cannot be read.
    """
    # Opening a pipe would wait for somebody to write to it. Windows has neither of the two.
    neither = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, os.O_RDONLY | neither)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return os.fdopen(descriptor, "rb")


def _copy(source: BinaryIO, to: BinaryIO, length: int) -> None:
    starts = range(0, length, MEGABYTE)
    to.writelines(source.read(min(MEGABYTE, length - start)) for start in starts)


def _created(path: Path) -> BinaryIO:
    """A file that was not there, open for writing, for this machine's user alone.

    Raises:
        FileExistsError: There is one of that name.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb")


def _begun(path: Path) -> BinaryIO:
    """A new draft, open for writing; those that were left behind make room for it.

    Raises:
        OSError: It cannot be made.
    """
    file = _created(path)
    with suppress(OSError):  # what cannot be swept now will be by another draft
        _sweep(path.parent, now=os.fstat(file.fileno()).st_mtime)
    return file


def _sweep(folder: Path, *, now: float) -> None:
    """Remove the drafts left behind, by the file system's own time."""
    for path in folder.glob(".guichet-*.part"):
        about = path.lstat()
        ours = _DRAFT.fullmatch(path.name) and stat.S_ISREG(about.st_mode)
        if ours and now - about.st_mtime > LEFT_BEHIND:
            path.unlink(missing_ok=True)


def _discard(file: BinaryIO, path: Path) -> None:
    """Close a draft, and remove it unless it was kept under another name."""
    with suppress(OSError):  # what could not be written is not wanted either
        file.close()
    path.unlink(missing_ok=True)


def _moved(path: Path, name: str, known: bytes = b"") -> Path:
    """A file of the folder under its final name: the one given, or numbered when it is taken.

    One that is there already stands for it if its SHA-256 is the one that is `known`.
    """
    for candidate in _namesakes(name):
        target = path.with_name(candidate)
        try:
            rename(path, target)
        except FileExistsError:
            if known and _digest(target) == known:
                return target
        else:
            settle(path.parent)
            return target
    raise FileExistsError


def _digest(path: Path) -> bytes:
    """The SHA-256 of a file; nothing of what is no file, or cannot be read."""
    try:
        with _opened(path) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def _namesakes(name: str) -> Iterator[str]:
    stem, suffix = _split(name)
    yield name
    for number in range(2, MOST_NAMESAKES + 1):
        yield f"{stem}-{number}{suffix}"
