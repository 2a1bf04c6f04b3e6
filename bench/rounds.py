"""Two things measured in turn: what drifts on the machine weighs on both."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Sample = Mapping[str, float]
"""What one run of a program took, by name."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The samples of ours and of the reference, round by round."""

    ours: Sequence[Sample]
    reference: Sequence[Sample]

    def median(self, name: str) -> float:
        return statistics.median(sample[name] for sample in self.ours)

    def reference_median(self, name: str) -> float:
        return statistics.median(sample[name] for sample in self.reference)

    def ratio(self, name: str) -> float:
        """The median of the ratios: each compares what ran one after the other."""
        both = zip(self.ours, self.reference, strict=True)
        return statistics.median(ours[name] / other[name] for ours, other in both)

    def more(self, name: str) -> float:
        """The median of the differences."""
        both = zip(self.ours, self.reference, strict=True)
        return statistics.median(ours[name] - other[name] for ours, other in both)


def paired(
    ours: Callable[[], Sample], reference: Callable[[], Sample], rounds: int, *, warm_up: int = 1
) -> Pairs:
    """So many rounds of both, in an order drawn each time, after some that do not count."""
    order = random.Random(rounds)  # noqa: S311  (the same order in every run)
    samples: dict[Callable[[], Sample], list[Sample]] = {ours: [], reference: []}
    for round_ in range(-warm_up, rounds):
        for measure in order.sample([ours, reference], 2):
            sample = measure()
            if round_ >= 0:
                samples[measure].append(sample)
    return Pairs(samples[ours], samples[reference])
