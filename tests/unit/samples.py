"""Messages for tests, and the pipeline that judges them."""

from __future__ import annotations

import json
from typing import Any

from sluice.outcome import DeadLetter
from sluice.pipeline import Pipeline
from sluice.record import Message, Origin, Record
from sluice.wiring import build_pipeline

SOURCE = "0123abcd"
GOOD: dict[str, Any] = {"agent_id": "planner-7", "timestamp": "2026-11-23T08:15:00Z", "text": "All is well."}
MAX_BYTES = 4_000
# Roomier than the raw limit, so that only what is meant to breaks it.
MAX_CLEANED_BYTES = 8_000

PIPELINE: Pipeline = build_pipeline(MAX_BYTES, MAX_CLEANED_BYTES, "test")


def message(
    value: bytes | dict[str, Any] | None = None,
    headers: tuple[tuple[str, bytes], ...] = (),
    offset: int = 7,
    **fields: Any,
) -> Message:
    """Make a message of these bytes or this object, or of the good one with `fields` changed."""
    if value is None:
        value = GOOD | fields
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Message(Origin("agent_raw_output", 2, offset), 1_763_885_700_000, None, raw, headers)


def tombstone() -> Message:
    return message()._replace(value=None)


def judge(one: Message, pipeline: Pipeline = PIPELINE) -> Record | DeadLetter:
    (verdict,) = pipeline.judge([one], SOURCE)
    return verdict


def record_of(one: Message, pipeline: Pipeline = PIPELINE) -> Record:
    verdict = judge(one, pipeline)
    assert isinstance(verdict, Record), verdict
    return verdict


def letter_of(one: Message, pipeline: Pipeline = PIPELINE) -> DeadLetter:
    verdict = judge(one, pipeline)
    assert isinstance(verdict, DeadLetter), verdict.value
    return verdict
