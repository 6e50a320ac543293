"""Make every run a new one: take away what an earlier run of the same input left in the cache.

Cache keys are exactly `agent_id:timestamp`, so on a cache that stays, a second run of the same input
would meet its own records and call every one a conflict. Before a run, the keys that this input's
identities name are removed: the key itself, its conflict variants `key#…` and the agents' indexes
`#recent:<agent>`; and only where the value is one that Sluice wrote. Nothing else is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import redis
from redis.cluster import RedisCluster

from ops.twin.inputs import Value, identity
from ops.twin.outputs import json_line

_CHUNK = 1_000
_INDEX = "#recent:"
_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.2


def connect(url: str, mode: str) -> Any:
    """Return a client of the cache that speaks bytes. Its calls raise redis.RedisError."""
    kind: Any = RedisCluster if mode == "cluster" else redis.Redis
    return kind.from_url(url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS)


def generation(client: Any) -> str:
    """Name the servers' present lives: a restarted (so emptied) cache has another name."""
    info = client.info("server")
    answers = [info] if "run_id" in info else list(info.values())
    return ",".join(sorted(answer["run_id"] for answer in answers))


def make_way(client: Any, values: Iterable[Value]) -> set[str]:
    """Remove what earlier runs stored under this input's identities.

    Returns the keys that stay occupied by values which are not Sluice's: all that comes there is a conflict.
    """
    agents: set[str] = set()
    keys: set[str] = set()
    for value in values:
        named = identity(value)
        if named is not None:
            keys.add(named.key)
            agents.add(named.agent)
    occupied = _remove_ours(client, keys)
    _remove_ours(client, _variants(client, keys))
    for chunk in _chunks(agents, _CHUNK):
        _run(client, [("UNLINK", f"{_INDEX}{agent}") for agent in chunk])
    return occupied


def _variants(client: Any, keys: set[str]) -> Iterator[str]:
    """Yield the conflict variants of these keys: their suffix is not known, so the cache is scanned once."""
    for found in client.scan_iter(match="[^#]*#*", count=_CHUNK):
        key = found.decode(errors="backslashreplace")
        if key.rpartition("#")[0] in keys:
            yield key


def _remove_ours(client: Any, keys: Iterable[str]) -> set[str]:
    """Remove the keys that hold a record of Sluice's; return those that hold anything else."""
    occupied: set[str] = set()
    for chunk in _chunks(keys, _CHUNK):
        replies = _run(client, [("GET", key) for key in chunk])
        ours = [key for key, reply in zip(chunk, replies, strict=True) if source_of_record(reply) is not None]
        occupied.update(
            key
            for key, reply in zip(chunk, replies, strict=True)
            if reply is not None and key not in set(ours)
        )
        if ours:
            _run(client, [("UNLINK", key) for key in ours])
    return occupied


def source_of_record(reply: object) -> str | None:
    """Return the event source that a cached record of Sluice's names, None for any other value."""
    if not isinstance(reply, bytes):
        return None
    try:
        source = orjson.loads(reply)["_prep"]["source"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return None
    return source if isinstance(source, str) else None


def write_cache(client: Any, source: str, path: Path) -> int:
    """Write this run's cached records as JSON Lines of key, ttl (seconds), value; return how many."""
    keys = sorted(set(client.scan_iter(match="[^#]*", count=_CHUNK)))
    written = 0
    with path.open("wb") as file:
        for chunk in _chunks(keys, _CHUNK):
            values = _run(client, [("GET", key) for key in chunk])
            ttls = _run(client, [("TTL", key) for key in chunk])
            for key, ttl, value in zip(chunk, ttls, values, strict=True):
                if source_of_record(value) == source:
                    written += 1
                    file.write(json_line({"key": key, "ttl": ttl, "value": orjson.Fragment(value)}))
    return written


def _run(client: Any, commands: Sequence[tuple[str | bytes, ...]]) -> list[Any]:
    """Run commands that may be run twice; only a key of another type is an error that comes back as a value.

    A cluster that has just come up answers CLUSTERDOWN for a while. Raises redis.RedisError.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        faults = [reply for reply in replies if isinstance(reply, Exception) and not _is_other_type(reply)]
        if not faults:
            return replies
        if time.monotonic() > deadline:
            raise faults[0]
        time.sleep(_PAUSE_SECONDS)


def _is_other_type(error: Exception) -> bool:
    return isinstance(error, redis.ResponseError) and str(error).startswith("WRONGTYPE")


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
