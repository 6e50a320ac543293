"""One poller of the event source mapping: `python -m ops.twin.poller CONFIG NUMBER`.

It knows nothing of what the function does: it reads, batches, invokes, and commits what the answer allows.
"""

from __future__ import annotations

import http.client
import signal
import sys
import time
import uuid
from collections import deque
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path

from ops.twin.answers import Failed, Partial, Reply, Unclear, Unreachable, Verdict, read_reply
from ops.twin.batching import Batch
from ops.twin.delivery import Delivery, GiveUp, Send
from ops.twin.destination import Destination
from ops.twin.events import EventHead, Polled, event_bytes
from ops.twin.failures import FailureContext, on_failure_object
from ops.twin.poller_config import PollerConfig
from ops.twin.process import HOST
from ops.twin.stats import PollerStats
from ops.twin.subscription import Subscription


class Invoker:
    """Call a function over one kept connection."""

    def __init__(self, config: PollerConfig) -> None:
        # Beside the function's own time there may be a cold start.
        self._connection = http.client.HTTPConnection(
            HOST, config.lambda_port, timeout=config.function_timeout_seconds + 30
        )
        self._path = f"/2015-03-31/functions/{config.function_name}/invocations"

    def invoke(self, event: bytes) -> Reply | None:
        """Return the reply; None when there was no whole one."""
        try:
            self._connection.request("POST", self._path, body=event)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        error = response.headers.get("X-Amz-Function-Error")
        return Reply(response.status, error, body)


class Poller:
    """Run one poller until it is told to stop."""

    def __init__(self, config: PollerConfig, number: int) -> None:
        self._config = config
        self._run_dir = Path(config.run_dir)
        self._head = EventHead(config.event_source_arn, config.bootstrap)
        self._opening = self._head.opening()
        self._invoker = Invoker(config)
        self._destination = Destination(config.s3_endpoint, config.on_failure_bucket)
        self._waiting: deque[Polled] = deque()
        self._batch = self._new_batch()
        self._delivery: Delivery | None = None
        self._stopping = False
        self._stats = PollerStats.load(self._run_dir, number)
        self._stats.starts += 1
        self._stats.in_flight = 0
        self._stats.save(self._run_dir)
        self._subscription = Subscription(config, number, self._lost)

    def stop(self) -> None:
        """Finish the current invocation, commit, leave."""
        self._stopping = True

    def _new_batch(self) -> Batch:
        source = self._config.source
        return Batch(source.batch_size, source.max_payload_bytes, self._opening)

    def _lost(self, slots: AbstractSet[str]) -> None:
        self._waiting = deque(record for record in self._waiting if record.slot not in slots)
        self._batch.drop(slots)
        if self._delivery is not None:
            self._delivery.drop(slots)

    def run(self) -> None:
        """Deliver batch after batch."""
        try:
            while not self._stopping:
                self._collect()
                if self._batch.records and not self._stopping:
                    batch, self._batch = self._batch, self._new_batch()
                    self._delivery = Delivery(batch.records, self._config.source, oversized=batch.oversized)
                    self._deliver(self._delivery)
                    self._delivery = None
        finally:
            self._subscription.close()

    def _collect(self) -> None:
        """Fill a batch: it closes by count, by size, or when the window since its first record is over."""
        deadline: float | None = None
        while not self._stopping:
            self._batch.take(self._waiting)
            if self._batch.closed:
                return
            if not self._batch.records:
                deadline = None
                self._read(1, 1.0)
                continue
            deadline = deadline or time.monotonic() + self._config.source.window_seconds
            left = deadline - time.monotonic()
            self._read(self._batch.room, left)
            if left <= 0:
                # What was there at the window's end still belongs to it.
                self._batch.take(self._waiting)
                return

    def _read(self, at_most: int, seconds: float) -> None:
        # First the fetch, then the look at what waits: a fetch may take slots away and give them back, and so
        # put another deque in this one's place, before it returns the first records of the new term.
        records = self._subscription.fetch(at_most, seconds)
        self._waiting.extend(records)

    def _deliver(self, delivery: Delivery) -> None:
        unwritten = 0
        while not self._stopping and (step := delivery.next_step(time.time() * 1000)) is not None:
            match step:
                case Send():
                    self._send(delivery, step)
                case GiveUp():
                    unwritten = 0 if self._give_up(delivery, step) else unwritten + 1
                    if unwritten:
                        delivery.write_failed(unwritten)
            self._stats.save(self._run_dir)
            self._subscription.commit(delivery.positions())
            if delivery.delay:
                self._subscription.idle(delivery.delay, lambda: self._stopping)

    def _send(self, delivery: Delivery, step: Send) -> None:
        self._stats.in_flight = len(step.records)
        self._stats.save(self._run_dir)
        reply = self._invoker.invoke(event_bytes(self._opening, step.records))
        partial = self._config.source.report_batch_item_failures
        verdict = read_reply(reply, step.records, partial_failures=partial)
        before = delivery.acknowledged
        delivery.judged(verdict)
        self._count(verdict, step, delivery.acknowledged - before)

    def _count(self, verdict: Verdict, step: Send, acknowledged: int) -> None:
        stats = self._stats
        stats.in_flight = 0
        stats.invocations += 1
        stats.retries += step.again
        stats.acknowledged += acknowledged
        stats.failed_invocations += isinstance(verdict, Failed | Partial | Unclear | Unreachable)

    def _give_up(self, delivery: Delivery, step: GiveUp) -> bool:
        config = self._config
        arn = f"arn:aws:lambda:eu-central-1:000000000000:function:{config.function_name}"
        context = FailureContext(self._head, config.mapping_id, arn, str(uuid.uuid4()), datetime.now(UTC))
        written = self._destination.write(*on_failure_object(step, context))
        if written:
            delivery.gave_up()
            self._stats.on_failure_objects += 1
            self._stats.on_failure_records += len(step.records)
        return written


def main(arguments: list[str]) -> None:
    """Run the poller named on the command line until SIGTERM."""
    poller = Poller(PollerConfig.read(Path(arguments[0])), int(arguments[1]))
    signal.signal(signal.SIGTERM, lambda *_: poller.stop())
    poller.run()


if __name__ == "__main__":
    main(sys.argv[1:])
