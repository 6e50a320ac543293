"""White space of every kind and length → one space, none at the ends."""

from __future__ import annotations


def collapse_whitespace(text: str) -> str:
    """Put one space between words."""
    return " ".join(text.split())
