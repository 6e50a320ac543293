"""White space of every kind and length → one space."""

from __future__ import annotations


def collapse_whitespace(text: str) -> str:
    """Put one space between words; at the ends, where another part may follow, keep a line end and a blank line."""
    words = text.split()
    if not words:
        return _gap(text)
    lead, tail = len(text) - len(text.lstrip()), len(text.rstrip())
    return _gap(text[:lead]) + " ".join(words) + _gap(text[tail:])


def _gap(space: str) -> str:
    # A blank line parts blocks of code, tables and logs from what stands beside them.
    return "\n" * min(space.count("\n"), 2) or (" " if space else "")
