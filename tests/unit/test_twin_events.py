"""The events that the twin's event source makes."""

from __future__ import annotations

import base64
import json

from ops.twin.events import EventHead, Polled, encode_record, event_bytes

HEAD = EventHead("arn:aws:kafka:r:1:cluster/c/u-1", "b-1:9098,b-2:9098")


def encoded(partition: int = 0, offset: int = 7, **changes: object) -> Polled:
    fields: dict[str, object] = {
        "topic": "raw",
        "partition": partition,
        "offset": offset,
        "timestamp": 1545084650987,
        "timestamp_type": "CREATE_TIME",
        "key": b"agent",
        "value": b"{}",
        "headers": None,
    }
    return encode_record(**{**fields, **changes})  # type: ignore[arg-type]


def test_event_is_that_of_msk() -> None:
    """An event has the fields of an MSK event source mapping, in base64, and no others."""
    event = json.loads(event_bytes(HEAD.opening(), [encoded(headers=[("h", b"ab")])]))

    assert event == {
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:r:1:cluster/c/u-1",
        "bootstrapServers": "b-1:9098,b-2:9098",
        "records": {
            "raw-0": [
                {
                    "topic": "raw",
                    "partition": 0,
                    "offset": 7,
                    "timestamp": 1545084650987,
                    "timestampType": "CREATE_TIME",
                    "key": base64.b64encode(b"agent").decode(),
                    "value": base64.b64encode(b"{}").decode(),
                    "headers": [{"h": [97, 98]}],
                }
            ]
        },
    }


def test_header_bytes_are_signed() -> None:
    """Header bytes above 127 arrive as negative numbers, as Java has them, and no value as no bytes."""
    record = json.loads(encoded(headers=[("h", b"\x00\x7f\x80\xff"), ("n", None), ("h", b"")]).json)

    assert record["headers"] == [{"h": [0, 127, -128, -1]}, {"n": []}, {"h": []}]


def test_absent_key_and_value_are_null() -> None:
    """A message without key is told from one with an empty key, and a tombstone from an empty value."""
    absent, empty = (
        json.loads(encoded(key=None, value=None).json),
        json.loads(encoded(key=b"", value=b"").json),
    )

    assert (absent["key"], absent["value"]) == (None, None)
    assert (empty["key"], empty["value"]) == ("", "")


def test_slots_keep_their_order() -> None:
    """An event groups its records by topic and partition and keeps each partition's order."""
    records = [encoded(1, 5), encoded(0, 9), encoded(1, 6), encoded(0, 10)]
    event = json.loads(event_bytes(HEAD.opening(), records))

    assert {slot: [r["offset"] for r in group] for slot, group in event["records"].items()} == {
        "raw-1": [5, 6],
        "raw-0": [9, 10],
    }
