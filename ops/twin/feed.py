"""Send the input to the raw topic and keep the producer's delivery reports."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ops.twin.inputs import InputError, raw_key
from ops.twin.ledger import Ledger

_BY_KEY = -1
_QUEUE_KIB = 32 * 1024
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE)
# librdkafka's ceiling; the broker's own limit is the one that counts.
_NO_LIMIT = 1_000_000_000


# A fatal error is met in code; what librdkafka says on standard error would only blur the progress.
_SILENT = logging.getLogger("sluice.feed")
_SILENT.disabled = True


class Feeder:
    """Produce a ledger's values in their order; a record counts once its report is in."""

    def __init__(
        self, bootstrap: str, partitions: int, ledger: Ledger, properties: Mapping[str, str]
    ) -> None:
        """Make the producer; nothing is sent yet."""
        self.handed_over = 0
        self.failed: Counter[str] = Counter()
        self._config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "message.max.bytes": _NO_LIMIT,
            "queue.buffering.max.kbytes": _QUEUE_KIB,
            "error_cb": self._noticed,
            **properties,
        }
        self._partitions = partitions
        self._ledger = ledger
        self._fatal = False
        self._producer = self._make()

    def _make(self) -> Producer:
        return Producer(self._config, logger=_SILENT)

    def send(self, count: int) -> None:
        """Hand over the next `count` records (fewer at the end). Raises InputError for one too large."""
        end = min(self.handed_over + count, len(self._ledger))
        while self.handed_over < end:
            self._send_one(self.handed_over)
            self.handed_over += 1
        self.poll(0)

    def poll(self, seconds: float) -> None:
        """Take the delivery reports that are there; a producer that is done for is replaced."""
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            self._noticed(error.args[0])
            if not self._fatal:
                raise
        if self._fatal:
            self.close()
            self._fatal = False
            self._producer = self._make()

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
        # Without a key the partition goes round by number: the same input, the same topic.
        place = _BY_KEY if key is not None else number % self._partitions
        report = partial(self._report, number)
        while True:
            try:
                self._producer.produce(self._ledger.topic, value, key, partition=place, on_delivery=report)
            except BufferError:
                self.poll(0.05)
            except KafkaException as error:
                self._refused(number, error.args[0])
                return
            else:
                return

    def _report(self, number: int, error: KafkaError | None, message: Message) -> None:
        # A delivered message has a place; the type allows for one that was never sent.
        partition, offset = message.partition(), message.offset()
        if error is not None or partition is None or offset is None:
            self._refused(number, error)
        else:
            self._ledger.note(number, partition, offset, message.timestamp()[1])

    def _refused(self, number: int, error: KafkaError | None) -> None:
        """Give a record up: it was not sent, or nobody knows."""
        if error is not None and error.code() in _TOO_LARGE:
            size = len(self._ledger.values[number] or b"")
            raise InputError(
                f"line {number + 1} of the input has {size} bytes: the broker takes no such message"
            )
        self.failed["no report" if error is None else error.name()] += 1
        if error is not None:
            self._noticed(error)

    def _noticed(self, error: KafkaError) -> None:
        self._fatal = self._fatal or error.fatal()
