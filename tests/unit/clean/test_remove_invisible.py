from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from sluice.clean.remove_invisible import has_stray_mark, remove_invisible
from tests.unit.clean.laws import INVISIBLE, LINEAR, WORDS, assert_lawful, growth

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
TABLE = {
    "plain": ("plain text", "plain text"),
    "C0, DEL": ("a\x00b\x08c\x7fd", "abcd"),
    "C1": ("é\x80\x99f", "éf"),
    "white space is left to another": ("a\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u2028b", "a\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u2028b"),
    "zero width": ("s\u200bk\u2060-\ufeffkey", "sk-key"),
    "soft hyphen": ("hy\u00adphen", "hyphen"),
    "direction override": ("a\u202egpj.exe\u202c\u200e\u2066b\u2069", "agpj.exeb"),
    "family": (FAMILY, FAMILY),
    "heart on fire": ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
    "Persian": ("می\u200cخواهم", "می\u200cخواهم"),
    "Devanagari": ("क्\u200dष", "क्\u200dष"),
    "joiner beside ASCII": ("a\u200db \u200dé\u200d é\u200dx", "ab é éx"),
    "joiner in a row": ("é\u200d\u200cé", "éé"),
    "joiner at the ends": ("\u200dé\u200c", "é"),
    "selector": ("⚠\ufe0f 1\ufe0f\u20e3", "⚠\ufe0f 1\ufe0f\u20e3"),
    "selector without a character": ("\ufe0f a \ufe0fb", " a b"),
    "row of selectors": ("é\ufe0f\U000e0100\U000e0101", "é\ufe0f"),
    "selector after a joiner": ("é\u200d\ufe0fé", "é\u200dé"),
    "joiner of graphemes": ("a\u034fb\u034f\ufe0f", "ab"),
    "flag of England": (ENGLAND, ENGLAND),
    "sentence in tags": ("hi" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"), "hi"),
    "flag without its end": (ENGLAND[:-1], "\U0001f3f4"),
    "tags after a flag": (ENGLAND + "\U000e0041", ENGLAND),
    "lone surrogate": ("a\ud83d b\udc00", "a\ufffd b\ufffd"),
    "surrogate pair": ("\ud83d\ude00", "😀"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """What nobody sees goes, unless a script or an emoji needs it."""
    assert remove_invisible(text) == expected


@given(st.lists(st.sampled_from(INVISIBLE + WORDS) | st.characters(), max_size=40).map("".join))
def test_fuzz(text: str) -> None:
    """The result is UTF-8, holds no control but white space, and a second pass finds nothing."""
    washed = assert_lawful(remove_invisible, text)

    washed.encode()
    assert not any(unicodedata.category(char) == "Cc" and not char.isspace() for char in washed)
    assert not has_stray_mark(washed)
    assert not set(washed) & set("\u200b\u2060\ufeff\u00ad\u202e\u2066\u034f")


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Z"])))
def test_visible_text_is_kept(text: str) -> None:
    """Letters, digits, punctuation, symbols and spaces are returned as they are."""
    assert remove_invisible(text) == text


@pytest.mark.parametrize(
    "unit", ["\u200d", "\ufe0f", "😀\u200d", "\U0001f3f4\U000e0067", "\x00", "é\u200b", "\ud83d"]
)
def test_is_linear(unit: str) -> None:
    """Ten times as many invisible characters take about ten times as long."""
    assert growth(remove_invisible, unit) < LINEAR
