"""Which letters a replay takes, and in which chunks: what Plan keeps of each letter, bodies left out."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import Any, Final, Literal, NamedTuple

import orjson
from pybase64 import b64decode

from sluice.record import JsonObject
from sluice.replay.letter import FINAL, Letter, identity, size_of
from sluice.replay.request import Filter

# moto's interpreter dies of recursion beyond some 1,000 children; a child costs 31 to 38 ms there.
MAX_CHUNKS: Final = 900
# A chunk's own cost (a child execution, a call) spread over enough letters.
_LEAST_LETTERS: Final = 100


class Entry(NamedTuple):
    """What a chunk has to do in one object; letters are known by their place in it, which never changes.

    `run`: letters to run. `copies`: selected letters that repeat one settled elsewhere, with its object and
    place. `aliases`: the same for repeats of a letter that this chunk runs; those are not counted.
    """

    key: str
    run: tuple[int, ...] = ()
    copies: tuple[tuple[int, str, int], ...] = ()
    aliases: tuple[tuple[int, str, int], ...] = ()

    @property
    def counted(self) -> tuple[int, ...]:
        """Return the places of the letters that count as selected."""
        return (*self.run, *(place for place, *_ in self.copies))

    @property
    def weight(self) -> int:
        """Return how many letters are touched."""
        return len(self.run) + len(self.copies) + len(self.aliases)


def entry_of(row: Sequence[Any]) -> Entry:
    """Return the entry that was written as JSON."""
    key, run, copies, aliases = row
    return Entry(
        key, tuple(run), tuple((p, k, a) for p, k, a in copies), tuple((p, k, a) for p, k, a in aliases)
    )


class _Copy(NamedTuple):
    object: int
    place: int
    state: str
    attempt: int
    chosen: bool
    reason: str
    size: int


# Of several letters of one message, which one stands for it: a settled one, else the one tried most often.
_RANK: Final = {"recovered": 0, "duplicate": 0, "discarded": 0, "parked": 1, "open": 2}


class Catalogue:
    """Collect what is in the bucket, object by object in the order of their keys; then select."""

    def __init__(self, chosen: Callable[[Letter], bool], wanted: Literal["open", "parked"]) -> None:
        """Keep what `chosen` says of each letter in the state `wanted`."""
        self._chosen = chosen
        self._wanted = wanted
        self._keys: list[str] = []
        self._copies: dict[bytes, _Copy | list[_Copy]] = {}

    def add(self, key: str, letters: Sequence[Letter], *, meant: bool, swept: bool = False) -> None:
        """Note the letters of one object; where it is not `meant`, they are not selected, yet may have repeats.

        Of an object that is `swept` those count that are settled: the parked ones are in the archive now.
        """
        number = len(self._keys)
        self._keys.append(key)
        for place, letter in enumerate(letters):
            # A marked repeat says nothing of its own; a sealed letter lies in the archive.
            if letter.get("alias_of") or letter.get("moved") or (swept and letter["state"] not in FINAL):
                continue
            copy = self._copy(number, place, letter, meant=meant)
            name = identity(letter)
            known = self._copies.get(name)
            if known is None:
                self._copies[name] = copy
            elif isinstance(known, list):
                known.append(copy)
            else:
                self._copies[name] = [known, copy]

    def _copy(self, number: int, place: int, letter: Letter, *, meant: bool) -> _Copy:
        return _Copy(
            number,
            place,
            sys.intern(letter["state"]),
            letter["attempt"],
            meant and letter["state"] == self._wanted and self._chosen(letter),
            sys.intern(letter["reason"]),
            size_of(letter),
        )

    def select(self, limit: int) -> Selection:
        """Return at most `limit` letters, in the order of their objects and places."""
        lone: list[tuple[_Copy, list[_Copy]]] = []
        for known in self._copies.values():
            copies = sorted(known, key=_rank) if isinstance(known, list) else [known]
            lone += _candidates(copies, self._wanted)
        lone.sort(key=lambda pair: pair[0][:2])
        return self._selection(lone[:limit])

    def _selection(self, picked: Sequence[tuple[_Copy, list[_Copy]]]) -> Selection:
        run: defaultdict[int, list[int]] = defaultdict(list)
        copies: defaultdict[int, list[tuple[int, str, int]]] = defaultdict(list)
        aliases: defaultdict[int, list[tuple[int, str, int]]] = defaultdict(list)
        ties: list[tuple[int, int]] = []
        for copy, others in picked:
            if others and _RANK[others[0].state] < _RANK[copy.state]:
                owner = others[0]
                copies[copy.object].append((copy.place, self._keys[owner.object], owner.place))
                continue
            run[copy.object].append(copy.place)
            for other in others:
                aliases[other.object].append((other.place, self._keys[copy.object], copy.place))
                ties.append((copy.object, other.object))
        entries = {
            number: Entry(
                self._keys[number], tuple(run[number]), tuple(copies[number]), tuple(aliases[number])
            )
            for number in sorted({*run, *copies, *aliases})
        }
        reasons = Counter(copy.reason for copy, _ in picked)
        return Selection(_chunks(entries, ties), dict(reasons), sum(copy.size for copy, _ in picked))


def _rank(copy: _Copy) -> tuple[int, int, int, int]:
    return _RANK[copy.state], -copy.attempt, copy.object, copy.place


def _candidates(copies: list[_Copy], wanted: str) -> Iterator[tuple[_Copy, list[_Copy]]]:
    """Yield what may be selected of one message's letters: the first of them, with those that repeat it.

    Where the first is settled (or parked, and parked letters were not asked for), each open one is a repeat of it.
    """
    first, *others = copies
    if first.state == wanted:
        if first.chosen:
            yield first, others
    elif first.state in FINAL or first.state == "parked":
        yield from ((other, [first]) for other in others if other.state == wanted and other.chosen)


class Selection(NamedTuple):
    """What a replay takes: its chunks, how many letters of which reason, and the bytes of their messages."""

    chunks: list[list[Entry]]
    reasons: dict[str, int]
    size: int

    @property
    def selected(self) -> int:
        """Return the number of selected letters."""
        return sum(self.reasons.values())


def _chunks(entries: dict[int, Entry], ties: Sequence[tuple[int, int]]) -> list[list[Entry]]:
    """Cut the entries into at most MAX_CHUNKS chunks of whole objects; objects that share a letter stay together."""
    least = max(_LEAST_LETTERS, ceil(sum(entry.weight for entry in entries.values()) / (MAX_CHUNKS - 1)))
    chunks: list[list[Entry]] = []
    weight = least
    for group in _groups(entries, ties):
        if weight >= least:
            chunks.append([])
            weight = 0
        chunks[-1] += group
        weight += sum(entry.weight for entry in group)
    return chunks


def _groups(entries: dict[int, Entry], ties: Sequence[tuple[int, int]]) -> list[list[Entry]]:
    leader = {number: number for number in entries}

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    for left, right in ties:
        first, second = sorted((find(left), find(right)))
        leader[second] = first
    groups: defaultdict[int, list[Entry]] = defaultdict(list)
    for number, entry in entries.items():
        groups[find(number)].append(entry)
    return [groups[number] for number in sorted(groups)]


def choosing(wanted: Filter) -> Callable[[Letter], bool]:
    """Build the test of the filter's reasons, times (of the first failure) and agents."""
    reasons, agents = frozenset(wanted.reasons), frozenset(wanted.agents)

    def chosen(letter: Letter) -> bool:
        failed_at = letter["first_failed_at"]
        return (
            (not reasons or letter["reason"] in reasons)
            and (not wanted.since or failed_at >= wanted.since)
            and (not wanted.until or failed_at < wanted.until)
            and (not agents or agent_of(letter) in agents)
        )

    return chosen


def agent_of(letter: Letter) -> str | None:
    """Return the agent that the message itself names, None when it cannot be read or names none."""
    try:
        body: JsonObject = orjson.loads(b64decode(letter["value_b64"] or "", None, True))
        name = body["agent_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return name if type(name) is str else None
