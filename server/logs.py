"""What the process says of itself: on stderr, from warnings up, with secrets taken out."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from opentelemetry import trace
from pydantic import BaseModel, SecretStr, TypeAdapter

from clients.secrecy import spellings
from server.settings import Settings

QUIET = ("httpx", "httpcore", "httpx2", "httpcore2")
"""At INFO, these write whole addresses, keys included."""
REPEATING = ("opentelemetry.baggage", "opentelemetry.trace")
"""At WARNING, these repeat what clients say of a trace, however long it is."""
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
        return self._hidden(super().format(record))

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class AsJson(WithoutSecrets):
    """The same as an object per line, which names the span it was written in if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        span = trace.get_current_span().get_span_context()
        traced = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **({"exception": self.formatException(record.exc_info)} if record.exc_info else {}),
            **(traced if span.is_valid else {}),
        }
        # Hidden before they are quoted: a secret with a quotation mark in it reads otherwise after.
        return json.dumps({name: self._hidden(text) for name, text in told.items()})


def to_stderr(settings: Settings) -> None:
    """Send the log to stderr; before anything else does, since the SDK would set it to INFO."""
    handler = logging.StreamHandler(sys.stderr)
    secrets = {secret for secret in _secrets(settings) if len(secret) >= SHORTEST_SECRET}
    handler.setFormatter((AsJson if settings.logs == "json" else WithoutSecrets)(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in REPEATING:
        logging.getLogger(name).setLevel(logging.ERROR)


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
            yield from _passwords(value)
        case _:
            return


def _passwords(url: str) -> Iterable[str]:
    """What a database is opened with, if its address says so: as it is written there, and as it is.

    An address may spell the same in several ways.
    """
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield from spellings(SecretStr(unquote(password)))
