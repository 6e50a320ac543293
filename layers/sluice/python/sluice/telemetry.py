"""One log line and one set of metrics a batch; never a record's text, never an agent as a dimension."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, get_args

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from sluice.deliver import Delivery
from sluice.enrich import dropped_headers
from sluice.outcome import Cleaned, DeadLetter, Duplicate, Retry, message_of
from sluice.record import Message

NAMESPACE: Final = "Sluice"
SERVICE: Final = "preprocess"

MetricName = Literal[
    # Count: messages in the batch
    "RecordsReceived",
    # Count: records stored and published, conflicts among them
    "RecordsCleaned",
    # Count: records dropped because a living original has the same identity and content
    "RecordsDuplicate",
    # Count: cleaned records that share agent and timestamp with another one of other content
    "RecordsConflict",
    # Count: cleaned records in which a secret or personal data was replaced
    "RecordsRedacted",
    # Count: records written to the dead letters
    "RecordsDeadLettered",
    # Count: records left to the event source, for the infrastructure failed
    "RecordsRetried",
    # Count: dead letters of one reason (the dimension `reason`)
    "DeadLetters",
    # Count: 1 when a whole batch failed in our own steps and was retried instead of drained
    "BreakerTripped",
    # Count: producers purged and replaced while the batch was published
    "ProducersReplaced",
    # Count: agents whose history the cache did not give or take, so that flags may be missing
    "HistoriesMissed",
    # Count: message headers that are not on the allow-list
    "HeadersDropped",
    # Bytes: length of a message's value; up to 100 evenly spaced order statistics of the batch
    "MessageBytes",
    # Milliseconds: from the broker's timestamp to the answer; up to 100 order statistics of the batch
    "FreshnessMilliseconds",
    # Milliseconds: decode to enrich, the whole batch
    "JudgeMilliseconds",
    # Milliseconds: claims and store, the whole batch
    "StoreMilliseconds",
    # Milliseconds: publish, the whole batch
    "PublishMilliseconds",
    # Milliseconds: writing the dead letters, the whole batch
    "DeadLettersMilliseconds",
]
METRIC_NAMES: Final[tuple[str, ...]] = get_args(MetricName)
# CloudWatch takes at most 100 values of a metric in one EMF line.
_VALUES: Final = 100
_STAGES: Final[dict[str, MetricName]] = {
    "judge": "JudgeMilliseconds",
    "store": "StoreMilliseconds",
    "publish": "PublishMilliseconds",
    "dead_letters": "DeadLettersMilliseconds",
}
_MetricSet = dict[str, dict[str, Any]]


def logger(service: str = SERVICE) -> Logger:
    """Build the structured logger; the level comes from the runtime's own LOG_LEVEL."""
    return Logger(service=service)


def report(
    delivery: Delivery,
    now_ms: int,
    request_id: str,
    *,
    log: Logger,
    replaced: int = 0,
    write: Callable[[str], object] = print,
) -> None:
    """Write a batch's EMF lines and its one log line; `now_ms` is in epoch milliseconds."""
    reasons = Counter(o.reason for o in delivery.outcomes if type(o) is DeadLetter)
    counts = _counts(delivery, replaced)
    metrics: _MetricSet = {name: {"Unit": "Count", "Value": value} for name, value in counts.items()}
    metrics |= _distributions([message_of(o) for o in delivery.outcomes], now_ms)
    for stage, seconds in delivery.stage_seconds.items():
        metrics[_STAGES[stage]] = {"Unit": "Milliseconds", "Value": round(seconds * 1000, 3)}
    write(_emf(metrics, {}, request_id))
    for reason, number in sorted(reasons.items()):
        write(_emf({"DeadLetters": {"Unit": "Count", "Value": number}}, {"reason": reason}, request_id))
    details = {
        "counts": counts,
        "dead_letters": dict(reasons),
        "cuts": delivery.cuts,
        "faults": delivery.faults,
    }
    (log.warning if delivery.cuts else log.info)("batch", extra=details)


def _counts(delivery: Delivery, replaced: int) -> dict[MetricName, int]:
    kinds = Counter(map(type, delivery.outcomes))
    cleaned = [outcome.record for outcome in delivery.outcomes if type(outcome) is Cleaned]
    return {
        "RecordsReceived": len(delivery.outcomes),
        "RecordsCleaned": kinds[Cleaned],
        "RecordsDuplicate": kinds[Duplicate],
        "RecordsConflict": sum(record.conflict for record in cleaned),
        "RecordsRedacted": sum(bool(record.redacted) for record in cleaned),
        "RecordsDeadLettered": kinds[DeadLetter],
        "RecordsRetried": kinds[Retry],
        "BreakerTripped": int(delivery.breaker),
        "ProducersReplaced": replaced,
        "HistoriesMissed": delivery.histories_missed,
        "HeadersDropped": sum(dropped_headers(record) for record in cleaned if record.message.headers),
    }


def _distributions(messages: Sequence[Message], now_ms: int) -> _MetricSet:
    if not messages:
        return {}
    sizes = sample([len(message.value or b"") for message in messages])
    ages = sample([max(0, now_ms - message.timestamp) for message in messages])
    return {
        "MessageBytes": {"Unit": "Bytes", "Value": sizes},
        "FreshnessMilliseconds": {"Unit": "Milliseconds", "Value": ages},
    }


def sample(values: Sequence[int], size: int = _VALUES) -> list[int]:
    """Return all values sorted, or `size` evenly spaced order statistics, least and greatest included."""
    ordered = sorted(values)
    if len(ordered) <= size:
        return ordered
    last = len(ordered) - 1
    return [ordered[round(step * last / (size - 1))] for step in range(size)]


def _emf(metrics: _MetricSet, dimensions: dict[str, str], request_id: str) -> str:
    provider = AmazonCloudWatchEMFProvider(
        namespace=NAMESPACE, service=SERVICE, default_dimensions=dimensions
    )
    line = provider.serialize_metric_set(metrics=metrics, metadata={"request_id": request_id})
    return json.dumps(line, separators=(",", ":"))
