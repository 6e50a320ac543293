"""Topics on a real broker: made, read, and brokers of a test's own."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.twin.broker import start_broker
from ops.twin.supervisor import Supervisor

Stored = tuple[int, bytes, bytes, list[tuple[str, bytes]]]


def create_topic(bootstrap: str, partitions: int, **settings: str) -> str:
    """Make a topic of a new name and return that."""
    name = f"cleaned-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    options = {"retention.ms": "-1", **settings}
    [created] = admin.create_topics([NewTopic(name, partitions, 1, config=options)]).values()
    created.result(20)
    return name


def read_all(bootstrap: str, topic: str, wanted: int, seconds: float = 20.0) -> list[Stored]:
    """Return all messages once there are as many as wanted, and whatever else comes in a moment more."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "receive.message.max.bytes": 2_147_483_647,
            "log_level": 2,
        }
    )
    partitions = reader.list_topics(topic, 10).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Stored] = []
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            message = reader.poll(0.3)
            if message is None and len(found) >= wanted:
                break
            if message is not None and message.error() is None:
                told: Any = message.headers()
                headers = [(name, value or b"") for name, value in told or []]
                found.append(
                    (message.partition() or 0, message.key() or b"", message.value() or b"", headers)
                )
    finally:
        reader.close()
    return found


def _runs(pid: int) -> bool:
    """Tell whether a thread of a stopped process has not heard of it yet."""
    states = [
        task.read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return any(state != "T" for state in states)


class Broker:
    """An embedded broker of a test's own, that can be paused and killed; it comes back by itself."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self._supervisor = supervisor
        self.bootstrap = start_broker(supervisor, folder)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process for a while; its sockets stay open."""
        (pid,) = self._supervisor.pids("broker")
        os.kill(pid, signal.SIGSTOP)
        while _runs(pid):
            time.sleep(0.01)
        try:
            yield
        finally:
            self.resume()

    def resume(self) -> None:
        """Let the process go on."""
        for pid in self._supervisor.pids("broker"):
            os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once and wait until the next one answers."""
        (before,) = self._supervisor.pids("broker")
        os.kill(before, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while self._supervisor.pids("broker") in ([], [before]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        while not self._answers():
            assert time.monotonic() < deadline

    def _answers(self) -> bool:
        try:
            return bool(
                AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
                .list_topics(timeout=1)
                .brokers
            )
        except KafkaException:
            return False
