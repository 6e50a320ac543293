from __future__ import annotations

import subprocess
import sys

import ftfy
import pytest
from hypothesis import example, given, strategies as st

from sluice.clean.fix_mojibake import fix_mojibake, may_hold_mojibake
from tests.unit.clean.laws import C1, LINEAR, MOJIBAKE, assert_lawful, growth

CHARSETS = [
    "latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253",
    "sloppy-windows-1254", "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437",
]  # fmt: skip
TABLE = {
    "clean": ("déjà vu: “œuvre” — naïve, 3 × 4 = 12 €", "déjà vu: “œuvre” — naïve, 3 × 4 = 12 €"),
    "quotes": ("donâ€™t â€œstopâ€\x9d", "don’t “stop”"),
    "Latin-1": ("cafÃ© Ã\xa0 la carte", "café à la carte"),
    "soft hyphen is half of an í": ("lÃ\xadnea", "línea"),
    "twice": ("cafÃƒÂ©", "café"),
    "emoji": ("ok ðŸ˜€", "ok 😀"),
    "Cyrillic": ("РџСЂРёРІРµС‚", "Привет"),
    "beside real emoji": ("😀 donâ€™t 日本", "😀 don’t 日本"),
    "Windows-1252 read as Latin-1": ("don\x92t", "don’t"),
    "a lost no-break space is not guessed": ("voilÃ le travail", "voilÃ le travail"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Mojibake beyond doubt is decoded, all else stays."""
    assert fix_mojibake(text) == expected


@given(st.lists(st.sampled_from(MOJIBAKE + C1) | st.characters(), max_size=30).map("".join))
def test_fuzz(text: str) -> None:
    """The operator never raises, and a second pass finds nothing."""
    assert_lawful(fix_mojibake, text)


@given(
    st.text(st.characters(max_codepoint=0x2FFF) | st.sampled_from("éàüñß“”’—…✅日И")),
    st.sampled_from(CHARSETS),
)
@example("“ok” — ☃", "sloppy-windows-1253")
def test_the_trigger_misses_nothing(text: str, charset: str) -> None:
    """Text that the trigger lets pass is text that ftfy would not change."""
    try:
        mojibake = text.encode().decode(charset)
    except UnicodeError:
        return
    # U+001A marks a lost byte inside ftfy; it is no character to repair here.
    mojibake = mojibake.replace("\x1a", "")

    assert may_hold_mojibake(mojibake) or ftfy.fix_encoding(mojibake, restore_byte_a0=False) == mojibake


def test_ftfy_is_imported_late() -> None:
    """Clean text, also beyond ASCII, is washed without the price of importing ftfy."""
    program = (
        "import sys; from sluice.clean import clean; clean('déjà vu “ok” Привет 日本 ✅'); "
        "late = 'ftfy' not in sys.modules; clean('donâ€™t'); print(late, 'ftfy' in sys.modules)"
    )
    path = {"PYTHONPATH": ":".join(p for p in sys.path if p)}

    answer = subprocess.run(
        [sys.executable, "-c", program], env=path, capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == ["True", "True"]


@pytest.mark.parametrize("unit", ["Ã", "Ã©", "ÃƒÂ©", "â€", "é“", "a\x92", "Р\x98", "─┐", "Привет ", "Ã "])
def test_is_linear(unit: str) -> None:
    """Ten times as much mojibake, or what looks like it, takes about ten times as long."""
    assert growth(fix_mojibake, unit, size=10_000) < LINEAR


@pytest.mark.parametrize("unit", ["Ã“§", "Ã‰¯", "Ã¨™š", "Ã\x9d\x9d", "é Ã© 😀 â€œ", "A\u0303©"])
def test_overlapping_passages_are_linear(unit: str) -> None:
    """Passages whose repair begins the next passage cost no more a character in a long text than in a short one."""
    assert growth(fix_mojibake, unit, size=10_000) < LINEAR


def test_a_passage_among_other_characters() -> None:
    """One passage is mended though the text around it could not have been in that charset; a quotation is left."""
    assert fix_mojibake("😀 Ã¼ber â€œZÃ¼richâ€\x9d") == "😀 über “Zürich”"
    assert fix_mojibake("😀 “CAFÈ”") == "😀 “CAFÈ”"
