"""Who is first, who repeats, who conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sluice.claim import Claim, Command, CommandError, Reply, claim, withdraw
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.fakes.records import SOURCE, WHEN, record, value_of
from tests.fakes.schedule import Clock, Mode, Schedule

A, B, C = "a" * 32, "b" * 32, "c" * 32
KEY = f"planner:{WHEN}"
STORED, TTL = Claim("stored"), 100


def claimed(cache: FakeCache, *records: Record) -> list[Claim]:
    return claim(records, cache, TTL, 1.0)


def kinds(cache: FakeCache) -> list[list[str]]:
    """Return the commands of every round trip, the index's apart."""
    return [[str(command[0]) for command in trip if command[0] != "EVAL"] for trip in cache.round_trips]


def test_first() -> None:
    """Where nothing is, a record is stored under its own key, with an end, in one round trip."""
    cache, one = FakeCache(), record(1)

    assert claimed(cache, one) == [STORED]
    assert cache.value(KEY) == one.value
    assert cache.run([("TTL", KEY)], 1.0) == [TTL]
    assert (one.stored_key, one.conflict, one.aged) == (KEY, False, False)
    assert cache.round_trips[0][0] == ("SET", KEY, one.value, "NX", "GET", "EX", TTL)
    assert kinds(cache)[:-1] == [["SET"]]


def test_mine_and_equal() -> None:
    """A record that comes again finds itself, and writes nothing."""
    cache = FakeCache()
    claimed(cache, record(1))
    again = record(1)

    assert claimed(cache, again) == [STORED]
    assert (again.stored_key, again.aged) == (KEY, True)
    assert kinds(cache) == [["SET"], ["SET"]]


def test_mine_and_changed() -> None:
    """A record that a newer pipeline judges otherwise replaces what it stored, with a new end."""
    clock = Clock()
    cache = FakeCache(clock=clock)
    claimed(cache, record(1))
    clock.now += 60
    changed = record(1, padding=3)

    assert claimed(cache, changed) == [STORED]
    assert cache.value(KEY) == changed.value
    assert cache.run([("TTL", KEY)], 1.0) == [TTL]
    assert not changed.conflict
    assert not changed.aged
    assert cache.round_trips[2] == [("SET", KEY, changed.value, "EX", TTL)]


def test_mine_is_topic_and_source() -> None:
    """The same origin of another event source is somebody else's."""
    cache = FakeCache()
    claimed(cache, record(1, source="ffffffff"))
    one = record(1)

    assert claimed(cache, one) == [STORED]
    assert (one.stored_key, one.conflict) == (f"{KEY}#{A[:8]}", True)


def test_duplicate() -> None:
    """Same content, same source, other origin: a duplicate that names its original and writes nothing."""
    cache = FakeCache()
    claimed(cache, record(1))

    assert claimed(cache, record(2, partition=3)) == [Claim("duplicate", original="agent_raw_output-0-1")]
    assert cache.value(KEY) == record(1).value


def test_duplicate_in_one_batch() -> None:
    """Of equal records in one batch the first is the original."""
    claims = claimed(FakeCache(), record(1), record(2), record(3, agent="critic"), record(1, partition=1))

    assert [one.verdict for one in claims] == ["stored", "duplicate", "stored", "duplicate"]
    assert {one.original for one in claims} == {"", "agent_raw_output-0-1"}


def test_conflict() -> None:
    """Other content under the same key is kept beside it, under a part of its hash, in one more round trip."""
    cache = FakeCache()
    first, other, third = record(1), record(2, B), record(3, C)

    assert claimed(cache, first, other, third) == [STORED] * 3
    assert [cache.value(r.stored_key) for r in (first, other, third)] == [
        r.value for r in (first, other, third)
    ]
    assert (other.stored_key, other.conflict) == (f"{KEY}#{B[:8]}", True)
    assert kinds(cache) == [["SET"] * 3, ["SET"] * 2]


def test_duplicate_of_a_conflict() -> None:
    """The answers of the second key are those of the first: mine, duplicate, conflict."""
    cache = FakeCache()
    claimed(cache, record(1), record(2, B))

    claims = claimed(cache, record(2, B), record(3, B))

    assert claims == [STORED, Claim("duplicate", original="agent_raw_output-0-2")]


def test_conflict_of_a_conflict() -> None:
    """Two contents whose hashes begin alike are both kept, the second under its whole hash and source."""
    cache = FakeCache()
    twin = B[:8] + "0" * 24
    claimed(cache, record(1), record(2, B))
    one = record(3, twin)

    assert claimed(cache, one, record(4, twin)) == [
        STORED,
        Claim("duplicate", original="agent_raw_output-0-3"),
    ]
    assert (one.stored_key, one.conflict) == (f"{KEY}#{twin}-{SOURCE}", True)
    assert cache.value(one.stored_key) == one.value


