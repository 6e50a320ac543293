"""The history of an agent, from batch to batch."""

from __future__ import annotations

import orjson
import pytest

from sluice.history.agent import NO_STATE, State, pack_state, unpack_state
from sluice.history.profile import LEAST_HISTORY, NO_PROFILE
from sluice.history.store import HISTORY_PREFIX, Remembered, recall, remember
from sluice.record import Record
from tests.fakes.cache import FakeCache, Fields
from tests.fakes.rig import BrokenCache
from tests.unit.history.rig import ALL, NOW, OTHER, TEXT, TTL, acknowledged, compared, through, written

KEY = HISTORY_PREFIX + "planner"


def state(cache: FakeCache) -> State:
    found = cache.value(KEY)
    assert isinstance(found, Fields)
    return unpack_state(found.of[b"state"])


def near(record: Record) -> dict[str, object]:
    assert record.flags == ["near_duplicate"]
    found: dict[str, object] = record.notes["near_duplicate"]
    return found


def test_round_trips() -> None:
    """A batch takes one round trip to read and one to write, with one command an agent in each."""
    cache = FakeCache()
    through(cache, *(written(n, f"{TEXT} {n}", agent=f"agent-{n % 3}") for n in range(9)))

    assert [[command[0] for command in trip] for trip in cache.round_trips] == [["HMGET"] * 3, ["EVAL"] * 3]


def test_nothing_to_ask() -> None:
    """Without records the cache is not asked."""
    cache = FakeCache()

    assert recall([], cache, 1.0, NOW) == remember([], ALL, cache, 1.0) == 0
    assert cache.round_trips == []


def test_next_batch() -> None:
    """A text of an earlier batch is recognised in the next one, with its key, its origin and the distance."""
    cache = FakeCache()
    first, unlike = through(cache, written(1), written(2, OTHER))
    again, unlike_again = through(
        cache, written(7, TEXT + " Yes."), written(8, "Quite another story, with no word in common")
    )

    assert (first.flags, unlike.flags, unlike_again.flags) == ([], [], [])
    found = near(again)
    assert (found["key"], found["origin"]) == (first.stored_key, first.origin_id)
    assert found["distance"] in range(4)


def test_conflicting_key() -> None:
    """The original is named by the key that it was stored under, be it a conflict's."""
    cache = FakeCache()
    (first,) = compared(cache, written(1))
    first.stored_key = f"{first.cache_key}#0123abcd"
    remember([first], ALL, cache, 1.0)
    (again,) = compared(cache, written(2))

    assert near(again)["key"] == first.stored_key


def test_same_batch() -> None:
    """Within a batch the first of two is the original, and of three, too."""
    cache = FakeCache()
    first, second, third = compared(cache, written(1), written(2), written(3))

    assert first.flags == []
    assert near(second)["origin"] == near(third)["origin"] == first.origin_id


def test_agents_are_apart() -> None:
    """What another agent said is no near-duplicate."""
    cache = FakeCache()
    through(cache, written(1))
    (other,) = compared(cache, written(2, agent="critic"))

    assert other.flags == []


def test_near_duplicates_are_not_remembered() -> None:
    """An original stays the original of all that come after it, until it expires."""
    cache = FakeCache()
    (first,) = through(cache, written(1))
    through(cache, written(2))
    (third,) = through(cache, written(3), now=NOW + TTL - 1)
    (late,) = through(cache, written(4), now=NOW + TTL)

    assert near(third)["origin"] == first.origin_id
    assert late.flags == []


def test_a_retry_changes_nothing() -> None:
    """A batch that comes again, whose answer was lost, has the same flags and leaves the same history."""
    cache = FakeCache()
    batch = [written(1), written(2), written(3, OTHER, region="eu")]
    through(cache, *batch)
    before = cache.value(KEY)
    again = through(cache, written(1), written(2), written(3, OTHER, region="eu"))

    assert [record.flags for record in again] == [record.flags for record in batch]
    assert [record.notes for record in again] == [record.notes for record in batch]
    assert cache.value(KEY) == before


def test_very_long_timestamps() -> None:
    """A record whose key is very long is no original: its entries would fill the cache."""
    cache = FakeCache()
    (record,) = compared(cache, written(1))
    record.cache_key = "planner:2026-11-23T08:15:00." + "0" * 300 + "Z"
    acknowledged(cache, record)
    (again,) = compared(cache, written(2))

    assert again.flags == []


def test_one_entry_a_slot() -> None:
    """However many texts a batch brings, a record is compared with four others at most."""
    cache = FakeCache()
    records = compared(
        cache, *(written(n, f"{n} " + " ".join(map(str, range(n, n + 40)))) for n in range(2_000))
    )

    assert records[0].history is not None
    assert len(records[0].history.entries) <= 1_024


def test_stored_before() -> None:
    """A record that was stored by an earlier invocation does not count as an original for longer than it lives."""
    cache = FakeCache()
    first, aged = compared(cache, written(1), written(2, OTHER))
    aged.aged = True
    acknowledged(cache, first, aged)
    again, unlike = compared(cache, written(3), written(4, OTHER))

    assert near(again)["origin"] == first.origin_id
    assert unlike.flags == []


