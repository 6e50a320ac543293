"""The cache's part of the check: every cleaned record is in it, byte for byte, and for as long as it should be.

Of the claims' protocol it knows the contract alone: a record lies under `agent:timestamp`; where another content
came first, under that with `#` and 8 digits of its content; where that is taken, too, with all 32 and the source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from ops.twin.cache_reader import Held
from ops.twin.differences import Differences
from sluice.record import Record

Look = Callable[[Sequence[str]], list[Held]]

# Between the cache's rounding and the runner's.
_SLACK_SECONDS = 1.0
_PLACES: tuple[Callable[[Record], str], ...] = (
    lambda record: record.cache_key,
    lambda record: f"{record.cache_key}#{record.content[:8]}",
    lambda record: f"{record.cache_key}#{record.content}-{record.source}",
)


class CacheCheck:
    """Hold what the cache has against what was published; ask it only when nobody writes to it any more."""

    def __init__(self, look: Look, ttl: int, age: Callable[[], float], differences: Differences) -> None:
        """Begin with nothing looked up; `ttl` is in seconds, and so is the run's `age` since before its first record."""
        self._look = look
        self._ttl = ttl
        self._age = age
        self._differences = differences
        self._missing: list[str] = []
        self._others: dict[str, tuple[str, bytes]] = {}

    def cleaned(self, records: Sequence[Record]) -> None:
        """Look for cleaned records, each as the pure pipeline made it."""
        left = list(records)
        for place in _PLACES:
            if left:
                left = self._not_at(place, left)
        self._missing += [record.origin_id for record in left]

    def _not_at(self, place: Callable[[Record], str], records: Sequence[Record]) -> list[Record]:
        """Return the records that are not there, but for those of which other bytes are."""
        keys = [place(record) for record in records]
        left = []
        for record, key, held in zip(records, keys, self._look(keys), strict=True):
            if held.value == record.value:
                self._check_ttl(record, held.ttl_ms)
            elif self._is_another(record, key, held.value):
                left.append(record)
        return left

    def _check_ttl(self, record: Record, ttl_ms: int) -> None:
        # A key gets its time once, when it is written: since the run began it lost no more than the run's age.
        least = (self._ttl - self._age() - _SLACK_SECONDS) * 1000
        if ttl_ms < 0:
            self._differences.add("cached without a time to live", record.origin_id)
        elif not least <= ttl_ms <= self._ttl * 1000:
            way = "longer" if ttl_ms > least else "for less time"
            self._differences.add(
                f"cached {way} than the {self._ttl} s of RECORD_TTL_SECONDS", record.origin_id
            )

    def _is_another(self, record: Record, key: str, value: bytes | None) -> bool:
        """Say whether a key has nothing of this record; another one's value of this run is kept for the end."""
        origin, source = _provenance(value)
        if source != record.source:
            return True
        if origin == record.origin_id:
            self._differences.add("cached with other bytes than were published", origin)
            return False
        self._others[key] = (origin, value or b"")
        return True

    def finish(self, published: Callable[[str], bytes | None], *, forgot: bool) -> int:
        """Judge what was not found; return how many records that is, which is right only if the cache `forgot`.

        `published` returns, for an origin, what the cache may hold of it.
        """
        for origin, value in self._others.values():
            if published(origin) != value:
                self._differences.add("in the cache, yet not what was published", origin)
        if not forgot:
            for origin in self._missing:
                self._differences.add("cleaned, but not in the cache", origin)
        return len(self._missing)


def _provenance(value: bytes | None) -> tuple[str, str]:
    """Return the origin and the source that a cached value names; empty strings where it is no record."""
    try:
        prep = orjson.loads(value or b"")["_prep"]
        return str(prep["origin"]), str(prep["source"])
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return "", ""
