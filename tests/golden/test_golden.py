"""Input → cleaned records and dead letters, byte for byte."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from typing import Any

import pytest

from sluice.reasons import REASONS
from tests.golden.golden import CASES, Result, run_case

NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


def kept(name: str) -> Result:
    return Result(*((CASES / name / f"{part}.jsonl").read_bytes() for part in Result._fields))


def parsed(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    """A case's input gives the cleaned records and dead letters that are kept beside it."""
    result = run_case(name)
    if request.config.getoption("--update-golden", default=False):
        for part, lines in zip(Result._fields, result, strict=True):
            (CASES / name / f"{part}.jsonl").write_bytes(lines)

    assert result == kept(name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost(name: str) -> None:
    """Every input line is in the kept files exactly once, a dead one with its very bytes."""
    inputs = (CASES / name / "input.jsonl").read_bytes().removesuffix(b"\n").split(b"\n")
    ids = [f"golden_{name}-0-{offset}" for offset in range(len(inputs))]
    cleaned, letters = map(parsed, kept(name))
    dead = {letter["id"]: letter for letter in letters}

    assert sorted([record["headers"]["sluice-origin"] for record in cleaned] + list(dead)) == sorted(ids)
    for origin, line in zip(ids, inputs, strict=True):
        if origin in dead:
            assert b64decode(dead[origin]["value_b64"] or "") == line
            assert dead[origin]["value_sha256"] == (sha256(line).hexdigest() if line else None)


def test_all_reasons() -> None:
    """The cases show every reason that a message alone can lead to; our own faults apart."""
    shown = {letter["reason"] for name in NAMES for letter in parsed(kept(name).dead_letters)}

    assert shown == set(REASONS) - {"refused_by_broker", "undelivered", "step_failed"}


def test_cleaned_lines_hold_together() -> None:
    """In each kept line, key, headers and value say the same."""
    for name in NAMES:
        for record in parsed(kept(name).cleaned):
            prep = record["value"]["_prep"]

            assert record["key"] == record["value"]["agent_id"]
            assert record["headers"] == {
                f"sluice-{part}": prep[part] for part in ("origin", "content", "schema", "pipeline")
            }
