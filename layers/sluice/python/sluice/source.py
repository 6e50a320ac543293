"""An MSK (or self-managed Kafka) event → raw messages."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from pybase64 import b64decode

from sluice.record import Message, Origin

# A named tuple's own constructor takes twice as long, twice a record.
_new = tuple.__new__

EVENT_SOURCES = ("aws:kafka", "SelfManagedKafka")


class NotAKafkaEventError(ValueError):
    """Raised when the function was invoked with something other than a Kafka event."""


def source_of(name: str) -> str:
    """Return the 8 hex digits that stand for an event source, given its ARN or bootstrap servers."""
    return blake2b(name.encode(), digest_size=4).hexdigest()


def read_event(event: Any) -> tuple[str, list[Message]]:
    """Return the event source's digest and the messages, partition by partition, offsets ascending.

    `key` and `value` may be null or absent; header bytes come as signed ints. Raises
    NotAKafkaEventError when the envelope itself is not the one that Lambda documents.
    """
    known = isinstance(event, dict) and event.get("eventSource") in EVENT_SOURCES
    if not known or not isinstance(event.get("records"), dict):
        msg = f"not a Kafka event: eventSource must be one of {EVENT_SOURCES} and records an object"
        raise NotAKafkaEventError(msg)
    name = event.get("eventSourceArn") or _cluster_name(event.get("bootstrapServers", ""))
    messages = [_message(raw) for batch in event["records"].values() for raw in batch]
    messages.sort(key=lambda message: message.origin)
    return source_of(name), messages


def _cluster_name(bootstrap_servers: str) -> str:
    # The order of the servers in the event is not stable, the set is.
    return ",".join(sorted(bootstrap_servers.split(",")))


def _message(raw: dict[str, Any]) -> Message:
    key, value, headers = raw.get("key"), raw.get("value"), raw.get("headers")
    return _new(
        Message,
        (
            _new(Origin, (raw["topic"], raw["partition"], raw["offset"])),
            raw["timestamp"],
            # Strict (None: the usual alphabet): faster by up to four times, and nothing is dropped in silence.
            None if key is None else b64decode(key, None, True),
            None if value is None else b64decode(value, None, True),
            _headers(headers) if headers else (),
        ),
    )


def _headers(raw: list[dict[str, list[int] | None]]) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, bytes(byte & 0xFF for byte in value or ())) for header in raw for name, value in header.items()
    )
