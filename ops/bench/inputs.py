"""What is measured: generated messages of a given text length, and the real ones; events made of them."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from ops.twin.events import EventHead, Polled, encode_record, event_bytes

# The twin's own batch size; the payload limit ends a batch earlier where texts are long.
BATCH_RECORDS = 1_000
PAYLOAD_BYTES = 6 * 1024 * 1024
PARTITIONS = 4
AGENTS = 100
TOPIC = "agent_raw_output"
EVENT_HEAD = EventHead("arn:aws:kafka:eu-central-1:000000000000:cluster/sluice-bench/1", "127.0.0.1:9092")
_START = datetime(2026, 1, 1, tzinfo=UTC)
_POOL = 200

_WORDS = [
    "the",
    "a",
    "to",
    "of",
    "and",
    "in",
    "is",
    "for",
    "with",
    "on",
    "this",
    "that",
    "we",
    "you",
    "it",
    "as",
    "be",
    "are",
    "from",
    "or",
    "can",
    "should",
    "will",
    "not",
    "have",
    "agent",
    "tool",
    "result",
    "request",
    "user",
    "booking",
    "search",
    "query",
    "file",
    "function",
    "error",
    "value",
    "record",
    "step",
    "plan",
    "check",
    "update",
    "return",
    "call",
    "next",
    "first",
    "please",
    "found",
    "available",
    "confirm",
    "details",
    "option",
    "number",
    "list",
    "therefore",
    "however",
    "because",
    "summary",
    "analysis",
    "context",
    "response",
    "pipeline",
    "latency",
    "message",
    "customer",
]
_TYPOGRAPHIC = ("it’s", "“quoted”", "–", "naïve", "Zürich", "…", "→", "✅", "10 °C", "東京")  # noqa: RUF001
# Shares of the texts with line ends, characters beyond ASCII, a web address, dirt to wash away. The real outputs
# that are measured beside them have 17 %, 0.1 %, 0 and 0; other agents are less tidy, so more is assumed.
_WITH_LINES, _NON_ASCII, _WITH_URL, _DIRTY = 0.20, 0.10, 0.10, 0.01
_DIRT = ("\u200b", "\x1b[31mred\x1b[0m", "â€œmojibakeâ€\x9d", "e\u0301", "\x07")


@dataclass(frozen=True)
class Workload:
    """Name one kind of message; `text_bytes` 0 means the real ones in `real`."""

    name: str
    text_bytes: int = 0
    real: Path | None = None

    def values(self, count: int, run: str) -> list[bytes]:
        """Return `count` messages whose identities no other `run` has."""
        return list(_real(self.real, count, run) if self.real else _generated(self.text_bytes, count, run))


def _generated(text_bytes: int, count: int, run: str) -> Iterator[bytes]:
    texts = _texts(text_bytes)
    for number in range(count):
        moment = _START + timedelta(milliseconds=137 * number)
        yield orjson.dumps(
            {
                "agent_id": f"agent-{number % AGENTS:03}-{run}",
                "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "text": texts[number % _POOL],
            }
        )


def _real(path: Path, count: int, run: str) -> Iterator[bytes]:
    bodies = _real_bodies(path)
    for number in range(count):
        round_trip, index = divmod(number, len(bodies))
        body = bodies[index]
        yield orjson.dumps(body | {"agent_id": f"{body['agent_id']}-{run}.{round_trip}"})


@cache
def _real_bodies(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rb") as lines:
        return [orjson.loads(line) for line in lines]


@cache
def _texts(text_bytes: int) -> list[str]:
    """Return the pool of texts of about so many bytes: paragraphs, lists, and a little of everything else."""
    rng = random.Random(text_bytes)
    return [_text(rng, text_bytes) for _ in range(_POOL)]


def _text(rng: random.Random, text_bytes: int) -> str:
    beyond_ascii, size = rng.random() < _NON_ASCII, 0
    ends = (". ", ". ", ".\n\n", ":\n- ", ".  ") if rng.random() < _WITH_LINES else (". ", "; ", ": ")
    parts: list[str] = []
    while size < text_bytes:
        sentence = " ".join(rng.choices(_WORDS, k=rng.randint(6, 14))).capitalize()
        if beyond_ascii and rng.random() < 0.4:
            sentence += " " + rng.choice(_TYPOGRAPHIC)
        parts.append(sentence + rng.choice(ends))
        size += len(parts[-1].encode())
    extra = "see https://example.com/docs?page=2 " if rng.random() < _WITH_URL else ""
    extra += f"{rng.choice(_DIRT)} " if rng.random() < _DIRTY else ""
    text = extra + "".join(parts)
    return text.encode()[:text_bytes].decode(errors="ignore")


def partition_of(agent: str, partitions: int = PARTITIONS) -> int:
    """Return a partition for an agent; any even spread will do here."""
    return sum(agent.encode()) % partitions


def polled(values: Sequence[bytes], first_offset: int = 0, topic: str = TOPIC) -> list[Polled]:
    """Return the messages as the event source polls them, spread by agent over the partitions."""
    offsets = [first_offset] * PARTITIONS
    now = time.time_ns() // 1_000_000
    records: list[Polled] = []
    for value in values:
        agent = json.loads(value)["agent_id"]
        partition = partition_of(agent)
        records.append(
            encode_record(
                topic=topic,
                partition=partition,
                offset=offsets[partition],
                timestamp=now,
                timestamp_type="CREATE_TIME",
                key=agent.encode(),
                value=value,
                headers=None,
            )
        )
        offsets[partition] += 1
    return records


def batches(records: Sequence[Polled], most: int = BATCH_RECORDS) -> list[list[Polled]]:
    """Cut records into batches of at most `most` whose events stay below the payload limit."""
    cut: list[list[Polled]] = [[]]
    room = PAYLOAD_BYTES - 1_024  # the envelope and the slots' names
    for record in records:
        cost = len(record.json) + 1
        if len(cut[-1]) == most or cost > room:
            cut.append([])
            room = PAYLOAD_BYTES - 1_024
        cut[-1].append(record)
        room -= cost
    return cut


def payloads(values: Sequence[bytes], most: int = BATCH_RECORDS) -> list[bytes]:
    """Return the events, as bytes of JSON, that carry the messages."""
    return [event_bytes(EVENT_HEAD.opening(), batch) for batch in batches(polled(values), most)]
