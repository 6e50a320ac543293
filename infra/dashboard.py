"""The dashboard: how much, how fresh, what is rejected and why, what does it cost."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import Alarms
from infra.function import SluiceFunction
from infra.metrics import Metrics
from infra.spending import hourly_usd, standing_usd
from sluice.reasons import REASONS
from sluice.telemetry import MetricName

_WIDTH = 24


class Dashboard(Construct):
    """Show every metric of telemetry.py, and those of AWS that answer the same four questions."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        metrics: Metrics,
        functions: Sequence[SluiceFunction],
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, id_)
        name = f"sluice-{metrics.plane.stage.name}"
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=name, default_interval=Duration.hours(3)
        )
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms.alarms, width=_WIDTH, height=3)
        )
        for question, widgets in (
            ("How much?", _how_much(metrics)),
            ("How fresh?", _how_fresh(metrics)),
            ("What is rejected, and why?", _rejected(metrics)),
            ("What was replayed?", _replayed(metrics)),
            ("What does it cost?", _cost(metrics, functions)),
        ):
            dashboard.add_widgets(cloudwatch.TextWidget(markdown=f"## {question}", width=_WIDTH, height=1))
            dashboard.add_widgets(*widgets)


def _graph(
    title: str,
    *left: cloudwatch.IMetric,
    right: Sequence[cloudwatch.IMetric] = (),
    of: int = 3,
    stacked: bool = False,
) -> cloudwatch.GraphWidget:
    """Return a graph that takes one `of` so many parts of the row."""
    return cloudwatch.GraphWidget(
        title=title, left=list(left), right=list(right), stacked=stacked, width=_WIDTH // of, height=6
    )


def _how_much(metrics: Metrics) -> list[cloudwatch.IWidget]:
    outcomes: Sequence[MetricName] = (
        "RecordsCleaned",
        "RecordsDuplicate",
        "RecordsDeadLettered",
        "RecordsRetried",
    )
    return [
        _graph(
            "Records by outcome",
            *(metrics.sluice(name) for name in outcomes),
            right=[metrics.sluice("RecordsReceived")],
            stacked=True,
        ),
        _graph(
            "Odd ones",
            metrics.sluice("RecordsConflict"),
            metrics.sluice("HeadersDropped"),
            metrics.sluice("ProducersReplaced"),
        ),
        _graph("Message size", metrics.sluice("MessageBytes", "p50"), metrics.sluice("MessageBytes", "p99")),
    ]


def _how_fresh(metrics: Metrics) -> list[cloudwatch.IWidget]:
    fresh = [metrics.sluice("FreshnessMilliseconds", each) for each in ("p50", "p99", "Maximum")]
    stages: Sequence[MetricName] = (
        "JudgeMilliseconds",
        "StoreMilliseconds",
        "PublishMilliseconds",
        "DeadLettersMilliseconds",
    )
    lag = [metrics.consumer_group("MaxOffsetLag"), metrics.consumer_group("SumOffsetLag")]
    return [
        _graph("From the broker's timestamp to the answer, ms", *fresh),
        _graph(
            "Backlog: records, and seconds to work it off",
            *lag,
            right=[metrics.consumer_group("EstimatedMaxTimeLag")],
        ),
        _graph("Where a batch's time goes, ms (p99)", *(metrics.sluice(name, "p99") for name in stages)),
    ]


def _rejected(metrics: Metrics) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            "Dead letters by reason",
            *(metrics.sluice("DeadLetters", reason=reason) for reason in REASONS),
            stacked=True,
            of=2,
        ),
        _graph(
            "Our own fault, and batches given up",
            metrics.sluice("BreakerTripped"),
            metrics.sluice("ConservationViolations"),
            metrics.function(metrics.preprocess, "Errors"),
            metrics.given_up(),
            of=2,
        ),
    ]


def _replayed(metrics: Metrics) -> list[cloudwatch.IWidget]:
    outcomes: Sequence[MetricName] = (
        "ReplayRecovered",
        "ReplayDuplicates",
        "ReplayStillFailing",
        "ReplayParked",
        "ReplayBusy",
        "ReplayNotRun",
    )
    return [
        _graph(
            "Letters by outcome",
            *(metrics.sluice(name) for name in outcomes),
            right=[metrics.sluice("ReplaySelected")],
            stacked=True,
            of=2,
        ),
        _graph(
            "Executions that failed, and objects that cannot be read",
            metrics.executions("ExecutionsFailed"),
            metrics.executions("ExecutionsTimedOut"),
            metrics.sluice("ReplayUnreadableObjects"),
            of=2,
        ),
    ]


def _cost(metrics: Metrics, functions: Sequence[SluiceFunction]) -> list[cloudwatch.IWidget]:
    pollers = [metrics.event_source("EventPollerUnit")] if metrics.plane.stage.provisioned else []
    return [
        _graph(
            _spending_title(metrics),
            *hourly_usd(metrics, functions),
            stacked=True,
        ),
        _graph(
            "Functions: calls, and milliseconds",
            *(metrics.function(function, "Invocations") for function in functions),
            *pollers,
            right=[metrics.function(function, "Duration") for function in functions],
        ),
        _graph(
            "Cache: how full, and evicted records",
            metrics.cache(metrics.cache_memory),
            right=[metrics.cache("Evictions", "Sum")],
        ),
    ]


def _spending_title(metrics: Metrics) -> str:
    standing = standing_usd(metrics)
    beside = (
        "what is there without any load" if standing is None else f"{standing:,.0f} a month without any load"
    )
    return f"US dollars an hour, beside {beside}"
