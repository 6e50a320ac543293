"""A record with a text as features see it, and nasty texts that JSON can carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sluice.features import Group
from sluice.features.step import measuring
from sluice.record import Record
from tests.fakes.records import message
from tests.unit.clean.laws import nasty_text

# A lone surrogate is refused when a message is decoded, so no feature ever sees one.
texts = nasty_text.map(lambda text: text.encode(errors="ignore").decode()) | st.text()


def record_with(text: str, written: str | None = None) -> Record:
    """Make a record with a cleaned text, and the one before cleaning where it was another."""
    record = Record(message(1, value=b"x" * 9), "0123abcd")
    record.body, record.written = {"text": text}, text if written is None else written
    return record


def features_of(text: str, *groups: Group, written: str | None = None) -> dict[str, Any]:
    """Measure the features of these groups."""
    record = record_with(text, written)
    measuring(groups)(record)
    return record.features
