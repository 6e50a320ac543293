"""Which language a text is in, or that nobody can say."""

from __future__ import annotations

import pytest

from sluice.features.language import UNDETERMINED, language_of
from tests.unit.features.rig import features_of

SPOKEN = {
    "en": "The flight from Lisbon was not on time, and you have a new seat.",
    # Too few of the English words for the short cut: CLD3 decides.
    "en (CLD3)": "Booking confirmed: departure tomorrow morning, window seat available.",
    "de": "Der Flug nach Berlin ist bestätigt, und Ihr Sitzplatz wurde geändert.",
    "es": "El vuelo a Madrid está confirmado para mañana por la mañana.",
    "fr": "Le vol pour Paris est confirmé et votre siège a été changé.",
    "nl": "Het vliegtuig naar Amsterdam is te laat vertrokken, maar de stoel is nog vrij.",
    "zh": "航班已确认,请查看您的邮件。您的座位已经更改。",
    "ja": "フライトが確認されました。メールをご覧ください。",
    "ru": "Рейс в Москву подтверждён, место у окна изменено.",
}
UNKNOWN = {
    "nothing": "",
    "too short": "ok",
    "one word": "Done.",
    "a number": "1234567890 1234567890 1234567890",
    "symbols": "=== *** --- +++ === *** --- +++ ===",
    "code": "def f(x): return x+1 if x>2 else [y**2 for y in g(x)]",
    "a fenced block": "```\nfor row in table: print(row, end='')\nwhile True: pass\n```",
    "JSON": '{"flight": "LH123", "seat": "12A", "status": "confirmed and paid"}',
    "hex": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


@pytest.mark.parametrize(("code", "text"), SPOKEN.items(), ids=SPOKEN)
def test_spoken(code: str, text: str) -> None:
    """Sentences are recognised, with a confidence that is worth something."""
    found = language_of(text)

    assert found.code == code[:2]
    assert 0.8 <= found.confidence <= 1


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_abstains(text: str) -> None:
    """Where there is no prose, or too little of it, the language is undetermined."""
    assert (
        features_of(text, "language").items()
        >= {"language": UNDETERMINED, "language_confidence": 0.0}.items()
    )


def test_prose_among_code() -> None:
    """Of a text with code the prose alone is read."""
    text = "```\nthe = and + of + this\nthat = with_ + you\n```\n" + SPOKEN["de"]

    assert language_of(text).code == "de"


def test_the_beginning_decides() -> None:
    """Only the first 256 characters of prose are read."""
    assert language_of((SPOKEN["de"] + " ") * 5 + SPOKEN["en"] * 50).code == "de"
