"""SimHash: what is alike is near."""

from __future__ import annotations

import random
import sys
from hashlib import blake2b

import pytest
from hypothesis import given, strategies as st

from sluice.features.simhash import _KNOWN as KNOWN, distance, simhash_of
from tests.unit.features.rig import features_of, texts
from tests.unit.features.test_repetition import PROSE

NEAR = 3


def slowly(tokens: list[str]) -> int:
    """Add up bit by bit, as the definition says."""
    counts = [0] * 64
    for token in tokens:
        bits = int.from_bytes(blake2b(token.encode(), digest_size=8).digest(), "big")
        counts = [count + (bits >> place & 1) for place, count in enumerate(counts)]
    return sum(1 << place for place, count in enumerate(counts) if count > len(tokens) // 2)


@given(st.lists(st.text("abcXYZ019_é日", min_size=1, max_size=6), min_size=1, max_size=80))
def test_against_the_definition(words: list[str]) -> None:
    """The lanes give what adding up bit by bit gives."""
    text = " ".join(words)
    if len(text.encode()) <= 2.2 * len(text):
        assert simhash_of(text) == slowly(words)


def test_long_texts() -> None:
    """No lane overflows: of more than 32,000 words the first 32,000 count."""
    words = [str(n % 977) for n in range(40_000)]

    assert simhash_of(" ".join(words)) == slowly(words[:32_000])
    assert simhash_of("same " * 40_000) == slowly(["same"])


@given(texts)
def test_same_text_same_hash(text: str) -> None:
    """A text always has the same 64 bits, whatever was hashed before."""
    first = simhash_of(text)
    KNOWN.clear()

    assert simhash_of(text) == first
    assert first is None or 0 <= first < 2**64


def test_memory_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words' hashes are forgotten when there are too many, very long ones at once."""
    monkeypatch.setattr(sys.modules["sluice.features.simhash"], "_MOST_KNOWN", 100)
    KNOWN.clear()
    simhash_of(" ".join(map(str, range(1_000))))
    assert len(KNOWN) <= 100

    simhash_of("x" * 65)
    assert b"x" * 65 not in KNOWN


EDITS = {
    "a word more": PROSE + " Thanks.",
    "another number": PROSE.replace("forty", "fifty"),
    "punctuation": PROSE.replace(",", ";"),
    "white space": PROSE.replace(" ", "\n  "),
}


@pytest.mark.parametrize("text", EDITS.values(), ids=EDITS)
def test_near(text: str) -> None:
    """A small edit of a paragraph moves few bits."""
    assert _apart(PROSE, text) <= NEAR + 2


def test_punctuation_and_space_move_nothing() -> None:
    """Only words count."""
    assert _apart(PROSE, EDITS["punctuation"]) == _apart(PROSE, EDITS["white space"]) == 0


def test_far() -> None:
    """Different paragraphs, the same words in other numbers or Chinese sentences are far apart."""
    dice = random.Random(7)
    vocabulary = PROSE.split()
    for _ in range(200):
        one, other = (" ".join(dice.choices(vocabulary, k=60)) for _ in range(2))
        assert _apart(one, other) > NEAR
    assert _apart("航班已确认,请查看您的邮件。", "您的座位已经更改,请再次选择。") > NEAR


def test_scripts_without_spaces() -> None:
    """A Chinese text is nearer to its edited self than to another text."""
    text = "航班已确认,请查看您的邮件。如果您需要更改座位,请在出发前二十四小时联系我们。"

    assert _apart(text, text.replace("二十四", "四十八")) < _apart(text, text[::-1])


def test_no_words() -> None:
    """A text without a word has no hash, and no feature."""
    assert simhash_of("") is None
    assert simhash_of("-- ?! …"[:5]) is None
    assert "simhash" not in features_of("", "simhash")
    assert features_of("word", "simhash")["simhash"] == f"{slowly(['word']):016x}"


def _apart(one: str, other: str) -> int:
    first, second = simhash_of(one), simhash_of(other)
    assert first is not None
    assert second is not None
    return distance(first, second)
