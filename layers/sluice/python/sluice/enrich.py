"""Derived fields, provenance, headers: the record as it will be cached and published."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from sluice.outcome import Rejected
from sluice.record import Record, Step
from sluice.redact.redactor import Redactor

# What a message may bring along; a setting adds more. Ours are set by the pipeline alone.
PASSED_HEADERS = frozenset({"traceparent", "tracestate", "sluice-profile"})
OWN_HEADERS = frozenset({"sluice-origin", "sluice-content", "sluice-schema", "sluice-pipeline"})


def enriching(
    version: str, max_bytes: int, passed_headers: Collection[str] = (), redactor: Redactor | None = None
) -> Step:
    """Build the step that adds `_prep` and the headers, and serialises; `max_bytes` caps the result.

    The cap counts value, key and headers, as the broker does. The step raises Rejected:
    cleaned_too_large.
    """
    redactor = redactor or Redactor()
    passed = (PASSED_HEADERS | set(passed_headers)) - OWN_HEADERS
    version_bytes = version.encode()

    def enrich(record: Record) -> None:
        record.body["_prep"] = {
            "origin": record.origin_id,
            "source": record.source,
            "content": record.content,
            "schema": record.schema,
            "pipeline": version,
            "flags": record.flags,
            "features": _features(record),
        }
        if record.notes:
            record.body["_prep"] |= record.notes
        record.value = orjson.dumps(record.body)
        record.headers = [
            ("sluice-origin", record.origin_id.encode()),
            ("sluice-content", record.content.encode()),
            ("sluice-schema", record.schema.encode()),
            ("sluice-pipeline", version_bytes),
        ]
        if record.message.headers:
            _pass_headers(record, passed, redactor)
        if len(record.value) > max_bytes - _OVERHEAD or record.message.headers:
            _check_size(record, max_bytes)

    return enrich


# Room for the key (1,024 bytes of UTF-8 at most) and our own headers; below it no sum is needed.
_OVERHEAD = 2_048


def _features(record: Record) -> dict[str, Any]:
    features = record.features
    if record.redacted:
        features["redacted"] = dict(record.redacted)
    if record.hidden:
        features["hidden_text"] = record.hidden
    return features


def _pass_headers(record: Record, passed: frozenset[str], redactor: Redactor) -> None:
    kept = [(name, redactor.header(name, v)) for name, v in record.message.headers if name in passed]
    record.headers.extend(kept)


def _check_size(record: Record, max_bytes: int) -> None:
    size = len(record.value) + len(record.agent_id.encode())
    size += sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    if size > max_bytes:
        raise Rejected("cleaned_too_large", f"{size} bytes with key and headers, allowed are {max_bytes}")


def dropped_headers(record: Record) -> int:
    """Count the message's own headers that were not passed on, `sluice-schema` apart: it is always set anew."""
    arrived = sum(name not in OWN_HEADERS for name, _ in record.message.headers)
    return arrived - (len(record.headers) - len(OWN_HEADERS))
