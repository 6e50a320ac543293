"""Measure a replay on the twin: `python -m ops.bench.replays [LETTERS OBJECTS PLAN_LETTERS PLAN_OBJECTS]`.

First the state machine, from its start to its report, on letters that repair rules mend; then Plan alone on many more:
its time, and the memory of its process, which must not grow with the messages' size.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from ops.twin.config import REPOSITORY, TwinConfig, TwinError
from ops.twin.destination import aws_client
from ops.twin.twin import Twin
from ops.twin.workflow import TIMEOUTS, create_workflow
from sluice.letters import lines, object_key
from sluice.outcome import DeadLetter
from sluice.record import Message, Origin

RULES: Final = REPOSITORY / "events" / "repair" / "upgraded-agent.json"
_SIZES: Final = (10_000, 1_000, 100_000, 5_000)
_TEXT: Final = "what an agent had to say, some half a kilobyte of it; " * 9
_WRITERS: Final = 8
_FIRST_MS: Final = 1_767_600_000_000
_FAILED_AT: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Figures(NamedTuple):
    """Hold what was measured: seconds, letters, and the peak of Plan's memory in MB before and after."""

    replay_seconds: float
    recovered: int
    plan_seconds: float
    planned: int
    plan_chunks: int
    memory_before_mb: float
    memory_after_mb: float


def objects(topic: str, letters: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield keys and bodies of `count` objects that hold so many letters of an agent that changed its fields."""
    each = letters // count
    for first in range(0, letters, each):
        made = [_letter(topic, number) for number in range(first, first + each)]
        yield object_key(made), gzip.compress(lines(made, "bench", _FAILED_AT), 6, mtime=0)


def _letter(topic: str, number: int) -> DeadLetter:
    body = {"agent_id": f"agent-{number % 40}", "timestamp": _FIRST_MS + 61 * number, "output": _TEXT}
    message = Message(
        Origin(topic, number % 4, number), _FIRST_MS + number, None, json.dumps(body).encode(), ()
    )
    return DeadLetter(message, "validate", "schema_invalid", "$: required text", "agent_output/1", "0" * 8)


def measure(sizes: Sequence[int] = _SIZES) -> Figures:
    """Measure on a twin of its own. Raises TwinError when the replay fails."""
    letters, count, plan_letters, plan_count = sizes
    with Twin(TwinConfig(function_timeouts=TIMEOUTS)) as twin:
        workflow = aws_client("stepfunctions", twin.s3_endpoint)
        machine = create_workflow(workflow)
        _fill(twin, "small", letters, count)
        started = time.perf_counter()
        output = _execute(workflow, machine, {"dry_run": False, "repair": json.loads(RULES.read_text())})
        replay_seconds = time.perf_counter() - started
        _fill(twin, "large", plan_letters, plan_count)
        before = _peak_mb(twin)
        started = time.perf_counter()
        answer = twin.invoke("replay_plan", {"replay_id": "large", "input": {"dry_run": False}})
        plan_seconds = time.perf_counter() - started
        if answer.error is not None:
            raise TwinError(f"replay_plan: {answer.payload}")
        return Figures(
            replay_seconds,
            output["recovered"],
            plan_seconds,
            answer.payload["selected"],
            answer.payload["chunks"],
            before,
            _peak_mb(twin),
        )


def _fill(twin: Twin, topic: str, letters: int, count: int) -> None:
    s3 = aws_client("s3", twin.s3_endpoint, connections=_WRITERS)

    def put(item: tuple[str, bytes]) -> None:
        s3.put_object(Bucket=twin.dead_letter_bucket, Key=item[0], Body=item[1])

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(put, objects(topic, letters, count)))


def _execute(workflow: Any, machine: str, given: dict[str, Any]) -> dict[str, Any]:
    arn = workflow.start_execution(stateMachineArn=machine, name="bench", input=json.dumps(given))[
        "executionArn"
    ]
    while (found := workflow.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.2)
    if found["status"] != "SUCCEEDED":
        raise TwinError(f"the replay ended as {found['status']}: {found.get('cause')}")
    output: dict[str, Any] = json.loads(found["output"])
    return output


def _peak_mb(twin: Twin) -> float:
    """Return the most memory that a process of `replay_plan` has had."""
    pids = [pid for one in twin.environments() if one["function"] == "replay_plan" for pid in one["runtime"]]
    peaks = [
        int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return max(peaks, default=0) / 1024


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    sizes = tuple(map(int, arguments)) or _SIZES
    found = measure(sizes)
    print(
        f"replay: {found.recovered:,} letters in {sizes[1]:,} objects, {found.replay_seconds:.1f} s: "
        f"{found.recovered / found.replay_seconds:,.0f} letters/s"
    )
    print(
        f"plan: {found.planned:,} letters in {sizes[3]:,} objects, {found.plan_chunks:,} chunks, "
        f"{found.plan_seconds:.1f} s; "
        f"peak memory {found.memory_before_mb:,.0f} MB before, {found.memory_after_mb:,.0f} MB after"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
