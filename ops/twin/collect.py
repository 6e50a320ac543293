"""Read back what the run left behind: the cleaned topic, the dead letters, the on-failure objects."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition
from pybase64 import b64decode

_CHUNK = 500
_CONSUMER = {
    "enable.auto.commit": False,
    "log_level": 0,
    # The embedded broker's fetch ignores all byte limits,
    "receive.message.max.bytes": 2_147_483_647,
    # and answers an empty fetch at once, 30,000 times a second: with enough in the queue there is no fetch.
    "queued.min.messages": _CHUNK,
    "fetch.queue.backoff.ms": 20,
}
_PATIENCE_SECONDS = 20.0


class CollectError(Exception):
    """Raised when a place cannot be read back to its end."""


class Consumed(NamedTuple):
    """One message of the cleaned topic; `timestamp` in epoch milliseconds."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Letter(NamedTuple):
    """One line of a dead-letter object: its id, reason and bytes, and the line as it is stored."""

    id: str
    reason: str
    value: bytes | None
    line: bytes


class GivenUp(NamedTuple):
    """One record of an on-failure object."""

    id: str
    value: bytes | None


class RawTopics:
    """Look into topics with a consumer that belongs to no group's work."""

    def __init__(self, bootstrap: str, properties: Mapping[str, str]) -> None:
        """Connect lazily; `properties` are librdkafka's, for SASL and TLS."""
        config = {"bootstrap.servers": bootstrap, "group.id": "sluice-runner", **_CONSUMER, **properties}
        self._consumer = Consumer(config)

    def end_offset(self, topic: str, partition: int, seconds: float = 5.0) -> int:
        """Return the offset after a partition's last message. Raises KafkaException."""
        place = TopicPartition(topic, partition)
        end: int = self._consumer.get_watermark_offsets(place, timeout=seconds)[1]
        return end

    def end_offsets(self, topic: str, partitions: int) -> dict[int, int]:
        """Return the offset after the last message of each partition. Raises KafkaException."""
        return {number: self.end_offset(topic, number, _PATIENCE_SECONDS) for number in range(partitions)}

    def read(
        self, topic: str, partitions: int, since: Mapping[int, int] | None = None
    ) -> Iterator[list[Consumed]]:
        """Yield the messages of a topic in chunks, partition by partition, in order, from `since` on.

        Raises CollectError.
        """
        try:
            for partition in range(partitions):
                yield from self._read_partition(topic, partition, (since or {}).get(partition, 0))
        except KafkaException as error:
            raise CollectError(f"{topic} cannot be read back: {error.args[0].str()}") from error

    def _read_partition(self, topic: str, partition: int, position: int) -> Iterator[list[Consumed]]:
        end = self.end_offset(topic, partition, _PATIENCE_SECONDS)
        self._consumer.assign([TopicPartition(topic, partition, position)])
        while position < end:
            # Asking for more than there is would wait for the whole time-out.
            messages = self._consumer.consume(min(_CHUNK, end - position), _PATIENCE_SECONDS)
            if not messages:
                raise CollectError(f"{topic}-{partition} ends at {position}, the broker promised {end}")
            chunk = []
            for message in messages:
                if message.error() is not None:
                    raise KafkaException(message.error())
                chunk.append(_consumed(message))
            position = chunk[-1].offset + 1
            yield chunk

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()


def _consumed(message: Any) -> Consumed:
    return Consumed(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or [],
    )


def read_letters(s3: Any, bucket: str) -> Iterator[list[Letter]]:
    """Yield the letters of each dead-letter object; one that cannot be parsed raises CollectError."""
    for key in _keys(s3, bucket, "dead-letters/"):
        body = _body(s3, bucket, key)
        # A replay empties the objects that it is done with.
        lines = gzip.decompress(body).splitlines() if body else []
        try:
            yield [_letter(line) for line in lines]
        except (orjson.JSONDecodeError, KeyError, ValueError) as error:
            raise CollectError(f"dead-letter object {key} is malformed: {type(error).__name__}") from error


def _letter(line: bytes) -> Letter:
    fields = orjson.loads(line)
    return Letter(fields["id"], fields["reason"], _bytes(fields["value_b64"]), line)


def read_given_up(s3: Any, bucket: str) -> Iterator[GivenUp]:
    """Yield the records of all on-failure objects; their `payload` is the event as a JSON string."""
    for key in _keys(s3, bucket):
        envelope = orjson.loads(_body(s3, bucket, key))
        event = orjson.loads(envelope["payload"])
        for batch in event["records"].values():
            for record in batch:
                origin = f"{record['topic']}-{record['partition']}-{record['offset']}"
                yield GivenUp(origin, _bytes(record.get("value")))


def _keys(s3: Any, bucket: str, prefix: str = "") -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield entry["Key"]


def _body(s3: Any, bucket: str, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _bytes(encoded: str | None) -> bytes | None:
    return None if encoded is None else b64decode(encoded, validate=True)
