"""The index of an agent's newest records: a help, and never a reason to fail."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st

from sluice.claim import INDEX_PREFIX, INDEX_SIZE, Claim, claim, epoch_ms
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.fakes.records import WHEN, record
from tests.unit.samples import judge, message

B = "b" * 32
STORED, TTL = Claim("stored"), 100


def claimed(cache: FakeCache, *records: Record) -> list[Claim]:
    return claim(records, cache, TTL, 1.0)


def test_index_notes_every_key() -> None:
    """An agent's index knows the keys of its records, conflicts too, by time, with one command an agent and trip."""
    cache = FakeCache()
    late = record(3, when="2026-11-23T09:00:00Z")
    claimed(cache, late, record(1), record(2, B), record(4, agent="critic"))

    index = INDEX_PREFIX + "planner"
    assert cache.run([("ZRANGE", index, 0, -1, "REV"), ("TTL", index)], 1.0) == [
        [late.timestamp.encode(), f"{WHEN}#{B[:8]}".encode(), WHEN.encode()],
        TTL,
    ]
    assert [sum(command[0] == "EVAL" for command in trip) for trip in cache.round_trips[:2]] == [2, 1]


def test_index_keeps_the_newest() -> None:
    """An index holds so many keys and drops the oldest."""
    cache = FakeCache()
    stamps = [f"2026-11-23T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(INDEX_SIZE + 5)]
    claimed(cache, *(record(place, when=when) for place, when in enumerate(stamps)))

    (members,) = cache.run([("ZRANGE", INDEX_PREFIX + "planner", 0, -1)], 1.0)
    assert members == [when.encode() for when in stamps[5:]]


def test_index_is_only_a_help() -> None:
    """An index that cannot be written fails no record."""
    cache = FakeCache()
    cache.put(INDEX_PREFIX + "planner", b"somebody else's")

    assert claimed(cache, record(1)) == [STORED]


def test_index_is_not_written_for_an_overwrite() -> None:
    """What was noted once is not noted again."""
    cache = FakeCache()
    claimed(cache, record(1))
    claimed(cache, record(1, padding=3))

    assert [sum(command[0] == "EVAL" for command in trip) for trip in cache.round_trips] == [1, 1, 0]


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("1970-01-01t01:00:00+01:00", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ("2016-12-31T15:59:60.25-08:00", 1_483_228_799_250),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("0000-02-29T00:00:00Z", -62_162_121_600_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000),
    ],
)
def test_epoch(timestamp: str, expected: float) -> None:
    """Every valid date-time has a place in the index, leap seconds and the year 0 too."""
    assert epoch_ms(timestamp) == expected


@given(
    st.from_regex(
        r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
        r"(\.[0-9]{1,12})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
        fullmatch=True,
        alphabet=st.characters(codec="ascii"),
    )
)
def test_epoch_of_whatever_is_valid(timestamp: str) -> None:
    """No timestamp that passes the schema breaks the index, for that would block its partition."""
    judged = judge(message(timestamp=timestamp))
    if isinstance(judged, Record):
        assert math.isfinite(epoch_ms(timestamp))
    else:
        assert judged.reason == "schema_invalid"
