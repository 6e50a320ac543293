"""The on-failure record of a Kafka event source mapping, as it lies in S3. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from ops.twin.delivery import GiveUp
from ops.twin.events import EventHead, Polled, event_bytes


class FailureContext(NamedTuple):
    """Hold what an on-failure record says besides the batch; the ids and the time are passed in."""

    head: EventHead
    mapping_id: str
    function_arn: str
    request_id: str
    now: datetime


def _utc(milliseconds: int) -> str:
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _records_info(records: tuple[Polled, ...]) -> dict[str, dict[str, str]]:
    info: dict[str, dict[str, str]] = {}
    for record in records:
        first = {"firstRecordOffset": str(record.offset), "firstRecordTimestamp": _utc(record.timestamp)}
        slot = info.setdefault(record.slot, first)
        slot["lastRecordOffset"], slot["lastRecordTimestamp"] = str(record.offset), _utc(record.timestamp)
    return info


def on_failure_object(given_up: GiveUp, context: FailureContext) -> tuple[str, bytes]:
    """Return key and body: the metadata plus `payload`, the whole event as an escaped JSON string."""
    payload = event_bytes(context.head.opening(), given_up.records)
    answered = given_up.calls > 0
    body = {
        "requestContext": {
            "requestId": context.request_id,
            "functionArn": context.function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.calls,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": given_up.error}
        if answered
        else None,
        "version": "1.0",
        "timestamp": context.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "KafkaBatchInfo": {
            "batchSize": len(given_up.records),
            "eventSourceArn": context.head.event_source_arn,
            "bootstrapServers": context.head.bootstrap,
            "payloadSize": len(payload),
            "recordsInfo": _records_info(given_up.records),
        },
        "payload": payload.decode(),
    }
    day, moment = context.now.strftime("%Y/%m/%d"), context.now.strftime("%Y-%m-%dT%H.%M.%S")
    key = f"aws/lambda/{context.mapping_id}/{day}/{moment}-{context.request_id}"
    return key, orjson.dumps(body)
