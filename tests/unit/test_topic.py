"""The producer: what it is told, what it reports, and when it is replaced."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from sluice.publish import Report
from sluice.sinks.topic import FRAMING_BYTES, CleanedTopic, producer_config
from tests.fakes.broker import FakeBroker, FakeProducer
from tests.fakes.murmur2 import murmur2, partition_of
from tests.fakes.records import record
from tests.fakes.schedule import Killed, Mode, Schedule

CONFIG = producer_config("broker.test:9092", 1_000_000, 2.0, {})
ONE, TWO, THREE = (f"agent_raw_output-0-{offset}" for offset in (1, 2, 3))


def topic_of(broker: FakeBroker) -> CleanedTopic:
    return CleanedTopic("agent_cleaned", CONFIG, broker.producer)


def lengths(broker: FakeBroker) -> list[int]:
    return [len(log) for log in broker.logs]


def test_delivered() -> None:
    """A record goes out with its key, its value and its headers, and the producer is kept."""
    broker = FakeBroker(partitions=1)
    topic, one = topic_of(broker), record(1)

    assert topic.send([one], 1.0) == Report({ONE}, {}, "")
    assert topic.send([record(2)], 1.0) == Report({TWO}, {}, "")
    assert broker.logs[0][0] == ("agent_cleaned", b"planner", one.value, one.headers)
    assert (len(broker.producers), topic.replaced) == (1, 0)
    # Delivered at once: nothing more to wait for.
    assert len(broker.producers[0].flushes) == 2


@pytest.mark.parametrize(
    ("timeout", "flushes"),
    [(0.4, [0.1] * 4), (0.1, [0.1]), (0.04, [0.04]), (0.26, [pytest.approx(0.0867, 0.01)] * 3)],
)
def test_waits_in_slices(timeout: float, flushes: list[float]) -> None:
    """What is not answered is waited for, in slices, for all the time that was given and no longer."""
    broker = FakeBroker(Schedule({0: Mode.BEFORE}))

    topic_of(broker).send([record(1)], timeout)
    assert broker.producers[0].flushes == flushes


def test_waits_no_longer_than_a_bad_report() -> None:
    """After a bad report only what is under way is waited for: a producer with a gap sends nothing more."""
    broker = FakeBroker(Schedule({1: Mode.ALONE, 2: Mode.BEFORE}), partitions=2)
    topic = topic_of(broker)
    # Two partitions: in the first a leader is gone, in the second the connection.
    low, high = (
        next(f"agent-{n}" for n in range(9) if broker.partition(f"agent-{n}".encode()) == p) for p in (0, 1)
    )

    report = topic.send([record(1, agent=low), record(2, agent=low), record(3, agent=high)], 20.0)
    assert report.delivered == {ONE}
    assert "NOT_LEADER_FOR_PARTITION" in report.fault
    assert broker.producers[0].flushes == [0.1]


def test_built_on_the_first_send() -> None:
    """No producer, so no connection, before there is something to send."""
    broker = FakeBroker()
    topic = topic_of(broker)

    assert broker.producers == []
    topic.send([record(1)], 1.0)
    assert broker.producers[0].config == CONFIG


@pytest.mark.parametrize(
    ("mode", "delivered", "fault"),
    [
        (Mode.BEFORE, {ONE}, "_PURGE_QUEUE"),
        (Mode.AFTER, {ONE}, "_PURGE_QUEUE"),
        (Mode.DEAF, {ONE}, "_PURGE_QUEUE"),
        (Mode.ALONE, {ONE}, "NOT_LEADER_FOR_PARTITION"),
    ],
)
def test_missing_reports(mode: Mode, delivered: set[str], fault: str) -> None:
    """A record without a good report was not delivered, and the producer is purged and replaced."""
    broker = FakeBroker(Schedule({1: mode}), partitions=1)
    topic = topic_of(broker)

    assert topic.send([record(1), record(2), record(3)], 1.0) == Report(delivered, {}, fault)
    assert broker.producers[0].calls == ["flush", "purge", "poll"]
    assert len(broker.producers[0]) == 0
    assert topic.replaced == 1
    assert topic.send([record(2), record(3)], 1.0) == Report({TWO, THREE}, {}, "")
    assert len(broker.producers) == 2


def test_replaced_once_a_fault() -> None:
    """Every fault costs one producer, and the count is kept."""
    topic = topic_of(FakeBroker(Schedule({0: Mode.BEFORE, 1: Mode.BEFORE})))

    for expected in (1, 2, 2):
        topic.send([record(1)], 1.0)
        assert topic.replaced == expected


@pytest.mark.parametrize(
    ("code", "name"),
    [(KafkaError.MSG_SIZE_TOO_LARGE, "MSG_SIZE_TOO_LARGE"), (KafkaError.INVALID_RECORD, "INVALID_RECORD")],
)
def test_refused_by_the_broker(code: int, name: str) -> None:
    """What the broker refuses for its own sake is told from what failed, and named."""
    broker = FakeBroker()
    broker.refuse = [code]
    topic = topic_of(broker)

    assert topic.send([record(1), record(2)], 1.0) == Report(set(), {ONE: name, TWO: name}, "")
    assert topic.replaced == 1


def test_refusal_is_fatal_to_the_producer() -> None:
    """A refusal leaves a gap, so the producer gives up in the midst of its reports: they count all the same."""
    broker = FakeBroker(partitions=1, max_bytes=1_000)
    topic = topic_of(broker)
    long = record(2, padding=2_000)

    assert topic.send([record(1), long], 1.0) == Report(
        set(), dict.fromkeys([ONE, TWO], "MSG_SIZE_TOO_LARGE"), "_FATAL"
    )
    assert topic.send([record(1)], 1.0) == Report({ONE}, {}, "")
    assert topic.send([long], 1.0) == Report(set(), {TWO: "MSG_SIZE_TOO_LARGE"}, "_FATAL")
    assert topic.replaced == 2
    # The client keeps the exceptions; their frames would keep the batch.
    assert len(broker.thrown) == 4
    assert [error.__traceback__ for error in broker.thrown] == [None] * 4


def test_refused_alone() -> None:
    """A record that is sent alone may be refused without an end of its producer, which has no gap to mind."""
    broker = FakeBroker(partitions=1, max_bytes=1_000)
    topic = topic_of(broker)

    for offset in (1, 2):
        long = record(offset, padding=2_000)
        assert topic.send([long], 1.0, alone=True).refused == {long.origin_id: "MSG_SIZE_TOO_LARGE"}
    assert topic.send([record(3)], 1.0, alone=True) == Report({THREE}, {}, "")
    assert topic.send([record(3)], 1.0) == Report({THREE}, {}, "")
    assert topic.replaced == 0
    assert [one.config["enable.gapless.guarantee"] for one in broker.producers] == [False, True]


def test_failed_alone() -> None:
    """A record that is sent alone and fails for another reason than its own costs the producer, as ever."""
    broker = FakeBroker(Schedule({0: Mode.BEFORE}))
    topic = topic_of(broker)

    assert topic.send([record(1)], 1.0, alone=True) == Report(set(), {}, "_PURGE_QUEUE")
    assert topic.replaced == 1
    assert topic.send([record(1)], 1.0, alone=True) == Report({ONE}, {}, "")
    assert len(broker.producers) == 2


def test_learns_from_a_refusal() -> None:
    """A topic that refused a batch gets smaller ones, and says all that was delivered, from the next producer on."""
    broker = FakeBroker(partitions=1, max_bytes=1_000)
    topic = topic_of(broker)

    topic.send([record(2, padding=2_000)], 1.0, alone=True)
    assert topic.alone_above == 250_000
    topic.send([record(1), record(2, padding=2_000)], 1.0)
    topic.send([record(1)], 1.0)
    assert topic.alone_above == 32_768
    assert [
        (one.config["batch.size"], one.config["delivery.report.only.error"]) for one in broker.producers
    ] == [
        (500_000, True),
        (500_000, True),
        (65_536, False),
    ]


@pytest.mark.parametrize(("refused_before", "delivered"), [(False, set()), (True, {ONE})])
def test_exception_among_the_reports(refused_before: bool, delivered: set[str]) -> None:
    """Where an exception cut into the reports, silence is no delivery: only a good report is."""
    broker = FakeBroker(partitions=2, max_bytes=1_000)
    topic = topic_of(broker)
    low, high = (
        next(f"agent-{n}" for n in range(9) if broker.partition(f"agent-{n}".encode()) == p) for p in (0, 1)
    )
    long = record(2, agent=high, padding=2_000)
    if refused_before:
        topic.send([record(8), long], 1.0)

    report = topic.send([record(1, agent=low), long], 1.0)
    assert report == Report(delivered, {TWO: "MSG_SIZE_TOO_LARGE"}, "_FATAL")


def test_purge_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that gives up in the midst of the reports of its purge is dropped like any other."""
    broker = FakeBroker(Schedule({0: Mode.BEFORE}))
    topic = topic_of(broker)

    def poll(_: FakeProducer, timeout: float) -> int:
        raise SystemError

    monkeypatch.setattr(FakeProducer, "poll", poll)

    assert topic.send([record(1)], 1.0) == Report(set(), {}, "")
    assert topic.replaced == 1


