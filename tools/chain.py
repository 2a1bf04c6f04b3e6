"""The chain of the journal: each entry is marked together with the mark before it.

Marks are made with the instance's secret: whoever lacks it cannot alter, remove or insert an entry,
nor cut the journal short, without it showing here. One thing does not show: a whole database put
back as it once was. A head noted elsewhere tells it from what it became.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Mark = Callable[[str], str]
Marks = Callable[[str], tuple[str, ...]]
"""The marks that a text may have been given: under the secret of the day, or a previous one."""
Row = Mapping[str, object]

COPIED = ("principal", "tool", "subject", "evidence", "decided_by", "arguments", "question")
"""What an entry says of its operation, so that it can be read alone."""
SAID = (*COPIED, "number", "at", "operation", "event")
SAID_IF_ANY = {"decided_by"}
"""What entries did not say at first: those that leave it empty are marked as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the journal ends, and where it begins once its oldest entries are purged."""

    number: int = 0
    mark: str = ""
    """The newest entry's."""
    purged: int = 0
    purged_mark: str = ""
    """The last purged entry's."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a database held at one moment; entries by number."""

    entries: Sequence[Row]
    head: Head
    proof: str
    """The mark of the head, made when it was last moved."""
    operations: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found."""

    entries: int
    head: Head
    fault: str
    """What first shows that something else than Guichet wrote there; empty if nothing does."""


def linked(entry: Row, previous: str) -> str:
    """What an entry's mark is made of: all it says, and the mark before it."""
    said = {name: entry[name] for name in SAID if entry[name] or name not in SAID_IF_ANY}
    return _written([previous, said])


def proven(head: Head) -> str:
    """What the proof of a head is made of."""
    return _written(["head", head.number, head.mark, head.purged, head.purged_mark])


def verdict(ledger: Ledger, marks: Marks) -> Verdict:
    """Whether a ledger is what this instance wrote, and all of it."""
    fault = _entries_fault(ledger, marks) or _operations_fault(ledger)
    return Verdict(len(ledger.entries), ledger.head, fault)


def _entries_fault(ledger: Ledger, marks: Marks) -> str:
    head = ledger.head
    if ledger.proof not in marks(proven(head)):
        return "where the journal begins and ends was altered"
    expected, previous = head.purged + 1, head.purged_mark
    for entry in ledger.entries:
        if entry["number"] != expected:
            return f"before entry {entry['number']}, entry {expected} should be: it was removed"
        if expected > head.number:
            return f"entry {expected} was added after the last one"
        if entry["mark"] not in marks(linked(entry, previous)):
            return f"entry {expected} was altered, or put there"
        expected, previous = expected + 1, str(entry["mark"])
    if expected <= head.number:
        return f"entry {expected}, and whatever followed, was removed"
    return ""


def _operations_fault(ledger: Ledger) -> str:
    """How an operation differs from the last that the journal says of it."""
    last = {entry["operation"]: entry for entry in ledger.entries}
    known = {operation["id"]: operation for operation in ledger.operations}
    for name, entry in last.items():
        if name not in known:
            return f"operation {name}, told of by entry {entry['number']}, was removed"
        if not _agree(known[name], entry):
            return f"operation {name} is not what its last entry, {entry['number']}, says of it"
    untold = known.keys() - last.keys()
    if untold and not ledger.head.purged:
        return f"operation {min(map(str, untold))} is told of by no entry"
    return ""


def _agree(operation: Row, entry: Row) -> bool:
    event = "asked" if operation["status"] == "pending" else operation["status"]
    return event == entry["event"] and all(operation[name] == entry[name] for name in COPIED)


def _written(values: object) -> str:
    return json.dumps(values, sort_keys=True, default=repr)
