"""What the process says of itself: on stderr, from warnings up, with secrets taken out."""

import logging
import sys
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, TypeAdapter

from clients.auth import spellings

QUIET = ("httpx", "httpcore", "httpx2", "httpcore2")
"""At INFO, these write whole addresses, keys included."""
SHORTEST_SECRET = 6
HIDDEN = "***"

_BY_NAME = TypeAdapter(dict[object, object])
_LISTED = TypeAdapter(tuple[object, ...])


class WithoutSecrets(logging.Formatter):
    """A formatter that writes no secret, not even one that a traceback quotes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def to_stderr(settings: BaseModel) -> None:
    """Send the log to stderr; before anything else does, since the SDK would set it to INFO."""
    handler = logging.StreamHandler(sys.stderr)
    secrets = {secret for secret in _secrets(settings) if len(secret) >= SHORTEST_SECRET}
    handler.setFormatter(WithoutSecrets(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _secrets(value: object) -> Iterable[str]:
    match value:
        case SecretStr():
            yield from spellings(value)
        case BaseModel():
            for _, field in value:
                yield from _secrets(field)
        case dict():
            for field in _BY_NAME.validate_python(value).values():
                yield from _secrets(field)
        case tuple():
            for each in _LISTED.validate_python(value):
                yield from _secrets(each)
        case str() if "://" in value:
            yield from filter(None, (_password(value),))
        case _:
            return


def _password(url: str) -> str:
    """What a database is opened with, if its address says so."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""