@pytest.mark.parametrize("code", [KafkaError._ALL_BROKERS_DOWN, KafkaError.TOPIC_AUTHORIZATION_FAILED])
def test_failed_for_another_reason(code: int) -> None:
    """An error that is not the record's own is a fault, never a refusal."""
    broker = FakeBroker()
    broker.refuse = [code]

    assert topic_of(broker).send([record(1)], 1.0) == Report(set(), {}, KafkaError(code).name())


def test_refused_by_the_client() -> None:
    """What the client itself finds too long is refused; what came before goes out, what follows waits."""
    broker = FakeBroker()
    topic = topic_of(broker)
    long = record(2, padding=2_000_000)

    report = topic.send([record(1), long, record(3)], 1.0)

    assert report == Report({ONE}, {TWO: "MSG_SIZE_TOO_LARGE"}, "MSG_SIZE_TOO_LARGE")
    assert sum(lengths(broker)) == 1
    assert topic.replaced == 1


def test_queue_full() -> None:
    """A full queue is a fault: what fitted goes out, in order, and the rest is for the next send."""
    broker = FakeBroker()
    broker.queue_size = 2
    topic = topic_of(broker)

    assert topic.send([record(1), record(2), record(3)], 1.0) == Report(
        {ONE, TWO}, {}, "the producer's queue is full"
    )
    assert topic.replaced == 1


