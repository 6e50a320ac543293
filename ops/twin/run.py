"""`make run`: send an input through the twin, wait, read everything back, account for every record."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import redis
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import KafkaException

from ops.sample import limits
from ops.twin.collect import CollectError, RawTopics, read_given_up, read_letters
from ops.twin.config import REPOSITORY, EventSource, TwinConfig, TwinError
from ops.twin.counters import Comparison, Totals, read_invocations, read_totals
from ops.twin.differences import Differences
from ops.twin.feed import Feeder
from ops.twin.group import start_pollers
from ops.twin.incarnation import connect, generation, make_way, write_cache
from ops.twin.inputs import Value, read_values
from ops.twin.ledger import Ledger
from ops.twin.outputs import Outputs
from ops.twin.progress import Display
from ops.twin.report import summarise
from ops.twin.twin import Twin
from ops.twin.verify import DEFAULT_TOPIC_BYTES, Check, Findings, Judge
from ops.twin.watch import Watch
from sluice.source import source_of
from sluice.wiring import build_pipeline

LAYER = REPOSITORY / "layers" / "sluice" / "python"
SAMPLE = REPOSITORY / "events" / "records" / "sample.jsonl"
# The functions' own defaults.
MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES = 1_048_576, 1_000_000
_CHUNK = 500


@dataclass(frozen=True)
class RunOptions:
    """Hold what a run can be told; servers that are not given are embedded."""

    source: str = str(SAMPLE)
    out: Path | None = None
    kafka: str | None = None
    redis: str | None = None
    redis_mode: str = "standalone"
    max_message_bytes: int | None = None
    partitions: int = 4
    event_source: EventSource = field(default_factory=EventSource)
    layer: Path = LAYER
    stall_seconds: float = 180.0
    kafka_properties: Mapping[str, str] = field(default_factory=dict)
    function_timeout_seconds: int = 60

    def limits(self) -> tuple[int, int]:
        """Return MAX_MESSAGE_BYTES and MAX_CLEANED_BYTES: the sample has small ones, to be small itself."""
        message, cleaned = MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES
        if self.is_sample():
            message, cleaned = limits.MAX_MESSAGE_BYTES, limits.MAX_CLEANED_BYTES
        return self.max_message_bytes or message, cleaned

    def is_sample(self) -> bool:
        """Tell whether the input is the sample, which has limits of its own."""
        return self.source != "-" and Path(self.source).resolve() == SAMPLE

    def topic_bytes(self) -> int:
        """Return the cleaned topic's `max.message.bytes`: the sample has a small one, so that it is met."""
        return limits.CLEANED_TOPIC_BYTES if self.is_sample() else DEFAULT_TOPIC_BYTES

    def twin_config(self) -> TwinConfig:
        """Return the twin's configuration."""
        message, cleaned = self.limits()
        return TwinConfig(
            kafka=self.kafka,
            redis=self.redis,
            redis_mode=self.redis_mode,
            partitions=self.partitions,
            event_source=self.event_source,
            environment={"MAX_MESSAGE_BYTES": str(message), "MAX_CLEANED_BYTES": str(cleaned)},
            kafka_properties=self.kafka_properties,
            function_timeout_seconds=self.function_timeout_seconds,
            cleaned_topic_bytes=self.topic_bytes(),
            layer=self.layer,
        )


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


_BROKEN = (TwinError, CollectError, KafkaException, redis.RedisError, BotoCoreError, ClientError)
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
        self._starts = 0
        self._notes: list[str] = []
        self._differences = Differences()

    def run(self, during: During | None) -> Result:
        """Send, wait, read back, compare."""
        foreign = self._make_way()
        born = generation(self._cache)
        self._start_pollers()
        started = time.monotonic()
        self._drive(during)
        seconds = time.monotonic() - started
        self._twin.stop_pollers()
        check_started = time.monotonic()
        with _without_collector():
            findings = self._check(foreign)
        comparison, totals = self._compare(findings, cache_kept=generation(self._cache) == born)
        if self._outputs is not None:
            write_cache(
                self._cache, source_of(self._twin.event_source_arn), self._outputs.folder / "cache.jsonl"
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

    def _start_pollers(self) -> None:
        group = start_pollers(self._twin, self._options.kafka_properties)
        if group:
            self._notes.append(f"the pollers do not share the partitions: {group}")
        self._starts = sum(poller["starts"] for poller in self._twin.poller_stats())

    def _drive(self, during: During | None) -> None:
        """Send everything and wait until the event source has settled it."""
        twin, ledger = self._twin, self._ledger
        feeder = Feeder(twin.bootstrap, self._options.partitions, ledger, self._options.kafka_properties)
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
            feeder.close()
        for line in watch.complaints:
            self._differences.add(line)
        for error, times in feeder.failed.items():
            self._differences.add(f"not sent ({error}), or nobody knows", times=times)

    def _check(self, foreign: set[str]) -> Findings:
        twin, outputs = self._twin, self._outputs
        check = Check(self._ledger, self._judge(), foreign, self._options.topic_bytes())
        check.differences = self._differences
        topics = RawTopics(twin.bootstrap, self._options.kafka_properties)
        try:
            for chunk in topics.read(twin.cleaned_topic, self._options.partitions):
                check.cleaned(chunk)
                if outputs is not None:
                    outputs.cleaned(chunk)
                self._display.update("checked", check.findings.cleaned)
            self._check_raw(topics)
        finally:
            topics.close()
        s3 = twin.s3()
        for letters in read_letters(s3, twin.dead_letter_bucket):
            check.letters(letters)
            if outputs is not None:
                outputs.letters(letters)
        check.given_up(read_given_up(s3, twin.on_failure_bucket))
        findings = check.finish()
        self._display.update("checked", findings.received - findings.lost)
        return findings

    def _check_raw(self, topics: RawTopics) -> None:
        """Look for raw messages that nobody knows of: what becomes of them would stay unseen."""
        for partition, promised in self._ledger.next_offsets().items():
            more = topics.end_offset(self._twin.raw_topic, partition) - promised
            if more > 0:
                self._differences.add("raw messages that no delivery report names", times=more)

    def _judge(self) -> Judge:
        message, cleaned = self._options.limits()
        key = self._twin.redaction_key.encode()
        pipeline = build_pipeline(max_message_bytes=message, max_cleaned_bytes=cleaned, redaction_key=key)
        source = source_of(self._twin.event_source_arn)
        return lambda messages: pipeline.judge(messages, source)

    def _compare(self, findings: Findings, *, cache_kept: bool) -> tuple[Comparison, Totals]:
        """Compare the functions' counters, and say what a restarted cache explains."""
        totals = read_totals(self._twin.emf())
        batch_size = self._options.event_source.batch_size
        calls = read_invocations(self._twin.poller_stats(), batch_size, starts=self._starts)
        comparison = Comparison(totals, calls, findings, cache_kept=cache_kept)
        comparison.check(self._differences)
        if not cache_kept:
            self._notes.append("the cache was restarted, empty, during the run")
        if findings.came_through and cache_kept:
            self._differences.add(
                "duplicates cleaned although the cache was kept", times=findings.came_through
            )
        elif findings.came_through:
            self._notes.append(
                f"{findings.came_through} duplicates were cleaned: the cache had forgotten them"
            )
        return comparison, totals
