"""What runs, and where its settings are looked for."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

from server.doctor.findings import Chapter, Finding
from server.doctor.paths import folder, open_to_others, owned, unread
from server.settings import config_file, secrets_directory, set_values


def installation(environ: Mapping[str, str]) -> Chapter:
    """What runs, and where its settings are looked for."""
    findings = (
        *(Finding(name, "ok", version(name)) for name in ("guichet-mcp", "mcp")),
        Finding("python", "ok", platform.python_version()),
        _config(environ),
        _secrets_directory(environ),
    )
    return Chapter("Installation", findings)


def _config(environ: Mapping[str, str]) -> Finding:
    subject, path = "guichet.toml", config_file(environ)
    named = "GUICHET_CONFIG" in set_values(environ)
    if not (named or path.exists()):
        return Finding(subject, "missing", f"{path}: none there, and none is needed.")
    if wrong := unread(path.read_bytes):
        remedy = "Correct GUICHET_CONFIG, or unset it." if named else "Let the server read it."
        return Finding(subject, "trouble", f"{path} {wrong}.", remedy)
    if not path.is_file():
        return Finding(subject, "missing", f"{path} is not read, not being a file.")
    if open_to_others(path):
        says = f"{path} is open to others on this machine, and so are the tokens in it, if any."
        apart = "Keep tokens in GUICHET_SECRETS_DIRECTORY: it is not this user's to close."
        return Finding(subject, "warning", says, "chmod 600 it." if owned(path) else apart)
    return Finding(subject, "ok", f"{path}")


def _secrets_directory(environ: Mapping[str, str]) -> Finding:
    subject, path = "secrets directory", secrets_directory(environ)
    if path is None:
        says = "GUICHET_SECRETS_DIRECTORY names none, and none is needed."
        return Finding(subject, "missing", says)
    remedy = "Correct GUICHET_SECRETS_DIRECTORY, or unset it."
    return folder(subject, path, remedy)
