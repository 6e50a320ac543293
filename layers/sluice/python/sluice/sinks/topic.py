"""Publish to the cleaned topic: an idempotent, gapless producer that is replaced after any fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sluice.publish import Report
from sluice.record import Record

# What a broker (or the client, on its behalf) refuses because of the record itself.
_REFUSALS: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD})
# Beyond key, headers and value, which MAX_CLEANED_BYTES counts: the batch's and record's own framing.
FRAMING_BYTES: Final = 4_096
_SLICE_SECONDS: Final = 0.5

Config = dict[str, Any]


def producer_config(
    bootstrap_servers: str, max_cleaned_bytes: int, timeout: float, security: Config
) -> Config:
    """Return the producer's configuration; `timeout` in seconds bounds one request to a broker.

    The partitioner is the Java clients' murmur2, so all clients agree where a key lives. Messages
    never expire inside the client (`message.timeout.ms` 0): the flush's own time-out decides, and
    what is left then is purged with its producer.
    """
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "sluice-preprocess",
        "acks": "all",
        "enable.idempotence": True,
        "enable.gapless.guarantee": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
        # A broker refuses a batch whole. Small batches, beside which a large record travels alone, keep a
        # record that is too large for the topic from taking a thousand others with it.
        "batch.size": 65_536,
        "message.timeout.ms": 0,
        "message.max.bytes": max(max_cleaned_bytes + FRAMING_BYTES, 1_000_000),
        "socket.timeout.ms": max(1_000, int(timeout * 1000)),
        "socket.keepalive.enable": True,
        "log_level": 3,
        # A frozen environment comes back to closed connections: expected, not worth a line.
        "log.connection.close": False,
        **security,
    }


class CleanedTopic:
    """Send records and say of each what the broker's delivery report said."""

    def __init__(
        self,
        topic: str,
        config: Config,
        make: Callable[[Config], Producer] = Producer,
        log_in: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the configuration; the producer is built on the first send and kept across invocations.

        `log_in` raises KafkaException where it would not get in.
        """
        self._topic = topic
        self._log_in = log_in
        self._config = config
        self._make = make
        self._producer: Producer | None = None
        self.replaced = 0

    def send(self, records: Sequence[Record], timeout: float) -> Report:
        """Produce the records in order and flush for at most `timeout` seconds.

        Delivery reports fill a table of this very call, so one that comes late finds no reader.
        After any error, missing report or leftover, and when the invocation itself is broken off in
        here, the producer is purged and replaced.
        """
        reports: dict[str, KafkaError | None] = {}
        try:
            producer = self._producer = self._producer or self._build()
        except KafkaException as error:
            return Report(set(), {}, _name(error))
        whole, fault = False, ""
        try:
            fault = self._produce(producer, records, reports)
            fault = _flush(producer, reports, timeout) or fault
            whole = not fault and len(reports) == len(records) and not any(reports.values())
        finally:
            if not whole:
                self._replace(producer)
        return _sum_up(reports, fault)

    def _build(self) -> Producer:
        self._log_in()
        return self._make(self._config)

    def _produce(
        self, producer: Producer, records: Sequence[Record], reports: dict[str, KafkaError | None]
    ) -> str:
        """Queue the records up to the first that the client does not take; return that fault's name."""
        for record in records:
            try:
                producer.produce(
                    self._topic,
                    record.value,
                    record.agent_id,
                    headers=record.headers,
                    on_delivery=partial(_note, reports, record.origin_id),
                )
            except BufferError:
                return "the producer's queue is full"
            except KafkaException as error:
                if error.args[0].code() in _REFUSALS:
                    reports[record.origin_id] = error.args[0]
                return _name(error)
        return ""

    def _replace(self, producer: Producer) -> None:
        """Purge the producer, so that none of its messages outlives the invocation, and forget it."""
        self._producer = None
        self.replaced += 1
        try:
            producer.purge(in_queue=True, in_flight=True, blocking=True)
            producer.poll(0)
        except (KafkaException, SystemError):
            pass  # a fatal producer refuses even that; it is dropped all the same


def _flush(producer: Producer, reports: dict[str, KafkaError | None], timeout: float) -> str:
    """Flush until all is reported or the time is up; after a bad report only what is under way is awaited.

    A producer that has met a fatal error (a gap, for one) sends nothing more, and what it still holds
    never expires: waiting for it would take all the time that the next producer needs.
    """
    slices = max(1, round(timeout / _SLICE_SECONDS))
    try:
        for _ in range(slices):
            if not producer.flush(timeout / slices) or any(reports.values()):
                break
    except SystemError as error:
        # confluent-kafka raises a producer's fatal error in the midst of the callbacks: each delivery report
        # that follows is noted, then fails with "returned a result with an exception set".
        _let_go(error)
        return "_FATAL"
    except KafkaException as error:
        _let_go(error)
        return _name(error)
    return ""


def _let_go(error: BaseException | None) -> None:
    """Cut an exception off its frames: the client keeps a fatal one for ever, and the frames hold the batch."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _note(reports: dict[str, KafkaError | None], origin: str, error: KafkaError | None, _: Message) -> None:
    reports[origin] = error


def _name(error: KafkaException) -> str:
    return str(error.args[0].name())


def _sum_up(reports: dict[str, KafkaError | None], fault: str) -> Report:
    if not any(reports.values()):
        return Report(set(reports), {}, fault)
    delivered = {origin for origin, error in reports.items() if error is None}
    errors = {origin: error for origin, error in reports.items() if error is not None}
    refused = {origin: error.name() for origin, error in errors.items() if error.code() in _REFUSALS}
    names = sorted({error.name() for origin, error in errors.items() if origin not in refused})
    return Report(delivered, refused, fault or ", ".join(names))
