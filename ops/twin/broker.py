"""The broker: the embedded one or a given one."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.twin.config import TwinError
from ops.twin.process import HOST, free_port
from ops.twin.supervisor import Child, Supervisor


def _binary() -> str:
    # The script on the PATH is a wrapper: a signal to it would leave the broker behind.
    spec = importlib.util.find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise TwinError("there is no embedded broker here: install noida-db or give a bootstrap server")
    return str(Path(spec.origin).with_name("noida-db"))


def start_broker(supervisor: Supervisor, run_dir: Path) -> str:
    """Start an embedded broker on a fresh data folder and return its bootstrap server."""
    port, data = free_port(), run_dir / "broker"
    command = [_binary(), "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", str(data)]
    log = run_dir / "logs" / "broker.log"
    supervisor.add(Child("broker", command, dict(os.environ), log, restart=True), port)
    return f"{HOST}:{port}"


class Topics:
    """Make topics and read what a group committed."""

    def __init__(self, bootstrap: str, properties: Mapping[str, str], *, embedded: bool) -> None:
        self._common: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "log_level": 2,
            **properties,
        }
        self._bootstrap = bootstrap
        # -1 is the broker's own default, which the embedded one has none of.
        self._replicas = 1 if embedded else -1
        self._admin = AdminClient(self._common)
        self._readers: dict[str, Consumer] = {}

    def check(self) -> None:
        """Raise TwinError when no broker answers."""
        try:
            self._admin.list_topics(timeout=5)
        except KafkaException as error:
            raise TwinError(f"no Kafka broker answers at {self._bootstrap}") from error

    def create(self, *names: str, partitions: int, max_message_bytes: int | None = None) -> None:
        """Create topics that keep all records, whatever their timestamps say."""
        config = {"retention.ms": "-1", "retention.bytes": "-1"}
        if max_message_bytes is not None:
            config["max.message.bytes"] = str(max_message_bytes)
        topics = [NewTopic(name, partitions, self._replicas, config=config) for name in names]
        for name, future in self._admin.create_topics(topics, operation_timeout=15).items():
            try:
                future.result(20)
            except (KafkaException, TimeoutError) as error:
                raise TwinError(
                    f"the topic {name} cannot be created at {self._bootstrap}: {error}"
                ) from error

    def committed(self, group: str, topic: str, partitions: int) -> dict[int, int]:
        """Return per partition the next offset that the group will read."""
        if group not in self._readers:
            # It never subscribes, so it is no member.
            self._readers[group] = Consumer({**self._common, "group.id": group, "enable.auto.commit": False})
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        try:
            found = self._readers[group].committed(wanted, timeout=10)
        except KafkaException as error:
            raise TwinError(f"the broker at {self._bootstrap} does not answer: {error}") from error
        return {place.partition: max(0, place.offset) for place in found}

    def close(self) -> None:
        """Close the connections."""
        for reader in self._readers.values():
            reader.close()
        self._readers = {}
