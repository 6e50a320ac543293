"""What every cache has to do, the fake one too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.claim import INDEX_PREFIX, Claim, CommandError, Commands, claim, withdraw
from sluice.lookup import look_up
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.fakes.records import record

A, B, C = "a" * 32, "b" * 32, "c" * 32
STORED, TTL = Claim("stored"), 100
EARLY, LATE = "2026-11-23T08:15:00Z", "2026-11-23T09:00:00Z"
REAL = [
    pytest.param(name, marks=pytest.mark.integration)
    for name in ("standalone", "cluster of one", "cluster of two")
]


@pytest.fixture(scope="module", params=["fake", *REAL])
def cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Every kind of cache, one after the other."""
    if request.param == "fake":
        yield FakeCache()
        return
    from tests.contract.valkey import opened, wait_for_cluster

    if request.param == "standalone":
        yield opened(request.getfixturevalue("valkey_url"))
    elif request.param == "cluster of one":
        url = request.getfixturevalue("valkey_cluster_url")
        wait_for_cluster(url)
        yield opened(url, "cluster")
    else:
        yield from _two(tmp_path_factory.mktemp("two"))


def _two(folder: Path) -> Iterator[Commands]:
    from tests.contract.valkey import Valkey, opened, two_nodes

    options = {"cluster-enabled": "yes"}
    with Valkey(folder / "first", **options) as first, Valkey(folder / "second", **options) as second:
        two_nodes(first, second)
        yield opened(first.url, "cluster")


@pytest.fixture
def agent() -> str:
    """An agent that nobody else speaks of: the servers are shared."""
    return f"agent-{uuid.uuid4().hex}"


def claimed(cache: Commands, *records: Record) -> list[Claim]:
    return claim(records, cache, TTL, 2.0)


def test_first_mine_duplicate_conflict(cache: Commands, agent: str) -> None:
    """The four answers: stored, mine again, a duplicate of the first, a conflict beside it."""
    first, other = record(1, A, agent=agent), record(3, B, agent=agent)

    assert claimed(cache, first, record(2, A, agent=agent), other) == [
        STORED,
        Claim("duplicate", original=first.origin_id),
        STORED,
    ]
    assert claimed(cache, record(1, A, agent=agent), record(3, B, agent=agent)) == [STORED, STORED]
    keys = [first.cache_key, f"{first.cache_key}#{B[:8]}"]
    assert [first.stored_key, other.stored_key] == keys
    assert cache.run([("GET", key) for key in keys], 2.0) == [first.value, other.value]


def test_changed_is_overwritten(cache: Commands, agent: str) -> None:
    """What is mine and changed replaces what was there."""
    claimed(cache, record(1, A, agent=agent))
    changed = record(1, A, agent=agent, padding=1000)

    assert claimed(cache, changed) == [STORED]
    assert cache.run([("GET", changed.cache_key)], 2.0) == [changed.value]


def test_many_agents(cache: Commands, agent: str) -> None:
    """Records of many keys, so of many slots, keep their places, and a second batch finds them all."""
    records = [record(place, A, agent=f"{agent}-{place % 50}", when=EARLY) for place in range(100)]
    claims = claimed(cache, *records)

    assert [one.verdict for one in claims] == ["stored"] * 50 + ["duplicate"] * 50
    assert [one.original for one in claims[50:]] == [one.origin_id for one in records[:50]]
    assert cache.run([("GET", one.cache_key) for one in records[:50]], 2.0) == [
        one.value for one in records[:50]
    ]


def test_wrong_type(cache: Commands, agent: str) -> None:
    """A key of another type is left as it is; its record goes beside it, the rest of the batch is not concerned."""
    one, next_one = record(1, A, agent=agent), record(2, A, agent=agent, when=LATE)
    assert cache.run([("LPUSH", one.cache_key, "theirs")], 2.0) == [1]

    assert claimed(cache, one, next_one) == [STORED, STORED]
    assert one.stored_key == f"{one.cache_key}#{A[:8]}"
    (left,) = cache.run([("GET", one.cache_key)], 2.0)
    assert isinstance(left, CommandError)
    assert left.foreign


def test_wrong_type_at_every_level(cache: Commands, agent: str) -> None:
    """Where all three keys are of another type, the last is taken."""
    one = record(1, A, agent=agent)
    keys = [one.cache_key, f"{one.cache_key}#{A[:8]}", f"{one.cache_key}#{A}-{one.source}"]
    cache.run([("LPUSH", key, "theirs") for key in keys], 2.0)

    assert claimed(cache, one) == [STORED]
    assert one.stored_key == keys[2]
    assert cache.run([("GET", keys[2])], 2.0) == [one.value]


