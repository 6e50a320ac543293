"""The page on the first deployment names what is there."""

from __future__ import annotations

import re
from pathlib import Path

from ops.deploy_check.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deploy-check.md").read_text()
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def test_targets_and_files() -> None:
    """Every make target and every file that the page names exists."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z-]+)", PAGE))
    files = set(re.findall(r"`((?:tests|infra|layers|docs)/[\w./-]+)`", PAGE))

    assert len(targets) > 5
    assert len(files) > 2
    assert {target for target in targets if f"\n{target}:" not in makefile} == set()
    assert {file for file in files if not (ROOT / file).exists()} == set()


def test_number_of_steps() -> None:
    """The page says how many lines to expect, and names no step that is not one."""
    named = set(re.findall(r"`make deploy-check`: ([a-z, ]+) \|", PAGE))
    steps = {step.name for step in STEPS}

    assert f"Expect {NUMBERS[len(STEPS)]} lines" in PAGE
    assert {name for names in named for name in names.split(", ")} - {"all invocations"} <= steps
