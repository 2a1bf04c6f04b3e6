"""Reading the settings of this process, and telling what they are."""

import difflib
from collections.abc import Iterator, Mapping
from itertools import permutations
from json import JSONDecodeError
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings.exceptions import SettingsError as SourceError

from server.settings.sections import Section, Token
from server.settings.sources import (
    ENVIRONMENT,
    PREFIX,
    PROFILES,
    WHERE_TO_READ,
    config_file,
    is_ours,
    secret_files,
    secrets_directory,
    value,
)
from server.settings.whole import Settings

_MAY_HOLD_SECRETS = "state_url"
_NO_PROFILES = (
    "GUICHET_PROFILES: must be a JSON object of tables, by name, such as "
    '{"paris": {"principals": ["token alice"]}}.'
)
_WHY: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "extra_forbidden": "there is no such setting",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "missing": "must be given",
    "model_type": "must be a table",
    "path_type": "must be a path, in quotation marks",
    "string_too_long": "must have {max_length} characters at most",
    "string_type": "must be a text, in quotation marks",
    "string_unicode": "must be in UTF-8",
    "too_long": "must hold {max_length} at most",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
"""By pydantic's name for what is wrong; the braces hold a rule of ours, never what is written."""


class SettingsError(Exception):
    """The settings cannot be used; the text says which, and what to do, never a value."""


def load() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A name is misspelt or a value cannot be used.
    """
    try:
        _check_places(ENVIRONMENT)
        _check_names(ENVIRONMENT)
        settings = Settings()
        _check_together(settings)
    except ValidationError as error:
        raise SettingsError(_mistake(error)) from None
    except (SourceError, OSError, ValueError) as error:
        raise SettingsError(_unread(error)) from None
    return settings


def described() -> Iterator[tuple[str, str]]:
    """Each variable, with what it is for."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner, detail in section.model_fields.items():
                yield f"{PREFIX}{name}_{inner}".upper(), detail.description or ""
        else:
            yield f"{PREFIX}{name}".upper(), field.description or ""


def secret_names() -> Iterator[str]:
    """The variables whose value must be shown to nobody."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            inner = section.model_fields.items()
            yield from (f"{PREFIX}{name}_{n}".upper() for n, f in inner if _is_secret(f.annotation))
        elif _is_secret(section) or name == _MAY_HOLD_SECRETS:
            yield f"{PREFIX}{name}".upper()


def set_values(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that are set, empty ones and those left as `${VAR}` apart."""
    return {name: found for name in _names() if (found := value(environ, name))}


def _names() -> tuple[str, ...]:
    """The variables that there are."""
    return (*WHERE_TO_READ, *(name for name, _ in described()))


def _check_names(environ: Mapping[str, str]) -> None:
    """No variable is misspelt, nor any file of the secrets directory."""
    known = _names()
    variables = [name for name in environ if is_ours(name) and name not in known]
    files = [name for name in secret_files(environ) if name.upper() not in known]
    if misspelt := (*variables, *files):
        raise SettingsError(_misspelt(misspelt[0]))


def _misspelt(name: str) -> str:
    """That there is no such setting, and which was meant."""
    near = difflib.get_close_matches(name.upper(), _names(), n=1)
    return f"{name} is not a setting.{f' Did you mean {near[0]}?' if near else ''}"


def _check_places(environ: Mapping[str, str]) -> None:
    """What is named is expected; the null device is how one says that there is no file."""
    secrets = secrets_directory(environ)
    if secrets and not secrets.is_dir():
        raise SettingsError("GUICHET_SECRETS_DIRECTORY: must be a folder that exists.")
    if not value(environ, "GUICHET_CONFIG"):
        return
    path = config_file(environ)
    if not path.exists():
        raise SettingsError("GUICHET_CONFIG: there is no such file.")
    if path.is_dir():
        raise SettingsError("GUICHET_CONFIG: this is a folder, and must be a file.")


def _check_together(settings: Settings) -> None:
    """What is named is there, and what goes together is."""
    if settings.files and not settings.files.is_dir():
        raise SettingsError("GUICHET_FILES: must be a folder that exists.")
    if settings.shares_state and not settings.secret:
        raise SettingsError(
            "GUICHET_SECRET: must be set, and the same for every instance that shares a database."
        )
    _check_profiles(settings)


def _check_profiles(settings: Settings) -> None:
    """A principal has one profile at most, a folder is of one, and nothing is misspelt."""
    profiles = settings.profiles
    principals = [each for profile in profiles.values() for each in profile.principals]
    for name, profile in profiles.items():
        where = f"GUICHET_PROFILES: in {name},"
        known = [_is_known(settings, principal) for principal in profile.principals]
        if not all(known):  # it is not repeated: a token may stand where its name should
            raise SettingsError(
                f"{where} principal {known.index(False) + 1} is nobody: write `token <name>` as in "
                "GUICHET_HTTP_TOKENS, or GUICHET_OIDC_ISSUER, a space and a subject."
            )
        if any(principals.count(each) > 1 for each in profile.principals):
            raise SettingsError(f"{where} a principal is named twice, and can have one profile.")
        if profile.files and not profile.files.is_dir():
            raise SettingsError(f"{where} files: must be a folder that exists.")
    folders = [profile.files.resolve() for profile in profiles.values() if profile.files]
    if any(one.is_relative_to(other) for one, other in permutations(folders, 2)):
        raise SettingsError("GUICHET_PROFILES: two have the same files, or one within the other.")


def _is_known(settings: Settings, principal: str) -> bool:
    """Whether somebody can come in as this principal."""
    first, _, rest = principal.partition(" ")
    return rest in settings.http.tokens if first == "token" else first == settings.oidc.issuer


def _unread(error: Exception) -> str:
    """Why nothing can be made of what was read."""
    if isinstance(error.__cause__, JSONDecodeError):  # the only JSON left to the library
        return _NO_PROFILES
    return f"The settings cannot be read: {error}."


def _mistake(error: ValidationError) -> str:
    """Which setting is wrong and why, without what may have been written in place of a name."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["loc"] == (PROFILES,) and first["type"] == "dict_type":
        return _NO_PROFILES
    why = _why(first)
    if first["loc"][0] == PROFILES:
        above = first["loc"][1:-1] if first["type"] == "missing" else first["loc"][1:4]
        within = ".".join(part for part in above if isinstance(part, str) and part != "[key]")
        return ": ".join(filter(None, ("GUICHET_PROFILES", within, f"{why}.")))
    setting = [part for part in first["loc"][:2] if isinstance(part, str)]
    name = f"{PREFIX}{'_'.join(setting)}".upper()
    unknown = first["type"] == "extra_forbidden" and len(first["loc"]) == len(setting)
    return f"guichet.toml: {_misspelt(name)}" if unknown else f"{name}: {why}."


def _why(error: ErrorDetails) -> str:
    """What a value must be, in words for those who do not write programs."""
    told = error["msg"].removeprefix("Value error, ")
    if known := _WHY.get(error["type"]):
        told = known.format_map(error.get("ctx", {}))
    last = error["loc"][-1]
    if error["type"] == "missing" or last in Token.model_fields:
        return f"{last} {told}"
    if last == "[key]":
        return f"a name {told}"
    return f"each {told}" if isinstance(last, int) else told


def _is_secret(annotation: Any) -> bool:
    """Whether a value of this type holds a secret, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_is_secret(field.annotation) for field in annotation.model_fields.values())
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))
