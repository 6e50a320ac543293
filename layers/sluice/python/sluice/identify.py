"""Who wrote the record and what it says, fixed before cleaning changes it."""

from __future__ import annotations

from hashlib import sha256

import orjson

from sluice.record import Record

# 128 bits of SHA-256, which processors have instructions for: 1.6 µs for 2 kB, where BLAKE2b takes 2.6.
CONTENT_DIGITS = 32


def identify(record: Record) -> None:
    """Fill the record's identity, its cache key `agent_id:timestamp`, and the 128-bit hash of its content."""
    body = record.body
    record.agent_id = body["agent_id"]
    record.timestamp = body["timestamp"]
    record.cache_key = f"{record.agent_id}:{record.timestamp}"
    record.written = body["text"]
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    record.content = sha256(canonical).hexdigest()[:CONTENT_DIGITS]
