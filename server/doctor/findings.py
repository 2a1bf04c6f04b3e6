"""How things stand: a finding says how, and what to do about it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from clients.emjpm import LOGIN

State = Literal["ok", "missing", "warning", "trouble"]
"""`missing` is a choice, `warning` works and somebody should know; `trouble` has to be repaired."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How something stands, and what to do about it if anything."""

    subject: str
    state: State
    says: str
    remedy: str = ""

    def of_profile(self, name: str) -> "Finding":
        """The same, told of this profile."""
        remedy = self.remedy.replace(LOGIN, f"{LOGIN} --profile {name}")
        return replace(self, subject=f"{name}: {self.subject}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    findings: tuple[Finding, ...]


def works(chapters: Collection[Chapter]) -> bool:
    """Whether nothing that is configured is in trouble."""
    return all(finding.state != "trouble" for part in chapters for finding in part.findings)
