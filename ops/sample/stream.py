"""The sample stream: sound, soiled, repeated, contradicting and broken messages of many agents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ops.sample.agents import Agents
from ops.sample.broken import BREAKS, Break, dump, padded
from ops.sample.dice import Dice
from ops.sample.dirt import soil
from ops.sample.limits import MAX_MESSAGE_BYTES
from ops.sample.texts import clean_text, sentence

RECORDS = 3_000
SEED = 20_260_105
AGENTS = 40
Body = dict[str, Any]


class Sample(NamedTuple):
    """Hold one raw message and the reason for which it becomes a dead letter, if it does."""

    value: bytes
    reason: str | None


def sample_stream(records: int = RECORDS, seed: int = SEED) -> Iterator[Sample]:
    """Yield the stream: `records` messages, the broken ones strewn among them; every seed gives another."""
    dice = Dice(seed)
    agents = Agents(AGENTS, dice)
    writer = _Writer(dice, agents)
    due = _strewn_breaks(records, dice)
    for number in range(records):
        if number in due:
            break_, reason, variant = due[number]
            yield Sample(break_(agents.message(dice, sentence(dice)), variant), reason)
        else:
            yield Sample(writer.next(), None)


def _strewn_breaks(records: int, dice: Dice) -> dict[int, tuple[Break, str, int]]:
    """Return which message, by number, is broken in which way."""
    due: dict[int, tuple[Break, str, int]] = {}
    for break_, reason, times in BREAKS:
        for variant in range(times * records // RECORDS):
            number = dice.below(records)
            while number in due:
                number = dice.below(records)
            due[number] = (break_, reason, variant)
    return due


class _Writer:
    """Write messages that the pipeline takes; remember some, to send them again."""

    def __init__(self, dice: Dice, agents: Agents) -> None:
        self._dice, self._agents = dice, agents
        self._sent: list[Body] = []
        self._kinds = (
            *(self._sound,) * 56, *(self._soiled,) * 28, *(self._again,) * 4, *(self._again_in_other_words,) * 3,
            *(self._contradicting,) * 3, *(self._with_prep,) * 2, *(self._with_more_fields,) * 6,
        )  # fmt: skip
        # The longest messages that still pass; the second one hardly compresses.
        self._rarities = [padded(agents.message(dice, ""), size) for size in (MAX_MESSAGE_BYTES, 50_000)]

    def next(self) -> bytes:
        """Return the next message."""
        if self._rarities and self._dice.chance(0.002):
            return self._rarities.pop()
        return self._dice.pick(self._kinds)()

    def _message(self, text: str) -> Body:
        body = self._agents.message(self._dice, text)
        self._sent.append(body)
        return body

    def _earlier(self) -> Body:
        """Return one of the last messages, so that repeats stand near and far."""
        if not self._sent:
            return self._message(sentence(self._dice))
        return self._sent[-1 - self._dice.below(min(200, len(self._sent)))]

    def _sound(self) -> bytes:
        return dump(self._message(clean_text(self._dice)))

    def _soiled(self) -> bytes:
        value = dump(self._message(soil(clean_text(self._dice), self._dice)))
        # A few come from a file with a byte order mark or with Windows line ends.
        frame = self._dice.pick((b"%s",) * 18 + (b"\xef\xbb\xbf%s", b"%s\r"))
        return frame % value

    def _again(self) -> bytes:
        return dump(self._earlier())

    def _again_in_other_words(self) -> bytes:
        """The same content, written by another JSON library."""
        body = self._earlier()
        other = dict(reversed(body.items()))
        return json.dumps(other, ensure_ascii=self._dice.chance(0.5)).encode()

    def _contradicting(self) -> bytes:
        """The same agent and time, another text."""
        return dump({**self._earlier(), "text": sentence(self._dice)})

    def _with_prep(self) -> bytes:
        """Sent by somebody who feeds cleaned records back."""
        prep = {"origin": "agent_raw_output-0-1", "flags": ["forged"], "pipeline": "0.0.0"}
        return dump({**self._message(clean_text(self._dice)), "_prep": prep})

    def _with_more_fields(self) -> bytes:
        dice = self._dice
        more = {
            "schema": "agent_output/1",
            "contact": {"e-mail": "jane.doe@example.com", "port": 5432},
            "model": dice.pick(("small-2", "large-1", "tool-use-3")),
            "usage": {"input": dice.below(9_000), "output": dice.below(900), "cost": dice.below(1_000) / 8},
            "trace": [{"step": i, "tool": None, "ok": dice.chance(0.9)} for i in range(dice.below(4))],
            "größe": dice.pick((0, -1, 2**53, 2**64 - 1, 1.5e300, True, None)),
        }
        body = {**self._message(clean_text(dice)), **more}
        self._sent[-1] = body
        return dump(body)