def test_foreign_at_every_level() -> None:
    """Where somebody else sits on all three keys, the last of them is taken, and given an end."""
    cache = FakeCache()
    last = f"{KEY}#{A}-{SOURCE}"
    for key in (KEY, f"{KEY}#{A[:8]}", last):
        cache.put(key, [b"a list"])
    one = record(1)

    assert claimed(cache, one) == [STORED]
    assert (one.stored_key, one.conflict) == (last, True)
    assert cache.value(last) == one.value
    assert cache.run([("TTL", last)], 1.0) == [TTL]
    assert cache.value(KEY) == [b"a list"]


FOREIGN: list[Any] = [
    b"",
    b"\xff\x00",
    b"not JSON",
    b"null",
    b"7",
    b'"_prep"',
    b"[]",
    b'["_prep"]',
    b"{}",
    b'{"_prep":null}',
    b'{"_prep":[]}',
    b'{"_prep":"origin"}',
    b'{"_prep":{}}',
    b'{"_prep":{"origin":"agent_raw_output-0-9","source":"0123abcd"}}',
    value_of(9, A),
    value_of("agent_raw_output-0-9", 7),
    value_of("agent_raw_output-0-9", A, 123),
    value_of(None, A),
    value_of(["agent_raw_output-0-9"], A),
    value_of("agent_raw_output-0-9", A, "ffffffff"),
    b"[" * 5000,
    [b"a list"],
    {b"member": 1.0},
]


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: str(value)[:40])
def test_foreign_value(value: Any) -> None:
    """A value that is not ours is left as it is, and no record is dropped on its word."""
    cache = FakeCache()
    cache.put(KEY, value)
    one = record(1)

    assert claimed(cache, one) == [STORED]
    assert (one.stored_key, one.conflict) == (f"{KEY}#{A[:8]}", True)
    assert cache.value(KEY) == value


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_error_is_of_one_record(failing: int) -> None:
    """A command that is refused fails its record and no other."""
    cache = FakeCache(Schedule({failing: Mode.ALONE}))
    claims = claimed(cache, record(1), record(2, agent="critic"), record(3, agent="writer"))

    assert [one.verdict for one in claims] == [
        "failed" if place == failing else "stored" for place in range(3)
    ]
    assert claims[failing].error == "OOM"


def test_lost_reply() -> None:
    """A record whose reply is lost was stored or not: it failed, and finds itself when it comes again."""
    cache = FakeCache(Schedule({0: Mode.AFTER}))

    assert claimed(cache, record(1), record(2, B)) == [Claim("failed", error="connection")] * 2
    assert claimed(cache, record(1), record(2, B)) == [STORED, STORED]


def test_second_round_trip_fails() -> None:
    """A conflict whose second claim is not answered has failed, and what was stored stays stored."""
    cache = FakeCache(Schedule({3: Mode.BEFORE}))
    other = record(2, B)

    assert claimed(cache, record(1), other) == [STORED, Claim("failed", error="connection")]
    assert other.stored_key == ""


def test_overwrite_fails() -> None:
    """An overwrite that is refused has failed: what is there is not what is to be published."""
    cache = FakeCache(Schedule({4: Mode.ALONE}))
    claimed(cache, record(1))
    changed = record(1, padding=3)

    assert claimed(cache, changed) == [Claim("failed", error="OOM")]
    assert changed.stored_key == ""


def test_no_records() -> None:
    """Nothing to claim is no round trip."""
    cache = FakeCache()

    assert claimed(cache) == []
    assert cache.round_trips == []


def test_withdraw() -> None:
    """A claim is taken back from the key it was made on, and from no other."""
    cache = FakeCache()
    first, other = record(1), record(2, B)
    claimed(cache, first, other)

    assert withdraw(other, cache, 1.0)
    assert cache.value(other.stored_key) is None
    assert cache.value(KEY) == first.value


def test_withdraw_leaves_what_is_not_its_own() -> None:
    """A key that somebody else holds by now, or nobody, is left alone, and that is no failure."""
    cache = FakeCache()
    one = record(1)
    claimed(cache, one)
    cache.put(KEY, b"another's", 10)

    assert withdraw(one, cache, 1.0)
    assert cache.value(KEY) == b"another's"
    cache.clear()
    assert withdraw(one, cache, 1.0)


@pytest.mark.parametrize("mode", [Mode.BEFORE, Mode.ALONE, Mode.AFTER])
def test_withdraw_fails(mode: Mode) -> None:
    """A withdrawal that the cache does not confirm has failed."""
    cache = FakeCache(Schedule({2: mode}))
    one = record(1)
    claimed(cache, one)

    assert not withdraw(one, cache, 1.0)


def test_errors_are_values() -> None:
    """A command's failure says its kind and whether the key holds another's type."""
    error = CommandError("OOM")

    assert (error.kind, error.foreign, str(error)) == ("OOM", False, "OOM")
    assert CommandError("WRONGTYPE", foreign=True).foreign


def test_replies_too_few() -> None:
    """A cache that answers fewer commands than it was given breaks its contract, and is not believed."""

    class Short(FakeCache):
        def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
            return super().run(commands, timeout)[:1]

    with pytest.raises(ValueError, match="zip"):
        claimed(Short(), record(1), record(2))
