"""Where settings are read: the environment, a directory of secrets, and `guichet.toml`."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from server.settings.values import located

ENVIRONMENT: Mapping[str, str] = os.environ
"""What nothing else reads by itself."""
PREFIX = "GUICHET_"
WHERE_TO_READ = {
    "GUICHET_CONFIG": "the path of `guichet.toml`, in the user's configuration folder by default",
    "GUICHET_SECRETS_DIRECTORY": "a directory of files named as the variables, such as secrets "
    "mounted in a container",
}
"""Variables that say where settings are, and so are none themselves."""
PROFILES = "profiles"
"""The folder of the secrets directory with a folder for each."""

_NESTED = TypeAdapter(dict[str, object])
_LEFT_AS_IT_WAS = re.compile(r"\$\{[^}]*\}")


def sources(
    of: type[BaseSettings], init: PydanticBaseSettingsSource, files: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """What is read, the first to say something being right."""
    secrets = secrets_directory(ENVIRONMENT)
    return (
        init,
        _Environment(of),
        _Secrets(files, secrets_dir=secrets),
        _SecretsOfProfiles(files, secrets / PROFILES if secrets else None),
        _file(of, config_file(ENVIRONMENT)),
    )


def config_file(environ: Mapping[str, str]) -> Path:
    """Where `guichet.toml` is: never the working directory, which may be somebody else's."""
    named = value(environ, "GUICHET_CONFIG")
    return located(named) if named else platformdirs.user_config_path("guichet") / "guichet.toml"


def secrets_directory(environ: Mapping[str, str]) -> Path | None:
    """Where the files of secrets are, if anywhere."""
    named = value(environ, "GUICHET_SECRETS_DIRECTORY")
    return located(named) if named else None


def is_ours(name: str) -> bool:
    """Whether a variable, or a file of secrets, can only be meant for Guichet."""
    return name.upper().startswith(PREFIX)


def secret_files(environ: Mapping[str, str]) -> Iterator[str]:
    """The names of our files in the secrets directory, those of its profiles included."""
    secrets = secrets_directory(environ)
    if not secrets or not secrets.is_dir():
        return
    for folder in (secrets, *(secrets / PROFILES).glob("[!.]*/")):
        yield from (each.name for each in _ours(folder))


def value(environ: Mapping[str, str], name: str) -> str | None:
    """What a variable is set to: nothing, where it is empty or was left as `${VAR}`."""
    found = environ.get(name, "")
    return None if not found or _LEFT_AS_IT_WAS.fullmatch(found) else found


class _Environment(EnvSettingsSource):
    """The environment, without what is empty or was left as `${VAR}`."""

    def __call__(self) -> dict[str, Any]:
        return _set_values(super().__call__())


class _Secrets(NestedSecretsSettingsSource):
    """The files of a directory, likewise; those of other programs are not read."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        return {each.name: _text(each) for each in _ours(path)}

    def __call__(self) -> dict[str, Any]:
        return _set_values(super().__call__())


class _SecretsOfProfiles(PydanticBaseSettingsSource):
    """What the secrets directory holds of each profile, in a folder of its name."""

    def __init__(self, secrets: PydanticBaseSettingsSource, folder: Path | None) -> None:
        super().__init__(secrets.settings_cls)
        self._secrets = secrets
        self._folder = folder

    def __call__(self) -> dict[str, Any]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        own = {
            each.name: _Secrets(self._secrets, secrets_dir=each)()
            for each in self._folder.iterdir()
            if each.is_dir() and not each.name.startswith(".")
        }
        return {PROFILES: own}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: no field is looked for by itself."""
        return None, field_name, False


def _ours(folder: Path) -> Iterator[Path]:
    """What is named as ours, be it a folder or a link to nowhere: it is told if unreadable."""
    return (each for each in folder.iterdir() if is_ours(each.name))


def _text(path: Path) -> str:
    if path.is_fifo():
        raise ValueError(f"{path} is a pipe: to read it could take for ever")
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8") from None


def _file(of: type[BaseSettings], path: Path) -> PydanticBaseSettingsSource:
    """What `guichet.toml` says.

    Raises:
        ValueError: It is not TOML; the text says which file, and where in it.
    """
    try:
        return TomlConfigSettingsSource(of, toml_file=path)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None


def _set_values(values: Mapping[str, object]) -> dict[str, object]:
    kept = {
        k: _set_values(_NESTED.validate_python(v)) if isinstance(v, dict) else v
        for k, v in values.items()
    }
    return {k: v for k, v in kept.items() if not _is_unset(v)}


def _is_unset(value: object) -> bool:
    return isinstance(value, str) and (not value or bool(_LEFT_AS_IT_WAS.fullmatch(value)))
