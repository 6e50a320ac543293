"""An event of the event source → messages, byte for byte."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.record import Message, Origin
from sluice.source import NotAKafkaEventError, read_event, source_of

ARN = "arn:aws:kafka:eu-central-1:123456789012:cluster/agents/0b1c2d3e-0000-4000-8000-000000000000-1"


def raw(offset: int, partition: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "topic": "agent_raw_output",
        "partition": partition,
        "offset": offset,
        "timestamp": 1_763_885_700_123,
        "timestampType": "CREATE_TIME",
        "key": b64encode(b"planner-7").decode(),
        "value": b64encode(b'{"a": "\xc3\xa9"}').decode(),
        "headers": [{"traceparent": [48, 48]}],
    } | fields


def event(*records: dict[str, Any], **fields: Any) -> dict[str, Any]:
    batches: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        batches.setdefault(f"{record['topic']}-{record['partition']}", []).append(record)
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": ARN,
        "bootstrapServers": "b-2.agents.example:9098,b-1.agents.example:9098",
        "records": batches,
    } | fields


def only(record: dict[str, Any]) -> Message:
    (message,) = read_event(event(record))[1]
    return message


def test_a_message() -> None:
    """A record of the event becomes a message with all that the broker had."""
    assert only(raw(15)) == Message(
        Origin("agent_raw_output", 0, 15),
        1_763_885_700_123,
        b"planner-7",
        b'{"a": "\xc3\xa9"}',
        (("traceparent", b"00"),),
    )


def test_origins() -> None:
    """An origin's id is topic, partition and offset; its partition is named as the event source names it."""
    origin = Origin("agent-raw.output", 3, 42)

    assert (origin.id, origin.topic_partition) == ("agent-raw.output-3-42", "agent-raw.output-3")


def test_several_partitions() -> None:
    """All partitions of an event are read, each in the order of its offsets, numbers as numbers."""
    records = [raw(100, 10), raw(9, 2), raw(11, 2), raw(10, 2), raw(7, 0)]
    origins = [message.origin[1:] for message in read_event(event(*records))[1]]

    assert origins == [(0, 7), (2, 9), (2, 10), (2, 11), (10, 100)]


@pytest.mark.parametrize("field", ["key", "value", "headers"])
def test_null_and_absent(field: str) -> None:
    """A null field and an absent one are the same: no key, no value, no headers."""
    absent, null = raw(1), raw(1) | {field: None}
    del absent[field]

    assert only(null) == only(absent)
    assert getattr(only(absent), field) == (() if field == "headers" else None)


def test_empty_is_not_null() -> None:
    """An empty key or value is no bytes, not nothing."""
    message = only(raw(1, key="", value="", headers=[]))

    assert (message.key, message.value, message.headers) == (b"", b"", ())


def test_header_bytes_are_signed() -> None:
    """Header bytes come as Java's signed ones; names may repeat, and the order stays."""
    headers = [{"a": [-61, -87]}, {"b": [195, 169]}, {"a": []}, {"c": None}, {"d": [-128, -1, 0, 127]}]

    assert only(raw(1, headers=headers)).headers == (
        ("a", b"\xc3\xa9"),
        ("b", b"\xc3\xa9"),
        ("a", b""),
        ("c", b""),
        ("d", b"\x80\xff\x00\x7f"),
    )


@given(
    st.binary(), st.none() | st.binary(), st.lists(st.tuples(st.text(), st.binary(max_size=9)), max_size=4)
)
def test_any_bytes(value: bytes, key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """Whatever bytes went into the event come out of it."""
    signed = [{name: [byte - 256 if byte > 127 else byte for byte in held]} for name, held in headers]
    encoded = None if key is None else b64encode(key).decode()
    message = only(raw(1, value=b64encode(value).decode(), key=encoded, headers=signed))

    assert (message.value, message.key, list(message.headers)) == (value, key, headers)


def test_self_managed() -> None:
    """A self-managed cluster has no ARN; its servers name it, in whatever order they come."""
    one = event(raw(1), eventSource="SelfManagedKafka", bootstrapServers="b:9092,a:9092")
    del one["eventSourceArn"]
    other = one | {"bootstrapServers": "a:9092,b:9092"}

    assert read_event(one) == read_event(other)
    assert read_event(one)[0] == source_of("a:9092,b:9092")
    assert read_event(one)[1] == read_event(event(raw(1)))[1]


def test_sources() -> None:
    """The source is 8 hex digits of the ARN, the same for ever and for another cluster another one."""
    source, _ = read_event(event(raw(1)))

    assert source == source_of(ARN) == "c424b9a6"
    assert source_of(ARN + "x") != source


def test_no_records() -> None:
    """An event without records is an empty batch."""
    assert read_event(event())[1] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"agent_id": "a", "timestamp": "t"},
        {"eventSource": "aws:sqs", "records": {}},
        {"eventSource": None, "records": {}},
        {"eventSource": "aws:kafka"},
        {"eventSource": "aws:kafka", "records": []},
        {"eventSource": "aws:kafka", "records": None},
        None,
        [],
        5,
    ],
)
def test_wrong_envelope(wrong: Any) -> None:
    """What is not a Kafka event is refused by name, before anything is read of it."""
    with pytest.raises(NotAKafkaEventError, match="not a Kafka event"):
        read_event(wrong)
