"""Views: what a reader of the last layer sees, and where that stands in the text."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, strategies as st

from sluice.redact.views import DISGUISE_TRIGGER, blanked, masked, undisguised

TABLE = {
    "plain": ("abc", "abc"),
    "percent": ("a%40b%2Ec", "a@b.c"),
    "percent, often": ("a%2540b%25252Ec", "a@b.c"),
    "percent itself": ("100%25 50%", "100% 50%"),
    "not ASCII": ("%C3%A9%0A%7F", "%C3%A9%0A\x7f"),
    "unicode": (r"\u0041\u005a\u00e9\\u0042", r"AZ\u00e9B"),
    "invisible": ("a\u200bb\xadc\ufeffd\U000e0041e\u202ef", "abcdef"),
    "controls": ("a\x00b\x1b[1;31mc\x1b[0md\x7f", "abcd"),
    "white space stays": ("a\tb\nc\r", "a\tb\nc\r"),
    "letters stay": ("é\u0301 日本 👩", "é\u0301 日本 👩"),
}
nasty = st.lists(
    st.sampled_from(
        [
            "%",
            "25",
            "40",
            "%41",
            "\\",
            "u00",
            "41",
            "\\u0041",
            "\u200b",
            "\x1b[",
            "1m",
            "a",
            "é",
            "n",
            '"',
            "/",
        ]
    )
    | st.characters(exclude_categories=["Cs"]),
    max_size=20,
).map("".join)


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_undisguised(text: str, expected: str) -> None:
    """Escapes of visible ASCII are decoded, what nobody sees is gone, all else stays."""
    assert undisguised(text.encode()).data.decode() == expected


@given(nasty)
def test_places(text: str) -> None:
    """Every byte of a view is found again: itself, or the end of the escape that it was."""
    data = text.encode()
    view = undisguised(data)
    last = 0
    for at, byte in enumerate(view.data):
        start, end = view.original(at, at + 1)
        seen = data[start:end]
        assert last <= start < end
        assert seen == bytes([byte]) or undisguised(seen).data == bytes([byte])
        last = end


@given(nasty, st.data())
def test_spans(text: str, data: st.DataObject) -> None:
    """A span of a view goes from its first byte's place to its last one's."""
    view = undisguised(text.encode())
    if len(view.data) > 1:
        start = data.draw(st.integers(0, len(view.data) - 2))
        end = data.draw(st.integers(start + 1, len(view.data)))

        assert view.original(start, end) == (
            view.original(start, start + 1)[0],
            view.original(end - 1, end)[1],
        )


@given(nasty)
def test_trigger(text: str) -> None:
    """What would look otherwise in a view has the trigger in it."""
    plain = masked(text.encode())

    if undisguised(plain).data != plain:
        assert re2.search(DISGUISE_TRIGGER, plain.decode()) is not None


ESCAPES = {
    "line feed": (r"a\nb", "a \nb"),
    "nested": (r"a\\nb", "a  \nb"),
    "quotation mark": (r"\"k\":\"v\"", ' "k ": "v "'),
    "backslash": (r"C:\\dir \x", "C:  dir  x"),
    "not ASCII": (r"\u00e9b", "      b"),
    "ASCII": (r"\u0041b", r"\u0041b"),
}


@pytest.mark.parametrize(("text", "expected"), ESCAPES.values(), ids=ESCAPES)
def test_masked(text: str, expected: str) -> None:
    """Escapes of JSON strings become what they mean, at their end; those of ASCII letters are left to the view."""
    assert masked(text.encode()).decode() == expected


@given(nasty)
def test_masks_displace_nothing(text: str) -> None:
    """A masked text is as long as the text, and so is a blanked one."""
    data = text.encode()

    assert len(blanked(masked(data))) == len(masked(data)) == len(data)
    assert b"\\" not in blanked(masked(data)).replace(b"\\u", b"")
