"""Canonically equal spellings → one spelling (NFC)."""

from __future__ import annotations

import re
from itertools import groupby
from unicodedata import combining, is_normalized, normalize

# Unicode's Stream-Safe Text Format expects no more than 30 marks in a row from any language.
_LONG_RUN = re.compile(r"[\u0300-\U0010ffff]{31,}")


def normalise_unicode(text: str) -> str:
    """Compose to NFC. NFKC is not for stored text: it makes "10³" "103"."""
    # Cheap also for hostile text: it answers "no" at the first marks out of order.
    if is_normalized("NFC", text):
        return text
    # unicodedata sorts marks by insertion, quadratic in a row of them: 80,000 marks take ten seconds.
    # Sorted beforehand, by the same stable order, the row is linear.
    return normalize("NFC", _LONG_RUN.sub(_sort_marks, text))


def _sort_marks(run: re.Match[str]) -> str:
    decomposed = (part for char in run[0] for part in normalize("NFD", char))
    rows = groupby(decomposed, key=lambda char: combining(char) != 0)
    return "".join("".join(sorted(row, key=combining) if marks else row) for marks, row in rows)
