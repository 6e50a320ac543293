"""The runner's own view of the cache: what a key holds, for how long, and whether the server kept what it was given."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import redis
from redis.cluster import RedisCluster

CHUNK = 1_000
_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.2


def connect(url: str, mode: str) -> Any:
    """Return a client of the cache that speaks bytes. Its calls raise redis.RedisError."""
    kind: Any = RedisCluster if mode == "cluster" else redis.Redis
    return kind.from_url(url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS)


class Life(NamedTuple):
    """The servers' present lives (a restarted, so emptied, one has another name) and what they evicted so far."""

    name: str
    evicted: int

    def forgot(self, now: Life, age: float, ttl: int) -> list[str]:
        """Say why the cache, seen `now`, need not hold all that it got since then; empty: it has to.

        `age` is how many seconds ago this look was taken, `ttl` how many seconds a record stays.
        """
        reasons = []
        if now.name != self.name:
            reasons.append("the cache was restarted, empty, during the run")
        elif now.evicted != self.evicted:
            reasons.append(f"the cache evicted {now.evicted - self.evicted} keys during the run: it is full")
        if age >= ttl:
            reasons.append(f"the run took longer than a record stays in the cache ({ttl} s)")
        return reasons


def life(client: Any) -> Life:
    """Look at the servers' lives. Raises redis.RedisError."""
    # By default a cluster's client asks one node only.
    info = (
        client.info(target_nodes=RedisCluster.PRIMARIES)
        if isinstance(client, RedisCluster)
        else client.info()
    )
    nodes = [info] if "run_id" in info else list(info.values())
    name = ",".join(sorted(node["run_id"] for node in nodes))
    return Life(name, sum(int(node.get("evicted_keys", 0)) for node in nodes))


class Held(NamedTuple):
    """What a key holds: its value (None: nothing; empty: no string) and its milliseconds to live (-1: for ever)."""

    value: bytes | None
    ttl_ms: int


def look(client: Any, keys: Sequence[str]) -> list[Held]:
    """Return what each key holds. Raises redis.RedisError."""
    found: list[Held] = []
    for chunk in chunks(keys, CHUNK):
        values = run_commands(client, [("GET", key) for key in chunk])
        ttls = run_commands(client, [("PTTL", key) for key in chunk])
        found += map(_held, values, ttls)
    return found


def _held(value: object, ttl_ms: int) -> Held:
    if value is None or ttl_ms == -2:  # the second: its time was over between the two questions
        return Held(None, -2)
    return Held(value if isinstance(value, bytes) else b"", ttl_ms)


def run_commands(client: Any, commands: Sequence[tuple[str | bytes, ...]]) -> list[Any]:
    """Run commands that may be run twice; only a key of another type is an error that comes back as a value.

    A server that was killed comes back at once, and a cluster that has just come up answers CLUSTERDOWN for
    a while. Raises redis.RedisError.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            replies = _ask(client, commands)
        except redis.ConnectionError as error:
            faults: list[Exception] = [error]
        else:
            faults = [r for r in replies if isinstance(r, Exception) and not _is_other_type(r)]
            if not faults:
                return replies
        if time.monotonic() > deadline:
            raise faults[0]
        time.sleep(_PAUSE_SECONDS)


def _ask(client: Any, commands: Sequence[tuple[str | bytes, ...]]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    return replies


def _is_other_type(error: Exception) -> bool:
    return isinstance(error, redis.ResponseError) and str(error).startswith("WRONGTYPE")


def chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the items in lists of so many."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
