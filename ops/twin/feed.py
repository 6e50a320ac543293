"""Send the input to the raw topic and keep the producer's delivery reports."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ops.twin.inputs import InputError, raw_key
from ops.twin.ledger import Ledger

_BY_KEY = -1
_QUEUE_KIB = 32 * 1024
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE)
# librdkafka's ceiling; the broker's own limit is the one that counts.
_NO_LIMIT = 1_000_000_000


class Feeder:
    """Produce a ledger's values in their order; a record counts once its report is in."""

    def __init__(
        self, bootstrap: str, partitions: int, ledger: Ledger, properties: Mapping[str, str]
    ) -> None:
        """Make the producer; nothing is sent yet."""
        self.handed_over = 0
        self.errors: list[str] = []
        self._config = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "message.max.bytes": _NO_LIMIT,
            "queue.buffering.max.kbytes": _QUEUE_KIB,
            "log_level": 0,
            **properties,
        }
        self._partitions = partitions
        self._ledger = ledger
        self._producer = self._make()
        self._fatal = False

    def _make(self) -> Producer:
        return Producer(self._config, logger=None)

    def send(self, count: int) -> None:
        """Hand over the next `count` records (fewer at the end). Raises InputError for one too large."""
        end = min(self.handed_over + count, len(self._ledger))
        while self.handed_over < end:
            self._send_one(self.handed_over)
            self.handed_over += 1
        self.poll(0)

    def poll(self, seconds: float) -> None:
        """Take the delivery reports that are there."""
        self._producer.poll(seconds)
        self._rebuild_if_fatal()

    def pending(self) -> bool:
        """Say whether records are still to be handed over, or their reports to come."""
        return self.handed_over < len(self._ledger) or len(self._producer) > 0

    def may_send(self, settled: int, ahead: int) -> bool:
        """Say whether the backlog leaves room: it is kept short, so that freshness means something."""
        return self.handed_over < min(len(self._ledger), settled + ahead)

    def close(self) -> None:
        """Drop what was not delivered and end the producer's threads."""
        self._producer.purge()
        self._producer.flush(1)

    def _send_one(self, number: int) -> None:
        value = self._ledger.values[number]
        key = raw_key(value)
        report = partial(self._report, number)
        # Without a key the partition goes round by number: the same input, the same topic.
        place = _BY_KEY if key is not None else number % self._partitions
        while True:
            try:
                self._producer.produce(self._ledger.topic, value, key, partition=place, on_delivery=report)
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                if not self._refused(number, error.args[0]):
                    self._rebuild_if_fatal()
                    return
            else:
                return

    def _report(self, number: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused(number, error)
            return
        # A delivered message has both; the type allows for one that was never sent.
        partition, offset = message.partition(), message.offset()
        if partition is not None and offset is not None:
            self._ledger.note(number, partition, offset, message.timestamp()[1])

    def _refused(self, number: int, error: KafkaError) -> bool:
        """Keep a record's error; always False, so that the caller gives the record up."""
        if error.code() in _TOO_LARGE:
            size = len(self._ledger.values[number] or b"")
            raise InputError(
                f"line {number + 1} of the input has {size} bytes: the broker takes no such message"
            )
        self._fatal = self._fatal or error.fatal()
        self.errors.append(f"line {number + 1} was not sent: {error.str()}")
        return False

    def _rebuild_if_fatal(self) -> None:
        """Replace a producer that will never send again (the broker lost its memory of it)."""
        if not self._fatal:
            return
        self._fatal = False
        self._producer.purge()
        self._producer.flush(1)
        self._producer = self._make()
        self._fatal = False
