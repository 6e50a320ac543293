"""What a stage costs a month, part by part: pure arithmetic on the stage and on what flows through it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.stage import Stage
from ops.cost.prices import NoPriceError, Price, price
from sluice.reasons import REASONS
from sluice.telemetry import METRIC_NAMES

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
GB: Final = 1e9
# CPU of one record of 500 B to 2 kB, on a whole CPU of Lambda; `make bench` measures it (README: 29 to 45 µs, on x86).
RECORD_SECONDS: Final = 60e-6
# What a batch costs whatever its size: a round trip to the cache, one to the brokers, and the runtime's own.
BATCH_SECONDS: Final = 0.05
# Memory with which Lambda gives a function one whole CPU, by its documentation.
WHOLE_CPU_MB: Final = 1769
# A record in the cache beside its own bytes: key, expiry, entry in its agent's index.
CACHE_OVERHEAD_BYTES: Final = 250
# The least that a serverless cache meters, in GB.
LEAST_CACHE_GB: Final = {"redis": 1.0, "valkey": 0.1}
VALKEY_NODE_FACTOR: Final = 0.8
# base64 in JSON, of which an event holds 6 MB.
EVENT_BYTES: Final = 6_000_000 / 1.4
# What one Event Poller Unit carries, and what one poller does (Lambda, scaling modes of Kafka).
UNIT_MB_PER_SECOND: Final = 20
POLLER_MB_PER_SECOND: Final = 5
# START, REPORT, the line of metrics with its distributions, on each invocation.
LOG_BYTES_PER_BATCH: Final = 4000
LOG_BYTES_PER_RECORD: Final = 12
# X-Ray's default rule: the first of each second, and one in twenty of the rest.
TRACED_SHARE: Final = 0.05
# As many as the provisioned event source has; one fewer without it.
ALARMS: Final = 15


@dataclass(frozen=True)
class Load:
    """Hold what flows through: records a month, bytes of one, the share of them that become dead letters."""

    records: float
    record_bytes: float = 1000
    rejected: float = 0.01

    @property
    def per_second(self) -> float:
        """Return the mean rate."""
        return self.records / SECONDS

    @property
    def gb(self) -> float:
        """Return the raw gigabytes of a month."""
        return self.records * self.record_bytes / GB


@dataclass(frozen=True)
class Line:
    """Hold one part of the bill: so much of something, at a price."""

    part: str
    quantity: float
    price: Price
    why: str

    @property
    def usd(self) -> float:
        """Return the dollars a month."""
        return self.quantity * self.price.usd


def estimate(stage: Stage, load: Load) -> list[Line]:
    """Return the lines of a month's bill; what the stage brings is not on it. Raises NoPriceError."""
    return [
        *_network(stage),
        *_brokers(stage, load),
        *_cache(stage, load),
        *_functions(stage, load),
        *_storage(stage, load),
        *_watching(stage, load),
    ]


def total(stage: Stage, load: Load) -> float:
    """Return the dollars of a month."""
    return sum(line.usd for line in estimate(stage, load))


def batch_records(stage: Stage, load: Load) -> float:
    """Return how many records a batch holds on average: what one poller sees in a window, within both limits."""
    pollers = stage.min_pollers if stage.provisioned else 1
    arriving = load.per_second * max(stage.batch_window_seconds, 0.5) / pollers
    return max(1.0, min(stage.batch_size, EVENT_BYTES / load.record_bytes, arriving))


def _network(stage: Stage) -> Iterator[Line]:
    zones = len(stage.subnet_ids) or stage.zones
    for name in stage.interface_endpoints:
        yield Line(f"endpoint of {name}", HOURS * zones, price("endpoint"), f"{zones} zones")


def _brokers(stage: Stage, load: Load) -> Iterator[Line]:
    # In and out of both topics; all zones but one's own are other zones. Replication between brokers is free.
    crossing = 3 * load.gb * (1 - 1 / stage.zones)
    yield Line(
        "traffic between zones", crossing, price("zone_traffic"), "raw and cleaned, to and from functions"
    )
    if stage.cluster_arn:
        return
    brokers = stage.zones * stage.brokers_per_zone
    kind = stage.broker_type
    yield Line(f"brokers {kind}", HOURS * brokers, price("broker", kind), f"{brokers} brokers")
    disk = brokers * stage.broker_storage_gib
    yield Line("brokers' disks", disk, price("broker_storage"), f"{stage.broker_storage_gib} GiB each")


