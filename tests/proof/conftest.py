"""What was tried, counted."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults met how many operations, and how many calls were made at random."""
    reports: list[pytest.TestReport] = terminalreporter.getreports("passed")
    told = Counter[str]()
    for name, value in (each for report in reports for each in report.user_properties):
        told[name] += int(str(value))
    for name, count in told.items():
        terminalreporter.write_line(f"{name}: {count}")
