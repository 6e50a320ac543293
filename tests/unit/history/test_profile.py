"""An agent's running profile, and what is out of it."""

from __future__ import annotations

import random
from collections import Counter
from statistics import median_low
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.history.profile import (
    BUCKETS,
    LEAST_HISTORY,
    LIMIT,
    MOST_HISTORY,
    NO_PROFILE,
    Profile,
    _median,
    learn,
    outliers,
)


def features(
    chars: int = 400, digits: float = 0.02, symbols: float = 0.05, urls: float = 0.0
) -> dict[str, Any]:
    return {"chars": chars, "digit_ratio": digits, "symbol_ratio": symbols, "url_ratio": urls, "words": 80}


def profile_of(*seen: dict[str, Any]) -> Profile:
    return learn(NO_PROFILE, seen)


def usual(count: int = 200) -> Profile:
    dice = random.Random(3)
    return profile_of(
        *(features(int(dice.lognormvariate(6, 0.3)), dice.uniform(0, 0.1)) for _ in range(count))
    )


OUT = {
    "longer": (features(chars=20_000), {"chars"}),
    "empty": (features(chars=0), {"chars"}),
    "a dump of numbers": (features(digits=0.9), {"digit_ratio"}),
    "a link list": (features(urls=0.8), {"url_ratio"}),
    "several": (features(chars=20_000, symbols=0.7), {"chars", "symbol_ratio"}),
    "as usual": (features(), set()),
    "a little longer": (features(chars=700), set()),
}


@pytest.mark.parametrize(("one", "names"), OUT.values(), ids=OUT)
def test_outliers(one: dict[str, Any], names: set[str]) -> None:
    """What is far out of the agent's usual range is named, with a score that tells which way."""
    found = outliers(one, usual())

    assert found.keys() == names
    assert all(abs(score) > LIMIT for score in found.values())
    assert ("chars" not in found) or (found["chars"] > 0) == (one["chars"] > 400)


def test_least_history() -> None:
    """With less than 50 records nothing is out of the ordinary, with 50 it is."""
    strange = features(chars=50_000)

    assert outliers(strange, profile_of(*[features()] * (LEAST_HISTORY - 1))) == {}
    assert outliers(strange, profile_of(*[features()] * LEAST_HISTORY)).keys() == {"chars"}


def test_features_that_are_not_there() -> None:
    """A feature that was not measured is neither counted nor judged."""
    profile = profile_of(*[{"chars": 400}] * LEAST_HISTORY)

    assert profile.typical.keys() == {"chars"}
    assert outliers(features(digits=0.9), profile) == {}
    assert outliers({}, usual()) == {}


def test_always_the_same() -> None:
    """An agent that always writes the same is not out of the ordinary with a little more."""
    profile = profile_of(*[features(chars=400)] * 100)

    assert outliers(features(chars=500), profile) == {}
    assert outliers(features(chars=4_000), profile).keys() == {"chars"}


def test_two_ways_of_writing() -> None:
    """An agent that writes now prose and now JSON is not out of the ordinary with either, but with a third way."""
    prose, dump = features(symbols=0.03), features(chars=2_000, symbols=0.4)
    profile = profile_of(*[prose] * 90, *[dump] * 10)

    assert outliers(prose, profile) == outliers(dump, profile) == {}
    assert outliers(features(symbols=0.9), profile).keys() == {"symbol_ratio"}


def test_robust() -> None:
    """A tenth of nonsense moves what is typical by one bucket at most."""
    clean, dirty = usual(180), learn(usual(180), [features(chars=500_000)] * 20)

    assert abs(clean.typical["chars"].median - dirty.typical["chars"].median) <= 1
    assert outliers(features(chars=20_000), dirty).keys() == {"chars"}


def test_old_counts_fade() -> None:
    """An agent that changed its ways is judged by the new ones after a while, and the counts stay small."""
    profile = learn(usual(900), [features(chars=20_000)] * 1_500)

    assert outliers(features(chars=20_000), profile) == {}
    assert profile.records <= MOST_HISTORY
    assert all(sum(counts.values()) <= MOST_HISTORY for counts in profile.counts.values())


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(0, 39))
def test_order_and_batches_do_not_matter(sizes: list[int], cut: int) -> None:
    """The same records in another order, or in two batches, make the same profile."""
    seen = [features(chars=size) for size in sizes]

    assert learn(profile_of(*seen[:cut]), seen[cut:]) == profile_of(*seen)
    assert profile_of(*reversed(seen)) == profile_of(*seen)


@given(st.lists(st.integers(-20, 20), min_size=1))
def test_median(values: list[int]) -> None:
    """The median of a histogram is the lower median of its values."""
    assert _median(Counter(values)) == median_low(values)


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_rise(name: str) -> None:
    """A greater value is never in a lower bucket, and there are few buckets."""
    values = [0, 1, 2, 5, 10, 1_000, 6_000_000] if name == "chars" else [n / 1_000 for n in range(1_001)]
    found = [BUCKETS[name](value) for value in values]

    assert found == sorted(found)
    assert 0 <= found[0] <= found[-1] <= 100
