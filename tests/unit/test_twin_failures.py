"""The on-failure records that the twin's event source writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ops.twin.delivery import GiveUp
from ops.twin.events import EventHead, Polled, event_bytes
from ops.twin.failures import FailureContext, on_failure_object

HEAD = EventHead("arn:cluster", "b:9092")
CONTEXT = FailureContext(
    HEAD, "the-mapping", "arn:function", "request-1", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
)
RECORDS = tuple(Polled(f"raw-{p}", p, offset, 1000 * offset, b'{"offset":%d}' % offset) for p, offset in
                [(0, 4), (1, 9), (0, 5)])  # fmt: skip


def test_whole_event_as_a_string() -> None:
    """The payload is the very event that the function was sent, as an escaped JSON string."""
    body = json.loads(
        on_failure_object(GiveUp(RECORDS, "RetryAttemptsExhausted", 3, "Unhandled"), CONTEXT)[1]
    )

    assert body["payload"].encode() == event_bytes(HEAD.opening(), RECORDS)
    assert body["KafkaBatchInfo"]["payloadSize"] == len(body["payload"])


def test_metadata() -> None:
    """The metadata say why, after how many calls, and which offsets of which partition."""
    body = json.loads(
        on_failure_object(GiveUp(RECORDS, "RetryAttemptsExhausted", 3, "Unhandled"), CONTEXT)[1]
    )
    del body["payload"], body["KafkaBatchInfo"]["payloadSize"]

    assert body == {
        "requestContext": {
            "requestId": "request-1",
            "functionArn": "arn:function",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-03-04T05:06:07.000Z",
        "KafkaBatchInfo": {
            "batchSize": 3,
            "eventSourceArn": "arn:cluster",
            "bootstrapServers": "b:9092",
            "recordsInfo": {
                "raw-0": {
                    "firstRecordOffset": "4",
                    "firstRecordTimestamp": "1970-01-01T00:00:04.000Z",
                    "lastRecordOffset": "5",
                    "lastRecordTimestamp": "1970-01-01T00:00:05.000Z",
                },
                "raw-1": {
                    "firstRecordOffset": "9",
                    "firstRecordTimestamp": "1970-01-01T00:00:09.000Z",
                    "lastRecordOffset": "9",
                    "lastRecordTimestamp": "1970-01-01T00:00:09.000Z",
                },
            },
        },
    }


def test_no_response_where_nothing_was_called() -> None:
    """Records that were never sent have no response to show."""
    body = json.loads(
        on_failure_object(GiveUp(RECORDS[:1], "MaximumPayloadSizeExceeded", 0, None), CONTEXT)[1]
    )

    assert body["responseContext"] is None
    assert body["requestContext"]["approximateInvokeCount"] == 0


def test_key_names_the_mapping_and_the_day() -> None:
    """Objects lie under their mapping and their day, and no two share a key."""
    key, _ = on_failure_object(GiveUp(RECORDS, "RetryAttemptsExhausted", 1, None), CONTEXT)
    other, _ = on_failure_object(
        GiveUp(RECORDS, "RetryAttemptsExhausted", 1, None), CONTEXT._replace(request_id="b")
    )

    assert key == "aws/lambda/the-mapping/2026/03/04/2026-03-04T05.06.07-request-1"
    assert other != key
