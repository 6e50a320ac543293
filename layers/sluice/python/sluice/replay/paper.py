"""What a replay leaves in the bucket: its plan, the results of its chunks, its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from sluice.deadline import Deadline
from sluice.replay.selection import Entry, entry_of
from sluice.replay.settle import Outcome
from sluice.replay.store import REPLAYS, StorageError, Store, persist

# What an execution's answer counts, in the order of the conservation law.
COUNTED: Final = {
    "recovered": "recovered",
    "duplicate": "duplicates",
    "parked": "parked",
    "busy": "busy",
    "not_run": "not_run",
}


# The fields of an execution's output, of a dry run's too.
OUTPUT: Final = {
    "replay_id": "the execution's name; letters that it settled bear it",
    "dry_run": "whether nothing was written",
    "selected": "letters that were selected, each message once; the sum of the six counts below",
    "recovered": "letters that were stored and published",
    "duplicates": "letters that say what a living record says, or repeat another letter",
    "still_failing": "letters that failed again, by their reason now; they stay open, one attempt further",
    "parked": "letters that had no attempt left, or were parked and failed again",
    "busy": "letters that another replay holds or settled meanwhile, or that a run which died still holds",
    "not_run": "letters that were not tried, for the infrastructure failed; free at once, no attempt counted",
    "unreadable_objects": "objects that do not hold what they should; they are left as they are",
    "report": "where the full report lies, a ledger of all letters beside it; null after a dry run",
}


class Chunk(NamedTuple):
    """Where one chunk stands in the plan's file, and its head; in bytes. One item of the distributed map."""

    number: int
    start: int
    length: int
    head: int


class Plan(NamedTuple):
    """A plan as it lies in the bucket: the input, what Plan answered, and the chunks."""

    request: dict[str, Any]
    answer: dict[str, Any]
    chunks: list[list[Entry]]


def plan_key(replay_id: str) -> str:
    """Return the key of the plan: JSON Lines, a head and a line a chunk."""
    return f"{REPLAYS}{replay_id}/plan.jsonl"


def manifest_key(replay_id: str) -> str:
    """Return the key of the JSON array that the distributed map reads."""
    return f"{REPLAYS}{replay_id}/manifest.json"


def results_prefix(replay_id: str) -> str:
    """Return where the chunks leave their results."""
    return f"{REPLAYS}{replay_id}/results/"


def write_plan(plan: Plan) -> bytes:
    """Return the plan's file."""
    head = orjson.dumps({"request": plan.request, "answer": plan.answer})
    lines = [head, *(orjson.dumps([tuple(entry) for entry in chunk]) for chunk in plan.chunks)]
    return b"".join(line + b"\n" for line in lines)


def read_plan(body: bytes) -> Plan:
    """Return the plan of its file."""
    head, *lines = body.splitlines()
    said = orjson.loads(head)
    return Plan(said["request"], said["answer"], [read_chunk(line) for line in lines])


def read_chunk(line: bytes) -> list[Entry]:
    """Return one chunk's entries."""
    return [entry_of(row) for row in orjson.loads(line)]


def manifest(plan: bytes) -> bytes:
    """Return the array of the plan's chunks."""
    head, *lines = plan.splitlines(keepends=True)
    chunks: list[dict[str, int]] = []
    start = len(head)
    for number, line in enumerate(lines, start=1):
        chunks.append(Chunk(number, start, len(line), len(head))._asdict())
        start += len(line)
    return orjson.dumps(chunks)


def load_plan(replay_id: str, store: Store, deadline: Deadline) -> bytes | None:
    """Return the file of a replay's plan, None where there is none. Raises StorageError."""
    stored = persist(lambda: store.get(plan_key(replay_id)), deadline)
    return None if stored is None else stored.body


def overwrite(store: Store, key: str, body: bytes, deadline: Deadline) -> None:
    """Write an object whatever is there. Raises StorageError, too, when others write it all the time."""
    for _ in range(10):
        stored = persist(lambda: store.get(key), deadline)
        etag = None if stored is None else stored.etag
        if persist(lambda: store.put(key, body, etag), deadline) is not None:  # noqa: B023 -- called at once
            return
    raise StorageError(f"{key} is written by others all the time")


def totals(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the counts of an answer; their sum is the number of outcomes."""
    names: Counter[str] = Counter()
    failing: Counter[str] = Counter()
    for outcome in outcomes:
        names[outcome.name] += 1
        if outcome.name == "still_failing":
            failing[outcome.reason] += 1
    counts: dict[str, Any] = {said: names[name] for name, said in COUNTED.items()}
    return {"selected": names.total(), **counts, "still_failing": dict(sorted(failing.items()))}


def is_conserved(answer: dict[str, Any], counted: Sequence[str] = tuple(COUNTED.values())) -> bool:
    """Tell whether selected = recovered + duplicates + still_failing + parked + busy + not_run."""
    total = sum(answer[name] for name in counted) + sum(answer["still_failing"].values())
    return bool(answer["selected"] == total)
