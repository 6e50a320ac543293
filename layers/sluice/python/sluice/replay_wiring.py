"""Put the replay's functions together on their first call; the state machine passes what they say to one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from sluice.claim import Commands
from sluice.deadline import Deadline
from sluice.deliver import Sinks
from sluice.pipeline import standard_steps
from sluice.publish import Topic
from sluice.replay.chunk import Worker
from sluice.replay.dry import DryCache, DryTopic
from sluice.replay.paper import Chunk, overwrite, plan_key, read_chunk, results_prefix
from sluice.replay.plan import Planner, terms_of
from sluice.replay.report import NoPlanError, Reporter
from sluice.replay.request import Request, read_replay_id, read_request
from sluice.replay.rerun import AlreadyKept, Rerun
from sluice.replay.settle import Outcome
from sluice.replay.store import Store, persist
from sluice.settings import ReplaySettings, Settings, read_replay_settings, read_settings
from sluice.sinks.cache import open_cache
from sluice.sinks.dead_letters import connect_s3
from sluice.sinks.letter_store import LetterStore
from sluice.telemetry import logger, report_replay
from sluice.validate import load_schemas
from sluice.wiring import Context, open_topic

Handler = Callable[[dict[str, Any], Context], dict[str, Any]]
# Objects that Plan and Report read at a time: S3 answers a small GET in some 20 ms.
WORKERS: Final = 16
_S3_SECONDS: Final = 10.0


def _store(bucket: str, connections: int = 1) -> Store:
    return LetterStore(bucket, connect_s3(_S3_SECONDS, connections))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _rerun(settings: Settings, cache: Commands, topic: Topic, request: Request) -> Rerun:
    sinks = Sinks(cache, topic, AlreadyKept(), settings.cache.record_ttl, settings.pipeline_version)
    steps = standard_steps(
        settings.max_message_bytes,
        settings.max_cleaned_bytes,
        load_schemas(),
        settings.pipeline_version,
        settings.passed_headers,
    )
    return Rerun(steps, settings.pipeline_version, sinks, request.rules, request.schema)


def _read(given: Any) -> Request:
    return read_request(given, load_schemas())


class Plan:
    """The function `replay_plan`: an execution's input in, its plan (or what a dry run found) out."""

    def __init__(self, settings: Settings, buckets: ReplaySettings, deadline: Deadline) -> None:
        """Build the clients; the cache is asked in a dry run alone, the broker never."""
        self._settings = settings
        self._buckets = buckets
        self._store = _store(buckets.dead_letter_bucket, WORKERS)
        self._failed = _store(buckets.on_failure_bucket, WORKERS) if buckets.on_failure_bucket else None
        self._cache = open_cache(settings.cache, deadline.wait())
        self._log = logger(buckets.service)

    def handle(self, event: dict[str, Any], context: Context, deadline: Deadline) -> dict[str, Any]:
        """Answer `{"replay_id", "input"}`. Raises InputError with the names of the fields that are wrong."""
        timeout = context.get_remaining_time_in_millis() / 1000
        replay_id, request = read_replay_id(event.get("replay_id")), _read(event.get("input"))
        version, bucket = self._settings.pipeline_version, self._buckets.dead_letter_bucket
        planner = Planner(self._store, bucket, self._failed, deadline, _utc_now, version, WORKERS)
        if request.dry_run:
            run = _rerun(self._settings, DryCache(self._cache), DryTopic(), request)
            answer = planner.dry_run(replay_id, request, run, timeout)
        else:
            answer = planner.plan(replay_id, request)
        # Samples name letters: they are for whoever asked, not for the log.
        self._log.info("plan", extra={"plan": {k: v for k, v in answer.items() if k != "samples"}})
        return answer


class Batch:
    """The function `replay_batch`: one chunk of a plan in, its counts out."""

    def __init__(self, settings: Settings, buckets: ReplaySettings, deadline: Deadline) -> None:
        """Build the clients; they are kept, the producer too."""
        self._settings = settings
        self._store = _store(buckets.dead_letter_bucket)
        self._cache = open_cache(settings.cache, deadline.wait())
        self._topic = open_topic(settings, "", deadline)
        self._log = logger(buckets.service)

    def handle(self, event: dict[str, Any], context: Context, deadline: Deadline) -> dict[str, Any]:
        """Answer `{"replay_id", "chunk"}` in less than 100 bytes; the counts are written to the bucket, too."""
        timeout = context.get_remaining_time_in_millis() / 1000
        replay_id, chunk = read_replay_id(event.get("replay_id")), Chunk(**event["chunk"])
        head = self._part(replay_id, (0, chunk.head), deadline)
        entries = read_chunk(self._part(replay_id, (chunk.start, chunk.length), deadline))
        request = _read(orjson.loads(head)["request"])
        run = _rerun(self._settings, self._cache, self._topic, request)
        worker = Worker(self._store, run, terms_of(replay_id, request), deadline, timeout, _utc_now)
        counts = _counts(worker.chunk(entries).values())
        key = f"{results_prefix(replay_id)}{chunk.number:04}.json"
        overwrite(self._store, key, orjson.dumps({"chunk": chunk.number, "outcomes": counts}), deadline)
        self._log.info("chunk", extra={"replay_id": replay_id, "chunk": chunk.number, "outcomes": counts})
        return {"chunk": chunk.number, "letters": sum(counts.values())}

    def _part(self, replay_id: str, span: tuple[int, int], deadline: Deadline) -> bytes:
        stored = persist(lambda: self._store.get(plan_key(replay_id), span), deadline)
        if stored is None:
            raise NoPlanError(f"there is no plan of a replay {replay_id}: its Plan step has to run first")
        return stored.body


class Report:
    """The function `replay_report`: the replay's output, its report and its ledger."""

    def __init__(self, buckets: ReplaySettings) -> None:
        """Build the client."""
        self._bucket = buckets.dead_letter_bucket
        self._service = buckets.service
        self._store = _store(buckets.dead_letter_bucket, WORKERS)
        self._log = logger(buckets.service)

    def handle(self, event: dict[str, Any], context: Context, deadline: Deadline) -> dict[str, Any]:
        """Answer `{"replay_id"}`."""
        replay_id = read_replay_id(event.get("replay_id"))
        reporter = Reporter(self._store, self._bucket, deadline, _utc_now, WORKERS)
        output = reporter.report(replay_id, _read)
        report_replay(output, context.aws_request_id, log=self._log, service=self._service)
        return output


def _counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    return dict(Counter(outcome.name for outcome in outcomes))


def replay_plan() -> Handler:
    """Return the handler of `replay_plan`."""
    return _lazily(lambda deadline: Plan(read_settings(), read_replay_settings(), deadline))


def replay_batch() -> Handler:
    """Return the handler of `replay_batch`."""
    return _lazily(lambda deadline: Batch(read_settings(), read_replay_settings(), deadline))


def replay_report() -> Handler:
    """Return the handler of `replay_report`."""
    return _lazily(lambda _: Report(read_replay_settings()))


def _lazily(build: Callable[[Deadline], Plan | Batch | Report]) -> Handler:
    """Return a handler that builds its function on the first call and keeps it."""
    built: list[Plan | Batch | Report] = []

    def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
        deadline = Deadline(context.get_remaining_time_in_millis)
        if not built:
            built.append(build(deadline))
        return built[0].handle(event, context, deadline)

    return handler