def test_fatal_producer() -> None:
    """A producer that has given up for ever is dropped, though it refuses even to be purged."""
    broker = FakeBroker()
    topic = topic_of(broker)
    topic.send([record(1)], 1.0)
    broker.fatal = True

    assert topic.send([record(2)], 1.0) == Report(set(), {}, "_FATAL")
    broker.fatal = False
    assert topic.send([record(2)], 1.0) == Report({TWO}, {}, "")
    assert len(broker.producers) == 2


def test_fault_of_the_flush() -> None:
    """A producer that turns fatal while it flushes is a fault, whatever was queued."""
    broker = FakeBroker()
    broker.fatal_in_flush = True
    topic = topic_of(broker)

    assert topic.send([record(1)], 1.0) == Report(set(), {}, "_FATAL")
    assert topic.replaced == 1
    assert [error.__traceback__ for error in broker.thrown] == [None]


def test_broken_off() -> None:
    """An invocation that ends in the middle of a send leaves no message to the next one."""
    broker = FakeBroker(Schedule({0: Mode.KILL}), partitions=1)
    topic = topic_of(broker)

    with pytest.raises(Killed):
        topic.send([record(1), record(2)], 1.0)
    assert len(broker.producers[0]) == 0
    assert topic.send([record(9)], 1.0).delivered == {"agent_raw_output-0-9"}
    assert lengths(broker) == [2]
    assert topic.replaced == 1


