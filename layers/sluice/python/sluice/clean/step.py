"""The cleaning step: a record's text through its chain."""

from __future__ import annotations

from collections import Counter

from sluice.clean import clean as run_chain
from sluice.record import Record, Step
from sluice.redact.redactor import MAX_ROUNDS, RedactionDidNotSettle, Redactor
from sluice.redact.step import note

_DIGITS = b"0123456789"
# What white space alone can take apart are numbers, and no rule's number has fewer digits (a telephone's).
_FEWEST_DIGITS = 9


def cleaning(redactor: Redactor) -> Step:
    """Build the step that replaces a record's text by its cleaned form and flags the operators that changed it.

    It ends with the redaction of what cleaning uncovered.
    """

    def clean(record: Record) -> None:
        body = record.body
        raw = body["text"]
        body["text"], flags = run_chain(raw)
        if flags:
            record.flags.extend(flags)
        if body["text"] != raw and (flags or _digits(body["text"]) >= _FEWEST_DIGITS):
            _redact(record, redactor)

    return clean


def _digits(text: str) -> int:
    data = text.encode()
    return len(data) - len(data.translate(None, _DIGITS))


def _redact(record: Record, redactor: Redactor) -> None:
    """Redact and wash in turns until there is nothing to redact: a fixed point of both."""
    for _ in range(MAX_ROUNDS):
        redacted, kinds = redactor.redact(record.body["text"])
        if not kinds:
            return
        note(record, Counter(kinds))
        record.body["text"], _ = run_chain(redacted)
    raise RedactionDidNotSettle(f"cleaning still uncovered something in round {MAX_ROUNDS}")
