"""How things stand: a finding says how, and what to do about it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "warning", "trouble"]
"""`missing` is a choice, `warning` works and somebody should know; `trouble` has to be repaired."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How something stands, and what to do about it if anything."""

    subject: str
    state: State
    says: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    findings: tuple[Finding, ...]


def works(chapters: Collection[Chapter]) -> bool:
    """Whether nothing that is configured is in trouble."""
    return all(finding.state != "trouble" for part in chapters for finding in part.findings)
