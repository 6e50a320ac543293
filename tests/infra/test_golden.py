"""Every stage's templates, whole, as they are kept beside this file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.synthesis import STAGES, Synthesis, synthesised

KEPT = Path(__file__).parent / "golden"
# What is made of file contents alone: assets, the hash in a version's logical id, and that in the pipeline's version.
HASHES = (
    (re.compile(r"\b[0-9a-f]{64}\.zip"), "<asset>.zip"),
    (re.compile(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}"), r"\1<version>"),
    (re.compile(r"(\d\.\d\.\d\+)[0-9a-f]{8}"), r"\1<rules>"),
)


def written(template: dict[str, Any]) -> str:
    text = json.dumps(template, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    for pattern, mask in HASHES:
        text = pattern.sub(mask, text)
    return text


def templates(stage: Synthesis) -> dict[str, dict[str, Any]]:
    return {"data": stage.data, "pipeline": stage.pipeline}


@pytest.mark.parametrize("stack", ["data", "pipeline"])
@pytest.mark.parametrize("stage", STAGES)
def test_template(stage: str, stack: str, request: pytest.FixtureRequest) -> None:
    """A stage's template is the one that is kept; only hashes of file contents are masked."""
    kept = KEPT / f"{stage}.{stack}.json"
    text = written(templates(synthesised(stage))[stack])
    if request.config.getoption("--update-golden"):
        kept.write_text(text)

    assert text.splitlines() == kept.read_text().splitlines()


def test_masks_hide_hashes_alone() -> None:
    """A mask replaces a hash and nothing beside it."""
    names = {
        "a": "0f" * 32 + ".zip",
        "b": "PreprocessFunctionCurrentVersionC249FFBA" + "6e" * 16,
        "c": "0.1.0+67ba614b",
    }

    assert json.loads(written(names)) == {
        "a": "<asset>.zip",
        "b": "PreprocessFunctionCurrentVersionC249FFBA<version>",
        "c": "0.1.0+<rules>",
    }
    assert written({"arn": "cluster/agents/0b1c2d3e-4f50-4617-8a9b", "timeout": 120}).count("<") == 0
