"""What a twin can be told, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Lambda refuses a synchronous payload above this many bytes; the event source stays below it.
INVOKE_LIMIT_BYTES = 6_291_556


class TwinError(Exception):
    """Say in one line why the twin cannot start or go on."""


@dataclass(frozen=True)
class EventSource:
    """Hold the settings of the event source mapping, named as AWS names them.

    `retry_attempts=-1` retries for ever. (AWS applies -1 as 10 when an on-failure destination is set; say 10 here
    to have that.) `resend_successes` is the reading of what AWS leaves open: after a partial response, are the
    successes behind the first failed offset of a partition sent again?
    """

    batch_size: int = 1000
    window_seconds: float = 0.5
    max_payload_bytes: int = 6 * 1024 * 1024
    retry_attempts: int = -1
    max_record_age_seconds: float = -1
    bisect_on_error: bool = False
    report_batch_item_failures: bool = True
    resend_successes: bool = False
    retry_backoff_seconds: float = 0.1
    pollers: int = 2
    consumer_group: str = "sluice-preprocess"


@dataclass(frozen=True)
class Shared:
    """Hold what a run on a running twin shares with it: whatever is to be there when the run is over."""

    s3_endpoint: str
    dead_letter_bucket: str
    on_failure_bucket: str
    cleaned_topic: str
    mapping_id: str
    embedded_broker: bool


@dataclass(frozen=True)
class TwinConfig:
    """Hold everything a twin can be told; the defaults embed every server."""

    kafka: str | None = None
    redis: str | None = None
    redis_mode: str = "standalone"
    partitions: int = 4
    event_source: EventSource = field(default_factory=EventSource)
    environment: Mapping[str, str] = field(default_factory=dict)
    layer: Path = REPOSITORY / "layers" / "sluice" / "python"
    functions: Path = REPOSITORY / "functions"
    function_timeout_seconds: int = 60
    # Those of single functions, by name, where they differ.
    function_timeouts: Mapping[str, int] = field(default_factory=dict)
    # Calls of one function at a time; None fits the pollers.
    concurrency: int | None = None
    shared: Shared | None = None
    # `max.message.bytes` of the cleaned topic; None is the broker's own.
    cleaned_topic_bytes: int | None = None
    # Where the twin makes a folder that it keeps; by default a temporary one that goes with it.
    run_dir: Path | None = None
    # librdkafka properties (SASL, TLS) with which the twin itself speaks to a given broker.
    kafka_properties: Mapping[str, str] = field(default_factory=dict)
    function_name: str = "preprocess"