def test_counted_once_a_partition() -> None:
    """Of a batch that overlaps with what was counted, only the new records are, partition by partition."""
    cache = FakeCache()
    through(cache, written(1), written(2), written(1, partition=1))
    through(cache, written(2), written(3), written(2, partition=1), written(1, source="ffffffff"))

    assert state(cache).profile.records == 6
    assert state(cache).counted == {
        "0123abcd agent_raw_output-0": 3,
        "0123abcd agent_raw_output-1": 2,
        "ffffffff agent_raw_output-0": 1,
    }


def test_two_at_once() -> None:
    """Of two invocations that read the same state the second one's is not counted, its texts are remembered."""
    cache = FakeCache()
    one, other = compared(cache, written(1)), compared(cache, written(1, OTHER, partition=1))
    assert acknowledged(cache, *one) == acknowledged(cache, *other) == 0

    assert state(cache).profile.records == 1
    (again,) = compared(cache, written(5, OTHER))
    assert near(again)["origin"] == other[0].origin_id


def test_outliers_over_batches() -> None:
    """After enough batches a text out of the ordinary is flagged, with its scores."""
    cache = FakeCache()
    for n in range(LEAST_HISTORY):
        through(cache, written(n, f"{TEXT} {n}"))
    usual, strange = compared(cache, written(100, TEXT[::-1]), written(101, "x" * 9_000))

    assert "outlier" not in usual.flags
    assert strange.flags == ["outlier"]
    assert strange.notes["outliers"]["chars"] > 3.5


def test_last_values() -> None:
    """The last value of a declared field is kept, that of the highest offset; long, missing and imputed ones are not."""
    cache = FakeCache()
    through(cache, written(2, region="us"), written(1, region="eu"), written(3), written(4, region=None))
    assert state(cache).values == {"agent_output/1 region": "us"}

    through(cache, written(5, region="x" * 2_000))
    imputed = written(6, region="made up")
    imputed.note("imputed", {"region": "constant"})
    through(cache, imputed)
    assert state(cache).values == {"agent_output/1 region": "us"}


def test_only_what_is_wanted() -> None:
    """Without near-duplicates no text is remembered, without profile and fields no state."""
    near_only = Remembered(profile=False, near=True, fields={}, record_ttl=TTL)
    profile_only = Remembered(profile=True, near=False, fields={}, record_ttl=TTL)
    cache = FakeCache()
    acknowledged(cache, *compared(cache, written(1)), what=near_only)
    acknowledged(cache, *compared(cache, written(1, agent="critic")), what=profile_only)
    found, other = cache.value(KEY), cache.value(HISTORY_PREFIX + "critic")

    assert isinstance(found, Fields)
    assert isinstance(other, Fields)
    assert len(found.of) == 4
    assert b"state" not in found.of
    assert other.of.keys() == {b"state"}
    assert (near_only.anything, profile_only.anything) == (True, True)
    assert not Remembered(profile=False, near=False, fields={"a/1": ()}, record_ttl=TTL).anything


def test_it_ends() -> None:
    """An agent's history has an end of its own, a week after its last record."""
    cache = FakeCache()
    through(cache, written(1))

    assert cache.run([("TTL", KEY)], 1.0) == [604_800]


def test_a_silent_cache() -> None:
    """What the cache does not answer leads to no flag and no write, and is counted; other agents go on."""
    cache = BrokenCache(KEY)
    known, unknown = written(1, agent="critic"), written(2)
    assert recall([known, unknown], cache, 1.0, NOW) == 1

    assert unknown.history is None
    assert acknowledged(cache, *compared(cache, known, unknown)) == 0
    assert cache.value(KEY) is None
    assert cache.value(HISTORY_PREFIX + "critic") is not None


def test_a_write_that_fails() -> None:
    """A history that could not be written is counted."""
    cache = FakeCache()
    batch = compared(cache, written(1))

    assert remember(batch, ALL, BrokenCache(KEY), 1.0) == 1


FOREIGN = [
    b"x",
    b"{}",
    b"[]",
    b"null",
    b'{"form":2}',
    b'{"form":1}',
    b'{"form":1,"records":"x","counts":[],"typical":1}',
]


@pytest.mark.parametrize("value", FOREIGN)
def test_not_ours(value: bytes) -> None:
    """A state that another version or somebody else wrote counts as none, and is replaced."""
    cache = FakeCache()
    cache.put(KEY, Fields({b"state": value, b"0aa": b"junk"}))
    (record,) = through(cache, written(1))

    assert record.flags == []
    assert state(cache).profile.records == 1


def test_damaged_state() -> None:
    """A state in which somebody meddled with the numbers fails no record."""
    cache = FakeCache()
    meddled = b'{"form":1,"records":99,"counts":{"chars":{"9":99}},"typical":{"chars":[9,0]},"values":{},"counted":{}}'
    cache.put(KEY, Fields({b"state": meddled}))
    (record,) = compared(cache, written(1))

    assert record.flags == ["outlier"]


def test_another_type() -> None:
    """A key of another type is no history, and never an error."""
    cache = FakeCache()
    cache.put(KEY, b"text")
    (record,) = compared(cache, written(1))

    assert record.history is None


def test_packed_state() -> None:
    """What the cache holds is read as it was written."""
    cache = FakeCache()
    through(cache, written(1, region={"a": [1, None]}), written(1, partition=3))
    kept = state(cache)

    assert unpack_state(pack_state(kept)) == kept
    assert kept.values == {"agent_output/1 region": {"a": [1, None]}}
    assert unpack_state(pack_state(NO_STATE)) == State(NO_PROFILE, {}, {})
    assert orjson.loads(pack_state(kept))["form"] == 1
