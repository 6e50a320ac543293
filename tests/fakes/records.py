"""Records for tests of what comes after the pipeline."""

from __future__ import annotations

import random
from typing import Any

import orjson

from sluice.outcome import DeadLetter
from sluice.reasons import Reason
from sluice.record import Message, Origin, Record

TOPIC = "agent_raw_output"
SOURCE = "0123abcd"
WHEN = "2026-11-23T08:15:00Z"
BORN = 1_763_885_700_000


def message(offset: int, partition: int = 0, value: bytes | None = b"{}") -> Message:
    return Message(Origin(TOPIC, partition, offset), BORN + offset, None, value, ())


def record(
    offset: int,
    content: str = "a" * 32,
    *,
    agent: str = "planner",
    when: str = WHEN,
    partition: int = 0,
    source: str = SOURCE,
    padding: int = 0,
) -> Record:
    """Make a record as the pipeline leaves it; `content` is its hash, `padding` makes it longer."""
    made = Record(message(offset, partition), source)
    made.agent_id, made.timestamp, made.cache_key = agent, when, f"{agent}:{when}"
    made.content, made.schema = content, "agent_output/1"
    made.value = value_of(made.origin_id, content, source, text=noise(padding, offset))
    made.headers = [("sluice-origin", made.origin_id.encode())]
    return made


def noise(size: int, seed: int = 0) -> str:
    """Return text that no compression makes smaller."""
    return random.Random(seed).randbytes(size // 2).hex() + "x" * (size % 2)


def value_of(origin: Any, content: Any, source: Any = SOURCE, **fields: Any) -> bytes:
    """Return a stored value with this provenance."""
    return orjson.dumps({**fields, "_prep": {"origin": origin, "source": source, "content": content}})


def letter(
    offset: int, reason: Reason = "not_json", *, partition: int = 0, value: bytes | None = b"{"
) -> DeadLetter:
    return DeadLetter(message(offset, partition, value), "decode", reason, "why", "")
