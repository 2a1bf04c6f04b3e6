"""What becomes of a valid batch of identity keys: each is written, or says that it was not."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, TypeAdapter

from server.sandbox.covoiturage.applications import Applications
from server.sandbox.covoiturage.phones import truncated
from server.sandbox.covoiturage.validation import instant

NOT_FOUND = "Not found"
"""Unknown, another operator's, or keyed already: the service does not tell them apart."""

Failure = dict[str, object]


class Item(BaseModel, frozen=True):
    """An identity key, and the application it is for."""

    cee_application_type: Literal["specific", "standardized"]
    cee_application_uuid: str | None = None
    identity_key: str
    journey_type: str = ""
    last_name_trunc: str = ""
    phone_trunc: str = ""
    datetime: str = ""

    @property
    def is_specific(self) -> bool:
        """Whether the person is looked for: a uuid decides, whatever the type says."""
        return self.cee_application_type == "specific" and self.cee_application_uuid is None


_ITEMS = TypeAdapter(list[Item])


@dataclass(frozen=True)
class Report:
    """How many keys were written, and what was looked for in vain."""

    imported: int
    failures: list[Failure]

    @property
    def document(self) -> dict[str, object]:
        return {
            "imported": self.imported,
            "failed": len(self.failures),
            "failed_details": self.failures,
        }


def imported(document: object, operator_id: int, applications: Applications) -> Report:
    """Write the keys, for people first and then by uuid: failures come in that order.

    There is no transaction: what precedes a failure is written, and so is what follows.
    """
    items = _ITEMS.validate_python(document)
    outcomes = [
        *(_for_person(item, operator_id, applications) for item in items if item.is_specific),
        *(_by_uuid(item, operator_id, applications) for item in items if not item.is_specific),
    ]
    failures = [failure for failure in outcomes if failure]
    return Report(imported=len(outcomes) - len(failures), failures=failures)


def _for_person(item: Item, operator_id: int, applications: Applications) -> Failure | None:
    """None if written; otherwise all that was sent, as the service understood it."""
    phone_trunc = truncated(item.phone_trunc) or ""
    if applications.key_specific(
        operator_id=operator_id,
        journey_type=item.journey_type,
        last_name_trunc=item.last_name_trunc,
        phone_trunc=phone_trunc,
        identity_key=item.identity_key,
    ):
        return None
    moment = _as_javascript_writes(item.datetime)
    return {
        **item.model_dump(exclude_unset=True),
        "operator_id": operator_id,
        "phone_trunc": phone_trunc,
        "datetime": moment,
        "application_timestamp": moment,
        "error": NOT_FOUND,
    }


def _by_uuid(item: Item, operator_id: int, applications: Applications) -> Failure | None:
    """None if written; otherwise a standardized item, whatever was sent, without the person."""
    if applications.key(item.cee_application_uuid or "", operator_id, item.identity_key):
        return None
    return {
        "operator_id": operator_id,
        **item.model_dump(include={"cee_application_uuid", "identity_key"}, exclude_unset=True),
        "cee_application_type": "standardized",
        "error": NOT_FOUND,
    }


def _as_javascript_writes(text: str) -> str:
    moment = instant(text)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""
