"""The upper yardstick: the loop that most pipelines begin with, one message at a time.

Consume, parse, `jsonschema.validate`, clean, one SET, one send. It is the tutorial's program in our
words: the same libraries, the same calls with the same arguments for every message, nothing batched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import redis
from jsonschema import ValidationError, validate
from kafka import KafkaConsumer, KafkaProducer

SCHEMA = {
    "type": "object",
    "properties": {
        "agent_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "text": {"type": "string"},
    },
    "required": ["agent_id", "timestamp", "text"],
}
TTL_SECONDS = 3600


def clean_text(raw: str) -> str:
    """Remove web addresses, collapse white space."""
    return " ".join(re.sub(r"http\S+", "", raw).split())


class Seed:
    """Run the loop over one topic."""

    def __init__(self, bootstrap: str, redis_url: str) -> None:
        """Keep the addresses."""
        self._bootstrap = bootstrap
        self._redis_url = redis_url

    def prepare(self, values: Sequence[bytes], raw_topic: str, cleaned_topic: str) -> None:
        """Fill the raw topic and connect the clients, so that neither is measured.

        The message in front makes the consumer join its group and find its offsets.
        """
        self._expected, self._cleaned_topic = len(values), cleaned_topic
        self._producer = KafkaProducer(bootstrap_servers=[self._bootstrap])
        self._consumer: Any = KafkaConsumer(
            raw_topic,
            bootstrap_servers=[self._bootstrap],
            auto_offset_reset="earliest",
            enable_auto_commit=True,
            group_id="preproc-group",
        )
        self._cache = redis.Redis.from_url(self._redis_url, decode_responses=True)
        self._cache.ping()
        self._producer.send(raw_topic, value=b"{}").get(30)
        self._messages: Iterator[Any] = iter(self._consumer)
        next(self._messages)
        for value in values:
            self._producer.send(raw_topic, value=value)
        self._producer.flush()

    def batches(self) -> Iterator[int]:
        """Yield the number of messages, once: this loop knows no batches."""
        return iter([self._expected])

    def work(self, batch: int) -> int:
        """Work through so many messages and return how many were published."""
        published = 0
        for _, message in zip(range(batch), self._messages, strict=False):
            try:
                data = json.loads(message.value.decode("utf-8"))
                validate(instance=data, schema=SCHEMA)
                data["text"] = clean_text(data["text"])
                key = f"{data['agent_id']}:{data['timestamp']}"
                self._cache.set(key, json.dumps(data), ex=TTL_SECONDS)
                self._producer.send(self._cleaned_topic, value=json.dumps(data).encode("utf-8"))
            except (json.JSONDecodeError, ValidationError) as error:
                print(f"skipped: {error}")
            else:
                published += 1
        # The sender's thread would go on by itself; its work belongs to the messages.
        self._producer.flush()
        return published

    def close(self) -> None:
        """Close the clients of this round."""
        self._consumer.close(autocommit=False)
        self._producer.close()
        self._cache.close()
