"""From append to cleaned and lookup-able, through the twin at a steady rate."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from ops.bench.end_to_end import DidNotFinishError, feed, wait_committed
from ops.bench.figures import percentile
from ops.bench.inputs import BATCH_RECORDS, Workload, partition_of
from ops.twin.config import TwinConfig
from ops.twin.twin import Twin

RATE = 500
# One record in so many is looked up once it arrives: each lookup costs this machine milliseconds.
LOOKED_UP = 20
_TICK_SECONDS = 0.01


class _Arrivals:
    """Read the cleaned topic and look records up, each in its own thread."""

    def __init__(self, twin: Twin, expected: int) -> None:
        """Start to read at the topic's end."""
        self._twin = twin
        self._expected = expected
        self._lookups = ThreadPoolExecutor(2)
        self._pending: list[Future[float]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.cleaned: list[float] = []
        config = {"bootstrap.servers": twin.bootstrap, "group.id": "bench-latency", "fetch.wait.max.ms": 50}
        self._consumer = Consumer(config)
        places = [TopicPartition(twin.cleaned_topic, number) for number in range(twin.config.partitions)]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)
        self._reader.start()

    def _read(self) -> None:
        while len(self.cleaned) < self._expected:
            message = self._consumer.poll(10)
            now = time.time()
            if message is None or message.error():
                return
            self._arrived(message, now)

    def _arrived(self, message: Message, now: float) -> None:
        body = orjson.loads(message.value() or b"{}")
        appended = body["appended"]
        self.cleaned.append(now - appended)
        if len(self.cleaned) % LOOKED_UP == 0:
            request = {"agent_id": body["agent_id"], "timestamp": body["timestamp"]}
            self._pending.append(self._lookups.submit(self._look_up, request, appended))

    def _look_up(self, request: dict[str, str], appended: float) -> float:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            answer = self._twin.invoke("lookup", request)
            if answer.error is None and answer.payload["statusCode"] == 200:
                return time.time() - appended
        raise DidNotFinishError(f"{request} was cleaned and cannot be looked up")

    def finish(self) -> list[float]:
        """Wait for the last record; return seconds from append to answered lookup."""
        self._reader.join(60)
        looked_up = [future.result() for future in self._pending]
        self._lookups.shutdown()
        self._consumer.close()
        if len(self.cleaned) != self._expected:
            raise DidNotFinishError(f"{len(self.cleaned)} of {self._expected} records were cleaned")
        return looked_up


def _feed_steadily(twin: Twin, values: list[bytes]) -> None:
    """Send RATE messages a second, each with the time at which it was appended."""
    producer = Producer({"bootstrap.servers": twin.bootstrap, "linger.ms": 1})
    bodies = [orjson.loads(value) for value in values]
    started = time.monotonic()
    sent = 0
    while sent < len(bodies):
        due = min(len(bodies), int((time.monotonic() - started) * RATE))
        for body in bodies[sent:due]:
            value = orjson.dumps(body | {"appended": time.time()})
            partition = partition_of(body["agent_id"], twin.config.partitions)
            producer.produce(twin.raw_topic, value, partition=partition)
        sent = due
        producer.poll(0)
        time.sleep(_TICK_SECONDS)
    producer.flush(30)


def measure_latency(workload: Workload, seconds: int) -> dict[str, Any]:
    """Return percentiles from append to cleaned, and to the answer of a lookup, in ms."""
    with Twin(TwinConfig()) as twin:
        twin.start_pollers()
        warm = BATCH_RECORDS * twin.config.partitions
        feed(twin, workload.values(warm, "warm"))
        wait_committed(twin, warm)
        # Two at once, as below: a cold start belongs to the deployment, not to the steady state.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: twin.invoke("lookup", {"agent_id": "x", "latest": 1}), range(8)))
        arrivals = _Arrivals(twin, RATE * seconds)
        _feed_steadily(twin, workload.values(RATE * seconds, "latency"))
        looked_up = arrivals.finish()
    return {
        "rate": RATE,
        "records": len(arrivals.cleaned),
        "looked_up": len(looked_up),
        "cleaned_p50_ms": percentile(arrivals.cleaned, 50) * 1000,
        "cleaned_p99_ms": percentile(arrivals.cleaned, 99) * 1000,
        "lookup_p50_ms": percentile(looked_up, 50) * 1000,
        "lookup_p99_ms": percentile(looked_up, 99) * 1000,
        "p99_ms": max(percentile(arrivals.cleaned, 99), percentile(looked_up, 99)) * 1000,
    }
