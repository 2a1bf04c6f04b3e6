"""What is measured, beside what it is measured against, and what was promised of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.rounds import Pairs

Kind = Literal["ratio", "more", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    figure: str
    unit: str
    ours: float
    reference: float | None = None
    against: str = ""
    """What the reference is, in a few words."""
    kind: Kind = "ratio"
    measured: float
    """What the target bounds: a ratio, how much more, or ours itself."""
    target: float | None = None
    at_least: bool = False
    """Whether the target is a floor, as that of a throughput."""

    @property
    def holds(self) -> bool:
        """Whether what was promised is kept, if anything was."""
        if self.target is None:
            return True
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    @property
    def result(self) -> str:
        """What is measured, as people write it."""
        return self._written(self.measured)

    @property
    def promise(self) -> str:
        if self.target is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {self._written(self.target)}"

    def _written(self, value: float) -> str:
        match self.kind:
            case "ratio":
                return f"{value:.2f} ×"
            case "more":
                return f"{value:+.1f} {self.unit}"
            case "count":
                return f"{value:,.0f} {self.unit}"


def ratio(
    figure: str,
    pairs: Pairs,
    name: str,
    *,
    against: str,
    target: float,
    unit: str = "ms",
    at_least: bool = False,
) -> Row:
    """How many times the reference ours is."""
    return Row(
        figure=figure,
        unit=unit,
        ours=pairs.median(name),
        reference=pairs.reference_median(name),
        against=against,
        measured=pairs.ratio(name),
        target=target,
        at_least=at_least,
    )


def more(
    figure: str, pairs: Pairs, name: str, *, against: str, target: float, unit: str = "ms"
) -> Row:
    """How much more than the reference ours is."""
    return Row(
        figure=figure,
        unit=unit,
        ours=pairs.median(name),
        reference=pairs.reference_median(name),
        against=against,
        kind="more",
        measured=pairs.more(name),
        target=target,
    )


def growth(figure: str, ours: float, *, target: float, unit: str = "MB") -> Row:
    """How much something of ours alone grew by."""
    return Row(figure=figure, unit=unit, ours=ours, kind="more", measured=ours, target=target)


def count(figure: str, ours: float, *, unit: str, target: float | None = None) -> Row:
    """Something of ours that is counted."""
    return Row(figure=figure, unit=unit, ours=ours, kind="count", measured=ours, target=target)


Rows = Sequence[Row]
