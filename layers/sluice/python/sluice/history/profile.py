"""How an agent usually writes, and by how far a text is out of that.

Counts in buckets, one histogram a feature: they add up in any order, cost a few hundred bytes, and give
median and median absolute deviation, which a few strange records do not move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import log2
from typing import Any, Final, NamedTuple

# With so many values the median's standard error is 1.25 / √50 = 0.18 standard deviations.
LEAST_HISTORY: Final = 50
# From here on old counts are halved again and again, so that what an agent did long ago fades.
MOST_HISTORY: Final = 1_000
# Iglewicz and Hoaglin (1993): a modified z-score above 3.5 is an outlier. The factor makes the median absolute
# deviation of normal values their standard deviation.
LIMIT: Final = 3.5
_SCALE: Final = 1.4826
# An agent that writes now prose and now JSON has two ranges, and the median lies in one of them. What is as common
# as this share of its records, give or take a bucket, is not out of the ordinary.
_COMMON: Final = 0.02


def _by_size(value: float) -> int:
    # Four buckets to a doubling: 19 % each.
    return round(4 * log2(value + 1))


def _by_share(value: float) -> int:
    # Two percent each.
    return round(50 * value)


BUCKETS: Final[Mapping[str, Callable[[float], int]]] = {
    "chars": _by_size,
    "digit_ratio": _by_share,
    "symbol_ratio": _by_share,
    "url_ratio": _by_share,
}


class Typical(NamedTuple):
    """Hold the median bucket of a feature and the median absolute deviation from it, in buckets, 1 at least."""

    median: int
    deviation: int


class Profile(NamedTuple):
    """Hold how many records were counted, and of each feature its histogram and what is typical."""

    records: int
    counts: dict[str, dict[int, int]]
    typical: dict[str, Typical]


NO_PROFILE: Final = Profile(0, {}, {})


def outliers(features: Mapping[str, Any], profile: Profile) -> dict[str, float]:
    """Return the modified z-score of every feature that is out of the ordinary, to one place.

    That is a score above 3.5 for a value that fewer than 2 % of the agent's records had. Empty below 50 records of
    history. A score tells which way: below zero is less than usual.
    """
    if profile.records < LEAST_HISTORY:
        return {}
    found = {}
    for name, bucket in BUCKETS.items():
        if name in features and name in profile.typical and name in profile.counts:
            median, deviation = profile.typical[name]
            own = bucket(features[name])
            score = (own - median) / (_SCALE * deviation)
            if abs(score) > LIMIT and _share(own, profile.counts[name]) < _COMMON:
                found[name] = round(score, 1)
    return found


def _share(bucket: int, histogram: Mapping[int, int]) -> float:
    around = sum(histogram.get(bucket + step, 0) for step in (-1, 0, 1))
    return around / (sum(histogram.values()) or 1)


def learn(profile: Profile, seen: Iterable[Mapping[str, Any]]) -> Profile:
    """Return the profile with the features of further records counted in."""
    counts = {name: Counter(profile.counts.get(name, {})) for name in BUCKETS}
    records = profile.records
    for features in seen:
        records += 1
        for name, bucket in BUCKETS.items():
            if name in features:
                counts[name][bucket(features[name])] += 1
    while records > MOST_HISTORY:
        records //= 2
        counts = {name: _halved(histogram) for name, histogram in counts.items()}
    kept = {name: dict(histogram) for name, histogram in counts.items() if histogram}
    return Profile(records, kept, {name: _typical(histogram) for name, histogram in kept.items()})


def _halved(histogram: Counter[int]) -> Counter[int]:
    # Rounded up, a lone value would never fade.
    return Counter({bucket: count // 2 for bucket, count in histogram.items() if count > 1})


def _typical(histogram: Mapping[int, int]) -> Typical:
    median = _median(histogram)
    distances: Counter[int] = Counter()
    for bucket, count in histogram.items():
        distances[abs(bucket - median)] += count
    # An agent that always writes the same would be out of the ordinary with the next bucket.
    return Typical(median, max(1, _median(distances)))


def _median(histogram: Mapping[int, int]) -> int:
    """Return the lower median."""
    left = (sum(histogram.values()) + 1) // 2
    for bucket in sorted(histogram):
        left -= histogram[bucket]
        if left <= 0:
            return bucket
    return 0
