"""The step that compares: policies, and what has no history."""

from __future__ import annotations

import pytest

from sluice.history import NEAR_POLICIES, NearPolicy
from sluice.history.compare import comparing
from tests.fakes.cache import FakeCache
from tests.unit.history.rig import TEXT, compared, through, written


@pytest.mark.parametrize("policy", NEAR_POLICIES)
def test_without_history(policy: NearPolicy) -> None:
    """A record of whose agent nothing is known passes as it is."""
    record = written(1)
    comparing(policy)(record)

    assert (record.flags, dict(record.notes), record.dropped_for) == ([], {}, "")


@pytest.mark.parametrize(("policy", "flags", "dropped"), [("off", 0, 0), ("tag", 2, 0), ("drop", 2, 2)])
def test_policies(policy: NearPolicy, flags: int, dropped: int) -> None:
    """Off looks for nothing, tag names the original, drop drops what is sure to have one."""
    cache = FakeCache()
    (first,) = through(cache, written(1), policy=policy)
    records = compared(cache, written(2), written(3, TEXT + " Yes."), policy=policy)

    assert sum("near_duplicate" in record.flags for record in records) == flags
    assert [record.dropped_for for record in records if record.dropped_for] == [first.origin_id] * dropped


def test_drop_needs_a_sure_original() -> None:
    """A near-duplicate of a record in another partition of the same batch is tagged, not dropped."""
    first, beside, behind = compared(
        FakeCache(), written(1), written(1, partition=1), written(2), policy="drop"
    )

    assert (first.dropped_for, beside.dropped_for, behind.dropped_for) == ("", "", first.origin_id)
    assert beside.flags == behind.flags == ["near_duplicate"]


def test_no_words() -> None:
    """A text without words has no near-duplicates."""
    assert [record.flags for record in compared(FakeCache(), written(1, ""), written(2, ""))] == [[], []]
