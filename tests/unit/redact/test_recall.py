"""Recall on secrets that a generator of its own makes, and the program that prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.redaction import __main__ as program
from ops.redaction.disguises import DISGUISES
from ops.redaction.measure import find_in, measure_recall, shape
from ops.redaction.planted import PLANTED
from ops.sample.dice import Dice


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_recall(seed: int, record_property: Callable[[str, object], None]) -> None:
    """Every planted secret is found, in every disguise."""
    recall = measure_recall(3, seed)
    planted = recall.planted.total()
    record_property(f"redaction recall, seed {seed}", f"{1 - len(recall.missed) / planted:.2%} of {planted}")

    assert recall.missed == []
    assert recall.planted == dict.fromkeys(PLANTED, 3 * len(DISGUISES))
    assert {recall.of(name) for name in PLANTED} == {1.0}


def test_secrets_differ() -> None:
    """The generator's secrets are made anew each time, and the same for the same seed."""
    for make in PLANTED.values():
        assert make(Dice(7)) == make(Dice(7)) != make(Dice(8))


def test_misses_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no rule knows is counted as missed, with its disguise and its text."""
    monkeypatch.setitem(PLANTED, "badge", lambda dice: ("", f"badge number {dice.between(10, 99)}", ""))

    recall = measure_recall(1, 1)
    assert [name for name, _, _ in recall.missed] == ["badge"] * len(DISGUISES)
    assert recall.of("badge") == 0
    assert program._recall_table(recall).row_count == len(PLANTED) + 5


def test_finds() -> None:
    """Finds are counted by rule and shown as shapes, none of them as text."""
    finds = find_in(
        [{"text": "bob7@example.com", "m": [{"password": "hunter22"}]}, {"text": "x"}, {"a@b.co": 1}]
    )

    assert (finds.messages, finds.touched, finds.counts) == (3, 2, {"email": 2, "password": 1})
    assert finds.shapes == {"email": ["xxx9@xxxxxxx.xxx", "x@x.xx"], "password": ["xxxxxx99"]}
    assert shape("ab" * 30) == "x" * 40 + "…"


def test_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints recall and finds, and nothing that was found; an input that is not there is one line."""
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"text": "bob7@example.com"}) + "\nnot JSON\n")
    monkeypatch.setattr("sys.argv", ["redaction", "--each", "1", "--input", str(file)])

    assert program.main() == 0
    printed = capsys.readouterr().out
    assert "Recall: 100.00% of" in printed
    assert "xxx9@xxxxxxx.xxx" in printed
    assert "bob7@example.com" not in printed

    monkeypatch.setattr("sys.argv", ["redaction", "--each", "1", "--input", str(tmp_path / "no.jsonl")])
    assert program.main() == 2
    assert capsys.readouterr().err.count("\n") == 1
