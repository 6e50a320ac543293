"""A poller's place in the consumer group: reading, committing, giving partitions back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set as AbstractSet

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaException, Message, TopicPartition

from ops.twin.events import Polled, encode_record
from ops.twin.poller_config import PollerConfig

# One wait inside librdkafka is never longer, so that a signal is noticed.
MAX_WAIT_SECONDS = 0.2


class SubscriptionError(Exception):
    """Say that this group membership is beyond repair; a new process makes a new one."""


def to_polled(message: Message) -> Polled:
    """Turn librdkafka's message into the record of an event."""
    kind, timestamp = message.timestamp()
    return encode_record(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        timestamp=timestamp,
        timestamp_type="LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME",
        key=message.key(),
        value=message.value(),
        headers=message.headers(),
    )


def _properties(config: PollerConfig, poller: int) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": config.bootstrap,
        "group.id": config.group,
        # A static member that died comes back without a rebalance, and a young broker never evicts a dynamic one.
        "group.instance.id": f"{config.group}-{poller}",
        "auto.offset.reset": "earliest",  # TRIM_HORIZON
        "enable.auto.commit": False,
        "receive.message.max.bytes": 2147483647,
        "session.timeout.ms": 15_000,
        "max.poll.interval.ms": max(300_000, 3_000 * config.function_timeout_seconds),
        "fetch.wait.max.ms": 100,
        "log_level": 3,
        **config.kafka_properties,
    }


class Subscription:
    """Read the topic as one static member; `on_lost` is told the slots that were taken away."""

    def __init__(
        self, config: PollerConfig, poller: int, on_lost: Callable[[AbstractSet[str]], None]
    ) -> None:
        self._consumer = Consumer(_properties(config, poller))
        self._topic = config.topic
        self._on_lost = on_lost
        self._held_back: list[Polled] = []
        self._owned: set[int] = set()
        self._committed: dict[int, int] = {}
        self._consumer.subscribe(
            [config.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def _assigned(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._owned |= {partition.partition for partition in partitions}

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {partition.partition for partition in partitions}
        self._owned -= numbers
        self._committed = {number: at for number, at in self._committed.items() if number not in numbers}
        slots = {f"{self._topic}-{number}" for number in numbers}
        self._held_back = [record for record in self._held_back if record.slot not in slots]
        self._on_lost(slots)

    def fetch(self, at_most: int, seconds: float) -> list[Polled]:
        """Return up to so many records, after at most that time (and never much more than a fifth of a second)."""
        if self._held_back:
            records, self._held_back = self._held_back[:at_most], self._held_back[at_most:]
            return records
        return self._consume(at_most, seconds)

    def _consume(self, at_most: int, seconds: float) -> list[Polled]:
        try:
            messages = self._consumer.consume(at_most, min(max(seconds, 0.0), MAX_WAIT_SECONDS))
        except KafkaException as error:
            raise SubscriptionError(str(error)) from error
        records: list[Polled] = []
        for message in messages:
            fault = message.error()
            if fault is None:
                records.append(to_polled(message))
            elif fault.fatal():
                raise SubscriptionError(str(fault))
        # A partition may have been taken away in this very call, after its records had been picked up.
        return [record for record in records if record.partition in self._owned]

    def idle(self, seconds: float, stopping: Callable[[], bool]) -> None:
        """Wait without reading on, yet stay in the group."""
        self._apply(self._consumer.pause)
        deadline = time.monotonic() + seconds
        while not stopping() and (left := deadline - time.monotonic()) > 0:
            # Records of a partition that was assigned just now are not paused: keep them. First the call, for it
            # may take away partitions, and with them what is held back.
            records = self._consume(100, left)
            self._held_back += records
        self._apply(self._consumer.resume)

    def _apply(self, change: Callable[[list[TopicPartition]], None]) -> None:
        try:
            change([TopicPartition(self._topic, number) for number in self._owned])
        except KafkaException as error:
            raise SubscriptionError(str(error)) from error

    def commit(self, positions: Mapping[int, int]) -> None:
        """Commit what changed; a refusal is no error, the next commit or the next owner makes up for it."""
        changed = {
            number: offset
            for number, offset in positions.items()
            if number in self._owned and self._committed.get(number) != offset
        }
        if not changed:
            return
        offsets = [TopicPartition(self._topic, number, offset) for number, offset in changed.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException:
            return
        self._committed.update(changed)

    def close(self) -> None:
        """Leave; a static member keeps its partitions until the session ends."""
        self._consumer.close()
