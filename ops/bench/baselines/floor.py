"""The lower yardstick: what no implementation can leave out, in native code and in batches.

Base64, JSON in, JSON out, one packed `SET … NX GET EX` with its replies read, one produce call and a
flush: no validation, no cleaning, no identity, no judgement of any answer. The cache is spoken to
through redis-py's connection with hiredis, as any client of it would; `BareFloor` leaves redis-py out,
too. The producer has the durability that a pipeline needs (idempotent, all replicas) and is otherwise
left to its defaults.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import hiredis
import orjson
import pybase64
import redis
from confluent_kafka import Producer

TTL_SECONDS = 3600
FLUSH_SECONDS = 30


Command = tuple[Any, ...]


class Floor:
    """Run the bare work over batches of base64 values."""

    def __init__(self, bootstrap: str, redis_url: str) -> None:
        """Keep the addresses."""
        self._bootstrap = bootstrap
        self._redis_url = redis_url

    def prepare(self, batches: Sequence[Sequence[str]], cleaned_topic: str) -> None:
        """Take the base64 values by batch and connect the clients, so that connecting is not measured."""
        self._batches, self._topic = batches, cleaned_topic
        self._producer = Producer(
            {"bootstrap.servers": self._bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 5}
        )
        self._connect()
        self.work([pybase64.b64encode(b'{"agent_id":"warm","timestamp":"up"}').decode()])

    def batches(self) -> Iterator[Sequence[str]]:
        """Yield the batches."""
        return iter(self._batches)

    def work(self, batch: Sequence[str]) -> int:
        """Do the work of one batch and return its number of records."""
        records: list[tuple[str, bytes]] = []
        commands: list[Command] = []
        for value in batch:
            body: dict[str, Any] = orjson.loads(pybase64.b64decode(value, None, True))
            agent, written = body["agent_id"], orjson.dumps(body)
            records.append((agent, written))
            commands.append(("SET", f"{agent}:{body['timestamp']}", written, "NX", "GET", "EX", TTL_SECONDS))
        self._store(commands)
        for agent, written in records:
            self._producer.produce(self._topic, written, agent)
        if self._producer.flush(FLUSH_SECONDS):
            raise RuntimeError("the broker did not take all messages")
        return len(records)

    def _connect(self) -> None:
        self._connection: Any = redis.ConnectionPool.from_url(self._redis_url, protocol=2).get_connection()

    def _store(self, commands: Sequence[Command]) -> None:
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        for _ in commands:
            connection.read_response(disable_decoding=True)

    def close(self) -> None:
        """Close the clients of this round."""
        self._disconnect()
        del self._producer

    def _disconnect(self) -> None:
        self._connection.disconnect()


class BareFloor(Floor):
    """The same with hiredis on a bare socket."""

    def _connect(self) -> None:
        address = urlsplit(self._redis_url)
        self._socket = socket.create_connection((address.hostname, address.port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()

    def _store(self, commands: Sequence[Command]) -> None:
        pack, replies = hiredis.pack_command, 0
        self._socket.sendall(b"".join([pack(command) for command in commands]))
        while replies < len(commands):
            self._reader.feed(self._socket.recv(65_536))
            while self._reader.gets() is not False:
                replies += 1

    def _disconnect(self) -> None:
        self._socket.close()
