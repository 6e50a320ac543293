"""Any batches, any faults: the laws of test_faults.py where nobody chose the case."""

from __future__ import annotations

import json

from hypothesis import given, settings, strategies as st

from sluice.record import Message, Origin
from sluice.wiring import build_pipeline
from tests.fakes.event_source import READINGS, Batch, Reading, drive
from tests.fakes.laws import Laws
from tests.fakes.schedule import Faults, Mode
from tests.fakes.world import World

PIPELINE = build_pipeline()
LARGE = "too much for the broker " * 100
# Few names and texts, so that records repeat and contradict one another.
AGENTS = ("planner", "critic", "planner-4")
# Three times those of other properties: one example is one case among very many.
EXAMPLES = 3 * settings.default.max_examples if settings.default else 150
TEXTS = ("first", "second", LARGE, "")

Choice = tuple[int, str, str]
CHOICES = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(AGENTS), st.sampled_from(TEXTS)), max_size=10)
FAULTS = st.dictionaries(st.integers(0, 60), st.sampled_from(Mode), max_size=8)


def message(offset: int, partition: int, agent: str, text: str) -> Message:
    value = {"agent_id": agent, "timestamp": "2026-11-23T08:15:00Z", "text": text}
    origin = Origin("agent_raw_output", partition, offset)
    return Message(origin, 1_763_885_700_000, None, json.dumps(value).encode() if text else b"{", ())


def batches_of(choices: list[Choice], *, together: bool) -> list[Batch]:
    """Return the messages as one batch, or as one a partition."""
    messages = sorted(message(place, *choice) for place, choice in enumerate(choices))
    if together:
        return [tuple(messages)]
    partitions = sorted({one.origin.partition for one in messages})
    return [tuple(one for one in messages if one.origin.partition == number) for number in partitions]


@given(CHOICES, FAULTS, st.sampled_from(READINGS), st.booleans(), st.booleans())
@settings(max_examples=EXAMPLES)
def test_laws(choices: list[Choice], faults: Faults, reading: Reading, patient: bool, together: bool) -> None:
    """Whatever comes, however the event source cuts it, wherever it breaks: the laws hold."""
    batches = batches_of(choices, together=together)
    messages = [one for batch in batches for one in batch]
    verdicts = dict(zip(messages, PIPELINE.judge(messages, "0123abcd"), strict=True))
    world = World(verdicts, faults, patient=patient)
    laws = Laws(world, verdicts)

    drive(world, batches, reading, laws.answer)
    laws.end(messages)
