"""The event of a Kafka event source mapping, byte for byte. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson
import pybase64

# As librdkafka hands them out.
Headers = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]] | None


class Polled(NamedTuple):
    """Hold one polled record: its place, its broker time in milliseconds and its JSON as the event will show it."""

    slot: str  # "topic-partition", the key of the event's `records`
    partition: int
    offset: int
    timestamp: int
    json: bytes


class EventHead(NamedTuple):
    """Hold the constant part of every event of one mapping."""

    event_source_arn: str
    bootstrap: str

    def opening(self) -> bytes:
        """Return the event up to and including the brace that opens `records`."""
        head = {
            "eventSource": "aws:kafka",
            "eventSourceArn": self.event_source_arn,
            "bootstrapServers": self.bootstrap,
        }
        return orjson.dumps(head)[:-1] + b',"records":{'


def _quoted(data: bytes | None) -> bytes:
    return b"null" if data is None else b'"%b"' % pybase64.b64encode(data)


def _signed(value: str | bytes | None) -> list[int]:
    # Java bytes are signed: 0x80..0xff arrive as -128..-1.
    data = value.encode() if isinstance(value, str) else value or b""
    return [byte - 256 if byte > 127 else byte for byte in data]


def _headers(headers: Headers) -> bytes:
    if not headers:
        return b"[]"
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return orjson.dumps([{name: _signed(value)} for name, value in pairs])


def encode_record(  # the seven fields of a Kafka record
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    timestamp_type: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
) -> Polled:
    """Return the record as it stands in the event."""
    json = (
        b'{"topic":"%b","partition":%d,"offset":%d,"timestamp":%d,"timestampType":"%b","key":%b,"value":%b,"headers":%b}'
    ) % (
        topic.encode(),
        partition,
        offset,
        timestamp,
        timestamp_type.encode(),
        _quoted(key),
        _quoted(value),
        _headers(headers),
    )
    return Polled(f"{topic}-{partition}", partition, offset, timestamp, json)


def event_bytes(opening: bytes, records: Sequence[Polled]) -> bytes:
    """Return the event of these records, grouped by slot in the order in which the slots appear."""
    slots: dict[str, list[bytes]] = {}
    for record in records:
        slots.setdefault(record.slot, []).append(record.json)
    groups = [b'"%b":[%b]' % (slot.encode(), b",".join(parts)) for slot, parts in slots.items()]
    return opening + b",".join(groups) + b"}}"
