"""What the value of a setting may be, each kind after what refuses the others, in our words."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import NoDecode

from clients.known import SEMESTER
from server.passwords import DERIVED
from tools import TOOLS
from tools.catalogue import SERVICES

SHORTEST_SECRET = 32
"""Bytes of the instance's key."""
MOST_DEMARCHES = 100
"""Démarches that may be named: each is a request whenever they are listed."""
REACHES = ("read", "write", "approve")
SCOPES = (*REACHES, *(f"{service}:{reach}" for service in SERVICES for reach in REACHES))
"""What may be granted to whoever calls over HTTP: everywhere, or at one service."""
CALLED = r"[a-z0-9][a-z0-9._-]{0,63}"
"""What a token may be called, or a profile."""
AS_GIVEN = "must be what `guichet token create` gave"
NAMING = "made of up to 64 small letters, digits and - . _, the first of no sign"

_OBJECT = TypeAdapter(dict[str, str], config=ConfigDict(hide_input_in_errors=True))
_TABLES = TypeAdapter(dict[str, dict[str, object]], config=ConfigDict(hide_input_in_errors=True))
_WHOLE_ADDRESS = "must be a whole address, such as https://service.example"
_SEGMENTS = re.compile(r"/?[\w~-][\w.~-]*(/[\w~-][\w.~-]*)*/?", re.ASCII)
"""Of a path; none begins with a dot, as `..` does."""


def _address(url: str) -> str:
    url = url.strip()
    if not url.isprintable() or " " in url:
        raise ValueError("must hold no blank")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its text would repeat the address
        raise ValueError(f"no usable host or port: {_WHOLE_ADDRESS}") from None
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError(_WHOLE_ADDRESS)
    if "@" in parts.netloc:
        raise ValueError("must hold no user name and no password")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must be https, except to a loopback address")
    return url.rstrip("/")


def _as_written(written: str) -> str:
    """The address as it is written, which is how it is compared."""
    _address(written)
    if urlsplit(written).fragment:
        raise ValueError("must have no fragment: a browser would keep it to itself")
    return written.strip()


def _place(url: str) -> str:
    """An address that ends where it leads: the documented example ends with a key."""
    if set("?#") & set(url):
        raise ValueError("must end before any ? or #: a key has a setting of its own")
    return url


def _origin(url: str) -> str:
    """An address of a server and of nothing in it: what is served has addresses of its own."""
    address = _address(url)
    if urlsplit(address).path.strip("/") or set("?#") & set(address):
        raise ValueError("must end with its host, or its port")
    return address.lower()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(_address)]
Place = Annotated[Address, AfterValidator(_place)]
Redirection = Annotated[str, AfterValidator(_as_written)]
Issuer = Redirection
Origin = Annotated[str, AfterValidator(_origin)]


def formed(pattern: str, told: str) -> AfterValidator:
    """What refuses a text that is not of this form, in these words."""
    form = re.compile(pattern, re.ASCII)

    def checked(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(told)
        return text

    return AfterValidator(checked)


ServerName = Annotated[
    str,
    StringConstraints(to_lower=True),
    formed(r"[a-z0-9.-]+|\[[0-9a-f:]+\]", "must be the name of a host alone: no https://, no port"),
]
"""By which a server is called, whatever the port."""
Host = Annotated[
    str,
    StringConstraints(to_lower=True, max_length=253),
    formed(
        r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+",
        "must be the whole name of a host, such as files.example or *.files.example",
    ),
]
Listening = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    formed(
        r"(\[[0-9a-f:]+\]|[\w.-]+):[0-9]{1,5}", "must be a host and a port, such as 127.0.0.1:9464"
    ),
]


def _path(path: str) -> str:
    if not _SEGMENTS.fullmatch(path):
        raise ValueError("must be a path such as /users, of plain letters, digits and - . _ ~")
    return path


def _semester_path(path: str) -> str:
    if path.count(SEMESTER) != 1:
        raise ValueError(f"must hold {SEMESTER} once, where the semester goes")
    _path(path.replace(SEMESTER, "semester"))
    return path


FlowPath = Annotated[str, AfterValidator(_path)] | None
SemesterPath = Annotated[str, AfterValidator(_semester_path)] | None


def _key(written: SecretStr) -> SecretStr:
    """A key that a header can carry: a request that cannot be written would look lost."""
    key = written.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("must hold only plain letters, digits and signs: copy it again")
    return SecretStr(key)


def _long(written: SecretStr) -> SecretStr:
    secret = written.get_secret_value().strip()
    if len(secret.encode()) < SHORTEST_SECRET:
        raise ValueError(f"must have {SHORTEST_SECRET} bytes or more")
    return SecretStr(secret)


def _derived(written: SecretStr) -> SecretStr:
    """What a page password is known by; the password itself is never written."""
    if not DERIVED.fullmatch(written.get_secret_value()):
        raise ValueError(f"{AS_GIVEN}, and not the password itself")
    return written


Key = Annotated[SecretStr, AfterValidator(_key)]
Secret = Annotated[SecretStr, AfterValidator(_long)]
PagePassword = Annotated[SecretStr, AfterValidator(_derived)]
ClientId = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Field(coerce_numbers_to_str=True),
    formed(r"[0-9]{1,9}", "must be the number of the application"),
]
TokenName = Annotated[str, formed(CALLED, f"must be {NAMING}")]


def located(path: str | Path) -> Path:
    """Where a path leads: no shell saw it that would have put a home in place of its `~`."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # nobody knows whose home
        return Path(path)


Folder = Annotated[Path, AfterValidator(located)]


def _listed(names: object) -> object:
    if not isinstance(names, str):
        return names
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _told_once(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(numbers)) < len(numbers):
        raise ValueError("must name each démarche once")
    return numbers


def _known(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not set(scopes) <= set(SCOPES):
        raise ValueError(f"must be among {', '.join(SCOPES)}")
    return scopes


def _writing(names: tuple[str, ...]) -> tuple[str, ...]:
    known = {tool.name for tool in TOOLS if tool.writes}
    if not set(names) <= known:
        raise ValueError(f"must name tools that change something: {', '.join(sorted(known))}")
    return names


Listed = BeforeValidator(_listed)
"""Separated by commas, where it is a text."""
Names = Annotated[
    tuple[Literal["covoiturage", "demarches", "emjpm", "faire_simple"], ...],
    Listed,
]
Number = Annotated[int, Field(gt=0, le=2**31 - 1)]
Numbers = Annotated[
    tuple[Number, ...],
    Field(max_length=MOST_DEMARCHES),
    Listed,
    AfterValidator(_told_once),
]
Scopes = Annotated[tuple[str, ...], Field(min_length=1), Listed, AfterValidator(_known)]
WritingTools = Annotated[tuple[str, ...], NoDecode, Listed, AfterValidator(_writing)]


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _OBJECT.validate_json(value)
    except ValidationError:  # its text would repeat what is written in place of a number
        raise ValueError("must be a JSON object of texts, by démarche number") from None


def _tables_from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _TABLES.validate_json(value)
    except ValidationError:  # its text would repeat what is written in place of a table
        raise ValueError("must be a JSON object of tables, by name") from None


KeysByNumber = Annotated[dict[int, Key], NoDecode, BeforeValidator(_from_json)]
Tables = BeforeValidator(_tables_from_json)
"""Written in JSON, where it is a text."""

Version = Annotated[str, formed(r"v?[0-9]+(\.[0-9]+)*", "must be a version, such as v3.2")]
Rate = Annotated[int, Field(ge=1, le=1_000_000)]
Cap = Annotated[int, Field(ge=0)] | None
