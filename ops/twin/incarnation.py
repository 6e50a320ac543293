"""Make every run a new one: take away what an earlier run of the same input left in the cache.

Cache keys are exactly `agent_id:timestamp`, so on a cache that stays, a second run of the same input
would meet its own records and call every one a conflict. Before a run, the keys that this input's
identities name are removed: the key itself, its conflict variants `key#…` and the agents' indexes
`#recent:<agent>`; and only where the value is one that Sluice wrote. Nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ops.twin.cache_reader import CHUNK, chunks, run_commands
from ops.twin.inputs import Value, identity
from ops.twin.outputs import json_line

_INDEX = "#recent:"


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
    for chunk in chunks(agents, CHUNK):
        run_commands(client, [("UNLINK", f"{_INDEX}{agent}") for agent in chunk])
    return occupied


def _variants(client: Any, keys: set[str]) -> Iterator[str]:
    """Yield the conflict variants of these keys: their suffix is not known, so the cache is scanned once."""
    for found in client.scan_iter(match="[^#]*#*", count=CHUNK):
        key = found.decode(errors="backslashreplace")
        if key.rpartition("#")[0] in keys:
            yield key


def _remove_ours(client: Any, keys: Iterable[str]) -> set[str]:
    """Remove the keys that hold a record of Sluice's; return those that hold anything else."""
    occupied: set[str] = set()
    for chunk in chunks(keys, CHUNK):
        replies = run_commands(client, [("GET", key) for key in chunk])
        ours = [key for key, reply in zip(chunk, replies, strict=True) if source_of_record(reply) is not None]
        occupied.update(
            key
            for key, reply in zip(chunk, replies, strict=True)
            if reply is not None and key not in set(ours)
        )
        if ours:
            run_commands(client, [("UNLINK", key) for key in ours])
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
    keys = sorted(set(client.scan_iter(match="[^#]*", count=CHUNK)))
    written = 0
    with path.open("wb") as file:
        for chunk in chunks(keys, CHUNK):
            values = run_commands(client, [("GET", key) for key in chunk])
            ttls = run_commands(client, [("TTL", key) for key in chunk])
            for key, ttl, value in zip(chunk, ttls, values, strict=True):
                if source_of_record(value) == source:
                    written += 1
                    file.write(json_line({"key": key, "ttl": ttl, "value": orjson.Fragment(value)}))
    return written
