"""Consent to a change, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approval:
    """A person agreed to one change. Every method that changes a service asks for one.

    It is made by `tools.guard` alone, once the person's answer has been recorded.
    """

    operation: str
    """The identifier of the recorded operation this approval is good for, once."""
