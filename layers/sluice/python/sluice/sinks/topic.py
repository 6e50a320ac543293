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
_SLICE_SECONDS: Final = 0.1
# Half of what a topic takes by Kafka's default (`max.message.bytes`), and what one that takes less most likely does.
_LARGEST_BATCH: Final = 500_000
_SMALL_BATCH: Final = 65_536

Config = dict[str, Any]
# By origin id: None for what was delivered, as far as that is reported.
Reports = dict[str, KafkaError | None]


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
        # A broker refuses a batch whole. Half of what a record may have: the topic takes that much even where its
        # limit is lower than ours. (Many small requests cost 1 to 4 µs a record.)
        "batch.size": min(max_cleaned_bytes // 2, _LARGEST_BATCH),
        # In confluent-kafka's own hands: librdkafka still tells it of each message, so that its queue counts them.
        "delivery.report.only.error": True,
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
        """Keep the configuration; a producer is built on the first send and kept across invocations.

        `log_in` raises KafkaException where it would not get in.
        """
        self._topic = topic
        self._log_in = log_in
        self._config = config
        self._make = make
        # By whether it is for records that are sent alone.
        self._producers: dict[bool, Producer] = {}
        # What takes more than half of a batch is sent alone: refused, it takes nothing else along.
        self.alone_above: int = config["batch.size"] // 2
        self.replaced = 0

    def send(self, records: Sequence[Record], timeout: float, *, alone: bool = False) -> Report:
        """Produce the records in order and flush for at most `timeout` seconds.

        Reports fill a table of this very call, so that one which comes late finds no reader. As long as
        the topic has refused nothing, only errors are reported: an empty queue says of all others that they
        were delivered, and their reports would cost 1.7 µs a record. Where a purge leaves the queue filled,
        or an exception cut into the reports, only what was reported as delivered was.
        After any error or leftover, and when the invocation itself is broken off in here, the producer is
        purged and replaced. A record that goes `alone` may be refused without that: it leaves no gap, and a
        new producer takes half a second to get its id from the broker.
        """
        reports: Reports = {}
        try:
            producer = self._producers[alone] if alone in self._producers else self._build(alone)
        except KafkaException as error:
            return Report(set(), {}, _name(error))
        whole = known = False
        queued, fault, broken = 0, "", ""
        try:
            queued, fault = self._produce(producer, records, reports)
            broken = _flush(producer, reports, timeout)
            bad = [error for error in reports.values() if error and not (alone and _is_refusal(error))]
            whole = not (fault or broken or bad or len(producer))
        finally:
            known = whole or self._replace(producer, alone)
        report = _sum_up(records[:queued] if known and not broken else (), reports, broken or fault)
        if report.refused and not alone:
            self._learn()
        return report

    def _learn(self) -> None:
        """Expect more refusals: this topic takes less than we thought, so from the next producer on say everything."""
        size = min(self._config["batch.size"], _SMALL_BATCH)
        self._config = {**self._config, "batch.size": size, "delivery.report.only.error": False}
        self.alone_above = size // 2

    def _build(self, alone: bool) -> Producer:
        self._log_in()
        config = {**self._config, "enable.gapless.guarantee": False} if alone else self._config
        producer = self._producers[alone] = self._make(config)
        return producer

    def _produce(self, producer: Producer, records: Sequence[Record], reports: Reports) -> tuple[int, str]:
        """Queue the records up to the first that the client does not take; return how many, and that fault's name."""
        produce, topic = producer.produce, self._topic
        for place, record in enumerate(records):
            try:
                produce(
                    topic,
                    record.value,
                    record.agent_id,
                    headers=record.headers,
                    on_delivery=partial(_note, reports, record.origin_id),
                )
            except BufferError:
                return place, "the producer's queue is full"
            except KafkaException as error:
                if _is_refusal(error.args[0]):
                    reports[record.origin_id] = error.args[0]
                return place, _name(error)
        return len(records), ""

    def _replace(self, producer: Producer, alone: bool) -> bool:
        """Purge the producer, so that none of its messages outlives the invocation, and forget it.

        Tell whether every message that was not delivered has been reported.
        """
        del self._producers[alone]
        self.replaced += 1
        try:
            producer.purge(in_queue=True, in_flight=True, blocking=True)
            producer.poll(0)
        except (KafkaException, SystemError):
            return False  # a fatal producer refuses even that; it is dropped all the same
        return not len(producer)


def _flush(producer: Producer, reports: Reports, timeout: float) -> str:
    """Flush until nothing is left or the time is up; after an error only what is under way is awaited.

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


def _note(reports: Reports, origin: str, error: KafkaError | None, _: Message) -> None:
    reports[origin] = error


def _is_refusal(error: KafkaError) -> bool:
    return error.code() in _REFUSALS


def _name(error: KafkaException) -> str:
    return str(error.args[0].name())


def _sum_up(settled: Sequence[Record], reports: Reports, fault: str) -> Report:
    """Add up: what is `settled` was delivered unless an error of it was reported."""
    delivered = {record.origin_id for record in settled}
    if not reports:
        return Report(delivered, {}, fault)
    errors = {origin: error for origin, error in reports.items() if error is not None}
    refused = {origin: error.name() for origin, error in errors.items() if _is_refusal(error)}
    names = sorted({error.name() for origin, error in errors.items() if origin not in refused})
    return Report((delivered | reports.keys()) - errors.keys(), refused, fault or ", ".join(names))
