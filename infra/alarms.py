"""What wakes somebody up: each alarm says what it means and where the runbook goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aws_cdk import (
    Aws,
    Duration,
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_iam as iam,
    aws_sns as sns,
)
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from constructs import Construct

from infra.function import SluiceFunction
from infra.metrics import Metrics

RUNBOOK: Final = "docs/runbook.md"
# Ten times what a batch takes to fill on the slowest stage, and still half an outage that is ridden out.
LATE_SECONDS: Final = 600
# A day's noise of malformed messages stays below one in a hundred; a broken producer is far above one in twenty.
DEAD_LETTER_PERCENT: Final = 5
# One bad record among two is no rate.
DEAD_LETTERS_AT_LEAST: Final = 20
# The rest is room for what arrives until somebody has looked.
CACHE_PERCENT: Final = 80
_GIB: Final = 1024**3


@dataclass(frozen=True)
class Watch:
    """Describe one alarm: `datapoints` of `periods` minutes at or above `threshold`; no data is no alarm."""

    name: str
    says: str
    heading: str
    metric: cloudwatch.IMetric
    threshold: float = 1
    periods: int = 1
    datapoints: int = 1


class Alarms(Construct):
    """Make the alarms of a stage, and the topic that they tell."""

    def __init__(
        self, scope: Construct, id_: str, metrics: Metrics, functions: Sequence[SluiceFunction]
    ) -> None:
        super().__init__(scope, id_)
        stage = metrics.plane.stage
        self.topic = sns.Topic(self, "Topic", topic_name=f"sluice-{stage.name}-alarms", enforce_ssl=True)
        # A topic with a policy of its own has lost the default one, which lets alarms of the account in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if stage.alarm_email:
            self.topic.add_subscription(EmailSubscription(stage.alarm_email))
        self.alarms = [self._alarm(stage.name, watch) for watch in watches(metrics, functions)]

    def _alarm(self, stage: str, watch: Watch) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "".join(part.title() for part in watch.name.split("-")),
            alarm_name=f"sluice-{stage}-{watch.name}",
            alarm_description=f"{watch.says} Runbook: {RUNBOOK}#{anchor(watch.heading)}",
            metric=watch.metric,
            threshold=watch.threshold,
            evaluation_periods=watch.periods,
            datapoints_to_alarm=watch.datapoints,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        return alarm


def anchor(heading: str) -> str:
    """Return what a heading's link ends in, the way renderers of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def watches(metrics: Metrics, functions: Sequence[SluiceFunction]) -> Iterator[Watch]:
    """Yield every alarm of a stage."""
    yield from _of_records(metrics)
    for function in functions:
        yield from _of_function(metrics, function)
    yield from _of_event_source(metrics)
    yield from _of_replay(metrics)
    yield _of_cache(metrics)


def _of_records(metrics: Metrics) -> Iterator[Watch]:
    late = "Records come late"
    yield Watch(
        "records-late",
        f"The oldest records of the last batches were more than {LATE_SECONDS // 60} minutes old when they were done.",
        late,
        metrics.sluice("FreshnessMilliseconds", "Maximum"),
        threshold=LATE_SECONDS * 1000,
        periods=5,
        datapoints=3,
    )
    yield Watch(
        "consumer-lag",
        f"By the brokers' estimate the raw topic's backlog takes more than {LATE_SECONDS // 60} minutes.",
        late,
        metrics.consumer_group("EstimatedMaxTimeLag"),
        threshold=LATE_SECONDS,
        periods=5,
        datapoints=3,
    )
    yield Watch(
        "dead-letter-rate",
        f"More than {DEAD_LETTER_PERCENT} % of the records of a quarter of an hour became dead letters.",
        "Too many dead letters",
        _dead_letter_rate(metrics),
        threshold=DEAD_LETTER_PERCENT,
    )
    yield Watch(
        "conservation-violations",
        "The outcomes of a batch did not add up to its messages: a bug of ours. The batch is retried.",
        "Records do not add up",
        metrics.sluice("ConservationViolations"),
    )
    yield Watch(
        "breaker-tripped",
        "A whole batch failed in our own steps: a bug of ours. The batch is retried, nothing was drained.",
        "The breaker tripped",
        metrics.sluice("BreakerTripped"),
    )


def _dead_letter_rate(metrics: Metrics) -> cloudwatch.MathExpression:
    quarter = replace(metrics, period=Duration.minutes(15))
    return cloudwatch.MathExpression(
        expression=f"IF(letters >= {DEAD_LETTERS_AT_LEAST}, 100 * letters / received, 0)",
        using_metrics={
            "letters": quarter.sluice("RecordsDeadLettered"),
            "received": quarter.sluice("RecordsReceived"),
        },
        label="dead letters, %",
        period=quarter.period,
    )


def _of_function(metrics: Metrics, function: SluiceFunction) -> Iterator[Watch]:
    kind = function.file.replace("_", "-")
    yield Watch(
        f"{kind}-errors",
        f"{function.name} raised errors in three of five minutes.",
        "A function fails",
        metrics.function(function, "Errors"),
        periods=5,
        datapoints=3,
    )
    yield Watch(
        f"{kind}-throttles",
        f"{function.name} was refused for want of concurrency in three of five minutes.",
        "A function is throttled",
        metrics.function(function, "Throttles"),
        periods=5,
        datapoints=3,
    )


def _of_replay(metrics: Metrics) -> Iterator[Watch]:
    heading = "A replay failed"
    for name, metric, how in (
        ("replay-failed", "ExecutionsFailed", "failed"),
        ("replay-timed-out", "ExecutionsTimedOut", "timed out"),
    ):
        yield Watch(
            name,
            f"An execution of the replay {how}. What it recovered stays so, the other letters wait.",
            heading,
            metrics.executions(metric),
        )
    yield Watch(
        "letters-parked",
        "A replay set letters aside that failed too often: only a replay that asks for parked letters takes them up.",
        "Letters were parked",
        metrics.sluice("ReplayParked"),
    )


def _of_event_source(metrics: Metrics) -> Iterator[Watch]:
    heading = "Batches were given up"
    yield Watch(
        "given-up",
        "The event source gave up on a batch and put it into the on-failure bucket: its records wait there.",
        heading,
        metrics.given_up(),
    )
    if metrics.plane.stage.provisioned:
        yield Watch(
            "given-up-lost",
            "The event source could not write a batch that it gave up on into the on-failure bucket: it is only in"
            " the raw topic now, until the topic's retention ends.",
            heading,
            metrics.event_source("OnFailureDestinationDeliveryErrorCount"),
        )


def _of_cache(metrics: Metrics) -> Watch:
    says = (
        f"The cache is {CACHE_PERCENT} % full: soon it evicts records before their time, and duplicates pass."
    )
    stage = metrics.plane.stage
    full = stage.cache_max_gb * _GIB if metrics.plane.cache_serverless else 100
    return Watch(
        "cache-memory",
        says,
        "The cache fills up",
        metrics.cache(metrics.cache_memory),
        threshold=full * CACHE_PERCENT / 100,
        periods=5,
        datapoints=3,
    )
