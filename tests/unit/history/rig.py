"""Records of an agent with their features, and a cache that remembers them."""

from __future__ import annotations

from sluice.features.simhash import simhash_of
from sluice.history import NearPolicy
from sluice.history.compare import comparing
from sluice.history.store import Remembered, recall, remember
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.fakes.records import record
from tests.unit.features.test_repetition import PROSE

NOW = 1_763_900_000
TTL = 3_600
ALL = Remembered(profile=True, near=True, fields={"agent_output/1": ("region",)}, record_ttl=TTL)
# Long enough that a word more or less moves a bit or two.
TEXT = f"{PROSE} {PROSE[::-1]}"
OTHER = (
    "Nothing of this kind was ever said by anybody, so its words and their hashes are all of them new here."
)


def written(
    offset: int,
    text: str = TEXT,
    *,
    agent: str = "planner",
    partition: int = 0,
    source: str = "0123abcd",
    **fields: object,
) -> Record:
    """Make a record as it is before it is compared: cleaned and measured, at a time of its own."""
    made = record(
        offset,
        f"{offset:032x}",
        agent=agent,
        partition=partition,
        source=source,
        when=f"2026-11-23T08:{offset % 60:02}:00Z",
    )
    made.body = {"text": text, **fields}
    value = simhash_of(text)
    made.features = {"chars": len(text), "digit_ratio": 0.0, "symbol_ratio": 0.02, "url_ratio": 0.0}
    if value is not None:
        made.features["simhash"] = f"{value:016x}"
    return made


def compared(cache: FakeCache, *records: Record, policy: NearPolicy = "tag", now: int = NOW) -> list[Record]:
    """Recall the history of these records and compare them, as one batch."""
    recall(records, cache, 1.0, now)
    step = comparing(policy)
    for one in records:
        step(one)
    return list(records)


def acknowledged(cache: FakeCache, *records: Record, what: Remembered = ALL) -> int:
    """Have the records stored, published and remembered."""
    for one in records:
        one.stored_key = one.cache_key
    return remember([one for one in records if not one.dropped_for], what, cache, 1.0)


def through(cache: FakeCache, *records: Record, policy: NearPolicy = "tag", now: int = NOW) -> list[Record]:
    """Compare a batch and acknowledge it."""
    compared(cache, *records, policy=policy, now=now)
    acknowledged(cache, *records)
    return list(records)
