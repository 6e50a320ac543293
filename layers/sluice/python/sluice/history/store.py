"""The history in the cache: one read an agent before its records are compared, one write after.

A hash an agent, `#history:<agent>`: the field `state`, and the slots of its recent texts. It is a help: what
the cache does not answer leads to fewer flags, never to a retry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from sluice.claim import Command, CommandError, Commands, Reply
from sluice.history.agent import History, State, pack_state, unpack_state
from sluice.history.compare import entry_of
from sluice.history.near import pack, slots, unpack_hash
from sluice.history.profile import learn
from sluice.impute import last_value_key
from sluice.record import Record

HISTORY_PREFIX: Final = "#history:"
# An agent that is silent for a week starts anew; no record lives longer either.
_FORGET_SECONDS: Final = 604_800
# A value to impute from is a label or a number; a longer one is not remembered.
_LONGEST_VALUE: Final = 1_024
# A timestamp with a content hash and a source is a hundred; one with a thousand decimals is not worth four slots.
_LONGEST_MEMBER: Final = 256
_STATE: Final = "state"
# Replaces the state only if it is still the one that was read: of two invocations at once, one is not counted.
REMEMBER_SCRIPT: Final = (
    "if ARGV[3]~='' and (redis.call('HGET',KEYS[1],'state') or '')==ARGV[2] then "
    "redis.call('HSET',KEYS[1],'state',ARGV[3]) end "
    "for i=4,#ARGV,2 do redis.call('HSET',KEYS[1],ARGV[i],ARGV[i+1]) end "
    "return redis.call('EXPIRE',KEYS[1],ARGV[1])"
)


class Remembered(NamedTuple):
    """Say what is remembered: the profile, near-duplicates, and by schema the fields to impute from.

    `record_ttl` is how long the cache keeps a record, in seconds.
    """

    profile: bool
    near: bool
    fields: Mapping[str, Collection[str]]
    record_ttl: int

    @property
    def anything(self) -> bool:
        """Tell whether there is a history at all."""
        return self.profile or self.near or any(self.fields.values())


def recall(records: Sequence[Record], cache: Commands, timeout: float, now: int) -> int:
    """Give every record its agent's history, in one round trip; return how many agents' is not known.

    `timeout` is in seconds, `now` in epoch seconds.
    """
    agents = _by_agent(records)
    wanted = [_fields(of_agent) for of_agent in agents.values()]
    commands: list[Command] = [
        ("HMGET", HISTORY_PREFIX + agent, *fields) for agent, fields in zip(agents, wanted, strict=True)
    ]
    unknown = 0
    replies = cache.run(commands, timeout) if commands else []
    for of_agent, fields, reply in zip(agents.values(), wanted, replies, strict=True):
        history = _history(fields, reply, now)
        unknown += history is None
        for record in of_agent:
            record.history = history
    return unknown


def _by_agent(records: Sequence[Record]) -> dict[str, list[Record]]:
    agents: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        agents[record.agent_id].append(record)
    return agents


def _fields(records: Sequence[Record]) -> list[str]:
    hashes = {int(record.features["simhash"], 16) for record in records if "simhash" in record.features}
    return [_STATE, *sorted({slot for simhash in hashes for slot in slots(simhash)})]


def _history(fields: Sequence[str], reply: Reply | CommandError, now: int) -> History | None:
    if not isinstance(reply, list):
        return None
    values: list[Any] = reply
    history = History(now, values[0] or b"")
    if history.packed:
        history.state = unpack_state(history.packed)
    for slot, packed in zip(fields[1:], values[1:], strict=True):
        if packed is not None and (entry := unpack_hash(packed)) is not None:
            history.entries[slot] = entry
    return history


def remember(records: Sequence[Record], what: Remembered, cache: Commands, timeout: float) -> int:
    """Write down what acknowledged records add to their agents' history, in one round trip.

    Records whose history was not read are passed over. Returns how many agents' was not written.
    """
    known = [record for record in records if record.history is not None]
    commands = [_write(agent, of_agent, what) for agent, of_agent in _by_agent(known).items()]
    if not commands:
        return 0
    return sum(isinstance(reply, CommandError) for reply in cache.run(commands, timeout))


def _write(agent: str, records: Sequence[Record], what: Remembered) -> Command:
    history = records[0].history or History(0)
    state = _next_state(history.state, records, what)
    packed = b"" if state is history.state else pack_state(state)
    fields = _texts(records, history.now + what.record_ttl) if what.near else []
    head = ("EVAL", REMEMBER_SCRIPT, 1, HISTORY_PREFIX + agent, _FORGET_SECONDS)
    return (*head, history.packed, packed, *fields)


def _texts(records: Sequence[Record], expires: int) -> list[str]:
    """Return slots and entries of the records that can be an original until `expires`.

    That is counted from when the batch began, so never later than what it stored is there. A record that was
    stored already, by an invocation whose answer was lost, ends earlier, and has been remembered then.
    """
    fields: list[str] = []
    for record in records:
        member = record.stored_key[len(record.agent_id) + 1 :]
        original = "simhash" in record.features and "near_duplicate" not in record.flags and not record.aged
        if original and len(member) <= _LONGEST_MEMBER:
            entry = entry_of(record)._replace(expires=expires, member=member)
            packed = pack(entry)
            for slot in slots(entry.simhash):
                fields += (slot, packed)
    return fields


def _next_state(state: State, records: Sequence[Record], what: Remembered) -> State:
    """Return the state with what was not counted yet; the same one if there is nothing."""
    if not what.profile and not any(what.fields.values()):
        return state
    fresh = [record for record in records if _offset(record) > state.counted.get(_place(record), -1)]
    if not fresh:
        return state
    fresh.sort(key=_offset)
    features = [record.features for record in fresh] if what.profile else []
    counted, values = dict(state.counted), dict(state.values)
    for record in fresh:
        counted[_place(record)] = _offset(record)
        values |= _values(record, what.fields.get(record.schema, ()))
    return State(learn(state.profile, features), values, counted)


def _offset(record: Record) -> int:
    return record.message.origin.offset


def _place(record: Record) -> str:
    return f"{record.source} {record.message.origin.topic_partition}"


def _values(record: Record, names: Collection[str]) -> dict[str, Any]:
    """Return the record's own values of these fields, by `schema field`; not those that were imputed."""
    body, imputed = record.body, record.notes.get("imputed", {})
    own = {name: body[name] for name in names if body.get(name) is not None and name not in imputed}
    return {
        last_value_key(record.schema, name): value
        for name, value in own.items()
        if len(orjson.dumps(value)) <= _LONGEST_VALUE
    }
