"""Every reason: how a message comes by it, and what its letter says."""

from __future__ import annotations

import ast
import inspect
import json
import re
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from sluice import reasons
from sluice.letters import object_key
from sluice.outcome import DeadLetter, Rejected
from sluice.pipeline import Pipeline
from sluice.reasons import REASONS
from sluice.record import Message, Record
from tests.unit.samples import GOOD, MAX_BYTES, SOURCE, letter_of, message, tombstone

# Neither may show up in a detail: as a value, a key, digits or a header.
CANARY = "canary-5EcrE7"
DIGITS = "31337424242"


def _dirty(**fields: Any) -> bytes:
    return json.dumps({CANARY: CANARY, "n": int(DIGITS)} | GOOD | fields).encode()


def _broken_step(record: Record) -> None:
    raise LookupError(record.body["text"])


BROKEN = Pipeline("test", (lambda record: setattr(record, "body", GOOD | {"text": CANARY}), _broken_step))

# Reason, stage, message: everything that judging a message alone can find.
CASES: list[tuple[str, str, Message]] = [
    ("empty", "decode", tombstone()),
    ("too_large", "decode", message(_dirty(text=CANARY * MAX_BYTES))),
    ("not_utf8", "decode", message(b'{"a":"' + CANARY.encode() + b'\xff"}')),
    ("not_utf8", "decode", message(CANARY.encode("utf-16"))),
    ("not_json", "decode", message(b"")),
    ("not_json", "decode", message(CANARY.encode())),
    ("not_json", "decode", message(b'{"' + CANARY.encode() + b'" ' + DIGITS.encode() + b"}")),
    ("not_json", "decode", message(_dirty() + CANARY.encode())),
    ("not_json", "decode", message(b'{"a": "\\ud800' + CANARY.encode() + b'"}')),
    ("not_json", "decode", message(b'{"a": NaN, "b": "' + CANARY.encode() + b'"}')),
    ("not_json", "decode", message(b'{"a": -Infinity, "b": "' + CANARY.encode() + b'"}')),
    ("not_object", "decode", message(b'["' + CANARY.encode() + b'"]')),
    ("not_object", "decode", message(b'"' + CANARY.encode() + b'"')),
    ("not_object", "decode", message(DIGITS.encode())),
    ("too_deep", "decode", message(b'{"' + CANARY.encode() + b'":' + b"[" * 64 + b"]" * 64 + b"}")),
    ("too_deep", "decode", message(b"[" * 1_500 + b"]" * 1_500)),
    ("number_out_of_range", "decode", message(b'{"' + CANARY.encode() + b'":' + DIGITS.encode() * 2 + b"}")),
    ("number_out_of_range", "decode", message(b'{"' + CANARY.encode() + b'":' + DIGITS.encode() + b"e309}")),
    ("number_out_of_range", "decode", message(b'{"' + CANARY.encode() + b'":' + DIGITS.encode() + b"e-400}")),
    ("schema_unknown", "validate", message(_dirty(schema=CANARY))),
    ("schema_unknown", "validate", message(_dirty(schema=int(DIGITS)))),
    ("schema_unknown", "validate", message(_dirty(), headers=(("sluice-schema", CANARY.encode()),))),
    (
        "schema_unknown",
        "validate",
        message(_dirty(), headers=(("sluice-schema", b"\xff" + CANARY.encode()),)),
    ),
    ("schema_invalid", "validate", message(_dirty(text={CANARY: CANARY}))),
    ("schema_invalid", "validate", message(_dirty(text=int(DIGITS)))),
    ("schema_invalid", "validate", message(_dirty(agent_id="#" + CANARY))),
    ("schema_invalid", "validate", message(_dirty(agent_id=CANARY * 50))),
    ("schema_invalid", "validate", message(_dirty(agent_id=[CANARY, int(DIGITS)]))),
    ("schema_invalid", "validate", message(_dirty(timestamp=CANARY))),
    ("schema_invalid", "validate", message({CANARY: CANARY, DIGITS: int(DIGITS)})),
    ("cleaned_too_large", "enrich", message(_dirty(), headers=(("traceparent", CANARY.encode() * 700),))),
    ("step_failed", "_broken_step", message(_dirty())),
]
# What only the writes, or the import of what the event source gave up on, can find.
ELSEWHERE = {"refused_by_broker", "undelivered"}


def _letter(reason: str, sample: Message) -> DeadLetter:
    return letter_of(sample, BROKEN) if reason == "step_failed" else letter_of(sample)


@pytest.mark.parametrize(("reason", "stage", "sample"), CASES)
def test_reason(reason: str, stage: str, sample: Message) -> None:
    """Each bad message becomes a letter with its reason, its stage and the message itself."""
    letter = _letter(reason, sample)

    assert (letter.reason, letter.stage) == (reason, stage)
    assert letter.message is sample


@pytest.mark.parametrize(("reason", "stage", "sample"), CASES)
def test_details_hold_no_values(reason: str, stage: str, sample: Message) -> None:
    """A letter's detail says something, in at most 512 characters, and nothing that the message said."""
    letter = _letter(reason, sample)

    assert 0 < len(letter.detail) <= 512
    assert CANARY not in letter.detail + letter.schema
    assert DIGITS not in letter.detail


def test_all_reasons_are_tested() -> None:
    """The table above and the two reasons found elsewhere are the closed list."""
    assert {reason for reason, _, _ in CASES} | ELSEWHERE == set(REASONS)
    assert len(set(REASONS)) == len(REASONS)


def test_reasons_explain_themselves() -> None:
    """Each reason of the list stands below a comment that begins with the stage it comes from."""
    found = re.findall(r"# (\w+(?: \w+)?): .+\n(?: +#.*\n)* +\"(\w+)\",", inspect.getsource(reasons))

    assert tuple(name for _, name in found) == REASONS
    stages = {name: stage for stage, name in found}
    assert all(stages[reason] in {stage, "any step"} for reason, stage, _ in CASES)


def test_no_reason_beside_the_list() -> None:
    """All that the pure steps reject with is a literal of the closed list."""
    from sluice import decode, enrich, validate

    raised = {
        node.args[0].value
        for module in (decode, enrich, validate)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == Rejected.__name__
        and isinstance(node.args[0], ast.Constant)
    }

    assert raised == {reason for reason, _, _ in CASES} - {"step_failed"}


def test_an_outcome_knows_its_message() -> None:
    """Every kind of outcome leads back to the message it is about."""
    from sluice.outcome import Cleaned, Duplicate, Retry, message_of

    one = message()
    record = Record(one, SOURCE)
    letter = DeadLetter(one, "decode", "empty", "", "")

    assert [message_of(o) for o in (Cleaned(record), Duplicate(record, "t-0-1"), Retry(one), letter)] == [
        one
    ] * 4


@given(st.integers(-(2**63), 2**63 - 1))
@example(2**63 - 1)
@example(-(2**63))
@example(253_402_300_799_999)
def test_any_timestamp_has_a_place(timestamp: int) -> None:
    """A letter goes to a day and an hour, whatever timestamp its producer made up."""
    letter = DeadLetter(message()._replace(timestamp=timestamp), "decode", "not_json", "", "")

    assert re.match(r"dead-letters/reason=not_json/dt=\d{4}-\d\d-\d\d/hh=\d\d/", object_key([letter]))
