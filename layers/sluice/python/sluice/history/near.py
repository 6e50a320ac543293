"""Near-duplicates: an agent's texts whose SimHash is nearly the same.

A table of four times 256 slots an agent: a hash has a slot in each of its four bands of 16 bits, the newest stays.
Two hashes that differ in three bits at most agree in one band at least, so they share a slot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

# text-dedup's default for 64 bits, and what Manku, Jain and Das Sarma (2007) found right for web pages.
MOST_APART: Final = 3
_BANDS: Final = 4
_BAND_BITS: Final = 16
# Low bits of a band that choose the slot: an agent's table has at most 1,024 entries, about 150 kB.
_SLOT_MASK: Final = 0xFF
_HEX: Final = 16


class Entry(NamedTuple):
    """Hold one earlier record: its hash, when the cache forgets it (epoch seconds), where it is from, its key.

    `member` is its key without the agent; `in_batch` says that its own batch is still under way.
    """

    simhash: int
    expires: int
    source: str
    topic_partition: str
    offset: int
    member: str
    in_batch: bool = False

    @property
    def origin_id(self) -> str:
        """Return `topic-partition-offset`."""
        return f"{self.topic_partition}-{self.offset}"


class Near(NamedTuple):
    """Hold the nearest earlier record and in how many bits it differs."""

    entry: Entry
    apart: int


def slots(simhash: int) -> list[str]:
    """Return the names of a hash's slots, one a band."""
    return [f"{band}{simhash >> band * _BAND_BITS & _SLOT_MASK:02x}" for band in range(_BANDS)]


class Packed(NamedTuple):
    """Hold an entry as the cache has it; most are never read further than their hash."""

    simhash: int
    packed: bytes


def nearest(own: Entry, candidates: Iterable[Entry | Packed], now: int) -> Near | None:
    """Return the candidate with the least distance, at most 3, among those the earliest; None without one.

    What the cache has forgotten does not count, nor does the record itself, nor what follows it in its
    partition: a retry finds what its own first run left there.
    """
    best: Near | None = None
    for candidate in candidates:
        apart = (own.simhash ^ candidate.simhash).bit_count()
        if apart > MOST_APART:
            continue
        entry = unpack(candidate.packed) if isinstance(candidate, Packed) else candidate
        if entry is None or entry.expires <= now or _is_later(entry, own):
            continue
        if best is None or (apart, entry.expires, entry.offset) < (
            best.apart,
            best.entry.expires,
            best.entry.offset,
        ):
            best = Near(entry, apart)
    return best


def _is_later(entry: Entry, own: Entry) -> bool:
    same = entry.source == own.source and entry.topic_partition == own.topic_partition
    return same and entry.offset >= own.offset


def may_replace(near: Near, own: Entry) -> bool:
    """Tell whether the record may be dropped for the other: only if that one is sure to live on.

    A record of an earlier batch is stored and published. One of the same batch may fail yet; if it
    precedes in the same partition, its failure has this record retried as well.
    """
    entry = near.entry
    if entry.source != own.source:
        return False
    return not entry.in_batch or entry.topic_partition == own.topic_partition


def pack(entry: Entry) -> str:
    """Write an entry for the cache."""
    place = f"{entry.source} {entry.topic_partition} {entry.offset}"
    return f"{entry.simhash:016x} {entry.expires} {place} {entry.member}"


def unpack_hash(packed: bytes) -> Packed | None:
    """Read an entry's hash alone; None for a value that is not ours."""
    try:
        return Packed(int(packed[:_HEX], _HEX), packed)
    except ValueError:
        return None


def unpack(packed: bytes) -> Entry | None:
    """Read an entry; None for a value that is not ours."""
    try:
        simhash, expires, source, topic_partition, offset, member = packed.decode().split(" ", 5)
        return Entry(int(simhash, _HEX), int(expires), source, topic_partition, int(offset), member)
    except ValueError:
        return None
