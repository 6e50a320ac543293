"""Near-duplicates: who is near whom, and for whom a record may be dropped."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.history.near import MOST_APART, Entry, Near, may_replace, nearest, pack, slots, unpack

NOW = 1_000
HASHES = st.integers(0, 2**64 - 1)
OWN = Entry(0, 9_999, "0123abcd", "raw-0", 50, "2026-11-23T08:15:00Z", True)


def other(**changed: object) -> Entry:
    return OWN._replace(**{"offset": 40, "in_batch": False, **changed})  # type: ignore[arg-type]


@given(HASHES, st.sets(st.integers(0, 63), max_size=MOST_APART))
def test_near_hashes_share_a_slot(simhash: int, flipped: set[int]) -> None:
    """Two hashes that differ in three bits at most have a slot in common."""
    near = simhash ^ sum(1 << bit for bit in flipped)

    assert set(slots(simhash)) & set(slots(near))


def test_slots() -> None:
    """A table has 1,024 slots, four to a hash, a band's own each."""
    every = [slots(n | n << 16 | n << 32 | n << 48) for n in range(2**16)]

    assert len({slot for four in every for slot in four}) == 1_024
    assert slots(0x1234_5678_9ABC_DEF0) == ["0f0", "1bc", "278", "334"]


def test_nearest() -> None:
    """The least distance wins, then the one that was there first; four bits are too many."""
    far, near, nearer = other(simhash=0b1111), other(simhash=0b11, offset=1), other(simhash=0b1, offset=2)
    again = nearer._replace(offset=1, topic_partition="raw-1", expires=9_000)

    assert nearest(OWN, [far], NOW) is None
    assert nearest(OWN, [], NOW) is None
    assert nearest(OWN, [far, near, nearer], NOW) == Near(nearer, 1)
    assert nearest(OWN, [nearer, again], NOW) == nearest(OWN, [again, nearer], NOW) == Near(again, 1)


NOT_COUNTED = {
    "what the cache forgot": other(expires=NOW),
    "the record itself": other(offset=50),
    "a later one of its partition": other(offset=51),
}
COUNTED = {
    "an earlier one": other(),
    "a later one of another partition": other(topic_partition="raw-1", offset=90),
    "one of another event source": other(source="ffffffff", offset=50),
}


@pytest.mark.parametrize("entry", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_not_counted(entry: Entry) -> None:
    """A retry is no near-duplicate of what its own first run left, nor is anything of what is gone."""
    assert nearest(OWN, [entry], NOW) is None


@pytest.mark.parametrize("entry", COUNTED.values(), ids=COUNTED)
def test_counted(entry: Entry) -> None:
    """Every other record is."""
    assert nearest(OWN, [entry], NOW) == Near(entry, 0)


@pytest.mark.parametrize(
    ("entry", "sure"),
    [
        (other(), True),
        (other(topic_partition="raw-1"), True),
        (other(in_batch=True), True),
        (other(in_batch=True, topic_partition="raw-1"), False),
        (other(source="ffffffff"), False),
    ],
)
def test_may_replace(entry: Entry, sure: bool) -> None:
    """A record is dropped only for one that is stored, or that precedes it and fails together with it."""
    assert may_replace(Near(entry, 0), OWN) == sure


@given(
    HASHES,
    st.integers(0, 2**31),
    st.integers(0, 2**62),
    st.text(max_size=30).filter(lambda t: "\ud800" not in t),
)
def test_packed(simhash: int, expires: int, offset: int, member: str) -> None:
    """What the cache holds is read as it was written, whatever the key looks like."""
    entry = Entry(simhash, expires, "0123abcd", "agent_raw_output-3", offset, member)

    assert unpack(pack(entry).encode()) == entry


@pytest.mark.parametrize(
    "value", [b"", b"x", b"1 2 3 4 5", b"zz 1 s t 1 m", b"0 x s t 1 m", b"0 1 s t x m", b"\xff " * 6]
)
def test_not_ours(value: bytes) -> None:
    """A value that is not ours is nothing."""
    assert unpack(value) is None
