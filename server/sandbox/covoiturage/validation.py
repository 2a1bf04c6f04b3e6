"""What makes a batch of identity keys valid, in the words and the order of the service's validator.

Lists every fault it finds, each after the path of its place. One is enough to refuse the batch.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from server.sandbox.covoiturage.documents import is_array, is_object
from server.sandbox.covoiturage.phones import truncated

MOST_ITEMS = 1000
LONGEST_DATETIME = 64

ALTERNATIVES = (
    ("cee_application_type", "cee_application_uuid", "identity_key"),
    (
        "cee_application_type",
        "identity_key",
        "phone_trunc",
        "last_name_trunc",
        "journey_type",
        "datetime",
    ),
)
"""An application is named by its uuid, or by who made it; both are allowed."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
IDENTITY_KEY = re.compile(r"[a-f0-9]{64}")
LAST_NAME_TRUNC = re.compile(r"[A-Z ]{3}")
DATETIME = re.compile(
    r"\d{4}-\d\d-\d\d[T\s]([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?[0-5]\d)?)",
    re.IGNORECASE | re.ASCII,
)


def faults(document: object) -> list[str]:
    """Everything wrong with a batch: nothing, if it is valid."""
    if not is_array(document):
        return [": must be array"]
    return [
        *_size_faults(len(document)),
        *(fault for index, item in enumerate(document) for fault in _item_faults(index, item)),
    ]


def instant(text: str) -> datetime | None:
    """The moment an ISO 8601 text stands for, in UTC; none without a time and a time zone."""
    if len(text) > LONGEST_DATETIME or not DATETIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _size_faults(size: int) -> Iterator[str]:
    if size == 0:
        yield ": must NOT have fewer than 1 items"
    if size > MOST_ITEMS:
        yield f": must NOT have more than {MOST_ITEMS} items"


def _item_faults(index: int, item: object) -> Iterator[str]:
    if not is_object(item):
        yield f"/{index}: must be object"
        return
    yield from (f"/{index}: {fault}" for fault in _shape_faults(set(item)))
    for name, (valid, message) in FIELDS.items():
        value = item.get(name, "")
        if name in item and not (isinstance(value, str) and valid(value)):
            yield f"/{index}/{name}: {message}"


def _shape_faults(names: set[str]) -> Iterator[str]:
    if not any(names.issuperset(required) for required in ALTERNATIVES):
        for required in ALTERNATIVES:
            yield from (
                f"must have required property '{name}'" for name in required if name not in names
            )
        yield "must match a schema in anyOf"
    for _ in names - FIELDS.keys():
        yield "must NOT have additional properties"


Rule = tuple[Callable[[str], object], str]

FIELDS: dict[str, Rule] = {
    "cee_application_type": (
        {"specific", "standardized"}.__contains__,
        "must be either specific or standardized",
    ),
    "cee_application_uuid": (UUID.fullmatch, "must be a valid uuid"),
    "identity_key": (IDENTITY_KEY.fullmatch, "must be a valid identity key"),
    "journey_type": ({"short", "long"}.__contains__, "must be either short or long"),
    "last_name_trunc": (LAST_NAME_TRUNC.fullmatch, "must be 3 caps characters long string"),
    "phone_trunc": (truncated, "must be a valid truncated phone number"),
    "datetime": (instant, "must be a valid ISO 8601 UTC date"),
}
"""What each property accepts, and what is said of anything else; in the order of the schema."""
