"""Claim and store: one cache command a record decides who is first, who repeats, who conflicts.

The record's own key is its claim: `SET key value NX GET EX ttl` stores the record where nothing is
and answers with what was there. Pure judgement of those answers; the cache only runs commands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

import orjson

from sluice.record import Record

Command = tuple[str | bytes | int | float, ...]
Reply = bytes | int | list[bytes] | None


class CommandError(Exception):
    """A command's own failure, as a value: the server's refusal or the connection's end."""

    def __init__(self, kind: str, *, foreign: bool = False) -> None:
        """Keep the error's kind; `foreign` says that the key holds another type than ours."""
        super().__init__(kind)
        self.kind = kind
        self.foreign = foreign


class Commands(Protocol):
    """Run commands in one packed round trip a node; errors come back as values."""

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        """Return one reply a command, in order, within `timeout` seconds.

        The key is a command's second word, of EVAL the fourth.
        """
        ...


class Claim(NamedTuple):
    """What the cache said of one record; `original` names the living origin of a duplicate."""

    verdict: Literal["stored", "duplicate", "failed"]
    original: str = ""
    error: str = ""


INDEX_SIZE: Final = 1000
INDEX_PREFIX: Final = "#recent:"
# Keeps the newest INDEX_SIZE members of an agent, and the index itself no longer than its records.
_INDEX_SCRIPT: Final = (
    "for i=3,#ARGV,2 do redis.call('ZADD',KEYS[1],ARGV[i],ARGV[i+1]) end "
    "redis.call('ZREMRANGEBYRANK',KEYS[1],0,-tonumber(ARGV[2])-1) "
    "return redis.call('EXPIRE',KEYS[1],ARGV[1])"
)
_WITHDRAW_SCRIPT: Final = (
    "if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('DEL',KEYS[1]) end return 0"
)


class _Ask(NamedTuple):
    """One claim under way: the key it is made on, and whether that key is simply to be overwritten."""

    place: int
    record: Record
    key: str
    level: int
    overwrite: bool


def claim(records: Sequence[Record], cache: Commands, ttl: int, timeout: float) -> list[Claim]:
    """Store the records or learn why not; one Claim a record, in order.

    One round trip for all; further ones only for overwrites and conflicts: a conflict is claimed
    again on `key#<8 hex of its content>`, and a conflict of that on the whole hash and the source,
    where a value that is not ours is replaced. `ttl` is in seconds, `timeout` in seconds a round trip.
    """
    if not records:
        return []
    claims, asks = [_NOT_ANSWERED] * len(records), list[_Ask]()
    commands = [("SET", record.cache_key, record.value, "NX", "GET", "EX", ttl) for record in records]
    replies = cache.run(commands + _index([(one, one.timestamp) for one in records], ttl), timeout)
    # Replies beyond the records belong to the index, which is a help and never a reason to retry.
    for place, (record, reply) in enumerate(zip(records, replies[: len(records)], strict=True)):
        if reply is None:  # nothing was there, which is so for nearly all
            record.stored_key, record.conflict = record.cache_key, False
            claims[place] = _STORED
        else:
            _note(_judge(_Ask(place, record, record.cache_key, 0, False), reply), place, claims, asks)
    while asks:
        asks = _claim_again(asks, claims, cache, ttl, timeout)
    return claims


def withdraw(record: Record, cache: Commands, timeout: float) -> bool:
    """Take back a record's claim, if the key still holds this very record; False when the cache failed."""
    (reply,) = cache.run([("EVAL", _WITHDRAW_SCRIPT, 1, record.stored_key, record.value)], timeout)
    return not isinstance(reply, CommandError)


_NOT_ANSWERED: Final = Claim("failed", error="not answered")
_STORED: Final = Claim("stored")
_NOT_OURS: Final = ("", "", "")
_FOUR_YEARS: Final = 1_461 * 86_400


