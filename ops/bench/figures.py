"""The arithmetic of the measurements. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Hold the median of a figure's rounds, and its least and greatest."""

    median: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return the three numbers by name, for JSON."""
        return {"median": self.median, "low": self.low, "high": self.high}


def spread(figures: Sequence[float]) -> Spread:
    """Return median, least and greatest; raises ValueError when there are none."""
    if not figures:
        raise ValueError("no figures")
    return Spread(median(figures), min(figures), max(figures))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the spread of the quotients round by round: what slowed a whole round down cancels out."""
    return spread([top / bottom for top, bottom in zip(numerators, denominators, strict=True)])


def percentile(figures: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the least figure that `percent` of all do not exceed."""
    if not figures or not 0 < percent <= 100:
        raise ValueError("no figures, or a percentage outside ]0, 100]")
    return sorted(figures)[math.ceil(len(figures) * percent / 100) - 1]


def deviation(figures: Sequence[float]) -> float:
    """Return how far apart the figures are: greatest over least, less one; 0.15 reads `within 15 %`."""
    return max(figures) / min(figures) - 1
