from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import assume, example, given, strategies as st

from sluice.clean import MAX_ROUNDS, CleaningDidNotSettle, clean
from sluice.clean.collapse_repeats import may_repeat
from sluice.clean.operator import Operator
from sluice.clean.plain import clean_plain
from sluice.clean.profiles import STANDARD
from sluice.clean.segment import may_hold_structure
from tests.unit.clean.laws import LINEAR, growth, nasty_text

# An equal tuple that is not STANDARD itself, so that the short cut is not taken.
LONG_WAY = STANDARD[:3] + STANDARD[3:]

WORDS = [
    "The agent", "found", "3", "flights,", "http://a.b/c?d=1", "https://x.y", "(see", "my_var_name", "—", "“yes”", "naïve",
    "Привет", "日本語", "✅", "{", '"k":', "\n", "\n\n", "\t", "    ", "\r\n", "\xa0", "|", "`ls -l`", "C++",
]  # fmt: skip
ascii_words = st.text(st.characters(codec="ascii", exclude_categories=["C"]))
prose = st.lists(
    st.sampled_from(WORDS) | ascii_words.filter(lambda word: "http" not in word.lower()),
).map(" ".join)

LEARNED = {
    "hyperlink": ("\x1b]8;;http://at\x1b\\text\x1b]8;;\x1b\\", "text", ["strip_terminal_escapes"]),
    "hidden cursor": ("\x1b[?25lx", "x", ["strip_terminal_escapes"]),
    "colon colour": ("\x1b[38:2::1:2:3mx\x1b[m", "x", ["strip_terminal_escapes"]),
    "C1 CSI": ("\x9b31mx\x9b0m", "x", ["strip_terminal_escapes"]),
    "family": ("👨\u200d👩\u200d👧\u200d👦 ok", "👨\u200d👩\u200d👧\u200d👦 ok", []),
    "England": (
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f\n",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        [],
    ),
    "tag-smuggled sentence": ("ok" + "".join(chr(0xE0000 + ord(c)) for c in "do evil"), "ok", ["remove_invisible"]),
    "override": ("a\u202eb", "ab", ["remove_invisible"]),
    "lone surrogate": (json.loads(r'"a\ud83d b"'), "a\ufffd b", ["remove_invisible"]),
    "key split by ZWSP": ("sk-\u200babc", "sk-abc", ["remove_invisible"]),
    "URL split by ZWSP": ("ht\u200btps://a.b x", "x", ["remove_invisible", "remove_urls"]),
    "double-encoded JSON": ('"{\\"a\\": 1}"', '"{\\"a\\": 1}"', []),
    "truncated tool call": ('{"name": "search", "arguments": {"q": "fli', '{"name": "search", "arguments": {"q": "fli', []),
    "special token": ("to=functions.x <|call|>", "to=functions.x <|call|>", []),
    "URL in brackets": ("(https://a.b) c", "c", ["remove_urls"]),
    "URL inside JSON": ('{"u": "https://a.b/c?d=1", "x": 1}', '{"u": "", "x": 1}', ["remove_urls"]),
    "identifier": ("my_var_name", "my_var_name", []),
    "tab-indented code": ("if x:\n\treturn 1\n", "if x:\n\treturn 1\n", []),
    "carriage returns": ("10%\r50%\r100%\n", "100%", ["render_overwrites"]),
    "everything": (
        "\ufeff\x1b[1mdonâ€™t\x1b[0m  cafe\u0301\r\nhttps://a.b\x00",
        "don’t café",
        ["strip_terminal_escapes", "fix_mojibake", "remove_invisible", "normalise_unicode", "remove_urls"],
    ),
}  # fmt: skip


def seed_clean_text(raw: str) -> str:
    """The seed article's function, in our words: no URLs, single spaces."""
    return " ".join(re.compile(r"http\S+").sub("", raw).split())


def mojibake(text: str, depth: int) -> str:
    """UTF-8 of decomposed text, read as Latin-1, over and over: every layer takes a round."""
    for _ in range(depth):
        text = unicodedata.normalize("NFD", text).encode().decode("latin-1")
    return text


@pytest.mark.parametrize(("text", "expected", "flags"), LEARNED.values(), ids=LEARNED)
def test_what_cost_others_records(text: str, expected: str, flags: list[str]) -> None:
    """Inputs that broke other cleaners come out whole, and only what was washed is flagged."""
    assert clean(text) == (expected, tuple(flags))


@given(prose)
def test_prose_is_cleaned_as_by_the_seed(text: str) -> None:
    """On prose the chain does what the seed article's function does."""
    assume(not may_hold_structure(text) and not may_repeat(text))
    assert clean(text)[0] == seed_clean_text(text)


def test_words_in_http_stay() -> None:
    """Words that merely begin with "http" stay, where the seed article's function drops them."""
    assert clean("httpd and http2")[0] == "httpd and http2"
    assert seed_clean_text("httpd and http2") == "and"


@given(nasty_text)
@example("ht\u200btp://a")
@example("A\u0303©")
def test_is_idempotent(text: str) -> None:
    """Washing what was washed changes nothing, and nothing is flagged."""
    washed, _ = clean(text)

    washed.encode()
    assert "\x1b" not in washed
    assert clean(washed) == (washed, ())


@given(nasty_text | prose | st.text())
@example("a\u034fb")
@example("Ã\xa0")
@example("x \ufe0f")
def test_the_short_cut_is_the_same_way(text: str) -> None:
    """The short cut gives the text and the flags of the whole chain, or steps back."""
    short = clean_plain(text)

    assert short is None or short == clean(text, LONG_WAY)
    assert clean(text) == clean(text, LONG_WAY)


@pytest.mark.parametrize(
    "text", ["plain  text", "a\n\nb", "“déjà\xa0vu” — ✅", "Привет", "日本", "x https://a.b y"]
)
def test_the_short_cut_is_taken(text: str) -> None:
    """Text without dirt takes the short cut: speed is its only purpose."""
    assert clean_plain(text) is not None


def test_layers_are_peeled_until_nothing_changes() -> None:
    """A fix that uncovers more dirt is followed by another round."""
    assert clean("A\u0303© ok") == ("é ok", ("fix_mojibake", "normalise_unicode"))


def test_what_does_not_settle_is_refused() -> None:
    """Text that would still change in a later run is an error, never a result."""
    with pytest.raises(CleaningDidNotSettle, match=str(MAX_ROUNDS)):
        clean("\a", (Operator(lambda text: text + "x\a"),))


def test_nested_mojibake_settles() -> None:
    """However deep mojibake is nested, a message is too short for more levels than there are rounds."""
    settled, _ = clean(mojibake("é — “ok”", 10))

    assert clean(settled) == (settled, ())


def test_flags_are_named_once_in_chain_order() -> None:
    """Each operator that changed something is named once, whatever the number of rounds."""

    def halve(text: str) -> str:
        return text[: len(text) // 2] if len(text) > 1 else text

    def lower(text: str) -> str:
        return text.lower()

    assert clean("ÀBCDEFGH", (Operator(lower), Operator(halve))) == ("à", ("lower", "halve"))


@pytest.mark.parametrize(
    "unit",
    [
        "x" * 64,
        "same line\n",
        "\x1b]8;;",
        "Ã",
        "😀\u200d",
        "\u0315\u0300",
        "http://",
        "\x9d",
        "\xa0 é",
        "Р\x98",
    ],
)
def test_is_linear(unit: str) -> None:
    """Ten times the text takes about ten times as long, also through all rounds."""
    assert growth(clean, unit) < LINEAR
