"""What may be done with a letter, and how it reads afterwards: pure, on letters as they were read.

A claim is a mark with an end, so a function that dies holds a letter up for minutes, not for ever. All
marks of an object are written in one conditional write; whoever read an older version is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from sluice.replay.letter import Letter, claimed

# A letter that was begun so often and never settled is what kills the function.
MAX_STARTS: Final = 10
# From here on it runs alone, so that it takes no other letter with it.
SUSPICIOUS_STARTS: Final = 2

Name = Literal["recovered", "duplicate", "still_failing", "parked", "busy", "not_run"]


class Outcome(NamedTuple):
    """What a replay did about one letter; `reason` of one that still fails, `changes` what it writes into it.

    `verdict` says that the pipeline judged it, which counts as an attempt.
    """

    name: Name
    reason: str = ""
    changes: tuple[tuple[str, Any], ...] = ()
    verdict: bool = False


BUSY: Final = Outcome("busy")
NOT_RUN: Final = Outcome("not_run")
PARK: Final = Outcome("parked")
REPEAT: Final = Outcome("duplicate")


@dataclass(frozen=True)
class Terms:
    """Say on what terms a replay takes letters: its id, the state it takes up, and how often it tries."""

    replay_id: str
    wanted: Literal["open", "parked"] = "open"
    max_attempts: int = 3


def recorded(letter: Letter, terms: Terms) -> Outcome | None:
    """Return what this very replay settled earlier, None when it did not settle the letter."""
    if letter.get("replay_id") != terms.replay_id:
        return None
    state = letter["state"]
    if state in {"open", "discarded"}:  # decided against since
        return Outcome("still_failing", letter["reason"])
    return Outcome(state)


def standing(letter: Letter, terms: Terms, now: str) -> Outcome | None:
    """Return the outcome of a letter that is not to be run, None for one that may be claimed."""
    known = recorded(letter, terms)
    if known is not None:
        return known
    if letter["state"] != terms.wanted or letter.get("moved"):
        return BUSY
    if claimed(letter, now) not in {"", terms.replay_id}:
        return BUSY
    return PARK if _exhausted(letter, terms) else None


def _exhausted(letter: Letter, terms: Terms) -> bool:
    # Whoever asks for parked letters by name wants them tried once more.
    tried = terms.wanted == "open" and letter["attempt"] >= terms.max_attempts
    return tried or starts_of(letter) >= MAX_STARTS


def starts_of(letter: Letter) -> int:
    """Return how often the letter was begun since it was last settled."""
    return int(letter.get("starts", 0))


def claim(letter: Letter, terms: Terms, until: str) -> Letter:
    """Return the letter claimed by this replay until then."""
    mark = {"replay_id": terms.replay_id, "until": until}
    return {**letter, "starts": starts_of(letter) + 1, "claim": mark}


def settle(letter: Letter, outcome: Outcome, terms: Terms, now: str) -> Letter:
    """Return the letter with its outcome, free again; what was not run keeps its attempts and its history."""
    free = {**letter, "starts": 0, "claim": None}
    if outcome.name == "not_run":
        return free
    state = letter["state"] if outcome.name == "still_failing" else outcome.name
    return {
        **free,
        **dict(outcome.changes),
        "state": state,
        "attempt": letter["attempt"] + outcome.verdict,
        "replay_id": terms.replay_id,
        "settled_at": now,
    }


def repeat(letter: Letter, original: str, terms: Terms, now: str) -> Letter:
    """Return the letter settled as a copy of the letter that lies in the object `original`."""
    changes = {"state": "duplicate", "alias_of": original, "starts": 0, "claim": None}
    return {**letter, **changes, "replay_id": terms.replay_id, "settled_at": now}


def standing_of_repeat(letters: Sequence[Letter], place: int, terms: Terms, now: str) -> Outcome | None:
    """Return the outcome of a repeat that is marked, settled or taken, None for one that may be marked."""
    if place >= len(letters):
        return BUSY
    letter = letters[place]
    if letter.get("alias_of"):
        return REPEAT
    free = letter["state"] in {"open", "parked"} and not letter.get("moved")
    return None if free and claimed(letter, now) in {"", terms.replay_id} else BUSY


def together(letters: Sequence[Letter], ready: Sequence[int]) -> list[int]:
    """Return which of the ready letters run together: all above suspicion, else the one begun least often, alone."""
    plain = [place for place in ready if starts_of(letters[place]) < SUSPICIOUS_STARTS]
    return plain or sorted(ready, key=lambda place: starts_of(letters[place]))[:1]


def discard(letter: Letter, who: str, why: str, now: str) -> Letter | None:
    """Return the letter marked as discarded by somebody for a reason; None when a replay has it or had it."""
    if letter["state"] not in {"open", "parked"} or letter.get("moved") or claimed(letter, now):
        return None
    mark = {"state": "discarded", "discarded_by": who, "discarded_why": why, "settled_at": now}
    return {**letter, **mark, "starts": 0, "claim": None}
