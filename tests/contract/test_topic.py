"""What every cleaned topic has to do, the fake one too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from sluice.publish import Published, Report, publish
from sluice.record import Record
from sluice.sinks.topic import CleanedTopic, producer_config
from tests.fakes.broker import FakeBroker
from tests.fakes.murmur2 import partition_of
from tests.fakes.records import record
from tests.fakes.schedule import Clock
from tests.fakes.script import deadline_of

PARTITIONS = 3
CAP = 1_000_000
# What the broker takes at most in the cases where it is the broker that refuses.
LIMIT = 20_000

Stored = tuple[int, bytes, bytes, list[tuple[str, bytes]]]


class Rig(NamedTuple):
    """A topic and how to read it: partition, key, value and headers of every message, in each partition's order."""

    topic: CleanedTopic
    read: Callable[[int], list[Stored]]


def config(bootstrap: str) -> dict[str, object]:
    return producer_config(bootstrap, CAP, 2.0, {})


def fake(max_bytes: int) -> Rig:
    broker = FakeBroker(partitions=PARTITIONS, max_bytes=max_bytes)

    def read(_: int) -> list[Stored]:
        return [(number, m.key, m.value, m.headers) for number, log in enumerate(broker.logs) for m in log]

    return Rig(CleanedTopic("agent_cleaned", config("broker.test:9092"), broker.producer), read)


def real(bootstrap: str, max_bytes: int | None = None) -> Rig:
    from tests.contract.kafka import create_topic, read_all

    limits = {} if max_bytes is None else {"max.message.bytes": str(max_bytes)}
    name = create_topic(bootstrap, PARTITIONS, **limits)
    return Rig(CleanedTopic(name, config(bootstrap)), lambda wanted: read_all(bootstrap, name, wanted))


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
def rig(request: pytest.FixtureRequest) -> Rig:
    """Both kinds of topic."""
    return fake(CAP) if request.param == "fake" else real(request.getfixturevalue("bootstrap_servers"))


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.integration, pytest.mark.kafka])])
def small(request: pytest.FixtureRequest) -> Rig:
    """A topic that takes less than its producer does; the embedded broker knows no such limit."""
    kind = request.param
    return fake(LIMIT) if kind == "fake" else real(request.getfixturevalue("bootstrap_servers"), LIMIT)


def batch_of(size: int, agents: int = 10) -> list[Record]:
    return [record(place, agent=f"agent-{place % agents}") for place in range(size)]


def ids(records: Sequence[Record]) -> set[str]:
    return {one.origin_id for one in records}


def published(rig: Rig, records: Sequence[Record]) -> Published:
    return publish(records, rig.topic, deadline_of(Clock()))


def offsets_by_key(stored: Sequence[Stored]) -> dict[bytes, list[int]]:
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    for _, key, _, headers in stored:
        found[key].append(int(dict(headers)["sluice-origin"].decode().rpartition("-")[2]))
    return dict(found)


def test_delivered(rig: Rig) -> None:
    """Every record is reported delivered and is there, with key, value and headers."""
    records = batch_of(200)

    assert rig.topic.send(records, 20.0) == Report(ids(records), {}, "")
    stored = {(key, value, tuple(headers)) for _, key, value, headers in rig.read(200)}
    assert stored == {(one.agent_id.encode(), one.value, tuple(one.headers)) for one in records}
    assert rig.topic.replaced == 0


def test_placement(rig: Rig) -> None:
    """A key lives where the Java clients put it, whatever its length and script."""
    agents = [f"agent-{number}" for number in range(50)] + [
        "a",
        "ab",
        "abc",
        "abcd",
        "Großhändler",
        "代理人",
        "x" * 256,
    ]
    rig.topic.send([record(place, agent=agent) for place, agent in enumerate(agents)], 20.0)

    stored = rig.read(len(agents))
    assert {key: number for number, key, _, _ in stored} == {
        agent.encode(): partition_of(agent.encode(), PARTITIONS) for agent in agents
    }
    assert len({number for number, *_ in stored}) == PARTITIONS


def test_order(rig: Rig) -> None:
    """The records of a key stay in their order, through several sends with one producer."""
    records = batch_of(600, agents=7)
    for start in range(0, 600, 150):
        assert rig.topic.send(records[start : start + 150], 20.0).fault == ""

    for key, offsets in offsets_by_key(rig.read(600)).items():
        assert offsets == sorted(offsets), key


def test_too_large_for_the_client(rig: Rig) -> None:
    """A record that the client does not take is refused alone; all others are delivered, each once, in order."""
    records = batch_of(9, agents=2)
    records[4] = record(4, agent="agent-0", padding=CAP + 10_000)

    done = published(rig, records)

    assert done.refused == {records[4].origin_id: "MSG_SIZE_TOO_LARGE"}
    assert done.delivered == ids(records) - {records[4].origin_id}
    assert offsets_by_key(rig.read(8)) == {b"agent-0": [0, 2, 6, 8], b"agent-1": [1, 3, 5, 7]}


@pytest.mark.parametrize("bad", [{0}, {4}, {8}, {3, 4, 7}, set(range(9))], ids=str)
def test_too_large_for_the_broker(small: Rig, bad: set[int]) -> None:
    """What the broker refuses alone is refused, its company is delivered, in order and without a gap."""
    records = [record(n, agent=f"agent-{n % 2}", padding=LIMIT * 2 if n in bad else 0) for n in range(9)]

    done = published(small, records)

    assert done.refused == {records[place].origin_id: "MSG_SIZE_TOO_LARGE" for place in bad}
    assert done.delivered == ids(records) - done.refused.keys()
    first: dict[bytes, list[int]] = {}
    for key, offsets in offsets_by_key(small.read(9 - len(bad))).items():
        first[key] = list(dict.fromkeys(offsets))
    wanted = {f"agent-{n}".encode(): [p for p in range(n, 9, 2) if p not in bad] for n in (0, 1)}
    assert first == {key: offsets for key, offsets in wanted.items() if offsets}


def test_many_refused(small: Rig) -> None:
    """Many refused records cost one producer for all of them, not one each: the others are not held up."""
    records = [record(n, agent=f"agent-{n % 5}", padding=LIMIT * 2 if n % 2 else 0) for n in range(200)]

    done = published(small, records)

    assert done.refused.keys() == ids(records[1::2])
    assert done.delivered == ids(records[::2])
    assert small.topic.replaced <= 2


def test_works_after_a_refusal(small: Rig) -> None:
    """A refusal costs a producer and nothing else: the next batch goes through."""
    published(small, [record(0, padding=LIMIT * 2)])
    records = batch_of(20)

    assert published(small, records) == Published(ids(records), {}, "")
    assert len(small.read(20)) == 20
