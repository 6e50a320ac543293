"""Letters through the whole current pipeline again, each with its own origin, and to the sinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sluice.deadline import Deadline
from sluice.deliver import Sinks, deliver
from sluice.enrich import REPLAY_HEADER
from sluice.outcome import Cleaned, DeadLetter, Duplicate, Outcome as Delivered, Retry
from sluice.pipeline import Pipeline
from sluice.record import Message, Record, Step
from sluice.replay.letter import Letter, identity, message_of, moment
from sluice.replay.repair import Rule, for_reason, repairing, unwrapping
from sluice.replay.settle import NOT_RUN, Outcome, Terms
from sluice.validate import SCHEMA_HEADER


class AlreadyKept:
    """Stands for the bucket while letters are delivered: what fails again lies there already, in its own object."""

    def put(self, key: str, lines: bytes) -> bool:  # noqa: ARG002 -- the shape of a bucket
        """Write nothing: the letter is there."""
        return True


@dataclass(frozen=True)
class Rerun:
    """Judge letters with the current steps and deliver them; `rules` and `schema` as the replay's input says."""

    steps: tuple[Step, ...]
    version: str
    sinks: Sinks
    rules: tuple[Rule, ...] = ()
    schema: str | None = None
    _pipelines: dict[str, Pipeline] = field(default_factory=dict)

    def __call__(self, letters: Sequence[Letter], terms: Terms, deadline: Deadline) -> list[Outcome]:
        """Return one outcome a letter, in order; what is delivered carries the header `sluice-replay`."""
        outcomes: dict[int, Outcome] = {}
        for places in _rounds(letters):
            messages = [message_of(letters[place]) for place in places]
            judged = [self.judge(letters[place], terms.replay_id) for place in places]
            delivery = deliver(messages, judged, self.sinks, deadline)
            for place, outcome in zip(places, delivery.outcomes, strict=True):
                outcomes[place] = self._outcome(outcome, terms)
        return [outcomes[place] for place in range(len(letters))]

    def judge(self, letter: Letter, replay_id: str) -> Record | DeadLetter:
        """Return what the current pipeline makes of a letter, repaired as the input says; nothing is written."""
        message = self._addressed(message_of(letter))
        (verdict,) = self._pipeline(letter["reason"]).judge([message], letter.get("source") or "")
        if isinstance(verdict, Record):
            verdict.headers.append((REPLAY_HEADER, replay_id.encode()))
        return verdict

    def _addressed(self, message: Message) -> Message:
        """Return the message as one that names the replay's schema, if there is one."""
        if self.schema is None:
            return message
        others = tuple(header for header in message.headers if header[0] != SCHEMA_HEADER)
        return message._replace(headers=((SCHEMA_HEADER, self.schema.encode()), *others))

    def _pipeline(self, reason: str) -> Pipeline:
        if reason not in self._pipelines:
            rules = for_reason(self.rules, reason)
            decode, *others = self.steps
            steps = (*unwrapping(rules), decode, *repairing(rules), *others)
            self._pipelines[reason] = Pipeline(self.version, steps)
        return self._pipelines[reason]

    def _outcome(self, delivered: Delivered, terms: Terms) -> Outcome:
        if isinstance(delivered, Retry):
            return NOT_RUN
        if isinstance(delivered, Cleaned):
            return Outcome("recovered", verdict=True)
        if isinstance(delivered, Duplicate):
            return Outcome("duplicate", changes=(("original", delivered.original),), verdict=True)
        why = {name: getattr(delivered, name) for name in ("stage", "reason", "detail", "schema")}
        changes = (*why.items(), ("pipeline", self.version), ("failed_at", moment(self.sinks.now())))
        if terms.wanted == "parked":  # it stays what it is
            return Outcome("parked", changes=changes, verdict=True)
        return Outcome("still_failing", delivered.reason, changes, verdict=True)


def _rounds(letters: Sequence[Letter]) -> list[list[int]]:
    """Return the letters' places, in the order of their origins, in rounds in which no origin comes twice.

    Namesakes (of a topic made anew, of two clusters) may lie in one object; a delivery knows records by origin.
    """
    rounds: list[dict[str, int]] = []
    for place in sorted(
        range(len(letters)), key=lambda place: (message_of(letters[place]).origin, identity(letters[place]))
    ):
        name = message_of(letters[place]).origin.id
        for taken in rounds:
            if name not in taken:
                taken[name] = place
                break
        else:
            rounds.append({name: place})
    return [list(taken.values()) for taken in rounds]
