"""How the runner sends, and when it stops to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

import ops.twin.feed
from ops.twin.config import TwinError
from ops.twin.feed import Feeder
from ops.twin.group import _shared
from ops.twin.inputs import InputError
from ops.twin.ledger import Ledger
from ops.twin.watch import Watch


@dataclass
class Message:
    """What a delivery report names."""

    place: tuple[int | None, int | None]

    def partition(self) -> int | None:
        return self.place[0]

    def offset(self) -> int | None:
        return self.place[1]

    def timestamp(self) -> tuple[int, int]:
        return 1, 1234


class FakeProducer:
    """Deliver at `poll`, to partition 0 or the one asked for; `script` holds errors by number of the message."""

    script: ClassVar[dict[int, KafkaError | Exception]] = {}
    made: ClassVar[list[FakeProducer]] = []

    def __init__(self, config: dict[str, Any], logger: object) -> None:
        self.config = config
        self.sent: list[tuple[bytes | None, bytes | None, int]] = []
        self.waiting: list[Callable[[], None]] = []
        self.made.append(self)

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, *, partition: int, on_delivery: Any
    ) -> None:
        number = sum(len(producer.sent) for producer in self.made)
        fault = self.script.get(number)
        if isinstance(fault, Exception):
            del self.script[number]
            raise fault
        self.sent.append((value, key, partition))
        message = Message((max(partition, 0), number))
        self.waiting.append(lambda: on_delivery(fault, message))

    def poll(self, seconds: float) -> int:
        waiting, self.waiting = self.waiting, []
        for report in waiting:
            report()
        return len(waiting)

    def __len__(self) -> int:
        return len(self.waiting)

    def purge(self) -> None:
        self.waiting.clear()

    def flush(self, seconds: float) -> int:
        return 0


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> list[FakeProducer]:
    """The producers that a feeder makes, all of them fake."""
    monkeypatch.setattr(ops.twin.feed, "Producer", FakeProducer)
    monkeypatch.setattr(FakeProducer, "script", {})
    monkeypatch.setattr(FakeProducer, "made", [])
    return FakeProducer.made


def feeder(values: list[bytes | None]) -> tuple[Feeder, Ledger]:
    ledger = Ledger("raw", 4, values)
    return Feeder("broker:1", 4, ledger, {}), ledger


def test_keys_and_partitions(producers: list[FakeProducer]) -> None:
    """A record with an agent_id goes by its key, one without goes round, so that a run can be repeated."""
    feed, ledger = feeder([b'{"agent_id":"a"}', b"bad", None, b"bad"])

    feed.send(10)

    assert producers[0].sent == [
        (b'{"agent_id":"a"}', b"a", -1),
        (b"bad", None, 1),
        (None, None, 2),
        (b"bad", None, 3),
    ]
    assert ledger.delivered == 4
    assert not feed.pending()


def test_the_backlog_is_kept_short(producers: list[FakeProducer]) -> None:
    """No more is sent than so many records ahead of what is settled, and nothing after the end."""
    feed, _ = feeder([b"bad"] * 5)

    feed.send(3)

    assert [feed.may_send(settled, 3) for settled in (0, 1)] == [False, True]
    feed.send(3)
    assert not feed.may_send(5, 3)
    assert feed.handed_over == 5


def test_a_full_queue_is_waited_for(producers: list[FakeProducer]) -> None:
    """A producer whose queue is full is polled, and the record sent after all."""
    FakeProducer.script = {1: BufferError("full")}
    feed, ledger = feeder([b"a", b"b"])

    feed.send(2)

    assert ledger.delivered == 2


@pytest.mark.parametrize("raised", [True, False])
def test_too_large(producers: list[FakeProducer], raised: bool) -> None:
    """A record that the broker does not take for its size is a bad argument that names the line."""
    error = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    FakeProducer.script = {1: KafkaException(error) if raised else error}
    feed, _ = feeder([b"a", b"bbb"])

    with pytest.raises(InputError, match="line 2 of the input has 3 bytes"):
        feed.send(2)


def test_a_record_that_was_not_sent(producers: list[FakeProducer]) -> None:
    """A record whose report is an error is counted by the error's name and is not delivered."""
    FakeProducer.script = {0: KafkaError(KafkaError._MSG_TIMED_OUT)}
    feed, ledger = feeder([b"a", b"b"])

    feed.send(2)

    assert feed.failed == {"_MSG_TIMED_OUT": 1}
    assert [ledger.is_delivered(number) for number in range(2)] == [False, True]


