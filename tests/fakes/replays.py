"""A replay between fakes: the state machine's steps, a bucket of letters, and a watch on every write to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from sluice.deadline import Deadline
from sluice.deliver import Sinks
from sluice.letters import lines
from sluice.outcome import DeadLetter
from sluice.pipeline import standard_steps
from sluice.reasons import Reason
from sluice.record import Message, Origin
from sluice.replay.chunk import OutOfTimeError, Worker
from sluice.replay.dry import DryCache, DryTopic
from sluice.replay.letter import FINAL, Letter, identity, read_letters, write_letters
from sluice.replay.paper import load_plan, read_plan
from sluice.replay.plan import Planner, terms_of
from sluice.replay.report import Reporter
from sluice.replay.request import Request, read_request
from sluice.replay.rerun import AlreadyKept, Rerun
from sluice.replay.store import LETTERS, PARKED, REPLAYED, StorageError, archive_of
from sluice.sinks.letter_store import LetterStore
from sluice.sinks.topic import CleanedTopic, producer_config
from sluice.validate import load_schemas
from tests.fakes.broker import FakeBroker
from tests.fakes.bucket import FakeS3
from tests.fakes.cache import FakeCache
from tests.fakes.schedule import Clock, Faults, Killed, Schedule

TOPIC = "agent_raw_output"
SOURCE = "0123abcd"
WHEN = "2026-11-23T08:15:00Z"
_SCHEMAS = load_schemas()
_STEPS = standard_steps(4_000, 8_000, _SCHEMAS, "test", ())
_SECONDS = 60.0
# As often as the state machine tries a step again.
_TRIES = 5
_FAILED = (StorageError, OutOfTimeError, Killed)


def value(agent: str = "planner", text: str = "fine", **fields: Any) -> bytes:
    return json.dumps({"agent_id": agent, "timestamp": WHEN, "text": text, **fields}).encode()


def message(offset: int, raw: bytes | None = None, partition: int = 0) -> Message:
    body = value(f"agent-{offset}") if raw is None else raw
    return Message(Origin(TOPIC, partition, offset), 1_763_885_700_000 + offset, None, body, ())


def letter(offset: int, reason: Reason = "not_json", raw: bytes | None = None, **changes: Any) -> Letter:
    """Make a letter as `preprocess` writes it, with `changes` to its line."""
    dead = DeadLetter(message(offset, raw), "decode", reason, "why", "", SOURCE)
    made: Letter = orjson.loads(lines([dead], "old", datetime(2026, 11, 23, 9, tzinfo=UTC)))
    return made | changes


def key_of(name: str, reason: Reason = "not_json") -> str:
    return f"{LETTERS}reason={reason}/dt=2026-11-23/hh=08/{name}.jsonl.gz"


def on_failure(*messages: Message) -> bytes:
    """Make what the event source writes when it gives up: the event, an escaped string, in its envelope."""
    from base64 import b64encode

    records = [
        {
            "topic": m.origin.topic,
            "partition": m.origin.partition,
            "offset": m.origin.offset,
            "timestamp": m.timestamp,
            "timestampType": "CREATE_TIME",
            "value": None if m.value is None else b64encode(m.value).decode(),
            "headers": [{name: list(data)} for name, data in m.headers],
        }
        for m in messages
    ]
    event = {"eventSource": "aws:kafka", "eventSourceArn": "arn:raw", "records": {f"{TOPIC}-0": records}}
    return orjson.dumps(
        {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "timestamp": "2026-11-23T09:30:00.000Z",
            "payload": json.dumps(event),
        }
    )


class Replays:
    """One bucket, one cache, one broker; executions that share nothing else."""

    def __init__(self, faults: Faults | None = None, *, seconds: float = _SECONDS) -> None:
        self.schedule = Schedule(faults)
        self.clock = Clock(seconds)
        self.seconds = seconds
        self.cache = FakeCache(self.schedule, self.clock)
        self.broker = FakeBroker(self.schedule, max_bytes=6_000)
        self.s3 = FakeS3(self.schedule)
        self.failed = FakeS3(self.schedule)
        self.s3.on_write = self._watch
        # How often each message's letter went from waiting to recovered or duplicate.
        self.settled: Counter[bytes] = Counter()
        self.answers: dict[str, dict[str, Any]] = {}
        # What stands in for `Rerun` where a test says so.
        self.wrap: Callable[[Rerun], Any] = lambda run: run

    def put(self, key: str, *letters: Letter) -> str:
        self.s3.write(key, write_letters(letters))
        return key

    def letters(self, *prefixes: str) -> dict[tuple[str, int], Letter]:
        """Return the letters of all objects under the prefixes, by object and place."""
        return {
            (key, place): one
            for key, body in sorted(self.s3.objects.items())
            if key.startswith(prefixes or (LETTERS, PARKED, REPLAYED))
            for place, one in enumerate(read_letters(body))
        }

    def states(self) -> dict[str, str]:
        """Return the state of each letter by its id; of repeats and sealed letters none."""
        found = self.letters()
        kept = [one for one in found.values() if not one.get("alias_of") and not one.get("moved")]
        assert len({identity(one) for one in kept}) == len(kept), "a letter in two places"
        return {one["id"]: one["state"] for one in kept}

    def published(self) -> list[str]:
        return [dict(s.headers)["sluice-origin"].decode() for log in self.broker.logs for s in log]

    # The functions, each in an environment of its own.

    def planner(self) -> Planner:
        return Planner(
            self._store(self.s3), "letters", self._store(self.failed), self._deadline(), self.now, "test"
        )

    def dry_run(self, given: dict[str, Any], replay_id: str = "dry") -> dict[str, Any]:
        request = _request(given)
        run = self.wrap(self._rerun(request, DryCache(self.cache), DryTopic()))
        return self.planner().dry_run(replay_id, request, run, self.seconds)

    def plan(self, replay_id: str, given: dict[str, Any]) -> dict[str, Any]:
        return self.planner().plan(replay_id, _request({"dry_run": False, **given}))

    def chunk(self, replay_id: str, number: int) -> dict[tuple[str, int], Any]:
        deadline = self._deadline()
        body = load_plan(replay_id, self._store(self.s3), deadline)
        assert body is not None
        plan = read_plan(body)
        request = _request(plan.request)
        config = producer_config("broker.test:9092", 1_000_000, 2.0, {})
        topic = CleanedTopic("agent_cleaned", config, self.broker.producer)
        run = self.wrap(self._rerun(request, self.cache, topic))
        store, terms = self._store(self.s3), terms_of(replay_id, request)
        return Worker(store, run, terms, deadline, self.seconds, self.now).chunk(plan.chunks[number])

    def report(self, replay_id: str) -> dict[str, Any]:
        return Reporter(self._store(self.s3), "letters", self._deadline(), self.now).report(
            replay_id, _request
        )

    def execute(self, replay_id: str, given: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Run the state machine; None when a step it cannot do without failed too often."""
        plan = _again(lambda: self.plan(replay_id, dict(given or {})))
        if plan is None:
            return None
        for number in range(plan["chunks"]):
            _again(lambda number=number: self.chunk(replay_id, number))  # type: ignore[misc]
        answer: dict[str, Any] | None = _again(lambda: self.report(replay_id))
        if answer is not None:
            conserved(answer)
            assert answer["selected"] == plan["selected"]
            self.answers[replay_id] = answer
        return answer

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now, UTC)

    def _deadline(self) -> Deadline:
        self.clock.start()
        return Deadline(self.clock.remaining_ms, self.clock.sleep, jitter=lambda: 0.5)

    def _store(self, s3: FakeS3) -> LetterStore:
        return LetterStore("letters", lambda: s3)

    def _rerun(self, request: Request, cache: Any, topic: Any) -> Rerun:
        sinks = Sinks(cache, topic, AlreadyKept(), 86_400, "test", self.now)
        return Rerun(_STEPS, "test", sinks, request.rules, request.schema)

    def _watch(self, key: str, before: bytes | None, after: bytes) -> None:
        """Hold every write against the laws: no letter goes, none is settled twice, attempts never decrease."""
        if not before or not key.startswith(
            (LETTERS, PARKED)
        ):  # an emptied archive holds no letter that could go
            return
        old, new = read_letters(before), read_letters(after)
        if not new:
            self._archived(key, old)
            return
        assert [identity(one) for one in old] == [identity(one) for one in new], "a letter went"
        for was, now in zip(old, new, strict=True):
            assert now["value_b64"] == was["value_b64"]
            assert now["attempt"] >= was["attempt"], "attempts decreased"
            if was["state"] in FINAL:
                assert now == was, "a settled letter changed"
            elif now["state"] in {"recovered", "duplicate"} and not now.get("alias_of"):
                self.settled[identity(now)] += 1
                assert self.settled[identity(now)] == 1, "recovered twice"

    def _archived(self, key: str, old: Sequence[Letter]) -> None:
        archives = [archive_of(key, parked=parked) for parked in (True, False)]
        there = [read_letters(self.s3.objects.get(archive, b"")) for archive in archives if archive != key]
        kept = [[identity(one) for one in letters] for letters in there if letters]
        assert [identity(one) for one in old] in kept, "emptied, and not archived"


def _again(step: Callable[[], Any]) -> Any:
    for _ in range(_TRIES):
        try:
            return step()
        except _FAILED:
            continue
    return None


def _request(given: Any) -> Request:
    return read_request(given, _SCHEMAS)


def conserved(answer: dict[str, Any]) -> None:
    """Law 1 of every replay."""
    names: Iterable[str] = ("recovered", "duplicates", "parked", "busy", "not_run")
    total = sum(answer[name] for name in names) + sum(answer["still_failing"].values())
    assert answer["selected"] == total
