"""`make run`: send an input through the twin, wait, read everything back, account for every record."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import redis
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import KafkaException

from ops.twin.audit import Audit
from ops.twin.cache_reader import Life, connect, life, look
from ops.twin.collect import CollectError, RawTopics
from ops.twin.config import TwinError
from ops.twin.counters import Comparison, Totals, read_invocations, read_totals
from ops.twin.differences import Differences
from ops.twin.feed import Feeder
from ops.twin.group import start_pollers
from ops.twin.incarnation import make_way, write_cache
from ops.twin.inputs import Value, read_values
from ops.twin.ledger import Ledger
from ops.twin.options import RunOptions
from ops.twin.outputs import Outputs
from ops.twin.progress import Display
from ops.twin.report import summarise
from ops.twin.twin import Twin
from ops.twin.verify import Check, Findings, Judge
from ops.twin.verify_cache import CacheCheck
from ops.twin.watch import Watch
from sluice.source import source_of
from sluice.wiring import build_pipeline

_CHUNK = 500


class Moment(NamedTuple):
    """What `during` is told, many times a second, while records are under way."""

    twin: Twin
    total: int
    sent: int
    settled: int


@dataclass(frozen=True)
class Result:
    """What a run came to; `differences` empty means that everything is as it should be."""

    summary: dict[str, Any]
    findings: Findings
    totals: Totals
    differences: list[str]
    notes: list[str]
    check_seconds: float


class RunError(Exception):
    """Raised when servers that were up give way in the middle of a run; nothing can be said of its records."""


_BROKEN = (TwinError, CollectError, KafkaException, redis.RedisError, BotoCoreError, ClientError, OSError)
During = Callable[[Moment], None]


def run(options: RunOptions, during: During | None = None) -> Result:
    """Run the input through the twin.

    Raises InputError, TwinError and OSError for what cannot begin, RunError for what broke off. `during` is called while records are under way: the hook by which tests break things.
    """
    values = read_values(options.source)
    with ExitStack() as stack:
        outputs = None if options.out is None else stack.enter_context(Outputs(options.out))
        display = stack.enter_context(Display(len(values)))
        twin = stack.enter_context(Twin(options.twin_config()))
        display.say(f"{len(values):,} records read; broker, cache, S3 and functions are up")
        display.say("the first batch waits for the functions to start, as it would in Lambda")
        try:
            return _Run(options, twin, display, values, outputs).run(during)
        except _BROKEN as error:
            raise RunError(f"the run broke off: {error}") from error


@contextmanager
def _without_collector() -> Iterator[None]:
    """Hold back the garbage collector: the check makes no cycles, and would be half as fast with it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Run:
    """One run on a started twin."""

    def __init__(
        self, options: RunOptions, twin: Twin, display: Display, values: list[Value], outputs: Outputs | None
    ) -> None:
        self._options, self._twin, self._display, self._outputs = options, twin, display, outputs
        self._ledger = Ledger(twin.raw_topic, options.partitions, values)
        self._cache = connect(twin.redis_url, twin.redis_mode)
        self._born, self._began = Life("", 0), time.time()
        self._forgot: list[str] = []
        self._starts = 0
        self._before: dict[int, int] = {}
        self._notes: list[str] = []
        self._differences = Differences()

    def run(self, during: During | None) -> Result:
        """Send, wait, read back, compare."""
        foreign = self._make_way()
        self._born, self._began = life(self._cache), time.time()
        self._before = self._ends_of_cleaned()
        twin, properties = self._twin, self._options.kafka_properties
        # Before the pollers: the broker's answer to an idempotent producer takes half a second or a whole one.
        with closing(Feeder(twin.bootstrap, self._options.partitions, self._ledger, properties)) as feeder:
            self._start_pollers()
            started = time.monotonic()
            self._drive(feeder, during)
            seconds = time.monotonic() - started
        self._twin.stop_pollers()
        check_started = time.monotonic()
        with _without_collector():
            findings = self._check(foreign)
        comparison, totals = self._compare(findings, cache_kept=not self._forgot)
        if self._outputs is not None:
            write_cache(
                self._cache, source_of(self._twin.event_source_arn), self._outputs.part("cache.jsonl")
            )
        self._notes += comparison.notes()
        summary = summarise(findings, totals.count["RecordsRetried"], seconds)
        if self._outputs is not None:
            self._outputs.summary(summary)
        check_seconds = time.monotonic() - check_started
        return Result(summary, findings, totals, self._differences.lines(), self._notes, check_seconds)

    def _make_way(self) -> set[str]:
        """Clear an earlier run of this input off a cache that is not ours."""
        if self._options.redis is None:
            return set()
        return make_way(self._cache, self._ledger.values)

    def _ends_of_cleaned(self) -> dict[int, int]:
        """Return where the cleaned topic ends before this run; one of the run's own is empty."""
        if self._options.shared is None:
            return {}
        topics = RawTopics(self._twin.bootstrap, self._options.kafka_properties)
        try:
            return topics.end_offsets(self._twin.cleaned_topic, self._options.partitions)
        finally:
            topics.close()

    def _start_pollers(self) -> None:
        group = start_pollers(self._twin, self._options.kafka_properties)
        if group:
            self._notes.append(f"the pollers do not share the partitions: {group}")
        self._starts = sum(poller["starts"] for poller in self._twin.poller_stats())

    def _drive(self, feeder: Feeder, during: During | None) -> None:
        """Send everything and wait until the event source has settled it."""
        twin, ledger = self._twin, self._ledger
        topics = RawTopics(twin.bootstrap, self._options.kafka_properties)
        watch = Watch(twin, ledger, topics, self._options.stall_seconds)
        ahead = 3 * self._options.event_source.pollers * self._options.event_source.batch_size
        try:
            while not watch.done(feeder):
                if feeder.may_send(watch.settled, ahead):
                    feeder.send(_CHUNK)
                else:
                    feeder.poll(0.02)
                watch.look()
                self._display.update("sent", ledger.delivered)
                self._display.update("settled", watch.settled)
                if during is not None:
                    during(Moment(twin, len(ledger), ledger.delivered, watch.settled))
        finally:
            topics.close()
        for line in watch.complaints:
            self._differences.add(line)
        for error, times in feeder.failed.items():
            self._differences.add(f"not sent ({error}), or nobody knows", times=times)

    def _check(self, foreign: set[str]) -> Findings:
        twin, options = self._twin, self._options
        check = Check(self._ledger, self._judge(), foreign, options.topic_bytes())
        check.differences = self._differences
        cached = CacheCheck(
            partial(look, self._cache), options.record_ttl_seconds, self._age, self._differences
        )
        topics = RawTopics(twin.bootstrap, options.kafka_properties)
        try:
            findings = self._audit(check, cached).run(topics)
        finally:
            topics.close()
        # Looked at after the cache was read: what it lost while it was read, it lost before this.
        self._forgot = self._born.forgot(life(self._cache), self._age(), options.record_ttl_seconds)
        missing = cached.finish(check.cacheable, forgot=bool(self._forgot))
        self._notes += self._forgot
        if missing and self._forgot:
            self._notes.append(f"{missing} cleaned records are not in the cache any more")
        return findings

    def _audit(self, check: Check, cached: CacheCheck) -> Audit:
        alone = self._options.shared is None
        return Audit(
            self._twin, self._ledger, check, cached, self._outputs, self._display, self._before, alone=alone
        )

    def _age(self) -> float:
        # By the clock on the wall, as the cache's: a laptop that slept has older records.
        return time.time() - self._began

    def _judge(self) -> Judge:
        message, cleaned = self._options.limits()
        pipeline = build_pipeline(max_message_bytes=message, max_cleaned_bytes=cleaned)
        source = source_of(self._twin.event_source_arn)
        return lambda messages: pipeline.judge(messages, source)

    def _compare(self, findings: Findings, *, cache_kept: bool) -> tuple[Comparison, Totals]:
        """Compare the functions' counters, and say what a cache that forgot explains."""
        totals = read_totals(self._twin.emf())
        batch_size = self._options.event_source.batch_size
        calls = read_invocations(self._twin.poller_stats(), batch_size, starts=self._starts)
        comparison = Comparison(totals, calls, findings, cache_kept=cache_kept)
        comparison.check(self._differences)
        if findings.came_through and cache_kept:
            self._differences.add(
                "duplicates cleaned although the cache was kept", times=findings.came_through
            )
        elif findings.came_through:
            self._notes.append(
                f"{findings.came_through} duplicates were cleaned: the cache had forgotten them"
            )
        return comparison, totals
