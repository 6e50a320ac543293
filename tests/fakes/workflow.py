"""A Step Functions client whose executions end as the test says, and remember their input."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Ending = Callable[[dict[str, Any]], dict[str, Any]]


class _Exceptions:
    class ExecutionAlreadyExists(Exception):  # noqa: N818 -- AWS's name
        pass

    class ExecutionDoesNotExist(Exception):  # noqa: N818
        pass

    class InvalidArn(Exception):  # noqa: N818
        pass


class FakeWorkflow:
    """Keep executions by name; each runs for `looks` looks, then it is what `ending` makes of its input."""

    exceptions = _Exceptions

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        self.looks = 1
        self.inputs: dict[str, dict[str, Any]] = {}
        self.stopped: dict[str, str] = {}
        self._looked: dict[str, int] = {}
        # Called at every look of a running execution.
        self.on_look: Callable[[str], None] = lambda _: None

    def start_execution(self, **given: Any) -> dict[str, Any]:
        name = given["name"]
        if name in self.inputs:
            raise self.exceptions.ExecutionAlreadyExists
        self.inputs[name] = json.loads(given["input"])
        return {}

    def describe_execution(self, **given: Any) -> dict[str, Any]:
        name = given["executionArn"].rpartition(":")[2]
        if name not in self.inputs:
            raise self.exceptions.ExecutionDoesNotExist
        if name in self.stopped:
            return {"status": "ABORTED", "error": "Cancelled", "cause": self.stopped[name]}
        self._looked[name] = self._looked.get(name, 0) + 1
        if self._looked[name] <= self.looks:
            self.on_look(name)
            return {"status": "RUNNING"}
        return self.ending({"replay_id": name, **self.inputs[name]})

    def stop_execution(self, **given: Any) -> dict[str, Any]:
        self.stopped[given["executionArn"].rpartition(":")[2]] = given["cause"]
        return {}

    def list_executions(self, **given: Any) -> dict[str, Any]:
        started = datetime(2026, 11, 23, 9, tzinfo=UTC)
        return {"executions": [{"name": n, "status": "SUCCEEDED", "startDate": started} for n in self.inputs]}


def succeeded(**output: Any) -> dict[str, Any]:
    """Describe an execution that came to an end, with the counts that are not named at zero."""
    counts: dict[str, Any] = {
        "selected": 0, "recovered": 0, "duplicates": 0, "still_failing": {}, "parked": 0, "busy": 0, "not_run": 0,
        "unreadable_objects": 0,
    }  # fmt: skip
    return {"status": "SUCCEEDED", "output": json.dumps({**counts, **output})}


def planned(replay_id: str, **output: Any) -> dict[str, Any]:
    """Describe a dry run that came to an end."""
    plan = {
        "reasons": {"not_json": 2}, "bytes": 10, "objects": 1, "chunks": 1, "max_concurrency": 5,
        "estimate": {"seconds": 1, "dollars": 0.1}, "samples": [], "report": None,
    }  # fmt: skip
    return succeeded(
        **{"replay_id": replay_id, "dry_run": True, "selected": 2, "recovered": 2, **plan, **output}
    )


def failed(kind: str, message: str) -> dict[str, Any]:
    """Describe an execution that a function's error ended."""
    return {
        "status": "FAILED",
        "error": kind,
        "cause": json.dumps({"errorMessage": message, "errorType": kind}),
    }
