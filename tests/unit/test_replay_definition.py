"""The state machine as it is written: every state reached, every failure caught, nothing that AWS would refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.replay.chunk import OutOfTimeError
from sluice.replay.store import StorageError

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "infra/replay.asl.json").read_text()
MACHINE: dict[str, Any] = json.loads(TEXT)
MAP: dict[str, Any] = MACHINE["States"]["Replay"]
CHILD: dict[str, Any] = MAP["ItemProcessor"]
TASKS = [
    *((name, state) for name, state in MACHINE["States"].items() if state["Type"] == "Task"),
    *((name, state) for name, state in CHILD["States"].items() if state["Type"] == "Task"),
]


def following(state: dict[str, Any]) -> Iterator[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    yield from (branch["Next"] for branch in branches if "Next" in branch)
    if "Default" in state:
        yield state["Default"]


@pytest.mark.parametrize("machine", [MACHINE, CHILD], ids=["parent", "child"])
def test_every_state_is_reached(machine: dict[str, Any]) -> None:
    """Every state is reached from the first, every transition leads somewhere, and each state ends or goes on."""
    states, reached, todo = machine["States"], set(), [machine["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += following(states[name])

    assert reached == states.keys()
    assert all(
        state["Type"] == "Choice" or ("End" in state) != ("Next" in state) for state in states.values()
    )


@pytest.mark.parametrize(("name", "state"), TASKS)
def test_tasks(name: str, state: dict[str, Any]) -> None:
    """Every task calls a function and tries again what passes by itself: ours is named, a bug is not."""
    (retry,) = state["Retry"]
    ours = {
        error for error in retry["ErrorEquals"] if not error.startswith(("Lambda.", "Sandbox.", "Runtime."))
    }

    assert state["Resource"] == "arn:aws:states:::lambda:invoke"
    assert ours == {StorageError.__name__} | ({OutOfTimeError.__name__} if name == "Chunk" else set())
    assert retry["MaxDelaySeconds"] <= 60


def test_one_chunk_never_ends_the_run() -> None:
    """A child catches everything, and as many of them may fail as there are."""
    assert [catch["ErrorEquals"] for catch in CHILD["States"]["Chunk"]["Catch"]] == [["States.ALL"]]
    assert MAP["ToleratedFailureCountPath"] == "$.plan.chunks"
    assert CHILD["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_only_what_plan_answers_is_read() -> None:
    """No path asks for what may be absent: such a path would end the execution for good."""
    known = {"dry_run", "chunks", "max_concurrency", "manifest", "replay_id"}
    paths = re.findall(r'"\$\.plan\.?(\w*)', TEXT)

    assert set(paths) - {""} == known
    assert set(re.findall(r'"\$\$\.([\w.]+)"', TEXT)) == {
        "Execution.Name",
        "Execution.Input",
        "Map.Item.Value",
    }


def test_nothing_of_what_is_not_everywhere() -> None:
    """JSONPath, a JSON array, no batcher: what AWS and the interpreter of the local twin both take."""
    assert "QueryLanguage" not in TEXT
    assert not re.search("ItemBatcher|ResultWriter|ItemsPointer|JSONL|ToleratedFailurePercentage", TEXT)
    assert MAP["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}


def test_substitutions() -> None:
    """What is filled in are the names of the three functions, each of which is there."""
    names = re.findall(r"\$\{(\w+)\}", TEXT)

    assert names == ["ReplayPlanFunction", "ReplayBatchFunction", "ReplayReportFunction"]
    files = {"replay_" + name.removeprefix("Replay").removesuffix("Function").lower() for name in names}
    assert files <= {path.stem for path in (ROOT / "functions").glob("*.py")}