def test_no_key_without_end(cache: Commands, agent: str) -> None:
    """Whatever is written ends: records, conflicts, what was overwritten, and the index."""
    claimed(cache, record(1, A, agent=agent), record(2, B, agent=agent))
    changed = record(1, A, agent=agent, padding=9)
    claimed(cache, changed)

    keys = [changed.cache_key, f"{changed.cache_key}#{B[:8]}", INDEX_PREFIX + agent]
    for ends in cache.run([("TTL", key) for key in keys], 2.0):
        assert isinstance(ends, int)
        assert TTL - 5 <= ends <= TTL


def test_withdraw(cache: Commands, agent: str) -> None:
    """A claim is withdrawn while it is ours, and left alone when it is not."""
    one, other = record(1, A, agent=agent), record(2, B, agent=agent)
    claimed(cache, one, other)

    assert withdraw(one, cache, 2.0)
    assert cache.run([("GET", one.cache_key), ("GET", other.stored_key)], 2.0) == [None, other.value]
    claimed(cache, record(9, C, agent=agent))
    assert withdraw(one, cache, 2.0)
    assert cache.run([("GET", one.cache_key)], 2.0) == [record(9, C, agent=agent).value]


def test_withdraw_fails_on_another_type(cache: Commands, agent: str) -> None:
    """A key that turned into another type is not touched, and the failure is told."""
    one = record(1, A, agent=agent)
    claimed(cache, one)
    cache.run([("DEL", one.cache_key), ("LPUSH", one.cache_key, "theirs")], 2.0)

    assert not withdraw(one, cache, 2.0)


def test_index(cache: Commands, agent: str) -> None:
    """The index gives the newest first, conflicts included, and reads by time."""
    records = [record(1, A, agent=agent), record(2, B, agent=agent), record(3, C, agent=agent, when=LATE)]
    claimed(cache, *records)
    index = INDEX_PREFIX + agent
    score = 1_795_421_700_000.0

    newest, of_one_time = cache.run(
        [("ZRANGE", index, 0, 1, "REV"), ("ZRANGE", index, score, score, "BYSCORE")], 2.0
    )
    assert newest == [LATE.encode(), f"{EARLY}#{B[:8]}".encode()]
    assert of_one_time == [EARLY.encode(), f"{EARLY}#{B[:8]}".encode()]


def test_index_keeps_a_thousand(cache: Commands, agent: str) -> None:
    """The index drops the oldest beyond a thousand."""
    stamps = [f"2026-11-23T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(1_003)]
    claimed(cache, *(record(place, A, agent=agent, when=when) for place, when in enumerate(stamps)))

    assert cache.run([("ZRANGE", INDEX_PREFIX + agent, 0, -1)], 2.0) == [
        [when.encode() for when in stamps[3:]]
    ]


def test_index_of_another_type(cache: Commands, agent: str) -> None:
    """An index that somebody else sits on fails no record."""
    cache.run([("LPUSH", INDEX_PREFIX + agent, "theirs")], 2.0)

    assert claimed(cache, record(1, A, agent=agent)) == [STORED]


def test_lookup(cache: Commands, agent: str) -> None:
    """What was stored is found by its name, and the newest come first."""
    claimed(cache, record(1, A, agent=agent), record(2, B, agent=agent, when=LATE))

    found = look_up({"agent_id": agent, "timestamp": EARLY}, cache, 2.0)
    latest = look_up({"agent_id": agent, "latest": 5}, cache, 2.0)
    missing = look_up({"agent_id": agent, "timestamp": "2026-11-23T10:00:00Z"}, cache, 2.0)

    assert (found["statusCode"], found["record"]["_prep"]["content"]) == (200, A)
    assert [one["_prep"]["content"] for one in latest["records"]] == [B, A]
    assert missing["statusCode"] == 404


def test_large_batch(cache: Commands, agent: str) -> None:
    """A batch of six megabytes goes through in one packed trip, replies and all."""
    records = [record(place, A, agent=f"{agent}-{place}", padding=12_000) for place in range(500)]

    assert claimed(cache, *records) == [STORED] * 500
    again = [record(place + 1_000, A, agent=f"{agent}-{place}", padding=12_000) for place in range(500)]
    assert [one.verdict for one in claimed(cache, *again)] == ["duplicate"] * 500
