"""A broker and its producer as confluent-kafka shows it, failing where the schedule says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from tests.fakes.murmur2 import partition_of
from tests.fakes.schedule import Killed, Mode, Schedule

OnDelivery = Callable[[KafkaError | None, Any], None]
Headers = list[tuple[str, bytes]]


class Stored(NamedTuple):
    """One message of the log."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class _Queued(NamedTuple):
    message: Stored
    on_delivery: OnDelivery


class FakeBroker:
    """Keep one log a partition; refuse a whole batch for one message beyond `max_bytes`, as brokers do."""

    def __init__(
        self, schedule: Schedule | None = None, partitions: int = 2, max_bytes: int = 1_000_000
    ) -> None:
        self.schedule = schedule or Schedule()
        self.logs: list[list[Stored]] = [[] for _ in range(partitions)]
        self.max_bytes = max_bytes
        # Called before a message is kept: a test's look at what has to be done by then.
        self.on_append: Callable[[Stored], None] = lambda _: None
        self.producers: list[FakeProducer] = []
        # What the next flushes meet instead of a broker: an error for every message they hold.
        self.refuse: list[int] = []
        self.queue_size = 100_000
        # Every call of a producer fails for good, or flush and what comes after it.
        self.fatal = self.fatal_in_flush = False
        # What producers have raised, which confluent-kafka holds on to.
        self.thrown: list[BaseException] = []

    def producer(self, config: dict[str, Any]) -> Any:
        """Make a producer, as `confluent_kafka.Producer` does."""
        made = FakeProducer(self, config)
        self.producers.append(made)
        return made

    def partition(self, key: bytes) -> int:
        return partition_of(key, len(self.logs))

    def append(self, message: Stored) -> None:
        self.on_append(message)
        self.logs[self.partition(message.key)].append(message)


class FakeProducer:
    """Queue messages and send them on flush, idempotent and, when so configured, gapless.

    A partition's first failure fails what follows there. A connection that breaks stays broken for this
    producer, whatever it still holds.
    """

    def __init__(self, broker: FakeBroker, config: dict[str, Any]) -> None:
        self.config = config
        self._broker = broker
        self._queue: list[_Queued] = []
        self._fatal = self._cut_off = False
        self.calls: list[str] = []
        self.flushes: list[float] = []

    def produce(
        self, topic: str, value: bytes, key: str, *, headers: Headers, on_delivery: OnDelivery
    ) -> None:
        if self._fatal or self._broker.fatal:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        if len(value) > self.config["message.max.bytes"]:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        if len(self._queue) >= self._broker.queue_size:
            raise BufferError("Local: Queue full")
        self._queue.append(_Queued(Stored(topic, key.encode(), value, headers), on_delivery))

    def flush(self, timeout: float) -> int:
        assert timeout > 0
        self.flushes.append(timeout)
        if self._cut_off:  # nothing comes back, however long it waits
            return len(self._queue)
        self.calls.append("flush")
        self._broker.fatal |= self._broker.fatal_in_flush
        if self._broker.fatal:
            self._broker.thrown.append(KafkaException(KafkaError(KafkaError._FATAL)))
            raise self._broker.thrown[-1]
        if self._broker.refuse:
            self._report(self._queue, self._broker.refuse.pop(0))
            self._queue = []
        sound = not self._fatal
        for batch in self._batches():
            if not self._send(batch):
                self._cut_off = True
                break
        if sound and self._fatal:
            self._raise_in_the_midst()
        return len(self._queue)

    def _raise_in_the_midst(self) -> None:
        """Raise as confluent-kafka does a fatal error, which is set while callbacks are still to be called."""
        try:
            raise KafkaException(KafkaError(KafkaError._GAPLESS_GUARANTEE))  # noqa: TRY301 -- the context is the point
        except KafkaException as fatal:
            error = SystemError("returned a result with an exception set")
            self._broker.thrown += [fatal, error]
            raise error  # noqa: B904 -- the interpreter sets the context alone, too

    def purge(self, **options: bool) -> None:
        assert options == {"in_queue": True, "in_flight": True, "blocking": True}
        self.calls.append("purge")
        if self._broker.fatal:
            raise KafkaException(KafkaError(KafkaError._FATAL))

    def poll(self, timeout: float) -> int:
        assert timeout == 0
        self.calls.append("poll")
        purged, self._queue = self._queue, []
        if "purge" in self.calls:
            self._report(purged, KafkaError._PURGE_QUEUE)
        return len(purged)

    def __len__(self) -> int:
        """Count the messages that were neither delivered nor reported."""
        return len(self._queue)

    def _batches(self) -> Iterator[list[_Queued]]:
        for number in range(len(self._broker.logs)):
            batch = [one for one in self._queue if self._broker.partition(one.message.key) == number]
            if batch:
                yield batch

    def _send(self, batch: list[_Queued]) -> bool:
        """Send one partition's batch; tell whether the connection still stands."""
        if self._fatal:
            return self._done(batch, KafkaError._FATAL)
        if self._too_large(batch):
            return self._refused(batch)
        for place, one in enumerate(batch):
            fault = self._broker.schedule.step("message")
            if fault is Mode.ALONE:  # the partition's leader is gone
                return self._done(batch[place:], KafkaError.NOT_LEADER_FOR_PARTITION)
            if fault is not Mode.BEFORE:
                self._broker.append(one.message)
            if fault is Mode.KILL:
                raise Killed
            if fault is not None:
                return self._deaf(one) if fault is Mode.DEAF else False
            self._done([one], None)
        return True

    def _deaf(self, first: _Queued) -> bool:
        """Deliver all that follows, too, and hear nothing of it."""
        here = self._broker.partition(first.message.key)
        for batch in list(self._batches()):
            number = self._broker.partition(batch[0].message.key)
            late = batch[_place(batch, first) + 1 :] if number == here else batch
            if number >= here and not self._too_large(batch):
                for one in late:
                    self._broker.append(one.message)
        return False

    def _too_large(self, batch: list[_Queued]) -> bool:
        return any(len(one.message.value) > self._broker.max_bytes for one in batch)

    def _refused(self, batch: list[_Queued]) -> bool:
        fault = self._broker.schedule.step("refused batch")
        if fault is Mode.KILL:
            raise Killed
        if fault is not None:
            return False
        # What was refused leaves a gap, which only a gapless producer minds.
        self._fatal = bool(self.config["enable.gapless.guarantee"])
        return self._done(batch, KafkaError.MSG_SIZE_TOO_LARGE)

    def _done(self, batch: list[_Queued], code: int | None) -> bool:
        done = {id(one) for one in batch}
        self._queue = [one for one in self._queue if id(one) not in done]
        self._report(batch, code)
        return True

    def _report(self, batch: list[_Queued], code: int | None) -> None:
        for one in batch if code is not None or not self.config["delivery.report.only.error"] else ():
            one.on_delivery(None if code is None else KafkaError(code), None)


def _place(batch: list[_Queued], wanted: _Queued) -> int:
    return next(place for place, one in enumerate(batch) if one is wanted)
