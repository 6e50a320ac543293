"""A real producer whose broker pauses, dies and comes back: nothing of one send is left to another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from ops.twin.supervisor import Supervisor
from sluice.publish import Published, Report, publish
from sluice.record import Record
from sluice.sinks.topic import CleanedTopic, producer_config
from tests.contract.kafka import Broker, create_topic, read_all
from tests.fakes.records import record
from tests.fakes.schedule import Clock
from tests.fakes.script import deadline_of

if TYPE_CHECKING:
    from ops.kafka.broker import ApacheKafka

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """An embedded broker of the module's own."""
    keeper = Supervisor()
    yield Broker(keeper, tmp_path_factory.mktemp("paused"))
    keeper.close()


class Producers:
    """Make real producers and remember them."""

    def __init__(self) -> None:
        self.made: list[Producer] = []

    def __call__(self, config: dict[str, Any]) -> Producer:
        self.made.append(Producer(config))
        return self.made[-1]


def topic_on(bootstrap: str, **settings: Any) -> tuple[CleanedTopic, str, Producers]:
    name, producers = create_topic(bootstrap, 1), Producers()
    config = producer_config(bootstrap, 1_000_000, 2.0, {}) | settings
    return CleanedTopic(name, config, producers), name, producers


def batch_of(size: int, start: int = 0) -> list[Record]:
    return [record(start + place) for place in range(size)]


def ids(records: Sequence[Record]) -> set[str]:
    return {one.origin_id for one in records}


def offsets(bootstrap: str, name: str, wanted: int) -> list[int]:
    """Return the raw offsets of what is in the topic, in its order."""
    origins = [dict(headers)["sluice-origin"].decode() for *_, headers in read_all(bootstrap, name, wanted)]
    return [int(origin.rpartition("-")[2]) for origin in origins]


def published(topic: CleanedTopic, records: Sequence[Record], seconds: float = 60.0) -> Published:
    clock = Clock(seconds)
    clock.sleep = _sleep(clock)  # type: ignore[method-assign]
    return publish(records, topic, deadline_of(clock))


def _sleep(clock: Clock) -> Any:
    def sleep(seconds: float) -> None:
        clock.now += seconds
        time.sleep(seconds)

    return sleep


def test_leftovers_are_purged(broker: Broker) -> None:
    """What a flush leaves over is never sent: the producer is purged and replaced, and its reports are nobody's."""
    topic, name, producers = topic_on(broker.bootstrap)
    with broker.paused():
        report = topic.send(batch_of(50), 0.5)
    time.sleep(1.0)

    assert report.delivered == set()
    assert "_PURGE" in report.fault
    assert len(producers.made[0]) == 0
    assert topic.replaced == 1
    later = batch_of(3, start=100)
    assert topic.send(later, 20.0) == Report(ids(later), {}, "")
    assert offsets(broker.bootstrap, name, 3) == [100, 101, 102]


def test_in_flight_when_the_time_is_up(broker: Broker) -> None:
    """What was on its way when the time was up may arrive once more, and never out of order."""
    topic, name, producers = topic_on(broker.bootstrap)
    first = batch_of(20)
    assert topic.send(first, 20.0).fault == ""
    second = batch_of(200, start=20)
    with broker.paused():
        report = topic.send(second, 0.5)
    assert report.delivered == set()
    assert topic.replaced == 1

    assert published(topic, second).delivered == ids(second)
    assert len(producers.made) == 2
    found = offsets(broker.bootstrap, name, 220)
    assert list(dict.fromkeys(found)) == list(range(220))
    # Its second copy is what lay in the socket, once: the first producer sends nothing any more.
    assert len(found) in (220, 420)


def test_pause_within_the_time(broker: Broker) -> None:
    """A broker that pauses for less than there is time costs nothing but that time: one producer, no repeat."""
    topic, name, producers = topic_on(broker.bootstrap)
    topic.send(batch_of(1), 20.0)
    with broker.paused():
        began = time.monotonic()
        waker = threading.Timer(1.0, broker.resume)
        waker.start()
        report = topic.send(batch_of(30, start=1), 20.0)
        waker.join()
    assert report == Report(ids(batch_of(30, start=1)), {}, "")
    assert time.monotonic() - began >= 0.9
    assert (len(producers.made), topic.replaced) == (1, 0)
    assert offsets(broker.bootstrap, name, 31) == list(range(31))


def test_full_queue(broker: Broker) -> None:
    """A batch longer than the client's queue goes out in parts, in order, each with a producer of its own."""
    topic, name, producers = topic_on(broker.bootstrap, **{"queue.buffering.max.messages": 10})
    records = batch_of(35)

    done = published(topic, records)

    assert done.delivered == ids(records)
    assert done.fault == "the producer's queue is full"
    assert offsets(broker.bootstrap, name, 35) == list(range(35))
    assert len(producers.made) == 4


def test_nobody_listens(broker: Broker) -> None:
    """Without a broker the send ends in time, with nothing delivered and nothing waiting."""
    producers = Producers()
    topic = CleanedTopic(
        "nowhere", producer_config("127.0.0.1:1", 1_000_000, 2.0, {}) | {"log_level": 0}, producers
    )
    began = time.monotonic()

    assert topic.send(batch_of(5), 0.5).delivered == set()
    assert time.monotonic() - began < 10
    assert len(producers.made[0]) == 0


def test_killed_while_idle(broker: Broker) -> None:
    """A broker that died and came back while we were frozen costs a retry: the next batch is delivered in order."""
    topic, name, _ = topic_on(broker.bootstrap)
    # The embedded broker saves a little later than it acknowledges.
    assert topic.send(batch_of(5), 20.0).fault == ""
    time.sleep(1.5)
    broker.kill()
    records = batch_of(50, start=5)

    assert published(topic, records).delivered == ids(records)
    found = [offset for offset in dict.fromkeys(offsets(broker.bootstrap, name, 50)) if offset >= 5]
    assert found == list(range(5, 55))


@pytest.mark.kafka
def test_killed_while_idle_on_apache_kafka(apache_kafka: ApacheKafka) -> None:
    """A broker that died and came back keeps what it acknowledged, and the same producer goes on."""
    topic, name, _ = topic_on(apache_kafka.bootstrap)
    assert topic.send(batch_of(20), 20.0).fault == ""
    apache_kafka.kill()
    apache_kafka.start()
    records = batch_of(20, start=20)

    assert published(topic, records).delivered == ids(records)
    assert list(dict.fromkeys(offsets(apache_kafka.bootstrap, name, 40))) == list(range(40))


@pytest.mark.kafka
def test_killed_in_the_middle_on_apache_kafka(apache_kafka: ApacheKafka) -> None:
    """A broker killed while a batch is on its way loses nothing and changes no order."""
    topic, name, _ = topic_on(apache_kafka.bootstrap)
    topic.send(batch_of(1), 20.0)
    records = [record(place, padding=2_000) for place in range(1, 4_000)]

    def restart() -> None:
        time.sleep(0.02)
        apache_kafka.kill()
        apache_kafka.start()

    restarting = threading.Thread(target=restart)
    restarting.start()
    done = published(topic, records)
    restarting.join()

    assert done.delivered == ids(records)
    assert list(dict.fromkeys(offsets(apache_kafka.bootstrap, name, 4_000))) == list(range(4_000))
