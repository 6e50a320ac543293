from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from sluice.clean import clean
from sluice.clean.json_spans import is_json
from sluice.clean.profiles import PROFILES
from sluice.clean.segment import segment

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "tau_airline.jsonl.gz"

pytestmark = pytest.mark.skipif(not REAL_DATA.exists(), reason="the real data is not beside this repository")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    with gzip.open(REAL_DATA, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize("profile", PROFILES)
def test_json_is_the_same_json(texts: list[str], profile: str) -> None:
    """Tool calls of a real agent come out byte for byte, and nothing is flagged that is clean."""
    calls = [text for text in texts if is_json(text)]

    assert len(calls) > 1_000
    assert [clean(text, PROFILES[profile]) for text in calls] == [(text, ()) for text in calls]


def test_prose_is_prose(texts: list[str]) -> None:
    """Nested lists and half-sentences of a real agent are neither code nor tables."""
    kinds = Counter(part.kind for text in texts for part in segment(text))

    assert set(kinds) == {"prose", "json"}


@pytest.mark.parametrize("profile", PROFILES)
def test_operators_at_work(texts: list[str], profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What each operator changes in real outputs is printed; they lose no word, but for addresses and repeats."""
    changed: Counter[str] = Counter()
    for text in texts:
        washed, flags = clean(text, PROFILES[profile])
        changed.update(flags or (["white space alone"] if washed != text else ["nothing"]))
        assert washed.split() == text.split() or flags

    shares = ", ".join(f"{name} {count / len(texts):.2%}" for name, count in changed.most_common())
    with capsys.disabled():
        print(f"\n{profile}: {shares}")  # noqa: T201  # a figure to read, not only to pass
    assert changed["nothing"] > len(texts) / 2
