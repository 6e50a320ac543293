"""A cleaned topic and a clock that do what a test writes down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sluice.deadline import Deadline
from sluice.publish import Report
from sluice.record import Record
from tests.fakes.schedule import Clock

# Given the origin ids of one send, what it came to.
Answer = Callable[[list[str]], Report]


def everything(names: list[str]) -> Report:
    return Report(set(names), {}, "")


def nothing(_: list[str]) -> Report:
    return Report(set(), {}, "_TRANSPORT")


class ScriptedTopic:
    """Answer each send with the next of the given answers, the last one for ever after."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.sends: list[list[int]] = []
        self.timeouts: list[float] = []
        # What was sent to see whether it is refused for its own sake.
        self.alone: list[list[int]] = []
        self.alone_above = 10_000

    def send(self, records: Sequence[Record], timeout: float, *, alone: bool = False) -> Report:
        self.sends.append([record.message.origin.offset for record in records])
        self.timeouts.append(timeout)
        if alone:
            self.alone.append(self.sends[-1])
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer([record.origin_id for record in records])


def deadline_of(clock: Clock) -> Deadline:
    clock.start()
    return Deadline(clock.remaining_ms, clock.sleep, jitter=lambda: 1.0)
