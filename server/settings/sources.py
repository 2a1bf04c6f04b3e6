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
    secrets = value(ENVIRONMENT, "GUICHET_SECRETS_DIRECTORY")
    return (
        init,
        _Environment(of),
        _Secrets(files, secrets_dir=secrets),
        _SecretsOfProfiles(files, Path(secrets) / PROFILES if secrets else None),
        TomlConfigSettingsSource(of, toml_file=config_file(ENVIRONMENT)),
    )


def config_file(environ: Mapping[str, str]) -> Path:
    """Where `guichet.toml` is: never the working directory, which may be somebody else's."""
    named = value(environ, "GUICHET_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("guichet") / "guichet.toml"


def secret_files(environ: Mapping[str, str]) -> Iterator[str]:
    """The names of the files of the secrets directory, those of its profiles included."""
    named = value(environ, "GUICHET_SECRETS_DIRECTORY")
    if not named or not Path(named).is_dir():
        return
    for folder in (Path(named), *(Path(named) / PROFILES).glob("[!.]*/")):
        yield from (each.name for each in folder.iterdir() if each.is_file())


def value(environ: Mapping[str, str], name: str) -> str | None:
    """What a variable is set to: nothing, where it is empty or was left as `${VAR}`."""
    found = environ.get(name, "")
    return None if not found or _LEFT_AS_IT_WAS.fullmatch(found) else found


class _Environment(EnvSettingsSource):
    """The environment, without what is empty or was left as `${VAR}`."""

    def __call__(self) -> dict[str, Any]:
        return _set_values(super().__call__())


class _Secrets(NestedSecretsSettingsSource):
    """The files of a directory, likewise."""

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


def _set_values(values: Mapping[str, object]) -> dict[str, object]:
    kept = {
        k: _set_values(_NESTED.validate_python(v)) if isinstance(v, dict) else v
        for k, v in values.items()
    }
    return {k: v for k, v in kept.items() if not _is_unset(v)}


def _is_unset(value: object) -> bool:
    return value in ("", {}) or (isinstance(value, str) and bool(_LEFT_AS_IT_WAS.fullmatch(value)))
