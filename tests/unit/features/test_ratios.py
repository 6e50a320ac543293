"""What a text is made of."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.unit.features.rig import features_of, texts

TABLE = {
    "nothing": ("", "", 0.0, 0.0, 0.0),
    "prose": ("All is well.", "All is well.", 0.0, 0.083, 0.0),
    "half digits": ("ab12", "ab12", 0.5, 0.0, 0.0),
    "only symbols": ("{}[]", "{}[]", 0.0, 1.0, 0.0),
    "characters, not bytes": ("日本12", "日本12", 0.5, 0.0, 0.0),
    "digits of other scripts are none": ("٣٤", "٣٤", 0.0, 0.0, 0.0),
    "a URL that cleaning removed": ("see", "see http://a.b/c", 0.0, 0.0, 0.75),
    "nothing but URLs": ("", "HTTPS://a.b", 0.0, 0.0, 1.0),
    "no web address": ("a", "ftp://a.b", 0.0, 0.0, 0.0),
}


@pytest.mark.parametrize(("text", "written", "digits", "symbols", "urls"), TABLE.values(), ids=TABLE)
def test_table(text: str, written: str, digits: float, symbols: float, urls: float) -> None:
    """Digits and symbols are shares of the cleaned text, URLs of the text before."""
    features = features_of(text, "ratios", written=written)

    assert (features["digit_ratio"], features["symbol_ratio"], features["url_ratio"]) == (
        digits,
        symbols,
        urls,
    )


@given(texts)
def test_against_a_loop(text: str) -> None:
    """The shares are those that a loop over the characters finds."""
    features = features_of(text, "ratios")
    count = len(text) or 1
    digits = sum(char in "0123456789" for char in text)
    symbols = sum(
        char.isascii() and char.isprintable() and not char.isalnum() and char != " " for char in text
    )

    assert features["digit_ratio"] == round(digits / count, 3)
    assert features["symbol_ratio"] == round(symbols / count, 3)
