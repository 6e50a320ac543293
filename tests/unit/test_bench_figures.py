"""The arithmetic of the benchmarks."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from ops.bench.end_to_end import throughput
from ops.bench.figures import Spread, deviation, percentile, ratios, spread

FIGURES = st.lists(st.floats(0.001, 1e9), min_size=1, max_size=50)


def test_spread() -> None:
    """A spread is the median, the least and the greatest figure."""
    assert spread([9.0, 1.0, 4.0]) == Spread(median=4.0, low=1.0, high=9.0)


def test_spread_of_nothing() -> None:
    """There is no spread of no figures."""
    with pytest.raises(ValueError, match="no figures"):
        spread([])


def test_ratios_are_taken_round_by_round() -> None:
    """What slows both down in one round does not show in the ratio."""
    assert ratios([10.0, 50.0, 20.0], [5.0, 25.0, 10.0]) == Spread(2.0, 2.0, 2.0)


def test_ratios_need_as_many_rounds() -> None:
    """A round that one side lacks is an error, not left out."""
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("percent", "expected"), [(1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_percentile(percent: float, expected: int) -> None:
    """The nearest rank: of 1 to 100 the p-th percentile is p."""
    assert percentile(range(100, 0, -1), percent) == expected


@pytest.mark.parametrize(("figures", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_no_percentile(figures: list[float], percent: float) -> None:
    """There is no percentile of nothing, nor one beyond 100."""
    with pytest.raises(ValueError, match="percentage"):
        percentile(figures, percent)


@given(FIGURES, st.floats(0.1, 100))
def test_percentile_is_one_of_the_figures(figures: list[float], percent: float) -> None:
    """A percentile was really measured, and at least so many figures do not exceed it."""
    found = percentile(figures, percent)

    assert found in figures
    assert sum(figure <= found for figure in figures) >= len(figures) * percent / 100 - 1e-9


@given(FIGURES)
def test_deviation(figures: list[float]) -> None:
    """The deviation is how much greater the greatest is than the least: 0 for one figure alone."""
    assert deviation(figures) >= 0
    assert deviation([figures[0]]) == 0
    assert deviation([100.0, 115.0, 104.0]) == pytest.approx(0.15)


def test_throughput() -> None:
    """A pause at the start or at the end, such as waiting for the last window, does not count."""
    steady = list(range(1_000, 2_000))

    assert throughput(steady) == pytest.approx(1_000)
    assert throughput([0, *steady[1:-1], 60_000]) == pytest.approx(1_000)
