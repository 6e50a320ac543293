"""A cache that behaves as Valkey does for the commands that we send, and fails where the schedule says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sluice.claim import _INDEX_SCRIPT, _WITHDRAW_SCRIPT, Command, CommandError, Reply
from sluice.history.store import REMEMBER_SCRIPT
from tests.fakes.schedule import Clock, Killed, Mode, Schedule


class Fields(NamedTuple):
    """A hash: its fields by name."""

    of: dict[bytes, bytes]


Value = bytes | dict[bytes, float] | list[bytes] | Fields
_OK = b"OK"
_LOST = CommandError("connection")
_WRONG_TYPE = CommandError("WRONGTYPE", foreign=True)


class Entry(NamedTuple):
    """What a key holds (a string, a sorted set, a list or a hash) and when it ends; None means never."""

    value: Value
    ends: float | None


def as_bytes(word: str | bytes | float) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


class FakeCache:
    """Run commands as `sluice.claim.Commands`; one command is one point of the schedule.

    Our index script is a point of its own kind: nothing depends on it, and its failure is its own.
    """

    def __init__(self, schedule: Schedule | None = None, clock: Clock | None = None) -> None:
        self._schedule = schedule or Schedule()
        self._clock = clock or Clock()
        self._entries: dict[bytes, Entry] = {}
        # One list of commands a round trip.
        self.round_trips: list[list[Command]] = []

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        assert timeout > 0
        self.round_trips.append(list(commands))
        replies: list[Reply | CommandError] = []
        dead = deaf = False
        for command in commands:
            kind = "index" if command[0] == "EVAL" and command[1] == _INDEX_SCRIPT else "command"
            fault = None if dead or deaf else self._schedule.step(kind)
            dead = dead or fault is Mode.BEFORE
            if fault is Mode.ALONE:
                replies.append(CommandError("OOM"))
                continue
            reply = _LOST if dead else self._execute(command)
            if fault is Mode.KILL:
                raise Killed
            dead, deaf = dead or fault is Mode.AFTER, deaf or fault is Mode.DEAF
            replies.append(_LOST if dead or deaf else reply)
        return replies

    def value(self, key: str | bytes) -> Value | None:
        """Return what a key holds now."""
        entry = self._entries.get(as_bytes(key))
        if entry is not None and entry.ends is not None and entry.ends <= self._clock.now:
            del self._entries[as_bytes(key)]
            return None
        return entry.value if entry else None

    def put(self, key: str, value: Value, seconds: float | None = None) -> None:
        """Have a key hold a value, as somebody else might."""
        ends = None if seconds is None else self._clock.now + seconds
        self._entries[key.encode()] = Entry(value, ends)

    def clear(self) -> None:
        """Lose everything, as a restart does."""
        self._entries.clear()

    def values(self) -> set[bytes]:
        """Return all records and whatever else are strings."""
        return {entry.value for entry in self._entries.values() if type(entry.value) is bytes}

    def keys(self) -> dict[bytes, Entry]:
        return {key: entry for key, entry in self._entries.items() if self.value(key) is not None}

    def _execute(self, command: Command) -> Reply | CommandError:
        name, first = str(command[0]), as_bytes(command[1])
        if name == "SET":
            return self._set(first, as_bytes(command[2]), command[3:])
        if name == "EVAL":
            assert command[2] == 1, "a script of ours has one key"
            script = _SCRIPTS[str(command[1])]
            return script(self, as_bytes(command[3]), [as_bytes(word) for word in command[4:]])
        return _COMMANDS[name](self, first, [as_bytes(word) for word in command[2:]])

    def _set(self, key: bytes, value: bytes, options: Sequence[object]) -> Reply | CommandError:
        before = self.value(key)
        if "GET" in options and before is not None and not isinstance(before, bytes):
            return _WRONG_TYPE
        ends = None
        if "EX" in options:
            ends = self._clock.now + float(str(options[options.index("EX") + 1]))
        if before is None or "NX" not in options:
            self._entries[key] = Entry(value, ends)
        elif "GET" not in options:
            return None
        if "GET" in options:
            return before if isinstance(before, bytes) else None
        return _OK

    def get(self, key: bytes, _: Sequence[bytes]) -> Reply | CommandError:
        found = self.value(key)
        return found if found is None or isinstance(found, bytes) else _WRONG_TYPE

    def delete(self, key: bytes, _: Sequence[bytes]) -> Reply:
        found = self.value(key) is not None
        self._entries.pop(key, None)
        return int(found)

    def lpush(self, key: bytes, words: Sequence[bytes]) -> Reply:
        self._entries[key] = Entry(list(words), None)
        return len(words)

    def ttl(self, key: bytes, _: Sequence[bytes]) -> Reply:
        if self.value(key) is None:
            return -2
        ends = self._entries[key].ends
        return -1 if ends is None else round(ends - self._clock.now)

    def zrange(self, key: bytes, words: Sequence[bytes]) -> Reply | CommandError:
        members = self.value(key)
        if members is not None and not isinstance(members, dict):
            return _WRONG_TYPE
        ranked = sorted((members or {}).items(), key=lambda item: (item[1], item[0]))
        if b"BYSCORE" in words:
            low, high = float(words[0]), float(words[1])
            return [member for member, score in ranked if low <= score <= high]
        names = [member for member, _ in ranked]
        if b"REV" in words:
            names.reverse()
        return _slice(names, int(words[0]), int(words[1]))

    def note_members(self, key: bytes, words: Sequence[bytes]) -> Reply | CommandError:
        """Do what the index script does."""
        members = self.value(key)
        if members is not None and not isinstance(members, dict):
            return _WRONG_TYPE
        members = dict(members or {})
        members |= {words[place + 1]: float(words[place]) for place in range(2, len(words), 2)}
        newest = sorted(members.items(), key=lambda item: (item[1], item[0]))[-int(words[1]) :]
        self._entries[key] = Entry(dict(newest), self._clock.now + int(words[0]))
        return 1

    def hmget(self, key: bytes, words: Sequence[bytes]) -> Reply | CommandError:
        found = self.value(key)
        if found is not None and not isinstance(found, Fields):
            return _WRONG_TYPE
        values: list[Any] = [found.of.get(word) if found else None for word in words]
        return values

    def remember(self, key: bytes, words: Sequence[bytes]) -> Reply | CommandError:
        """Do what the script of the history does."""
        found = self.value(key)
        if found is not None and not isinstance(found, Fields):
            return _WRONG_TYPE
        fields = dict(found.of) if found else {}
        seconds, old, new, *rest = words
        if new and fields.get(b"state", b"") == old:
            fields[b"state"] = new
        fields |= dict(zip(rest[::2], rest[1::2], strict=True))
        if not fields:
            return 0
        self._entries[key] = Entry(Fields(fields), self._clock.now + int(seconds))
        return 1

    def withdraw(self, key: bytes, words: Sequence[bytes]) -> Reply | CommandError:
        """Do what the withdraw script does."""
        found = self.value(key)
        if found is not None and not isinstance(found, bytes):
            return CommandError("WRONGTYPE", foreign=True)
        return self.delete(key, ()) if found == words[0] else 0


def _slice(names: list[bytes], first: int, last: int) -> list[bytes]:
    size = len(names)
    first, last = (place + size if place < 0 else place for place in (first, last))
    return names[max(first, 0) : last + 1]


_Action = Callable[[FakeCache, bytes, Sequence[bytes]], Reply | CommandError]
_SCRIPTS: dict[str, _Action] = {
    _INDEX_SCRIPT: FakeCache.note_members,
    _WITHDRAW_SCRIPT: FakeCache.withdraw,
    REMEMBER_SCRIPT: FakeCache.remember,
}
_COMMANDS: dict[str, _Action] = {
    "GET": FakeCache.get,
    "DEL": FakeCache.delete,
    "HMGET": FakeCache.hmget,
    "LPUSH": FakeCache.lpush,
    "TTL": FakeCache.ttl,
    "ZRANGE": FakeCache.zrange,
}
