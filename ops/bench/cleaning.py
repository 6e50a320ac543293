"""What each operator of the chains takes for a text, and how its time grows with hostile text."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from ops.sample.dice import Dice
from ops.sample.texts import clean_text
from sluice.clean import clean
from sluice.clean.profiles import PROFILES, URL_MODES, with_urls
from sluice.clean.segment import segment

SIZES: Final = {"500 B": 500, "2 kB": 2_000}
_TEXTS = 200
# For each operator what gives it the most work by the character.
HOSTILE: Final = {
    "render_overwrites": ("ab\r\x1b[K", "a\x08"),
    "strip_terminal_escapes": ("\x1b]8;;", "\x1b[1;", "\x9d0;a", "é\x9f"),
    "fix_mojibake": ("Ã©", "â€™", "\u0420\x98"),
    "remove_invisible": ("\u200d", "😀\u200d", "\ufe0f"),
    "normalise_unicode": ("\u0315\u0300", "e\u0301"),
    "unify_line_ends": ("\r", "\r\n"),
    "remove_urls": ("http://", "(http://a)", "http<http://a>://"),
    "strip_url_parameters": ("http://a?b&", "http://a?utm_a&"),
    "keep_url_hosts": ("http://a@", "http://(a"),
    "replace_blobs": ("aB3x", "aB3" * 21 + "\n"),
    "collapse_repeats": ("a\n", "a\n\n"),
    "collapse_whitespace": (" \n", "\u3000a"),
    "tidy_lines": (" ", " \n"),
    "segment": ('["', '{"a":', "| a ", 'x {"a":1} ', "```\n", "x = \n"),
}
_SMALL, _LARGE = 2_000, 100_000


def operators() -> dict[str, Callable[[str], object]]:
    """Return every operator by its name, and the cutting into segments."""
    chains = [with_urls(chain, mode) for chain in PROFILES.values() for mode in URL_MODES]
    return {operator.name: operator.wash for chain in chains for operator in chain} | {"segment": segment}


def measure_cleaning(rounds: int) -> dict[str, Any]:
    """Return µs of CPU a text, for every operator and profile, and how many times longer 50 times the text takes."""
    texts = {name: _texts(size) for name, size in SIZES.items()}
    found: dict[str, Any] = {}
    for name, wash in operators().items():
        found[name] = {size: _micros(wash, each, rounds) for size, each in texts.items()}
        found[name]["growth"] = max(_growth(wash, unit, rounds) for unit in HOSTILE[name])
    for name, chain in PROFILES.items():
        found[f"profile {name}"] = {
            size: _micros(lambda text, chain=chain: clean(text, chain), each, rounds)  # type: ignore[misc]
            for size, each in texts.items()
        }
    return found


def _texts(size: int) -> list[str]:
    """Return texts of all kinds, without dirt, cut to a length."""
    dice = Dice(1)
    made: list[str] = []
    for _ in range(_TEXTS):
        text = clean_text(dice)
        while len(text) < size:
            text += "\n\n" + clean_text(dice)
        made.append(text[:size])
    return made


def _micros(wash: Callable[[str], object], texts: Sequence[str], rounds: int) -> float:
    return min(_seconds(wash, texts) for _ in range(rounds)) / len(texts) * 1e6


def _growth(wash: Callable[[str], object], unit: str, rounds: int) -> float:
    small, large = unit * (_SMALL // len(unit)), unit * (_LARGE // len(unit))
    # The small one so often that the clock does not count.
    base = [_seconds(wash, [small] * 50) / 50 for _ in range(rounds)]
    return min(_seconds(wash, [large]) for _ in range(rounds)) / statistics.median(base)


def _seconds(wash: Callable[[str], object], texts: Sequence[str]) -> float:
    started = time.thread_time()
    for text in texts:
        wash(text)
    return time.thread_time() - started
