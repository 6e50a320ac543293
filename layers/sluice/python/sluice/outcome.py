"""What becomes of a record: exactly one of four outcomes."""

from __future__ import annotations

from typing import NamedTuple

from sluice.reasons import Reason
from sluice.record import Message, Record


class Rejected(Exception):  # noqa: N818 -- a verdict on the record, not an error of the program
    """Say that a record is bad for good: its `reason` from the closed list, and a `detail` without its text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Keep the reason and the detail."""
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail


class Cleaned(NamedTuple):
    """The record is stored and published."""

    record: Record


class Duplicate(NamedTuple):
    """The record repeats another one that lives on; `original` is that one's origin id."""

    record: Record
    original: str


class DeadLetter(NamedTuple):
    """The record is bad for good and waits, with its bytes, for a replay."""

    message: Message
    stage: str
    reason: Reason
    detail: str
    schema: str
    # The event source's 8 hex digits: two clusters may both have a topic, a partition and an offset of one name.
    source: str = ""


class Retry(NamedTuple):
    """The infrastructure failed: the event source keeps the record."""

    message: Message


Outcome = Cleaned | Duplicate | DeadLetter | Retry


def message_of(outcome: Outcome) -> Message:
    """Return the message that an outcome is about."""
    about: Record | Message = outcome[0]
    return about.message if isinstance(about, Record) else about
