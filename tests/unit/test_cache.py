"""Commands on the cache: packed, all replies read, errors as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import redis
from redis import exceptions

from sluice.claim import Command, CommandError, Reply
from sluice.settings import CacheSettings
from sluice.sinks.cache import StandaloneCache, open_cache
from tests.fakes.connection import FakeConnection, FakePool, words
from tests.fakes.schedule import Killed

COMMANDS: list[Command] = [("GET", "a"), ("GET", "b"), ("GET", "c")]


def rig(*answers: Any, gone: BaseException | None = None, fails_to_send: BaseException | None = None) -> Any:
    connection = FakeConnection(answers, fails_to_send)
    pool = FakePool(connection, gone)
    return StandaloneCache(cast("redis.ConnectionPool", pool)), pool, connection


def seen(replies: Sequence[Reply | CommandError]) -> list[Any]:
    return [reply.kind if isinstance(reply, CommandError) else reply for reply in replies]


def test_replies() -> None:
    """All commands go out at once, every reply is read as bytes within the time, the connection is kept."""
    cache, pool, connection = rig(b"1", None, 3)

    assert cache.run(COMMANDS, 1.5) == [b"1", None, 3]
    assert connection.sent == [[words(command) for command in COMMANDS]]
    assert 1.5 >= connection.waits[0] >= connection.waits[1] >= connection.waits[2] > 1.4
    assert (connection.disconnected, pool.out) == (0, 0)


def test_time_for_all_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is for the whole round trip: a server that dribbles its replies does not get it for each."""
    cache, _, connection = rig(b"1", None, 3)
    clock = iter((100.0, 100.4, 100.9, 101.7))
    monkeypatch.setattr("sluice.sinks.cache.time.monotonic", lambda: next(clock))

    cache.run(COMMANDS, 1.0)

    assert [round(wait, 3) for wait in connection.waits] == [0.6, 0.1, 0.001]


@pytest.mark.parametrize(("together", "waits"), [(1, 7), (3, 3), (7, 1), (9, 1)])
def test_waits_only_for_what_has_not_come(together: int, waits: int) -> None:
    """Replies that have come together are taken together, in their order, refusals among them."""
    answers = [b"1", None, exceptions.ResponseError("ERR"), 4, exceptions.ResponseError("OOM"), b"6", b"7"]
    cache, _, connection = rig(*answers, *[b"not ours"] * 2)
    connection.together = together

    replies = cache.run([("GET", str(place)) for place in range(7)], 1.0)
    assert seen(replies) == [b"1", None, "ERR", 4, "OOM", b"6", b"7"]
    assert len(connection.waits) == waits


@pytest.mark.parametrize(("size", "blocks"), [(1, 1), (256, 1), (257, 2), (1_000, 4)])
def test_blocks(size: int, blocks: int) -> None:
    """Many commands go out in few blocks, in their order, in one send."""
    cache, _, connection = rig(*range(size))
    commands: list[Command] = [("SET", f"key-{place}", b"\x00\xff", "EX", place) for place in range(size)]

    assert cache.run(commands, 1.0) == list(range(size))
    assert connection.sent == [[words(command) for command in commands]]
    assert connection.blocks == [blocks]


def test_no_commands() -> None:
    """Nothing to run takes no connection."""
    cache, pool, _ = rig()

    assert cache.run([], 1.0) == []
    assert pool.asked == 0


@pytest.mark.parametrize(
    ("error", "kind", "foreign"),
    [
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), "WRONGTYPE", True),
        (exceptions.ResponseError("ERR something"), "ERR", False),
        (exceptions.OutOfMemoryError("command not allowed"), "OutOfMemoryError", False),
        (exceptions.NoPermissionError("this user has no permissions"), "NoPermissionError", False),
        (exceptions.ClusterDownError("CLUSTERDOWN"), "ClusterDownError", False),
        (exceptions.TryAgainError("multiple keys"), "TryAgainError", False),
        (exceptions.MovedError("1 127.0.0.1:7000"), "MovedError", False),
        (exceptions.AskError("1 127.0.0.1:7000"), "AskError", False),
    ],
)
def test_error_replies(error: Exception, kind: str, foreign: bool) -> None:
    """A refusal is the value of its command; the others are answered, and the connection is kept."""
    cache, pool, connection = rig(b"1", error, b"3")

    replies = cache.run(COMMANDS, 1.0)

    assert seen(replies) == [b"1", kind, b"3"]
    assert replies[1].foreign is foreign
    assert (connection.disconnected, pool.out) == (0, 0)


def test_read_only() -> None:
    """A server that turned into a replica is left: a new connection finds the new primary."""
    cache, pool, connection = rig(exceptions.ReadOnlyError("You can't write"), b"2", b"3")

    assert seen(cache.run(COMMANDS, 1.0)) == ["ReadOnlyError", b"2", b"3"]
    assert (connection.disconnected, pool.out) == (1, 0)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("reset"),
        exceptions.TimeoutError("slow"),
        exceptions.BusyLoadingError("loading"),
        exceptions.InvalidResponse("not RESP"),
        OSError("gone"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_broken_connection(error: Exception, place: int) -> None:
    """What was answered before the connection broke counts; the rest failed, and the connection is closed."""
    answers = [b"1", b"2", b"3"]
    cache, pool, connection = rig(*answers[:place], error, b"left over", b"left over")

    assert seen(cache.run(COMMANDS, 1.0)) == [*answers[:place], *["connection"] * (3 - place)]
    assert (connection.disconnected, pool.out) == (1, 0)


def test_cannot_send() -> None:
    """What cannot be sent has failed, and the connection is closed: half of it may be with the server."""
    cache, pool, connection = rig(fails_to_send=exceptions.ConnectionError("broken pipe"))

    assert seen(cache.run(COMMANDS, 1.0)) == ["connection"] * 3
    assert (connection.disconnected, pool.out) == (1, 0)


@pytest.mark.parametrize(
    "gone", [exceptions.ConnectionError("refused"), exceptions.AuthenticationError(), OSError()]
)
def test_no_connection(gone: Exception) -> None:
    """Where there is no connection, every command has failed."""
    cache, pool, _ = rig(gone=gone)

    assert seen(cache.run(COMMANDS, 1.0)) == ["connection"] * 3
    assert pool.out == 0


def test_broken_off() -> None:
    """An invocation that ends between two replies closes the connection: no reply is left to the next one."""
    cache, pool, connection = rig(b"1", Killed(), b"3")

    with pytest.raises(Killed):
        cache.run(COMMANDS, 1.0)
    assert (connection.disconnected, pool.out) == (1, 0)


def test_our_own_fault_is_not_hidden() -> None:
    """An error that is not the connection's is not taken for one."""
    cache, _, connection = rig(b"1", TypeError("ours"))

    with pytest.raises(TypeError):
        cache.run(COMMANDS, 1.0)
    assert connection.disconnected == 1


def test_open_standalone() -> None:
    """The client connects and reads within the given time, retries nothing itself and connects when used."""
    opened = open_cache(CacheSettings("redis://cache.test:6390/2", "standalone", 60), 1.5)
    assert isinstance(opened, StandaloneCache)
    connection: Any = opened._pool.make_connection()

    assert (connection.host, connection.port, connection.db) == ("cache.test", 6390, 2)
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (1.5, 0.375)
    assert connection.retry.get_retries() == 0
    assert connection.protocol == 2
