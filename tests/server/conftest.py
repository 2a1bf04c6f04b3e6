"""What the tests of pages share."""

from tests.browsers import chromium

__all__ = ["chromium"]
