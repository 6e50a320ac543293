"""What downstream agents ask the cache: one record, or an agent's newest ones. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeGuard

import orjson

from sluice.claim import INDEX_PREFIX, INDEX_SIZE, Command, CommandError, Commands, Reply, epoch_ms

# Lambda answers with at most 6 MB; an ordinary record is a few kB.
MAX_LATEST: Final = 100
_TRIES: Final = 3
_USAGE: Final = (
    'send {"agent_id": "…", "timestamp": "…"} for one record or {"agent_id": "…", "latest": n} for the newest n, '
    f"1 to {MAX_LATEST}"
)


class CacheUnavailableError(RuntimeError):
    """Raised when the cache does not answer; ask again later."""


def _as_it_is(agent: str) -> str:
    return agent


def look_up(
    request: Mapping[str, Any],
    cache: Commands,
    timeout: float,
    redact: Callable[[str], str] = _as_it_is,
) -> dict[str, Any]:
    """Answer one request: 200 with `record` or `records`, 404 when there is none, 400 when it is not understood.

    `redact` turns an agent's name into the one that its records are kept under.
    Raises CacheUnavailableError when the cache fails three times; `timeout` is in seconds a round trip.
    """
    agent, timestamp, latest = (request.get(name) for name in ("agent_id", "timestamp", "latest"))
    if not _is_text(agent) or not agent or agent.startswith("#"):
        return _error(400, f"agent_id is missing or not a name: {_USAGE}")
    agent = redact(agent)
    if _is_text(timestamp) and latest is None:
        return _one(agent, timestamp, cache, timeout)
    if type(latest) is int and 1 <= latest <= MAX_LATEST and timestamp is None:
        return _latest(agent, latest, cache, timeout)
    return _error(400, f"not understood: {_USAGE}")


def _is_text(value: object) -> TypeGuard[str]:
    """Tell whether a value is a string that a key can hold: half a surrogate pair has no bytes."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _one(agent: str, timestamp: str, cache: Commands, timeout: float) -> dict[str, Any]:
    (reply,) = _run(cache, [("GET", f"{agent}:{timestamp}")], timeout)
    record = _record(reply)
    if record is None:
        # The key may hold a value that is not ours; the record then lies beside it, and the index knows where.
        record = next(iter(_by_score(agent, timestamp, cache, timeout)), None)
    if record is None:
        return _error(404, "no such record: it expired, was not cleaned yet, or became a dead letter")
    return {"statusCode": 200, "record": record}


def _by_score(agent: str, timestamp: str, cache: Commands, timeout: float) -> list[dict[str, Any]]:
    try:
        score = epoch_ms(timestamp)
    except ValueError:
        return []
    command = ("ZRANGE", INDEX_PREFIX + agent, score, score, "BYSCORE")
    (members,) = _run(cache, [command], timeout)
    wanted = [member for member in _members(members) if member.startswith(timestamp + "#")]
    return _fetch(agent, wanted, cache, timeout)


def _latest(agent: str, wanted: int, cache: Commands, timeout: float) -> dict[str, Any]:
    records: list[dict[str, Any]] = []
    # The index outlives single records, so read on past the expired until there are enough: in growing
    # pages, for the worst case is an index of nothing else.
    start, page = 0, wanted
    while start < INDEX_SIZE:
        command = ("ZRANGE", INDEX_PREFIX + agent, start, start + page - 1, "REV")
        (reply,) = _run(cache, [command], timeout)
        members = _members(reply)
        records += _fetch(agent, members, cache, timeout)
        if len(records) >= wanted or len(members) < page:
            break
        start, page = start + page, min(2 * page, MAX_LATEST)
    if not records:
        return _error(404, "no record of this agent: all expired, or none was cleaned yet")
    return {"statusCode": 200, "records": records[:wanted]}


def _fetch(agent: str, members: Sequence[str], cache: Commands, timeout: float) -> list[dict[str, Any]]:
    replies = _run(cache, [("GET", f"{agent}:{member}") for member in members], timeout)
    return [record for record in map(_record, replies) if record is not None]


def _run(cache: Commands, commands: Sequence[Command], timeout: float) -> list[Reply]:
    replies: list[Reply | CommandError] = []
    for _ in range(_TRIES):
        replies = cache.run(commands, timeout)
        if not any(isinstance(reply, CommandError) and not reply.foreign for reply in replies):
            # A key of another type than ours holds no record.
            return [None if isinstance(reply, CommandError) else reply for reply in replies]
    kinds = sorted({reply.kind for reply in replies if isinstance(reply, CommandError)})
    msg = f"the cache does not answer ({', '.join(kinds)}): ask again later"
    raise CacheUnavailableError(msg)


def _members(reply: Reply) -> list[str]:
    return [member.decode() for member in reply] if isinstance(reply, list) else []


def _record(reply: Reply) -> dict[str, Any] | None:
    if not isinstance(reply, bytes):
        return None
    try:
        record = orjson.loads(reply)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("_prep"), dict) else None


def _error(status: int, message: str) -> dict[str, Any]:
    return {"statusCode": status, "error": message}
