"""How the functions' counters are held against the runner's own count."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ops.twin.counters import Comparison, Invocations, read_invocations, read_totals
from ops.twin.differences import Differences
from ops.twin.verify import Findings

NAMES = ("Received", "Cleaned", "Duplicate", "Conflict", "DeadLettered", "Retried")
FOUND = Findings(
    received=100, cleaned=80, duplicates=12, conflicts=3, dead_letters=Counter(not_json=5, empty=3)
)
CALLS = Invocations(calls=2, failed=0, restarts=0, acknowledged=100, batch_size=50)


def batch(*counts: int, request_id: str = "r") -> dict[str, Any]:
    line = {f"Records{name}": [float(count)] for name, count in zip(NAMES, counts, strict=True)}
    return {"_aws": {}, **line, "request_id": request_id}


def letters(reason: str, count: int) -> dict[str, Any]:
    return {"_aws": {}, "DeadLetters": [count], "reason": reason}


LINES = [batch(50, 45, 2, 3, 3, 0), letters("empty", 3), batch(50, 35, 10, 0, 5, 0), letters("not_json", 5)]


def differences(
    lines: list[dict[str, Any]],
    calls: Invocations = CALLS,
    found: Findings = FOUND,
    *,
    cache_kept: bool = True,
) -> list[str]:
    seen = Differences()
    Comparison(read_totals(lines), calls, found, cache_kept=cache_kept).check(seen)
    return seen.lines()


def test_calm() -> None:
    """Counters that equal the runner's count are no difference."""
    assert differences(LINES) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (batch(50, 46, 1, 3, 3, 0), "81 cleaned, the runner 80"),
        (batch(50, 44, 3, 3, 3, 0), "13 duplicates, the runner 12"),
        (batch(50, 45, 2, 4, 3, 0), "4 conflicts, the runner 3"),
        (batch(50, 45, 1, 3, 4, 0), "9 dead letters, the runner 8"),
        (batch(49, 44, 2, 3, 3, 0), "99 acknowledged, the runner 100"),
        (batch(50, 44, 2, 3, 3, 1), "calls that retried"),
        (batch(50, 45, 2, 3, 2, 0), "do not add up: r"),
        (batch(50, 1, 46, 3, 3, 0), "do not add up: r"),
    ],
)
def test_off_by_one(changed: dict[str, Any], complaint: str) -> None:
    """Where every call answered, a counter that is off by one record is a difference."""
    assert any(complaint in line for line in differences([changed, *LINES[1:]]))


def test_reasons_are_compared() -> None:
    """Letters counted under another reason than the runner's are a difference."""
    found = differences([LINES[0], letters("empty", 2), letters("not_utf8", 1), *LINES[2:]])

    assert found == [
        "the functions count 2 dead letters as empty, the runner 3",
        "the functions count 1 dead letters as not_utf8, the runner 0",
    ]


def test_a_call_without_metrics() -> None:
    """A call that succeeded and left no metrics is a difference, even if the sums are right."""
    lines = [batch(100, 80, 12, 3, 8, 0), LINES[1], LINES[3]]

    assert any("2 calls succeeded, 1 say so" in line for line in differences(lines))


def test_retries_that_answered_are_exact() -> None:
    """Calls that gave records back and answered leave no slack: a retried record is acknowledged once."""
    lines = [batch(60, 45, 2, 3, 3, 10), LINES[1], *LINES[2:]]
    calls = CALLS._replace(failed=1)

    assert differences(lines, calls) == []
    assert differences([batch(60, 46, 2, 3, 3, 9), *lines[1:]], calls) != []


def test_the_pollers_must_agree() -> None:
    """The pollers' count of acknowledged records is compared, too."""
    assert differences(LINES, CALLS._replace(acknowledged=99)) == [
        "the functions count 100 acknowledged records, the pollers 99"
    ]


DIED = CALLS._replace(calls=3, failed=1)


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        (LINES, True),  # it died before it printed
        ([*LINES, batch(50, 45, 2, 3, 3, 0), letters("empty", 3)], True),  # after
        ([batch(50, 45, 2, 0, 3, 0), LINES[1], *LINES[2:]], True),  # conflicts: within the dead call's batch
        ([*LINES, batch(51, 46, 2, 3, 3, 0), letters("empty", 3)], False),  # more than a batch
        (
            [LINES[0], LINES[1], batch(50, 30, 15, 0, 5, 0), LINES[3]],
            True,
        ),  # published, died, then a duplicate
        ([batch(50, 45, 2, 3, 3, 0), letters("empty", 3), batch(49, 35, 9, 0, 5, 0), LINES[3]], False),
        ([batch(50, 48, 2, 3, 0, 0), *LINES[2:]], False),  # a bad record is bad at every try
    ],
)
def test_bounds_when_a_call_died(lines: list[dict[str, Any]], fits: bool) -> None:
    """A call that died may have counted its batch or not, and no more than its batch."""
    assert (differences(lines, DIED) == []) is fits


def test_a_killed_poller_leaves_slack() -> None:
    """The call under way when a poller was killed may have been counted, though the poller never knew."""
    lines = [*LINES, batch(50, 45, 2, 3, 3, 0), letters("empty", 3)]

    assert differences(lines, CALLS._replace(restarts=1, acknowledged=50)) == []
    assert differences(lines, CALLS) != []


def test_an_emptied_cache_forgets_conflicts() -> None:
    """With a cache that was emptied, conflicts are only bounded by the cleaned records."""
    lines = [batch(50, 45, 2, 0, 3, 0), *LINES[1:]]

    assert differences(lines, cache_kept=False) == []
    assert differences(lines, cache_kept=True) != []


def test_what_was_given_up_is_not_acknowledged() -> None:
    """Records in on-failure objects are acknowledged by no call, even those that were published."""
    found = Findings(
        received=100, cleaned=82, duplicates=10, dead_letters=FOUND.dead_letters, given_up=4, given_up_alone=0
    )
    lines = [batch(48, 43, 2, 0, 3, 0), LINES[1], batch(48, 35, 8, 0, 5, 0), LINES[3]]

    assert differences(lines, CALLS._replace(acknowledged=96), found) == []


def test_pollers_are_added_up() -> None:
    """The pollers' counters are summed, and every start beyond the known ones is a restart."""
    poller = {"invocations": 3, "failed_invocations": 1, "starts": 2, "acknowledged": 40}

    assert read_invocations([poller, {**poller, "starts": 1}], 10, starts=2) == Invocations(6, 2, 1, 80, 10)
