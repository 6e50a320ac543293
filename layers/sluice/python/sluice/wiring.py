"""Put the parts together, once, on the first call: the only place that knows them all."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from sluice.clean.profiles import UrlMode
from sluice.deadline import Deadline
from sluice.deliver import Delivery, Sinks, deliver
from sluice.features import Group
from sluice.history import NearPolicy
from sluice.history.histories import Histories
from sluice.history.store import Remembered
from sluice.impute import remembered_fields
from sluice.pipeline import Pipeline, standard_steps
from sluice.record import Message
from sluice.settings import Settings, SettingsError, read_settings
from sluice.sinks.cache import open_cache
from sluice.sinks.dead_letters import DeadLetterBucket, connect_s3
from sluice.sinks.secret import read_key
from sluice.sinks.topic import CleanedTopic, producer_config
from sluice.source import read_event
from sluice.telemetry import logger, report
from sluice.validate import load_schemas
from sluice.version import pipeline_version


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation is ended."""
        ...


class RetryBatchError(RuntimeError):
    """Raised to have the event source retry the batch, where it cannot take partial failures."""


def build_pipeline(
    max_message_bytes: int = 1_048_576,
    max_cleaned_bytes: int = 1_000_000,
    version: str = "",
    passed_headers: Collection[str] = (),
    *,
    redaction_key: bytes = b"",
    kept_kinds: Collection[str] = (),
    features: Collection[Group] = (),
    urls: UrlMode = "profile",
    near: NearPolicy = "tag",
) -> Pipeline:
    """Build the pure pipeline; sizes in bytes, `version` empty means computed from the rules.

    Without a key placeholders are `<KIND>` alone; the functions never run so, for equal secrets could not be joined.
    """
    version = version or pipeline_version()
    steps = standard_steps(
        max_message_bytes,
        max_cleaned_bytes,
        load_schemas(),
        version,
        passed_headers,
        redaction_key=redaction_key,
        kept_kinds=kept_kinds,
        features=features,
        urls=urls,
        near=near,
    )
    return Pipeline(version, steps)


class Preprocess:
    """The preprocess function: a Kafka event in, Lambda's partial batch response out."""

    def __init__(self, settings: Settings, first_bootstrap: str, deadline: Deadline) -> None:
        """Build pipeline and sinks; clients' time-outs come from the time the first invocation has."""
        io_timeout = deadline.wait()
        self._partial_failures = settings.partial_failures
        self._pipeline = build_pipeline(
            settings.max_message_bytes,
            settings.max_cleaned_bytes,
            settings.pipeline_version,
            settings.passed_headers,
            redaction_key=read_key(settings.redaction.key, io_timeout),
            kept_kinds=settings.redaction.keep,
            features=settings.features,
            urls=settings.urls,
            near=settings.near_duplicates,
        )
        self._remembered = _remembered(settings)
        self._topic = CleanedTopic(settings.cleaned_topic, _producer(settings, first_bootstrap, deadline))
        self._sinks = Sinks(
            cache=open_cache(settings.cache, io_timeout),
            topic=self._topic,
            letters=DeadLetterBucket(settings.dead_letter_bucket, connect_s3(io_timeout)),
            ttl=settings.cache.record_ttl,
            pipeline=self._pipeline.version,
        )
        self._log = logger()
        _calm_collector()

    def handle(
        self, source: str, messages: Sequence[Message], context: Context, deadline: Deadline
    ) -> dict[str, Any]:
        """Process one event's messages; raises RetryBatchError when some are to be retried and cannot be named."""
        started = time.perf_counter()
        histories = Histories(self._remembered, self._sinks.cache, deadline)
        judged = self._pipeline.judge(
            messages, source, histories.recall if self._remembered.anything else None
        )
        seconds = time.perf_counter() - started
        replaced = self._topic.replaced
        delivery = deliver(messages, judged, self._sinks, deadline)
        delivery.stage_seconds["judge"] = seconds
        if delivery.cuts and not self._partial_failures:
            delivery.retry_all()
        histories.remember(delivery)
        return self._answer(delivery, context, self._topic.replaced - replaced)

    def _answer(self, delivery: Delivery, context: Context, replaced: int) -> dict[str, Any]:
        failures = delivery.batch_item_failures()
        now_ms = time.time_ns() // 1_000_000
        report(delivery, now_ms, context.aws_request_id, log=self._log, replaced=replaced)
        if failures and not self._partial_failures:
            msg = f"{len(delivery.outcomes)} records are to be retried; cut at {delivery.cuts}"
            raise RetryBatchError(msg)
        return {"batchItemFailures": failures}


def _remembered(settings: Settings) -> Remembered:
    features = settings.features
    return Remembered(
        profile="outliers" in features,
        near="simhash" in features and settings.near_duplicates != "off",
        fields=remembered_fields({name: schema.impute for name, schema in load_schemas().items()}),
        record_ttl=settings.cache.record_ttl,
    )


def _calm_collector() -> None:
    """Keep the cycle collector out of a batch: 10 to 20 % of the time, for garbage that has no cycles.

    What is loaded now stays; a batch of 6 MB makes some 100,000 containers, all freed by their counts.
    """
    gc.freeze()
    gc.set_threshold(200_000, 10, 10)


def _producer(settings: Settings, first_bootstrap: str, deadline: Deadline) -> dict[str, Any]:
    security: dict[str, Any] = {}
    if settings.kafka_auth == "scram":
        security = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password,
        }
    if settings.kafka_ca_file:
        security["ssl.ca.location"] = settings.kafka_ca_file
    servers = settings.bootstrap_servers or first_bootstrap
    if not servers:
        msg = "KAFKA_BOOTSTRAP_SERVERS is not set and the event names no bootstrapServers: set it to the brokers"
        raise SettingsError(msg)
    return producer_config(servers, settings.max_cleaned_bytes, deadline.wait(longest=10.0), security)


def preprocess(
    settings: Callable[[], Settings] = read_settings,
) -> Callable[[dict[str, Any], Context], dict[str, Any]]:
    """Return the handler; everything is built on its first call and kept."""
    built: list[Preprocess] = []

    def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
        deadline = Deadline(context.get_remaining_time_in_millis)
        source, messages = read_event(event)
        if not built:
            built.append(Preprocess(settings(), event.get("bootstrapServers", ""), deadline))
        return built[0].handle(source, messages, context, deadline)

    return handler
