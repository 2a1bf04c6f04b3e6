"""The timezones that services name."""

import pytest

from clients.dates import zone


def test_a_timezone_is_known_by_its_name():
    assert str(zone("Europe/Paris")) == "Europe/Paris"


@pytest.mark.parametrize(
    "name",
    ["", ".", "Europe", "Europe/Nowhere", "../Europe/Paris", "/etc/passwd", "a\0b", "\ud800"],
)
def test_what_is_no_timezone_is_none(name: str):
    assert zone(name) is None
    assert zone("x" * 5_000) is None
