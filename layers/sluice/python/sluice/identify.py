"""Who wrote the record and what it says, fixed before cleaning changes it."""

from __future__ import annotations

from hashlib import blake2b

import orjson

from sluice.record import Record

CONTENT_BYTES = 16


def identify(record: Record) -> None:
    """Fill the record's identity, its cache key `agent_id:timestamp`, and the 128-bit hash of its content."""
    body = record.body
    record.agent_id = body["agent_id"]
    record.timestamp = body["timestamp"]
    record.cache_key = f"{record.agent_id}:{record.timestamp}"
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    record.content = blake2b(canonical, digest_size=CONTENT_BYTES).hexdigest()
