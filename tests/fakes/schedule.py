"""The one scheduler of all fakes: it counts what they do and breaks it where the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final


class Mode(Enum):
    """How one operation fails."""

    BEFORE = "before effect: neither it nor what follows in its round trip is done or answered"
    ALONE = "before effect, alone: it is refused, what else the round trip holds goes on"
    AFTER = "after effect without reply: it is done, what follows is not, neither is answered"
    DEAF = "after effect without reply: it and all that follows is done, none of it is answered"
    KILL = "it is done, then the invocation ends"


class Killed(BaseException):
    """The end of an invocation in mid-air: no handler of ours may stop it."""


# What the reference of every failure point asks for; the other two are refinements for round trips of several.
BASIC: Final = frozenset({Mode.BEFORE, Mode.AFTER, Mode.KILL})
# Where a point stands for a round trip of one operation, ALONE and DEAF say nothing new.
MODES: Final[Mapping[str, tuple[Mode, ...]]] = {
    "command": tuple(Mode),
    "message": tuple(Mode),
    "refused batch": (Mode.BEFORE, Mode.AFTER, Mode.KILL),
    "object": (Mode.BEFORE, Mode.AFTER, Mode.KILL),
    # Reading changes nothing: whether it happened before it failed makes no difference.
    "read": (Mode.BEFORE, Mode.KILL),
}
Faults = Mapping[int, Mode]


class Schedule:
    """Number the operations of all fakes in the order in which they happen; `faults` says which fail and how."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = dict(faults or {})
        # The kind of every operation so far.
        self.points: list[str] = []
        self.struck = 0
        # What happens just before an operation, by its number: another invocation, all of it, and not counted here.
        self.before: dict[int, Callable[[], None]] = {}
        self._suspended = False

    def step(self, kind: str) -> Mode | None:
        """Note one operation of a kind and return how it fails, if it does."""
        if self._suspended:
            return None
        if other := self.before.pop(len(self.points), None):
            self._suspended = True
            try:
                other()
            finally:
                self._suspended = False
        fault = self._faults.get(len(self.points)) if self._faults else None
        self.points.append(kind)
        if fault is not None:
            self.struck += 1
        return fault

    def mend(self) -> None:
        """Let nothing fail from now on."""
        self._faults.clear()
        self.before.clear()


class Clock:
    """A clock that only sleeping moves; an invocation has `seconds` from the time it starts."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.now = 1_763_900_000.0
        self.slept: list[float] = []
        self._seconds = seconds
        self._end = self.now + seconds

    def start(self) -> None:
        self._end = self.now + self._seconds

    def remaining_ms(self) -> int:
        return int((self._end - self.now) * 1000)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
