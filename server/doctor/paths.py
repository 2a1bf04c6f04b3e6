"""Whether a path can be used, and by whom."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from server.doctor.findings import Finding

ABSENT = "does not exist"
WRONG: Mapping[type[OSError], str] = {
    FileNotFoundError: ABSENT,
    IsADirectoryError: "is a folder",
    NotADirectoryError: "is not a folder",
    PermissionError: "may not be read",
}


def folder(subject: str, path: Path, remedy: str) -> Finding:
    wrong = unread(lambda: next(path.iterdir(), None))
    if wrong:
        return Finding(subject, "trouble", f"{path} {wrong}.", remedy)
    return Finding(subject, "ok", f"{path}")


def unread(read: Callable[[], object]) -> str:
    """What keeps a path from being read, or nothing."""
    try:
        read()
    except OSError as error:
        return WRONG.get(type(error), f"cannot be read ({type(error).__name__})")
    return ""


def open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def owned(path: Path) -> bool:
    """Whether a path is of the user who looks, who alone may close it and still read it."""
    return path.stat().st_uid == os.geteuid()
