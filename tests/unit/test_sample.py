from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from ops.sample import (
    CLEANED_TOPIC_BYTES,
    MAX_CLEANED_BYTES,
    MAX_MESSAGE_BYTES,
    Sample,
    generate,
    sample_stream,
)
from sluice.clean.profiles import STANDARD
from sluice.outcome import DeadLetter
from sluice.reasons import REASONS
from sluice.record import Message, Origin, Record
from sluice.wiring import build_pipeline

ROOT = Path(__file__).parents[2]
FILE = ROOT / "events" / "records" / "sample.jsonl"
# The first takes a fault of ours, the second a replay.
NOT_FROM_INPUT = {"step_failed", "undelivered"}


@pytest.fixture(scope="module")
def samples() -> Sequence[Sample]:
    """The sample stream."""
    return list(sample_stream())


@pytest.fixture(scope="module")
def verdicts(samples: Sequence[Sample]) -> Sequence[Record | DeadLetter]:
    """What the pipeline makes of the stream; an empty line is a message without a value."""
    messages = [Message(Origin("raw", 0, at), 0, None, s.value or None, ()) for at, s in enumerate(samples)]
    return build_pipeline(MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES).judge(messages, "0" * 8)


def test_the_file_is_what_the_generator_makes(samples: Sequence[Sample]) -> None:
    """The sample file is the generator's output, byte for byte, and stays small."""
    made = b"".join(sample.value + b"\n" for sample in samples)

    assert FILE.read_bytes() == made
    assert len(made) < 2_000_000


def test_the_program_does_not_depend_on_hashing() -> None:
    """Another process with another hash seed prints the same bytes."""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}

    printed = subprocess.run(
        [sys.executable, "-m", "ops.sample"], cwd=ROOT, env=environment, capture_output=True, check=True
    ).stdout

    assert printed == FILE.read_bytes()


def test_every_message_is_one_line(samples: Sequence[Sample]) -> None:
    """A message that held a line feed would be two messages in the file."""
    assert not any(b"\n" in sample.value for sample in samples)


def test_every_message_becomes_what_it_says(
    samples: Sequence[Sample], verdicts: Sequence[Record | DeadLetter]
) -> None:
    """Each message is a dead letter for the reason that the generator names, or none."""
    reasons = [verdict.reason if isinstance(verdict, DeadLetter) else None for verdict in verdicts]
    expected = [None if sample.reason == "refused_by_broker" else sample.reason for sample in samples]

    assert reasons == expected


def test_refused_messages_do_not_compress(samples: Sequence[Sample]) -> None:
    """What the broker is to refuse is larger than its topic takes, and offers no repetition to a compressor."""
    refused = [sample.value for sample in samples if sample.reason == "refused_by_broker"]

    assert refused
    assert all(len(value) > CLEANED_TOPIC_BYTES for value in refused)
    assert all(len({value[at : at + 6] for at in range(len(value))}) > 0.99 * len(value) for value in refused)


def test_every_reason_occurs(samples: Sequence[Sample]) -> None:
    """The stream has all reasons that a line of a file can cause."""
    assert {sample.reason for sample in samples if sample.reason} == set(REASONS) - NOT_FROM_INPUT


def test_every_operator_has_work(verdicts: Sequence[Record | DeadLetter]) -> None:
    """The stream has dirt for every operator that is flagged, marks of byte order, and foreign `_prep`."""
    flags = {flag for verdict in verdicts if isinstance(verdict, Record) for flag in verdict.flags}

    assert flags >= {operator.name for operator in STANDARD if not operator.silent} | {
        "bom_stripped",
        "hidden_text",
        "prep_stripped",
        "redact",
        "special_tokens",
    }


def test_repeats_and_contradictions_occur(verdicts: Sequence[Record | DeadLetter]) -> None:
    """Of one identity there are equal messages, equal ones in other bytes, and unequal ones."""
    first: dict[str, Record] = {}
    seen: Counter[str] = Counter()
    for verdict in verdicts:
        if not isinstance(verdict, Record):
            continue
        original = first.setdefault(verdict.cache_key, verdict)
        same_content = original.content == verdict.content
        same_bytes = original.message.value == verdict.message.value
        seen["first" if original is verdict else f"{same_content=} {same_bytes=}"] += 1

    assert min(seen.values()) >= 20
    assert set(seen) == {
        "first",
        "same_content=True same_bytes=True",
        "same_content=True same_bytes=False",
        "same_content=False same_bytes=False",
    }


def test_another_seed_is_another_stream() -> None:
    """The seed decides the stream, its length is what was asked for."""
    assert [sample.value for sample in sample_stream(50, 1)] == [s.value for s in sample_stream(50, 1)]
    assert [sample.value for sample in sample_stream(50, 1)] != [s.value for s in sample_stream(50, 2)]
    assert len(list(sample_stream(50, 2))) == 50


@pytest.mark.parametrize("text_bytes", [500, 2_000, 8_000])
def test_generated_messages_fit_for_measuring(text_bytes: int) -> None:
    """Generated messages are valid and free of dirt, of the length asked for, none twice, times ascending."""
    values = generate(400, seed=3, text_bytes=text_bytes)
    bodies = [json.loads(value) for value in values]
    messages = [Message(Origin("raw", 0, at), 0, None, value, ()) for at, value in enumerate(values)]

    assert values == generate(400, seed=3, text_bytes=text_bytes)
    assert all(isinstance(verdict, Record) for verdict in build_pipeline().judge(messages, "0" * 8))
    assert all(text_bytes - 3 <= len(body["text"].encode()) <= text_bytes for body in bodies)
    assert len({(body["agent_id"], body["timestamp"]) for body in bodies}) == 400
    assert all(early["timestamp"] < late["timestamp"] for early, late in pairwise(bodies))