def _claim_again(
    asks: Sequence[_Ask], claims: list[Claim], cache: Commands, ttl: int, timeout: float
) -> list[_Ask]:
    """Make one round trip for overwrites and conflicts; return what needs another."""
    again: list[_Ask] = []
    members = [(ask.record, ask.key[len(ask.record.agent_id) + 1 :]) for ask in asks if not ask.overwrite]
    replies = cache.run([_command(ask, ttl) for ask in asks] + _index(members, ttl), timeout)
    for ask, reply in zip(asks, replies[: len(asks)], strict=True):
        _note(_judge(ask, reply), ask.place, claims, again)
    return again


def _note(answer: Claim | _Ask, place: int, claims: list[Claim], asks: list[_Ask]) -> None:
    if type(answer) is _Ask:
        asks.append(answer)
    elif type(answer) is Claim:
        claims[place] = answer


def _command(ask: _Ask, ttl: int) -> Command:
    if ask.overwrite:
        return ("SET", ask.key, ask.record.value, "EX", ttl)
    return ("SET", ask.key, ask.record.value, "NX", "GET", "EX", ttl)


def _judge(ask: _Ask, reply: Reply | CommandError) -> Claim | _Ask:
    record = ask.record
    if reply is None or ask.overwrite or reply == record.value:
        if isinstance(reply, CommandError):
            return Claim("failed", error=reply.kind)
        record.stored_key, record.conflict = ask.key, ask.level > 0
        record.aged = reply == record.value
        return _STORED
    if isinstance(reply, CommandError):
        return _next(ask) if reply.foreign else Claim("failed", error=reply.kind)
    origin, source, content = _provenance(reply)
    if source != record.source:
        return _next(ask)
    if origin == record.origin_id:
        return ask._replace(overwrite=True)
    return Claim("duplicate", original=origin) if content == record.content else _next(ask)


def _next(ask: _Ask) -> _Ask:
    record = ask.record
    if ask.level == 0:
        return ask._replace(key=f"{record.cache_key}#{record.content[:8]}", level=1)
    if ask.level == 1:
        return ask._replace(key=f"{record.cache_key}#{record.content}-{record.source}", level=2)
    return ask._replace(overwrite=True)


def _provenance(value: Reply) -> tuple[str, str, str]:
    """Return origin, source and content of a stored record; empty strings for a value that is not ours."""
    try:
        prep = orjson.loads(value)["_prep"]  # type: ignore[arg-type]
        names = prep["origin"], prep["source"], prep["content"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _NOT_OURS
    return names if all(type(name) is str for name in names) else _NOT_OURS


def _index(written: Iterable[tuple[Record, str]], ttl: int) -> list[Command]:
    """Return one script call an agent that notes its records: with each comes its key, without the agent."""
    members: defaultdict[str, list[str | int]] = defaultdict(list)
    for record, member in written:
        members[record.agent_id] += (epoch_ms(record.timestamp), member)
    return [
        ("EVAL", _INDEX_SCRIPT, 1, INDEX_PREFIX + agent, ttl, INDEX_SIZE, *pairs)
        for agent, pairs in members.items()
    ]


def epoch_ms(timestamp: str) -> int:
    """Return an RFC 3339 date-time as epoch milliseconds; a leap second counts as the second before it."""
    try:
        return int(datetime.fromisoformat(timestamp).timestamp() * 1000)
    except ValueError:
        return _unusual_epoch_ms(timestamp.upper())


def _unusual_epoch_ms(text: str) -> int:
    """Mend what RFC 3339 allows and Python does not read: small letters, leap seconds, the year 0."""
    if text[17:19] == "60":
        text = text[:17] + "59" + text[19:]
    if text.startswith("0000"):  # Python's years begin at 1; the year 4 is a leap year, too
        return int((datetime.fromisoformat("0004" + text[4:]).timestamp() - _FOUR_YEARS) * 1000)
    return int(datetime.fromisoformat(text).timestamp() * 1000)
