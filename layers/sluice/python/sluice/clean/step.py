"""The cleaning step: a record's text through its chain."""

from __future__ import annotations

from sluice.clean import clean as run_chain
from sluice.record import Record


def clean(record: Record) -> None:
    """Replace the record's text by its cleaned form and flag the operators that changed it."""
    body = record.body
    body["text"], flags = run_chain(body["text"])
    if flags:
        record.flags.extend(flags)
