"""Who wrote the record and when, fixed before cleaning changes it."""

from __future__ import annotations

from sluice.record import Record


def identify(record: Record) -> None:
    """Fill the record's identity and its cache key `agent_id:timestamp`, from what redaction left."""
    body = record.body
    record.agent_id = body["agent_id"]
    record.timestamp = body["timestamp"]
    record.cache_key = f"{record.agent_id}:{record.timestamp}"
    record.written = body["text"]
