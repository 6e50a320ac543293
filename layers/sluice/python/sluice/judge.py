"""What runs the steps: a batch through all of them, each record up to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sluice.outcome import DeadLetter, Rejected
from sluice.reasons import Reason
from sluice.record import Message, Record, Step

# What a fault of our own code can raise while it works on one record; anything else is the runtime's.
STEP_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
# A step does so many records before the next step does: its code stays in the processor's nearest cache, and the
# records in the second. Measured at 500 B: 9.4 µs a record against 10.7 with all steps on one record at a time.
_GROUP = 64
# From this step on the agents' history is known.
_FIRST_WITH_HISTORY: Final = "impute"

Verdict = Record | DeadLetter
_Named = Sequence[tuple[str, Step]]


class Pipeline:
    """Judge batches of messages by the given steps, in their order."""

    def __init__(self, version: str, steps: Sequence[Step]) -> None:
        """Keep the steps; `version` names them, their rules and schemas."""
        self.version = version
        self._steps = tuple((step.__name__, step) for step in steps)
        names = [name for name, _ in self._steps]
        self._alone = names.index(_FIRST_WITH_HISTORY) if _FIRST_WITH_HISTORY in names else len(names)

    def judge(
        self, messages: Sequence[Message], source: str, recall: Callable[[list[Record]], None] | None = None
    ) -> list[Record | DeadLetter]:
        """Return one verdict a message, in the messages' order; never raises for bad input.

        `recall` gives the records of the whole batch their agents' history; without it there is none.
        """
        begun: list[Verdict] = [Record(message, source) for message in messages]
        if recall is None:
            return _in_groups(begun, self._steps)
        judged = _in_groups(begun, self._steps[: self._alone])
        recall([verdict for verdict in judged if type(verdict) is Record])
        return _in_groups(judged, self._steps[self._alone :])


def _in_groups(verdicts: Sequence[Verdict], steps: _Named) -> list[Verdict]:
    groups = range(0, len(verdicts), _GROUP)
    return [verdict for at in groups for verdict in _judge(list(verdicts[at : at + _GROUP]), steps)]


def _judge(verdicts: list[Verdict], steps: _Named) -> list[Verdict]:
    for name, step in steps:
        for place, record in enumerate(verdicts):
            if type(record) is Record:
                try:
                    step(record)
                except Rejected as no:
                    verdicts[place] = _letter(record, name, no.reason, no.detail)
                except STEP_ERRORS as fault:
                    # The type alone: an exception's text may quote the record.
                    verdicts[place] = _letter(record, name, "step_failed", type(fault).__name__)
    return verdicts


def _letter(record: Record, stage: str, reason: Reason, detail: str) -> DeadLetter:
    return DeadLetter(record.message, stage, reason, detail, record.schema, record.source)
