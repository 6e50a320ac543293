"""Messages → the event that AWS Lambda's event source makes of them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ops.events.messages import MSK, SELF_MANAGED, TOPIC, Raw
from ops.twin.config import EventSource

_BORN: Final = 1_795_421_700_000
_CLUSTER: Final = "cluster/agents/0b1c2d3e-4f50-4617-8a9b-0c1d2e3f4a5b-7"
_MSK: Final = {
    "eventSource": "aws:kafka",
    "eventSourceArn": f"arn:aws:kafka:eu-central-1:123456789012:{_CLUSTER}",
    "bootstrapServers": "b-2.agents.example:9098,b-1.agents.example:9098",
}
_OWN: Final = {
    "eventSource": "SelfManagedKafka",
    "bootstrapServers": "kafka-2.example:9092,kafka-1.example:9092",
}
# An agent's answer of ordinary length.
_SENTENCE: Final = (
    "The next step is to compare what was asked with what was found, and to say where they differ. "
)
_NUMBERS: Final = re.compile(r"\[\s+(-?\d+(?:,\s+-?\d+)*)\s+\]")


def all_events() -> Mapping[str, dict[str, Any]]:
    """Return every event of `events/msk` by its name."""
    events = {name: _event(_MSK, messages) for name, messages in MSK.items()}
    return events | {"self_managed": _event(_OWN, SELF_MANAGED)}


def full_event(limit: int = EventSource.max_payload_bytes) -> bytes:
    """Return an event of as many ordinary records as the event source's payload limit (6 MiB) has room for."""
    head = json.dumps(_event(_MSK, ()), separators=(",", ":")).removesuffix("{}}")
    parts: list[str] = []
    size = len(head) + len(f'{{"{TOPIC}-0":[]}}}}')
    while True:
        part = json.dumps(_record(_ordinary(len(parts))), separators=(",", ":"))
        size += len(part) + bool(parts)
        if size > limit:
            break
        parts.append(part)
    return f'{head}{{"{TOPIC}-0":[{",".join(parts)}]}}}}'.encode()


def _ordinary(number: int) -> Raw:
    when = f"2026-11-23T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    text = f"{number}: " + _SENTENCE * (number % 10 + 1)
    value = {"agent_id": f"agent-{number % 50}", "timestamp": when, "text": text}
    return Raw(0, number, json.dumps(value).encode(), f"agent-{number % 50}".encode())


def _event(head: Mapping[str, str], messages: Sequence[Raw]) -> dict[str, Any]:
    records: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        records.setdefault(f"{TOPIC}-{message.partition}", []).append(_record(message))
    return {**head, "records": records}


def _record(message: Raw) -> dict[str, Any]:
    return {
        "topic": TOPIC,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": _BORN + message.offset,
        "timestampType": "CREATE_TIME",
        "key": _encoded(message.key),
        "value": _encoded(message.value),
        "headers": [{name: [_signed(byte) for byte in value]} for name, value in message.headers],
    }


def _encoded(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def pretty(event: Mapping[str, Any]) -> str:
    """Return the event to be read: two spaces a level, a header's bytes on one line."""
    text = json.dumps(event, indent=2)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"
