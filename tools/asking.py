"""How a person is asked, and how much they must do before a change is made."""

from enum import StrEnum
from typing import Literal

Consent = Literal["ask", "page", "dangerously-relay", "dangerously-none"]
"""By the client if it can; always on our own page; or by the model's word."""


class Rung(StrEnum):
    """How much a person must do before a change is made."""

    TICK = "a box to tick"
    TYPE = "a box to tick, and a number to type"
    SIZE = "a box to tick, and a number to type; on the page if it is over 1,000"
    PAGE = "the page, outside the client"
