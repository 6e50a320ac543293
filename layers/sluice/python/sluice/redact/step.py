"""The redaction step: every string of a record, its members' names too."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from sluice.record import Record, Step
from sluice.redact.redactor import Redactor

# Checked against its schema's format: it holds nothing but a date and a time, and keys are built of it.
_SKIPPED: Final = frozenset({"timestamp"})
# Numbers below have fewer digits than any card, or than a password that its name tells.
_LEAST_CARD: Final = 10**12
_LEAST_PASSWORD: Final = 10**4


def redacting(redactor: Redactor) -> Step:
    """Build the step that replaces secrets and personal data throughout a record's body."""

    def redact(record: Record) -> None:
        if redactor.may_hold(record.message.value or b""):
            walk = _Walk(redactor)
            record.body = {
                name: value if name in _SKIPPED else walk.member(name, value)
                for name, value in walk.named(record.body)
            }
            note(record, walk.kinds)

    return redact


def note(record: Record, kinds: Counter[str]) -> None:
    """Add what was replaced to the record's counts, and the flag that says so."""
    if kinds:
        if not record.redacted:
            record.flags.append("redact")
        record.redacted = dict(Counter(record.redacted) + kinds)


class _Walk:
    """Go through one body; decode saw to it that it is not too deep."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.kinds: Counter[str] = Counter()

    def named(self, members: dict[str, Any]) -> list[tuple[str, Any]]:
        """Return the members under redacted names; two names that become one are told apart by a number."""
        taken: set[str] = set()
        named: list[tuple[str, Any]] = []
        for name, value in members.items():
            unique = plain = self._text(name)
            number = 1
            while unique in taken:
                number += 1
                unique = f"{plain}#{number}"
            taken.add(unique)
            named.append((unique, value))
        return named

    def member(self, name: str, value: Any) -> Any:
        """Return a member's value redacted; its name is what stands before it: `password=`."""
        kind = type(value)
        if kind is str:
            return self._text(value, f"{name}=")
        return self._number(value, f"{name}=") if kind is int else self._value(value)

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is dict:
            return {name: self.member(name, inner) for name, inner in self.named(value)}
        if kind is list:
            return [self._value(item) for item in value]
        return self._number(value) if kind is int else value

    def _number(self, value: int, prefix: str = "") -> int | str:
        if value < (_LEAST_PASSWORD if prefix else _LEAST_CARD):
            return value
        text = str(value)
        redacted = self._text(text, prefix)
        return value if redacted == text else redacted

    def _text(self, text: str, prefix: str = "") -> str:
        redacted, kinds = self._redactor.redact(text, prefix)
        self.kinds.update(kinds)
        return redacted