def _cache(stage: Stage, load: Load) -> Iterator[Line]:
    if stage.cache_endpoint:
        return
    engine = stage.cache_engine
    if stage.cache_kind == "nodes":
        nodes = 1 + stage.cache_replicas
        cost = price("cache_node", stage.cache_node_type)
        if engine == "valkey":
            cost = replace(cost, usd=cost.usd * VALKEY_NODE_FACTOR)
        yield Line(f"cache {stage.cache_node_type}", HOURS * nodes, cost, f"{nodes} nodes, {engine}")
        return
    held = load.per_second * stage.record_ttl_seconds * (load.record_bytes + CACHE_OVERHEAD_BYTES) / GB
    metered = max(held, LEAST_CACHE_GB[engine])
    yield Line("cache, data", HOURS * metered, price("cache_data", engine), f"{held:.2f} GB held, {engine}")
    # One unit a command and kilobyte: the record's own SET, and its share of the index's script.
    units = load.records * (max(1.0, load.record_bytes / 1024) + 1) / 1e6
    yield Line("cache, requests", units, price("cache_million_ecpu", engine), "2 commands a record")


def _functions(stage: Stage, load: Load) -> Iterator[Line]:
    batches = load.records / batch_records(stage, load)
    cpu = min(1.0, stage.preprocess_memory_mb / WHOLE_CPU_MB)
    seconds = batches * BATCH_SECONDS + load.records * RECORD_SECONDS / cpu
    gb_seconds = seconds * stage.preprocess_memory_mb / 1024
    yield Line("preprocess, duration", gb_seconds, price("gb_second", stage.arch), f"{seconds:,.0f} s")
    yield Line(
        "preprocess, requests",
        batches / 1e6,
        price("million_requests"),
        f"{batch_records(stage, load):,.0f} records a batch",
    )
    yield Line("traces", batches * TRACED_SHARE / 1e6, price("million_traces"), "1 in 20 invocations")
    if stage.provisioned:
        mean = load.per_second * load.record_bytes / 1e6
        carried = max(stage.min_pollers * POLLER_MB_PER_SECOND, mean)
        units = math.ceil(carried / UNIT_MB_PER_SECOND)
        yield Line("pollers", HOURS * units, price("poller_unit"), f"{units} poller units")


def _storage(stage: Stage, load: Load) -> Iterator[Line]:
    # A letter holds its record in base64 and its envelope, gzipped to about the record's own size.
    letters = load.records * load.rejected
    objects = min(letters, load.records / batch_records(stage, load) * len(REASONS))
    yield Line("dead letters, storage", letters * load.record_bytes / GB, price("bucket_gb"), "one month's")
    yield Line("dead letters, PUTs", objects / 1000, price("thousand_puts"), "one object a batch and reason")
    yield Line("encryption key", 1, price("key"), "brokers, cache, buckets")


def _watching(stage: Stage, load: Load) -> Iterator[Line]:
    batches = load.records / batch_records(stage, load)
    logs = (batches * LOG_BYTES_PER_BATCH + load.records * LOG_BYTES_PER_RECORD) / GB
    yield Line("logs", logs, price("log_gb"), "one line of metrics a batch")
    metrics = len(METRIC_NAMES) + len(REASONS) - 1  # dead letters are counted by reason
    yield Line("metrics", metrics, price("custom_metric"), "by stage and by reason")
    yield Line("alarms", ALARMS, price("alarm"), "")
    yield Line("dashboard", 1, price("dashboard"), "")


def savings(stage: Stage, load: Load) -> list[tuple[str, float]]:
    """Return which single switch would save how many dollars a month, the largest first."""
    changes: tuple[dict[str, Any], ...] = (
        {"cache_engine": "valkey"},
        {"cache_kind": "nodes"},
        {"cache_engine": "valkey", "cache_kind": "nodes"},
        {"arch": "arm64"},
    )
    now = total(stage, load)
    found = []
    for change in changes:
        if all(getattr(stage, key) == value for key, value in change.items()):
            continue
        try:
            saved = now - total(replace(stage, **change), load)
        except NoPriceError:  # of what the stage does not use now: nothing to compare with
            continue
        if saved >= 1:
            found.append((" ".join(f"-c {key}={value}" for key, value in change.items()), saved))
    return sorted(found, key=lambda each: -each[1])


def disk_hours(stage: Stage, load: Load) -> float:
    """Return for how many hours the brokers' disks hold both topics, at 80 % full."""
    bytes_per_hour = 2 * load.per_second * 3600 * load.record_bytes * stage.replicas_of_topics
    capacity = 0.8 * stage.zones * stage.brokers_per_zone * stage.broker_storage_gib * 2**30
    return capacity / bytes_per_hour if bytes_per_hour else math.inf
