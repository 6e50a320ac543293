"""The whole flow: one verdict a message, the same for ever, whatever comes in."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, strategies as st

from sluice.decode import decoding
from sluice.enrich import enriching
from sluice.features.step import measuring
from sluice.fingerprint import fingerprinting
from sluice.identify import identify
from sluice.outcome import DeadLetter
from sluice.pipeline import STEP_ERRORS, Pipeline
from sluice.reasons import REASONS
from sluice.record import Message, Origin, Record
from sluice.validate import load_schemas, validating
from sluice.wiring import build_pipeline
from tests.unit.samples import GOOD, PIPELINE, SOURCE, judge, letter_of, message, record_of, tombstone

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["sluice-schema", "traceparent", "x"]) | st.text(max_size=5), st.binary(max_size=20)
    ),
    max_size=3,
).map(tuple)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
OBJECTS = st.dictionaries(
    st.sampled_from(["agent_id", "timestamp", "text", "schema", "_prep"]) | st.text(max_size=5),
    SCALARS | st.just(GOOD["timestamp"]) | st.lists(SCALARS, max_size=3),
)
TEXTS = st.text(max_size=80) | st.text("Ãâ€©\xad\u200b\u0301e\x1b[31m https://x.y \t\n\r'’", max_size=40)
BODIES = st.builds(lambda text, extra: extra | GOOD | {"text": text}, TEXTS, OBJECTS)
VALUES = st.none() | st.binary(max_size=60) | (OBJECTS | BODIES).map(lambda body: json.dumps(body).encode())


@given(st.lists(st.tuples(VALUES, HEADERS), max_size=6))
@example([(None, ()), (b"", ()), (b"\xff", (("sluice-schema", b"\xff"),))])
def test_judging_never_raises(values: list[tuple[bytes | None, tuple[tuple[str, bytes], ...]]]) -> None:
    """Whatever the values and headers, each message gets its verdict, in its place, and no step fails."""
    messages = [
        Message(Origin("t", n % 3, n), n, None, value, headers) for n, (value, headers) in enumerate(values)
    ]
    judged = PIPELINE.judge(messages, SOURCE)

    assert [verdict.message for verdict in judged] == messages
    for verdict in judged:
        if isinstance(verdict, DeadLetter):
            assert verdict.reason in REASONS
            assert verdict.reason != "step_failed"
            assert verdict.stage in {"decode", "validate", "enrich"}
        else:
            assert json.loads(verdict.value)["_prep"]["origin"] == verdict.message.origin.id


def test_nothing_to_judge() -> None:
    """No messages, no verdicts."""
    assert PIPELINE.judge([], SOURCE) == []


def test_bad_messages_do_not_touch_their_neighbours() -> None:
    """The good messages of a batch come out as if they had been alone."""
    good = [message(offset=n, text=f"text {n}") for n in (1, 3, 5)]
    batch = [tombstone(), good[0], message(b"\xff", offset=2), good[1], message(b"{}", offset=4), good[2]]
    verdicts = PIPELINE.judge(batch, SOURCE)

    assert [verdict.value for verdict in verdicts if isinstance(verdict, Record)] == [
        record_of(one).value for one in good
    ]
    assert [v.reason for v in verdicts if isinstance(v, DeadLetter)] == [
        "empty",
        "not_utf8",
        "schema_invalid",
    ]


class _OddError(ValueError):
    """An error of a library that a step calls."""


@pytest.mark.parametrize(
    "fault",
    [error("canary") for error in STEP_ERRORS]
    + [_OddError("canary"), RecursionError("canary"), KeyError("canary"), ZeroDivisionError("canary")]
    + [UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"), orjson.JSONEncodeError("canary")],
    ids=lambda fault: type(fault).__name__,
)
def test_a_failing_step(fault: Exception) -> None:
    """A fault of our own code is `step_failed`, and the detail is the fault's type: its text may quote the record."""

    def wash_text(record: Record) -> None:
        if record.body["text"] == "poison":
            raise fault

    steps = (
        decoding(1_000),
        validating(load_schemas()),
        fingerprinting(),
        identify,
        wash_text,
        measuring(),
        enriching("test", 10_000),
    )
    good, poison = Pipeline("test", steps).judge([message(), message(text="poison")], SOURCE)

    assert isinstance(good, Record)
    assert isinstance(poison, DeadLetter)
    assert poison[1:5] == ("wash_text", "step_failed", type(fault).__name__, "agent_output/1")


@pytest.mark.parametrize("fault", [MemoryError, KeyboardInterrupt, SystemExit, OSError])
def test_faults_that_are_not_a_steps_own(fault: type[BaseException]) -> None:
    """What the runtime or the system raises is no verdict on a record: it ends the batch, which is retried."""

    def wash_text(record: Record) -> None:
        raise fault

    with pytest.raises(fault):
        Pipeline("test", (wash_text,)).judge([message()], SOURCE)


@given(BODIES)
@example(GOOD | {"text": "“Ã©” \u200b e\u0301 https://a.b \x1b[1m \xa0"})
@example(GOOD | {"n": -0.0, "m": 1e16, "s": "\u2028\x7f"})
def test_replay_is_a_fixed_point(body: dict[str, Any]) -> None:
    """What was cleaned comes out of another run as it went in, but for the provenance."""
    verdict = judge(message(body))
    if isinstance(verdict, Record):
        again = record_of(message(verdict.value))
        first, second = orjson.loads(verdict.value), orjson.loads(again.value)

        assert second["_prep"]["flags"] == ["prep_stripped"]
        assert {k: v for k, v in second.items() if k != "_prep"} == {
            k: v for k, v in first.items() if k != "_prep"
        }
        assert again.cache_key == verdict.cache_key
        assert record_of(message(again.value)).content == again.content


@given(BODIES)
def test_the_same_bytes_the_same_result(body: dict[str, Any]) -> None:
    """Two pipelines make the same of the same message: a retry stores and publishes the same bytes."""
    other = build_pipeline(4_000, 8_000, "test")
    first, second = judge(message(body)), judge(message(body), other)

    assert type(first) is type(second)
    if isinstance(first, Record) and isinstance(second, Record):
        assert (first.value, first.headers, first.content) == (second.value, second.headers, second.content)
    else:
        assert first == second


@given(BODIES)
def test_only_the_text_changes(body: dict[str, Any]) -> None:
    """Fields other than the text pass unchanged, floats to the last bit."""
    verdict = judge(message(body))
    if isinstance(verdict, Record):
        written = orjson.loads(verdict.value)

        assert list(written)[-1] == "_prep"
        untouched = {name for name in body if name not in {"text", "_prep"}}
        assert {name: written[name] for name in untouched} == {name: body[name] for name in untouched}


def test_steps_in_order() -> None:
    """The stages of a pipeline are named by its steps, and a message fails in the first that refuses it."""
    assert letter_of(message(b'{"schema": "none/1", "n": 1e999}')).stage == "decode"
    assert letter_of(message(b'{"schema": "none/1"}')).stage == "validate"
    assert [name for name, _ in PIPELINE._steps] == [
        "decode",
        "validate",
        "fingerprint",
        "redact",
        "identify",
        "clean",
        "measure",
        "impute",
        "compare",
        "enrich",
    ]