def test_late_report() -> None:
    """A report that comes after its send changes nothing: not the answer given, not the next one."""
    broker = FakeBroker(Schedule({0: Mode.BEFORE}))
    topic = topic_of(broker)
    kept: list[Any] = []
    produce = broker.producer

    def keep(config: dict[str, Any]) -> Any:
        producer = produce(config)
        take = producer.produce

        def spy(*arguments: Any, **options: Any) -> None:
            kept.append(options["on_delivery"])
            take(*arguments, **options)

        producer.produce = spy
        return producer

    topic._make = keep
    first = topic.send([record(1)], 1.0)
    kept[0](None, None)
    broker.refuse = [KafkaError._TRANSPORT]

    assert first.delivered == set()
    assert topic.send([record(1)], 1.0).delivered == set()


def test_config() -> None:
    """The producer is idempotent and gapless, agrees with the Java clients on partitions and lets nothing expire."""
    config = producer_config("a:1,b:2", 1_500_000, 2.5, {"security.protocol": "SASL_SSL"})

    assert config == {
        "bootstrap.servers": "a:1,b:2",
        "client.id": "sluice-preprocess",
        "acks": "all",
        "enable.idempotence": True,
        "enable.gapless.guarantee": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        "batch.size": 500_000,
        "delivery.report.only.error": True,
        "message.timeout.ms": 0,
        "message.max.bytes": 1_500_000 + FRAMING_BYTES,
        "socket.timeout.ms": 2_500,
        "socket.keepalive.enable": True,
        "log_level": 3,
        "log.connection.close": False,
        "security.protocol": "SASL_SSL",
    }


@pytest.mark.parametrize(
    ("largest", "expected"), [(1, 1_000_000), (995_905, 1_000_001), (6_000_000, 6_004_096)]
)
def test_largest_message(largest: int, expected: int) -> None:
    """The client takes what the cap allows, framing included, and never less than its own default."""
    assert FRAMING_BYTES == 4_096
    assert producer_config("a:1", largest, 2.0, {})["message.max.bytes"] == expected


@pytest.mark.parametrize(
    ("largest", "expected"), [(60_000, 30_000), (1_000_000, 500_000), (6_000_000, 500_000)]
)
def test_largest_batch(largest: int, expected: int) -> None:
    """A batch is half as large as a record may be, and as what a topic takes by default, at most."""
    config = producer_config("a:1", largest, 2.0, {})

    assert config["batch.size"] == expected
    assert CleanedTopic("t", config).alone_above == expected // 2


@pytest.mark.parametrize(("timeout", "expected"), [(0.25, 1_000), (1.0, 1_000), (1.5, 1_500), (10.0, 10_000)])
def test_socket_timeout(timeout: float, expected: int) -> None:
    """A request may take what the invocation grants, and a second at least."""
    assert producer_config("a:1", 1, timeout, {})["socket.timeout.ms"] == expected


def test_config_is_understood() -> None:
    """The client library takes the configuration as it is."""
    assert CleanedTopic("t", CONFIG)._make is Producer
    assert len(Producer(CONFIG | {"bootstrap.servers": ""})) == 0


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2(key: bytes, expected: int) -> None:
    """The fake broker's partitioner gives the values that the Java client's own test knows."""
    assert murmur2(key) == expected & 0xFFFFFFFF
    assert partition_of(key, 8) == (expected & 0x7FFFFFFF) % 8
