"""A pool and its connection as redis-py has them, answering from a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.cluster import ClusterNode
from redis.exceptions import BusyLoadingError, ResponseError, SlotNotCoveredError

from sluice.claim import Command

# What one read gives: a reply, or an error to raise.
Answer = Any


class FakeConnection:
    """Answer reads from a list; note what was sent and whether it was closed."""

    def __init__(self, answers: Sequence[Answer], fails_to_send: BaseException | None = None) -> None:
        self._answers = list(answers)
        self._fails_to_send = fails_to_send
        # Per send: the commands, word for word, and how many blocks they came in.
        self.sent: list[list[list[bytes]]] = []
        self.blocks: list[int] = []
        self.waits: list[float] = []
        # So many replies come at a time.
        self.together = 1
        self._here = self._read = 0
        self.disconnected = 0

    def send_packed_command(self, packed: list[bytes], *, check_health: bool) -> None:
        assert not check_health
        if self._fails_to_send is not None:
            raise self._fails_to_send
        self.blocks.append(len(packed))
        self.sent.append(_unpacked(packed))

    @property
    def _parser(self) -> FakeConnection:
        return self

    @property
    def _reader(self) -> FakeConnection:
        return self

    def read_from_socket(self, *, timeout: float) -> None:
        """Let the next reply come, and those that come along with it."""
        self.waits.append(timeout)
        self._here = self.together

    def gets(self, decode: bool) -> Any:
        assert not decode
        if not self._here:
            return NOT_ENOUGH_DATA
        self._here -= 1
        self._read += 1
        answer = self._answers.pop(0)
        # What the server refuses comes as a value, as hiredis gives it; all else breaks the reading off.
        if isinstance(answer, BaseException) and not isinstance(answer, (ResponseError, BusyLoadingError)):
            raise answer
        return answer

    def disconnect(self) -> None:
        self.disconnected += 1

    @property
    def unread(self) -> int:
        """Count the replies to what was sent that nobody has read."""
        return sum(len(commands) for commands in self.sent) - self._read


def words(command: Command) -> list[bytes]:
    """Return a command as it goes over the wire."""
    return [word if isinstance(word, bytes) else str(word).encode() for word in command]


def _unpacked(packed: list[bytes]) -> list[list[bytes]]:
    reader = hiredis.Reader()
    for block in packed:
        reader.feed(block)
    commands = []
    while (command := reader.gets()) is not False:
        commands.append(command)
    return commands


class FakePool:
    """Hand out one connection and take it back; `gone` is raised instead of handing it out."""

    def __init__(self, connection: FakeConnection, gone: BaseException | None = None) -> None:
        self._connection = connection
        self._gone = gone
        self.out = 0
        self.asked = 0

    def get_connection(self) -> FakeConnection:
        self.asked += 1
        if self._gone is not None:
            raise self._gone
        self.out += 1
        return self._connection

    def release(self, connection: FakeConnection) -> None:
        assert connection is self._connection
        # A connection that goes back with replies unread would give them to the next caller.
        assert connection.disconnected or not connection.unread
        self.out -= 1


class FakeCluster:
    """A cluster client: its map of the slots, a pool a node, and answers to single commands."""

    def __init__(self, pools: dict[str, FakePool], answers: Sequence[Any] = ()) -> None:
        self._pools = pools
        self._nodes = {name: ClusterNode(name, 7000) for name in pools}  # type: ignore[no-untyped-call]
        self._answers = list(answers)
        self.nodes_manager = self
        self.single: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.closed = 0
        self.uncovered = False

    def get_primaries(self) -> list[ClusterNode]:
        return list(self._nodes.values())

    def get_node_from_slot(self, slot: int) -> ClusterNode:
        if self.uncovered:
            raise SlotNotCoveredError
        names = sorted(self._nodes)
        return self._nodes[names[slot % len(names)]]

    def get_redis_connection(self, node: ClusterNode) -> Any:
        pool = self._pools[node.host]
        return type("Client", (), {"connection_pool": pool})()

    def execute_command(self, *command: Any, **options: Any) -> Any:
        self.single.append((command, options))
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def disconnect_connection_pools(self) -> None:
        self.closed += 1