def test_a_fatal_producer_is_replaced(producers: list[FakeProducer]) -> None:
    """After a fatal error the rest goes out through a new producer."""
    fatal = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "out of order", fatal=True)
    FakeProducer.script = {0: fatal}
    feed, ledger = feeder([b"a", b"b", b"c"])

    feed.send(1)
    feed.send(2)

    assert [len(producer.sent) for producer in producers] == [1, 2]
    assert ledger.delivered == 2


@dataclass
class FakeTwin:
    """A twin of which only the committed offsets are known."""

    offsets: dict[int, int] | None = field(default_factory=dict)
    raw_topic: str = "raw"

    def alive(self) -> None:
        pass

    def committed(self) -> dict[int, int]:
        if self.offsets is None:
            raise TwinError("no answer")
        return self.offsets


class FakeTopics:
    def __init__(self, ends: dict[int, int]) -> None:
        self.ends = ends

    def end_offset(self, _topic: str, partition: int) -> int:
        if partition not in self.ends:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return self.ends[partition]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the watch sees."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def watched(twin: FakeTwin, ends: dict[int, int], values: int = 4) -> tuple[Watch, Feeder]:
    feed, ledger = feeder([b"%d" % number for number in range(values)])
    for number in range(values):
        ledger.note(number, number % 2, number // 2, 1)
    feed.handed_over = values
    return Watch(twin, ledger, FakeTopics(ends), stall_seconds=60), feed  # type: ignore[arg-type]


def test_done_when_all_is_settled(producers: list[FakeProducer], clock: list[float]) -> None:
    """A run is over when the event source has committed every partition's last record, and not before."""
    twin = FakeTwin({0: 2, 1: 1})
    watch, feed = watched(twin, {0: 2, 1: 2})
    watch.look()
    early = watch.done(feed)
    clock[0] += 1
    twin.offsets = {0: 2, 1: 2}
    watch.look()

    assert (early, watch.done(feed), watch.settled, watch.complaints) == (False, True, 4, [])


def test_a_silent_broker_is_waited_for(producers: list[FakeProducer], clock: list[float]) -> None:
    """A broker that does not answer for a while does not end a run."""
    twin = FakeTwin(None)
    watch, feed = watched(twin, {0: 2, 1: 2})

    for _ in range(50):
        clock[0] += 1
        watch.look()
        assert not watch.done(feed)

    assert watch.complaints == []


def test_a_stalled_run_ends(producers: list[FakeProducer], clock: list[float]) -> None:
    """A run in which nothing moves for the stall limit ends, and says how much is open."""
    watch, feed = watched(FakeTwin({0: 1}), {0: 2, 1: 2})
    watch.look()
    clock[0] += 61

    assert watch.done(feed)
    assert watch.complaints == [
        "no progress for 60 s with 3 records open: the functions do not settle the rest"
    ]


def test_a_topic_that_shrank(producers: list[FakeProducer], clock: list[float]) -> None:
    """A run ends when all that the broker still has is settled, and says how much it lost."""
    watch, feed = watched(FakeTwin({0: 1}), {0: 1})
    watch.look()
    clock[0] += 6

    assert watch.done(feed)
    assert watch.complaints == ["the broker lost 3 raw records that it had acknowledged"]


def test_the_group_shares() -> None:
    """The pollers share the partitions when the group is stable and each of them owns its part."""
    member = type("Member", (), {})
    group = type("Group", (), {})()

    def state(state: str, *owned: int) -> bool:
        from confluent_kafka import ConsumerGroupState

        group.state = ConsumerGroupState[state]
        group.members = []
        for count in owned:
            one = member()
            one.assignment = type("A", (), {"topic_partitions": [None] * count})
            group.members.append(one)
        return _shared(group, pollers=2, partitions=4)

    assert state("STABLE", 2, 2)
    assert state("STABLE", 3, 1)
    assert not state("STABLE", 4, 0)
    assert not state("STABLE", 4)
    assert not state("STABLE", 2, 1)
    assert not state("PREPARING_REBALANCING", 2, 2)
