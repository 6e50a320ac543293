"""How long a text is."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.unit.features.rig import features_of, texts

TABLE = {
    "nothing": ("", 0, 0, 0),
    "one word": ("word", 4, 1, 1),
    "rounded up": ("words", 5, 1, 2),
    "collapsed": ("All is well.", 12, 3, 3),
    "lines": ("a\nb\tc", 5, 3, 2),
    "spaces around": ("  a  b ", 7, 2, 2),
    "one line that was not collapsed": ("a  b", 4, 3, 1),
    "only spaces": ("   ", 3, 0, 1),
    "beyond ASCII": ("日本 語", 4, 2, 3),
    "a no-break space joins": ("10\xa0km away", 10, 2, 3),
}


@pytest.mark.parametrize(("text", "chars", "words", "tokens"), TABLE.values(), ids=TABLE)
def test_table(text: str, chars: int, words: int, tokens: int) -> None:
    """Characters, words and tokens are those of the cleaned text, bytes those of the message."""
    assert features_of(text, written="something else") == {
        "bytes": 9,
        "chars": chars,
        "words": words,
        "tokens": tokens,
    }


@given(texts)
def test_short_cut(text: str) -> None:
    """Collapsed text has as many words by the short cut as by splitting it."""
    collapsed = " ".join(part.decode() for part in text.encode().split())

    assert features_of(collapsed)["words"] == len(collapsed.encode().split())
