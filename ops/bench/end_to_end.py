"""Throughput and CPU through the whole twin: broker → event source → Lambda runtime → cache and broker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from ops.bench.figures import deviation
from ops.bench.inputs import BATCH_RECORDS, Workload
from ops.bench.processes import AROUND, MEASURED, twin_cpu
from ops.twin.config import EventSource, TwinConfig
from ops.twin.twin import Twin

WAIT_SECONDS = 300.0


class DidNotFinishError(Exception):
    """The twin did not work off what it was given."""


def feed(twin: Twin, values: Sequence[bytes]) -> None:
    """Send the messages, as many to every partition: full batches do not wait for the window."""
    producer = Producer({"bootstrap.servers": twin.bootstrap, "linger.ms": 5})
    partitions = twin.config.partitions
    for number, value in enumerate(values):
        producer.produce(twin.raw_topic, value, partition=number // BATCH_RECORDS % partitions)
        producer.poll(0)
    if producer.flush(60):
        raise DidNotFinishError("the broker did not take the messages")


def wait_committed(twin: Twin, records: int) -> None:
    """Wait until the event source has acknowledged so many records."""
    deadline = time.monotonic() + WAIT_SECONDS
    while sum(twin.committed().values()) < records:
        twin.alive()
        if time.monotonic() > deadline:
            raise DidNotFinishError(f"{twin.committed()} of {records} records after {WAIT_SECONDS:.0f} s")
        time.sleep(0.1)


def cleaned_timestamps(twin: Twin, since_ms: int) -> list[int]:
    """Return the timestamps in ms, from `since_ms` on, that the cleaned topic's messages were sent at."""
    consumer = Consumer(
        {"bootstrap.servers": twin.bootstrap, "group.id": "bench", "receive.message.max.bytes": 2147483647}
    )
    places = [TopicPartition(twin.cleaned_topic, number, 0) for number in range(twin.config.partitions)]
    ends = [consumer.get_watermark_offsets(place, timeout=10)[1] for place in places]
    consumer.assign(places)
    stamps: list[int] = []
    for _ in range(sum(ends)):
        message = consumer.poll(10)
        if message is None or message.error():
            raise DidNotFinishError("the cleaned topic cannot be read to its end")
        stamps.append(message.timestamp()[1])
    consumer.close()
    return sorted(stamp for stamp in stamps if stamp >= since_ms)


def throughput(stamps_ms: Sequence[int]) -> float:
    """Return messages a second between the first and the ninth decile of ascending timestamps in ms."""
    tenth = len(stamps_ms) // 10
    middle = stamps_ms[tenth : len(stamps_ms) - tenth]
    return (len(middle) - 1) * 1000 / max(1, middle[-1] - middle[0])


def run_twin(workload: Workload, records: int, parallel: int) -> dict[str, Any]:
    """Run `records` through a twin of so many partitions and pollers that is warm already.

    Throughput is that between a tenth and nine tenths of the cleaned messages: start and end are left out.
    CPU is that of pollers and functions, and apart that of the emulators and the service around them.
    """
    config = TwinConfig(partitions=parallel, event_source=EventSource(pollers=parallel))
    with Twin(config) as twin:
        warm = BATCH_RECORDS * parallel
        twin.start_pollers()
        feed(twin, workload.values(warm, "warm"))
        wait_committed(twin, warm)
        before, since = twin_cpu(twin), time.time_ns() // 1_000_000
        feed(twin, workload.values(records, "run"))
        wait_committed(twin, warm + records)
        after = twin_cpu(twin)
        stamps = cleaned_timestamps(twin, since)
        invocations = sum(stats["invocations"] for stats in twin.poller_stats())
    if len(stamps) != records:
        raise DidNotFinishError(f"{records} records were fed, {len(stamps)} were cleaned")
    used = {kind: (after[kind] - before[kind]) / records * 1e6 for kind in after}
    return {
        "records": records,
        "invocations": invocations,
        "records_per_second": throughput(stamps),
        "cpu_us": sum(used[kind] for kind in MEASURED),
        "around_us": sum(used[kind] for kind in AROUND),
        "cpu_us_by_process": used,
    }


def measure_partitions(workload: Workload, records: int, parallels: Sequence[int]) -> dict[str, Any]:
    """Return the runs with 1, 2, … partitions and pollers, and how far their CPU per record lies apart."""
    runs = {str(parallel): run_twin(workload, records, parallel) for parallel in parallels}
    return {"runs": runs, "deviation": deviation([run["cpu_us"] for run in runs.values()])}
