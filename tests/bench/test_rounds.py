"""What the bench makes of its measures, without measuring anything."""

import pytest

from bench.rounds import Pairs, paired
from bench.rows import Row, ratio


def test_ours_and_the_reference_are_measured_in_turn():
    measured: list[str] = []

    def measure(name: str) -> dict[str, float]:
        measured.append(name)
        return {"wall": len(measured)}

    pairs = paired(lambda: measure("ours"), lambda: measure("reference"), rounds=5)

    rounds = [set(measured[start : start + 2]) for start in range(0, 12, 2)]
    assert rounds == [{"ours", "reference"}] * 6
    assert len(pairs.ours) == len(pairs.reference) == 5, "the warm-up does not count"


def test_a_ratio_compares_what_ran_one_after_the_other():
    """The machine slowed down tenfold half-way: the medians alone would say ten times as slow."""
    ours = [{"wall": 2.0}, {"wall": 20.0}, {"wall": 20.0}]
    reference = [{"wall": 1.0}, {"wall": 10.0}, {"wall": 10.0}]

    row = ratio("a call", Pairs(ours, reference), "wall", against="another", target=2.0)

    assert row.measured == 2.0
    assert row.holds
    assert row.result == "2.00 ×"


@pytest.mark.parametrize(("measured", "holds"), [(0.5, False), (0.6, True), (2.0, True)])
def test_a_floor_is_kept_by_what_is_above_it(measured: float, holds: bool):  # noqa: FBT001
    row = Row(figure="x", unit="/s", ours=1, measured=measured, target=0.6, at_least=True)

    assert row.holds is holds
