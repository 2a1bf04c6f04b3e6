"""What the service says it did with the rows of an import: which were, and which were not."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from clients.covoiturage.applications import Application, Written

NOT_FOUND = "unknown, another operator's, or already has a key."


@dataclass(frozen=True, slots=True)
class Failure:
    """A row that was not imported, by its place from 0 among those sent; None if untold."""

    index: int | None
    reason: str

    @property
    def may_be_done(self) -> bool:
        """Whether that may be because it was imported before."""
        return self.reason == NOT_FOUND


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What the service says it did with the rows of one import."""

    sent: int
    imported: int
    failed: int
    failures: tuple[Failure, ...]

    @property
    def unexplained(self) -> int:
        """How many rows the answer does not account for; 0 when its counts and details agree."""
        named = sum(failure.index is not None for failure in self.failures)
        return max(abs(self.sent - self.imported - self.failed), abs(self.failed - named))


def imported(rows: Sequence[Application | Written], reply: object) -> ImportReport:
    """What a reply says became of these rows.

    Raises:
        ValidationError: It is no reply to an import.
    """
    said = _Reply.model_validate(reply)
    sent = _Sent(rows if said.failed_details else ())
    failures = tuple(Failure(sent.claim(d), d.explained()) for d in said.failed_details)
    return ImportReport(len(rows), said.imported, said.failed, failures)


class _Detail(BaseModel):
    """A row that failed, as the service says it back: reordered, and partly rewritten."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    cee_application_uuid: str | None = None
    journey_type: str | None = None
    last_name_trunc: str | None = None
    phone_trunc: str | None = None
    identity_key: str | None = None
    error: str | None = None

    def explained(self) -> str:
        """The service's three reasons in one, or none of the words of its database."""
        return NOT_FOUND if self.error == "Not found" else "refused by the service's database."


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    imported: int = Field(ge=0)
    failed: int = Field(ge=0)
    failed_details: tuple[_Detail, ...] = ()


class _Sent:
    """The rows sent, each of which one failure may claim."""

    def __init__(self, rows: Sequence[Application | Written]) -> None:
        self._places: defaultdict[tuple[str | None, ...], list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            told = Application.model_validate_json(row) if isinstance(row, str) else row
            for name in _names(told):
                self._places[name].append(index)
        self._claimed: set[int] = set()

    def claim(self, detail: _Detail) -> int | None:
        """The place of the first row the detail names that no other has claimed."""
        for name in _names(detail):
            for index in self._places.get(name, ()):
                if index not in self._claimed:
                    self._claimed.add(index)
                    return index
        return None


def _names(row: Application | _Detail) -> Iterator[tuple[str | None, ...]]:
    """What a row can be recognised by, surest first; the service may rewrite its phone."""
    if row.cee_application_uuid:
        uuid = row.cee_application_uuid.lower()
        yield (uuid, row.identity_key)
        yield (uuid,)
    else:
        person = (row.journey_type, row.last_name_trunc, row.identity_key)
        yield (*person, row.phone_trunc)
        yield person
