"""What a record carries when it is stored and published."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluice.enrich import OWN_HEADERS, PASSED_HEADERS, dropped_headers
from sluice.outcome import DeadLetter
from sluice.record import Record
from sluice.wiring import build_pipeline
from tests.unit.samples import GOOD, MAX_CLEANED_BYTES, SOURCE, judge, message, record_of


def test_prep() -> None:
    """`_prep` comes last and holds exactly the provenance that the contract names."""
    sent = message(text="A\u200b  caf\u0065\u0301.", note=[1])
    record = record_of(sent)
    written = orjson.loads(record.value)
    prep = written.pop("_prep")

    assert written == GOOD | {"text": "A café.", "note": [1]}
    assert prep == {
        "origin": "agent_raw_output-2-7",
        "source": SOURCE,
        "content": record.content,
        "schema": "agent_output/1",
        "pipeline": "test",
        "flags": ["remove_invisible", "normalise_unicode"],
        "features": {"bytes": len(sent.value or b""), "chars": 7, "words": 2, "tokens": 2},
    }
    assert list(orjson.loads(record.value)) == [*GOOD, "note", "_prep"]


@pytest.mark.parametrize(("text", "chars"), [("", 0), (" \u200b ", 0), ("a", 1), ("a  b\nc", 5)])
def test_features(text: str, chars: int) -> None:
    """Features count the cleaned text; the bytes are the raw message's."""
    features = orjson.loads(record_of(message(text=text)).value)["_prep"]["features"]

    assert features["chars"] == chars


def test_flags_in_order() -> None:
    """Flags say what was done to the record, in the order it was done."""
    value = b"\xef\xbb\xbf" + orjson.dumps(GOOD | {"text": "see https://a.b/c\x07", "_prep": {}})

    assert orjson.loads(record_of(message(value)).value)["_prep"]["flags"] == [
        "bom_stripped",
        "prep_stripped",
        "remove_invisible",
        "remove_urls",
    ]


def test_headers() -> None:
    """A record has our four headers, as bytes, and they say what `_prep` says."""
    record = record_of(message())
    prep = orjson.loads(record.value)["_prep"]

    assert dict(record.headers) == {
        f"sluice-{name}": prep[name].encode() for name in ("origin", "content")
    } | {
        "sluice-schema": b"agent_output/1",
        "sluice-pipeline": b"test",
    }
    assert {name for name, _ in record.headers} == OWN_HEADERS


def test_allowed_headers() -> None:
    """What is on the list passes, in its order and with repeats; the rest stays behind and is counted."""
    passed = [("tracestate", b"1"), ("traceparent", b"\xff"), ("tracestate", b""), ("sluice-profile", b"p")]
    dropped = [("authorization", b"secret"), ("Traceparent", b"x"), ("sluice-replay", b"forged"), ("", b"")]
    record = record_of(message(headers=(dropped[0], *passed[:2], *dropped[1:], *passed[2:])))

    assert record.headers[4:] == passed
    assert dropped_headers(record) == len(dropped)
    assert {name for name, _ in passed} == PASSED_HEADERS


def test_forged_headers() -> None:
    """A message cannot bring our own headers, not even when the setting names them."""
    pipeline = build_pipeline(passed_headers=OWN_HEADERS)
    forged = tuple((name, b"forged") for name in sorted(OWN_HEADERS - {"sluice-schema"}))
    record = record_of(message(headers=forged), pipeline)

    assert len(record.headers) == len(OWN_HEADERS)
    assert b"forged" not in dict(record.headers).values()


def test_setting_more_headers() -> None:
    """A setting lets further headers pass."""
    pipeline = build_pipeline(passed_headers=("tenant",))
    record = record_of(message(headers=(("tenant", b"t"), ("other", b"o"), ("traceparent", b"p"))), pipeline)

    assert record.headers[4:] == [("tenant", b"t"), ("traceparent", b"p")]
    assert dropped_headers(record) == 1


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return len(record.value) + len(record.agent_id.encode()) + headers


@pytest.mark.parametrize("headers", [(), (("tracestate", b"x" * 500),), (("left-behind", b"x" * 9_000),)])
@pytest.mark.parametrize("fields", [{}, {"agent_id": "😀" * 256}, {"text": "é" * 500}])
def test_size_cap(headers: tuple[tuple[str, bytes], ...], fields: dict[str, Any]) -> None:
    """The cap counts value, key and headers in bytes: exactly as many pass, one fewer does not."""
    size = _size(record_of(message(headers=headers, **fields)))

    assert isinstance(judge(message(headers=headers, **fields), build_pipeline(4_000, size, "test")), Record)
    letter = judge(message(headers=headers, **fields), build_pipeline(4_000, size - 1, "test"))
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.schema) == ("cleaned_too_large", "agent_output/1")
    assert letter.detail == f"{size} bytes with key and headers, allowed are {size - 1}"


def test_growth() -> None:
    """A message that grows when it is written anew, escapes and all, is measured as written."""
    raw = orjson.dumps(GOOD | {"note": "\x01" * 600})
    assert len(raw) < 4_000
    grown = record_of(message(raw))

    assert len(grown.value) > len(raw)
    assert _size(grown) < MAX_CLEANED_BYTES
