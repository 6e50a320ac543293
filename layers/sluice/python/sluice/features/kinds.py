"""What kinds of segments it has."""

from __future__ import annotations

from typing import Any

from sluice.clean.segment import may_hold_structure, segment
from sluice.record import Record


def kinds(record: Record, features: dict[str, Any]) -> None:
    """Add the kinds of the cleaned text's segments, each once, in the order in which they first occur."""
    text = record.body["text"]
    if not may_hold_structure(text):
        features["kinds"] = ["prose"] if text else []
        return
    features["kinds"] = list(dict.fromkeys(part.kind for part in segment(text)))
