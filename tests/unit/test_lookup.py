"""What downstream agents get: one record, the newest ones, a clear no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from sluice.claim import INDEX_PREFIX, INDEX_SIZE, Command, CommandError, Reply, claim
from sluice.lookup import MAX_LATEST, CacheUnavailableError, look_up
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.unit.samples import GOOD, message, record_of

AGENT = GOOD["agent_id"]


def stamp(second: int, agent: str = AGENT) -> dict[str, str]:
    return {"agent_id": agent, "timestamp": f"2026-11-23T08:{second // 60:02}:{second % 60:02}Z"}


def store(cache: FakeCache, *fields: dict[str, Any], first_offset: int = 0) -> list[Record]:
    records = [record_of(message(offset=first_offset + n, **own)) for n, own in enumerate(fields)]
    assert all(answer.verdict == "stored" for answer in claim(records, cache, 3_600, 1))
    return records


def ask(cache: FakeCache, **request: Any) -> dict[str, Any]:
    return look_up(request, cache, 1)


def texts(answer: dict[str, Any]) -> list[str]:
    return [record["text"] for record in answer["records"]]


def test_one_record() -> None:
    """Agent and timestamp give the record as it was published, in one round trip."""
    cache = FakeCache()
    (record,) = store(cache, stamp(1))
    cache.round_trips.clear()

    assert ask(cache, **stamp(1)) == {"statusCode": 200, "record": orjson.loads(record.value)}
    assert len(cache.round_trips) == 1


@pytest.mark.parametrize(
    "request_", [stamp(2), stamp(1, "other"), {"agent_id": AGENT, "timestamp": "yesterday"}]
)
def test_no_such_record(request_: dict[str, str]) -> None:
    """A miss is a 404 that says what it may mean."""
    cache = FakeCache()
    store(cache, stamp(1))
    answer = ask(cache, **request_)

    assert answer["statusCode"] == 404
    assert "no such record" in answer["error"]
    assert "record" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"timestamp": GOOD["timestamp"]},
        {"agent_id": "", "timestamp": GOOD["timestamp"]},
        {"agent_id": 7, "timestamp": GOOD["timestamp"]},
        {"agent_id": ["a"], "latest": 1},
        {"agent_id": "#recent:a", "timestamp": GOOD["timestamp"]},
        {"agent_id": "\ud800", "timestamp": GOOD["timestamp"]},
        {"agent_id": AGENT},
        {"agent_id": AGENT, "timestamp": 7},
        {"agent_id": AGENT, "timestamp": "\udfff"},
        {"agent_id": AGENT, "timestamp": GOOD["timestamp"], "latest": 1},
        {"agent_id": AGENT, "latest": 0},
        {"agent_id": AGENT, "latest": -1},
        {"agent_id": AGENT, "latest": MAX_LATEST + 1},
        {"agent_id": AGENT, "latest": "5"},
        {"agent_id": AGENT, "latest": 1.0},
        {"agent_id": AGENT, "latest": True},
        {"agent_id": AGENT, "latest": None},
    ],
)
def test_not_understood(request_: dict[str, Any]) -> None:
    """A request that is not understood is a 400 that says what to send, and the cache is not asked."""
    cache = FakeCache()
    answer = look_up(request_, cache, 1)

    assert answer["statusCode"] == 400
    assert '{"agent_id": "…", "latest": n}' in answer["error"]
    assert cache.round_trips == []


def test_the_newest() -> None:
    """The newest n come newest first, by their timestamps, whatever the order they were stored in."""
    cache = FakeCache()
    store(cache, *(stamp(n) | {"text": f"text {n}"} for n in (3, 1, 5, 2, 4)))
    store(cache, stamp(9, "other"), first_offset=50)

    assert texts(ask(cache, agent_id=AGENT, latest=3)) == ["text 5", "text 4", "text 3"]
    assert texts(ask(cache, agent_id=AGENT, latest=MAX_LATEST)) == [f"text {n}" for n in (5, 4, 3, 2, 1)]


def test_none_is_the_newest() -> None:
    """An agent without records is a 404."""
    answer = ask(FakeCache(), agent_id=AGENT, latest=3)

    assert answer["statusCode"] == 404
    assert "no record of this agent" in answer["error"]


def test_expired_members() -> None:
    """What expired is passed over, further back if need be, until there are enough or no more."""
    cache = FakeCache()
    store(cache, *(stamp(n) | {"text": f"text {n}"} for n in range(10)))
    expired = [stamp(n) for n in (9, 8, 6, 5, 3)]
    for gone in expired:
        cache.put(f"{AGENT}:{gone['timestamp']}", b"", seconds=0)

    assert texts(ask(cache, agent_id=AGENT, latest=3)) == ["text 7", "text 4", "text 2"]
    assert texts(ask(cache, agent_id=AGENT, latest=8)) == [f"text {n}" for n in (7, 4, 2, 1, 0)]


def test_all_expired() -> None:
    """An index of nothing but expired records is a 404, after a few round trips even when one record is asked for."""
    cache = FakeCache()
    members: dict[bytes, float] = {f"t{n}".encode(): float(n) for n in range(INDEX_SIZE)}
    cache.put(INDEX_PREFIX + AGENT, members)

    for wanted, most in ((1, 40), (7, 40), (MAX_LATEST, 20)):
        cache.round_trips.clear()
        assert ask(cache, agent_id=AGENT, latest=wanted)["statusCode"] == 404
        assert len(cache.round_trips) <= most


def test_conflicts() -> None:
    """Of two records with one identity the first has the key, and the newest show both."""
    cache = FakeCache()
    store(cache, stamp(1) | {"text": "first"}, stamp(1) | {"text": "second"})

    assert ask(cache, **stamp(1))["record"]["text"] == "first"
    assert sorted(texts(ask(cache, agent_id=AGENT, latest=2))) == ["first", "second"]


FOREIGN: list[bytes | list[bytes] | dict[bytes, float]] = [
    b"not JSON",
    b"",
    b"[1]",
    b'{"agent_id":"planner-7","text":"no _prep"}',
    b'{"_prep":null}',
    b'{"_prep":"x"}',
    [b"a", b"list"],
    {b"a set": 1.0},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_foreign_values(foreign: bytes | list[bytes] | dict[bytes, float]) -> None:
    """A value that is not ours is no record; the record beside it is found through the index."""
    cache = FakeCache()
    cache.put(f"{AGENT}:{stamp(1)['timestamp']}", foreign)
    assert ask(cache, **stamp(1))["statusCode"] == 404

    (record,) = store(cache, stamp(1) | {"text": "beside"})

    assert record.stored_key != record.cache_key
    assert ask(cache, **stamp(1)) == {"statusCode": 200, "record": orjson.loads(record.value)}
    assert texts(ask(cache, agent_id=AGENT, latest=5)) == ["beside"]
    assert cache.value(record.cache_key) == foreign


def test_beside_another_identity() -> None:
    """The index is asked for this very timestamp, not for another way to write the same moment."""
    cache = FakeCache()
    zulu, offset = "2026-11-23T08:00:00Z", "2026-11-23T09:00:00+01:00"
    cache.put(f"{AGENT}:{zulu}", b"foreign")
    cache.put(f"{AGENT}:{offset}", b"foreign")
    store(cache, {"timestamp": offset, "text": "other"})

    assert ask(cache, agent_id=AGENT, timestamp=zulu)["statusCode"] == 404
    assert ask(cache, agent_id=AGENT, timestamp=offset)["record"]["text"] == "other"


def test_a_foreign_index() -> None:
    """An index key of another type holds no members."""
    cache = FakeCache()
    cache.put(INDEX_PREFIX + AGENT, b"a string")

    assert ask(cache, agent_id=AGENT, latest=5)["statusCode"] == 404


class _Failing:
    """A cache that fails the first times, then answers with nothing."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.runs = 0

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        self.runs += 1
        failing = self.runs <= self.failures
        return [CommandError("connection") if failing else None for _ in commands]


def test_failures_that_pass() -> None:
    """A cache that fails twice is asked a third time."""
    cache = _Failing(2)

    assert look_up({"agent_id": AGENT, "timestamp": "t"}, cache, 1)["statusCode"] == 404
    assert cache.runs == 3


def test_failures_that_stay() -> None:
    """A cache that fails three times is an error, never a miss: nobody may take it for one."""
    cache = _Failing(3)

    with pytest.raises(CacheUnavailableError, match=r"does not answer \(connection\): ask again later"):
        look_up({"agent_id": AGENT, "latest": 1}, cache, 1)
    assert cache.runs == 3


def test_reading_only() -> None:
    """Looking up sends nothing but reads, so a user without write access is enough."""
    cache = FakeCache()
    cache.put(f"{AGENT}:{stamp(1)['timestamp']}", b"foreign")
    store(cache, stamp(1), stamp(2))
    cache.round_trips.clear()
    ask(cache, **stamp(1))
    ask(cache, agent_id=AGENT, latest=5)

    assert {command[0] for trip in cache.round_trips for command in trip} == {"GET", "ZRANGE"}
