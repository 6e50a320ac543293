"""Executions of the replay's state machine: start one, follow it, say how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from ops.cli.exits import FAILED, UNREACHABLE, WRONG, Complaint
from ops.cli.target import Target, patience
from sluice.replay.paper import plan_key, results_prefix
from sluice.replay.store import persist

# Seconds between two looks; the longer an execution runs, the less often.
_FIRST_LOOK, _LONGEST_LOOK = 0.2, 3.0
# The plan's first line is its head: counts and samples, but no letters.
_HEAD_BYTES: Final = 131_072
RUNNING: Final = "RUNNING"


class Progress(NamedTuple):
    """How far a replay is: chunks that left their result, of how many; 0 of 0 while it is being planned."""

    done: int
    chunks: int
    letters: int


def start(target: Target, replay_id: str, given: dict[str, Any]) -> None:
    """Start an execution. Raises Complaint when the name is taken."""
    try:
        target.workflow.start_execution(
            stateMachineArn=target.machine, name=replay_id, input=json.dumps(given)
        )
    except target.workflow.exceptions.ExecutionAlreadyExists as error:
        raise Complaint(
            f"there was a replay {replay_id} already: give this one another --name", WRONG
        ) from error


def describe(target: Target, replay_id: str) -> dict[str, Any]:
    """Return an execution's description. Raises Complaint when there is none."""
    try:
        found: dict[str, Any] = target.workflow.describe_execution(executionArn=target.execution(replay_id))
    except (
        target.workflow.exceptions.ExecutionDoesNotExist,
        target.workflow.exceptions.InvalidArn,
    ) as error:
        raise Complaint(
            f"there is no replay {replay_id}: {target.command('status')} lists them", UNREACHABLE
        ) from error
    return found


def recent(target: Target, limit: int = 10) -> list[dict[str, Any]]:
    """Return the latest executions, the newest first."""
    found: list[dict[str, Any]] = target.workflow.list_executions(
        stateMachineArn=target.machine, maxResults=limit
    )["executions"]
    return sorted(found, key=lambda one: str(one["startDate"]), reverse=True)


def stop(target: Target, replay_id: str, why: str) -> None:
    """Cancel an execution."""
    target.workflow.stop_execution(
        executionArn=target.execution(replay_id), error="Cancelled", cause=why[:200]
    )


def progress(target: Target, replay_id: str) -> Progress:
    """Return how far a replay is, by what it left in the bucket."""
    stored = persist(lambda: target.store.get(plan_key(replay_id), (0, _HEAD_BYTES)), patience())
    if stored is None:
        return Progress(0, 0, 0)
    answer: dict[str, Any] = {}
    with suppress(json.JSONDecodeError, KeyError):  # a head longer than that has rules without end
        answer = json.loads(stored.body.partition(b"\n")[0])["answer"]
    results = persist(lambda: list(target.store.list(results_prefix(replay_id))), patience())
    return Progress(len(results), answer.get("chunks", 0), answer.get("selected", 0))


def follow(target: Target, replay_id: str, tell: Callable[[Progress], None] | None = None) -> dict[str, Any]:
    """Wait until an execution ends and return its description; `tell` hears how far it is."""
    pause = _FIRST_LOOK
    while (described := describe(target, replay_id))["status"] == RUNNING:
        if tell is not None:
            tell(progress(target, replay_id))
        time.sleep(pause)
        pause = min(_LONGEST_LOOK, pause * 1.2)
    return described


def output_of(described: dict[str, Any]) -> dict[str, Any]:
    """Return what an execution that ended put out. Raises Complaint when it failed."""
    if described["status"] == "SUCCEEDED":
        found: dict[str, Any] = json.loads(described["output"])
        return found
    kind, cause = described.get("error", ""), described.get("cause", "")
    with suppress(json.JSONDecodeError, TypeError, KeyError):
        cause = json.loads(cause)["errorMessage"]
    code = WRONG if kind == "InputError" else FAILED
    ended = {"ABORTED": "the replay was cancelled", "TIMED_OUT": "the replay timed out"}
    words = [ended.get(described["status"], "the replay failed"), kind, cause]
    raise Complaint(": ".join(filter(None, words)), code)
