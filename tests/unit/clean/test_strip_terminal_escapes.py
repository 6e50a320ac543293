from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.strip_terminal_escapes import strip_terminal_escapes
from tests.unit.clean.laws import C1, ESCAPES, LINEAR, MOJIBAKE, assert_lawful, growth

TABLE = {
    "no escape": ("plain [0m text", "plain [0m text"),
    "colour": ("\x1b[1;31mred\x1b[0m", "red"),
    "private parameter": ("a\x1b[?25lx\x1b[?25h", "ax"),
    "colon parameters": ("\x1b[38:2::255:0:0mx", "x"),
    "intermediate byte": ("\x1b[2 qx\x1b[!px", "xx"),
    "parameters without end": ("a\x1b[31", "a"),
    "parameters cut by a letter beyond ASCII": ("\x1b[31é", "é"),
    "hyperlink, ST": ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\.", "link."),
    "hyperlink, BEL": ("\x1b]8;id=1;http://a\x07link\x1b]8;;\x07.", "link."),
    "window title": ("\x1b]0;título — x\x07ok", "ok"),
    "unterminated title loses its line only": ("\x1b]0;title\nnext", "\nnext"),
    "title cut by another sequence": ("\x1b]0;ti\x1b[31mred", "red"),
    "title cut by CAN": ("\x1b]0;ti\x18ok", "\x18ok"),
    "DCS image of several lines": ("\x1bPq#0\n#1\x1b\\ok", "ok"),
    "DCS without end": ("\x1bPq#0\nok", "\nok"),
    "APC, PM, SOS": ("\x1b_Ga=T;AAAA\x1b\\1\x1b^x\x1b\\2\x1bXy\x1b\\3", "123"),
    "charset and alignment": ("\x1b(B1\x1b)02\x1b#83\x1b%G4", "1234"),
    "two bytes": ("\x1b7\x1b=\x1bMx\x1bc", "x"),
    "cursor key": ("ab\x1bOAc", "abc"),
    "lone": ("a\x1b", "a"),
    "row of ESC": ("\x1b\x1b\x1b[0mx", "x"),
    "ESC before a letter beyond ASCII": ("\x1bé", "é"),
    "8-bit CSI": ("\x9b31mred\x9b0m", "red"),
    "8-bit CSI after a letter beyond ASCII": ("é\x9b31m✅\x9b0m", "é✅"),
    "8-bit hyperlink": ("see \x9d8;;http://a\x9ct\x9d8;;\x9c", "see t"),
    "8-bit strings": ("\x90q#0\x9c1 \x98x\x9c2 \x9ey\x9c3 \x9fz\x1b\\4", "1 2 3 4"),
    "8-bit introducer without end": ("\x9d0;abc", "0;abc"),
    "mojibake of curly quotes": ("â\x80\x9cno\x1b[0mâ\x80\x9d 0;\x07", "â\x80\x9cnoâ\x80\x9d 0;\x07"),
    "mojibake of a quote, Windows-1252": ("â€\x9d8;;a\x07", "â€\x9d8;;a\x07"),
    "mojibake of И, Windows-1251": ("Р\x98a\x9c", "Р\x98a\x9c"),
    "mojibake of ě and ś": ("Ä\x9bm Ĺ\x9bm", "Ä\x9bm Ĺ\x9bm"),
    "mojibake of an emoji": ("ð\x9f\x98\x80", "ð\x9f\x98\x80"),
    "mojibake of ž": ("mu\x9eu", "mu\x9eu"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """A control sequence goes whole, whatever its form; the text around it stays."""
    assert strip_terminal_escapes(text) == expected


@given(st.lists(st.sampled_from(ESCAPES + C1 + MOJIBAKE) | st.characters(), max_size=40).map("".join))
def test_fuzz(text: str) -> None:
    """No ESC survives, nothing is added or moved, and a second pass finds nothing."""
    washed = assert_lawful(strip_terminal_escapes, text)

    assert "\x1b" not in washed
    rest = iter(text)
    assert all(char in rest for char in washed)


@given(st.text(st.characters(exclude_categories=["Cc"])))
def test_text_without_controls_is_kept(text: str) -> None:
    """Text that holds no control character is returned as it is."""
    assert strip_terminal_escapes(text) == text


@pytest.mark.parametrize(
    "unit",
    ["\x1b", "\x1b]8;;", "\x1bP\n", "\x1b[1;", "\x9d0;a", "\x9b1;", "\x1b]\x9d", "Р\x98", "\x90", "é\x9f"],
)
def test_is_linear(unit: str) -> None:
    """Ten times as many broken sequences take about ten times as long."""
    assert growth(strip_terminal_escapes, unit) < LINEAR
