"""The cache in cluster mode: packed by node, redirects followed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import redis
from redis import exceptions
from redis.crc import key_slot

from sluice.claim import Command, CommandError, Reply
from sluice.settings import CacheSettings
from sluice.sinks import cache as sink
from sluice.sinks.cache import ClusterCache, open_cache
from tests.fakes.connection import FakeCluster, FakeConnection, FakePool, words


def seen(replies: Sequence[Reply | CommandError]) -> list[Any]:
    return [reply.kind if isinstance(reply, CommandError) else reply for reply in replies]


def cluster(
    monkeypatch: pytest.MonkeyPatch, *clients: FakeCluster | Exception
) -> tuple[ClusterCache, list[Any]]:
    """Return a cache whose connects give these clients, one after the other, and the calls that were made."""
    left, calls = list(clients), []

    def connect(url: str, **options: Any) -> FakeCluster:
        calls.append((url, options))
        client = left.pop(0)
        if isinstance(client, Exception):
            raise client
        return client

    monkeypatch.setattr(redis.RedisCluster, "from_url", connect)
    opened = open_cache(CacheSettings("redis://cache.test:6390", "cluster", 60), 1.5)
    assert isinstance(opened, ClusterCache)
    return opened, calls


def node(*answers: Any) -> FakePool:
    return FakePool(FakeConnection(answers))


def test_open_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map of the slots is read on the first command, once, without the library's own retries."""
    cache, calls = cluster(monkeypatch, FakeCluster({"n0": node(b"1", b"2")}))
    assert calls == []

    assert cache.run([("GET", "a")], 1.0) == [b"1"]
    assert cache.run([("GET", "a")], 1.0) == [b"2"]
    ((url, options),) = calls
    assert url == "redis://cache.test:6390"
    assert options.pop("retry").get_retries() == 0
    assert options == {
        "socket_timeout": 1.5,
        "socket_connect_timeout": 0.375,
        "protocol": 2,
        "driver_info": None,
        "require_full_coverage": False,
    }


def test_grouped_by_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node gets its commands in one packed trip, by slot of the key, and the replies keep their places."""
    keys = [f"agent-{number}" for number in range(6)]
    commands: list[Command] = [("GET", key) for key in keys]
    # Of EVAL the key is the fourth word; a key may be bytes.
    commands[1:3] = [("EVAL", "return 1", 1, key, "x") for key in keys[1:3]]
    commands[3] = ("GET", keys[3].encode())
    of = [key_slot(key.encode()) % 2 for key in keys]
    assert set(of) == set(of[1:3]) == {0, 1}
    places = [[place for place in range(6) if of[place] == number] for number in (0, 1)]
    pools = {f"n{number}": node(*(place * 10 for place in places[number])) for number in (0, 1)}
    cache, _ = cluster(monkeypatch, FakeCluster(pools))

    assert cache.run(commands, 1.0) == [0, 10, 20, 30, 40, 50]
    for number in (0, 1):
        assert pools[f"n{number}"]._connection.sent == [[words(commands[place]) for place in places[number]]]


@pytest.mark.parametrize("error", [exceptions.MovedError("1 h:1"), exceptions.AskError("1 h:1")])
def test_redirected(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A redirected command goes once through the client, which follows; its answer takes the place."""
    client = FakeCluster({"n0": node(b"1", error, error)}, [b"moved", True])
    cache, _ = cluster(monkeypatch, client)
    commands: list[Command] = [
        ("GET", "a"),
        ("SET", "b", "v", "NX", "GET", "EX", 9),
        ("SET", "c", "v", "EX", 9),
    ]

    assert cache.run(commands, 1.0) == [b"1", b"moved", True]
    assert client.single == [(commands[1], {"get": True}), (commands[2], {})]
    assert client.closed == 0


@pytest.mark.parametrize(
    ("error", "kind", "closed"),
    [
        (exceptions.ResponseError("WRONGTYPE x"), "WRONGTYPE", 0),
        (exceptions.ClusterDownError("x"), "ClusterDownError", 0),
        (exceptions.ConnectionError("x"), "connection", 1),
        (exceptions.RedisClusterException("x"), "connection", 1),
        (OSError("x"), "connection", 1),
    ],
)
def test_redirected_in_vain(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str, closed: int
) -> None:
    """A redirected command that fails has failed alone; a node that is gone has the map read anew."""
    client = FakeCluster({"n0": node(b"1", exceptions.MovedError("1 h:1"))}, [error])
    cache, _ = cluster(monkeypatch, client)

    replies = cache.run([("GET", "a"), ("GET", "b")], 1.0)

    assert seen(replies) == [b"1", kind]
    assert cast("CommandError", replies[1]).foreign == (kind == "WRONGTYPE")
    assert client.closed == closed


def test_node_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a node breaks off, its commands failed, the client is closed and the next run reads the map anew."""
    broken = FakeCluster({"n0": node(b"1", exceptions.ConnectionError("reset"))})
    cache, calls = cluster(monkeypatch, broken, FakeCluster({"n0": node(b"2")}))

    assert seen(cache.run([("GET", "a"), ("GET", "b")], 1.0)) == [b"1", "connection"]
    assert broken.closed == 1
    assert cache.run([("GET", "b")], 1.0) == [b"2"]
    assert len(calls) == 2


@pytest.mark.parametrize(
    "error", [exceptions.ConnectionError("refused"), exceptions.RedisClusterException("no nodes"), OSError()]
)
def test_no_cluster(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Where no node answers, every command failed, and the next run tries anew."""
    cache, calls = cluster(monkeypatch, error, FakeCluster({"n0": node(b"1")}))

    assert seen(cache.run([("GET", "a"), ("GET", "b")], 1.0)) == ["connection"] * 2
    assert cache.run([("GET", "a")], 1.0) == [b"1"]
    assert len(calls) == 2


def test_uncovered_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot that nobody serves fails the run, and the map is read anew."""
    client = FakeCluster({"n0": node(), "n1": node()})
    client.uncovered = True
    cache, calls = cluster(monkeypatch, client, FakeCluster({"n0": node(b"1")}))

    assert seen(cache.run([("GET", "a")], 1.0)) == ["connection"]
    assert cache.run([("GET", "a")], 1.0) == [b"1"]
    assert len(calls) == 2


def test_one_node_needs_no_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of one node gets everything, without a look at the slots."""
    monkeypatch.setattr(sink, "key_slot", None)
    cache, _ = cluster(monkeypatch, FakeCluster({"n0": node(b"1", b"2")}))

    assert cache.run([("GET", "a"), ("GET", "b")], 1.0) == [b"1", b"2"]
