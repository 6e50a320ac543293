"""Alarms and dashboard: they look at what the functions really write, and lead to the runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.alarms import RUNBOOK, anchor
from infra.buckets import REQUESTS
from infra.metrics import Metrics
from sluice.deliver import Delivery
from sluice.outcome import Cleaned, DeadLetter
from sluice.reasons import REASONS
from sluice.telemetry import METRIC_NAMES, NAMESPACE, logger, report, report_replay, report_violation
from tests.infra.synthesis import ROOT, STAGES, Resource, flat, synthesised
from tests.unit.samples import message, record_of

# What somebody has to be told of, on every stage.
TOLD = {
    "records-late",
    "consumer-lag",
    "dead-letter-rate",
    "conservation-violations",
    "breaker-tripped",
    "preprocess-errors",
    "preprocess-throttles",
    "lookup-errors",
    "lookup-throttles",
    "given-up",
    "cache-memory",
    "replay-failed",
    "replay-timed-out",
    "letters-parked",
}
Series = tuple[str, str, frozenset[tuple[str, str]]]


def alarms(stage: str) -> dict[str, Resource]:
    """Return the alarms by the part of their name that is their own."""
    found = synthesised(stage).of_type("AWS::CloudWatch::Alarm").values()
    return {each["AlarmName"].removeprefix(f"sluice-{stage}-"): each for each in found}


def series_of_alarms(stage: str) -> Iterator[Series]:
    for alarm in alarms(stage).values():
        for each in alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}]):
            if "MetricStat" in each:
                metric = each["MetricStat"]["Metric"]
                dimensions = frozenset((d["Name"], flat(d["Value"])) for d in metric.get("Dimensions", ()))
                yield metric["Namespace"], metric["MetricName"], dimensions


def widgets(stage: str) -> list[Resource]:
    (dashboard,) = synthesised(stage).of_type("AWS::CloudWatch::Dashboard").values()
    # References stand inside of JSON strings.
    body: dict[str, list[Resource]] = json.loads(flat(dashboard["DashboardBody"]))
    return body["widgets"]


def series_of_dashboard(stage: str) -> Iterator[Series]:
    for widget in widgets(stage):
        for each in widget["properties"].get("metrics", ()):
            if isinstance(each[0], str):
                words = [part for part in each if isinstance(part, str)]
                yield words[0], words[1], frozenset(zip(words[2::2], words[3::2], strict=True))


def written(service: str, replay: str) -> set[Series]:
    """Return every series that the functions write under two services' names, with every reason."""
    lines: list[str] = []
    cleaned = Cleaned(record_of(message()))
    letters = [DeadLetter(message(), "decode", reason, "", "") for reason in REASONS]
    stages = dict.fromkeys(("judge", "store", "publish", "dead_letters"), 0.0)
    delivery = Delivery([cleaned, *letters], {}, stage_seconds=stages)
    report(delivery, 0, "id", log=logger("test"), service=service, write=lines.append)
    report_violation("id", service, write=lines.append)
    counts = ("selected", "recovered", "duplicates", "parked", "busy", "not_run", "unreadable_objects")
    output = {**dict.fromkeys(counts, 0), "still_failing": {}}
    report_replay(output, "id", log=logger("test"), service=replay, write=lines.append)
    found: set[Series] = set()
    for line in map(json.loads, lines):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            (dimensions,) = directive["Dimensions"]
            values = frozenset((name, line[name]) for name in dimensions)
            found |= {(directive["Namespace"], metric["Name"], values) for metric in directive["Metrics"]}
    return found


def ours(series: Iterator[Series]) -> set[Series]:
    return {each for each in series if each[0] == NAMESPACE}


@pytest.mark.parametrize("stage", STAGES)
def test_series_are_those_that_are_written(stage: str) -> None:
    """Alarms look at series, dimensions included, that a function writes; the dashboard shows every one of them."""
    services = [
        synthesised(stage).environment(function)["POWERTOOLS_SERVICE_NAME"]
        for function in ("Preprocess", "ReplayReport")
    ]
    series = written(*services)

    assert ours(series_of_alarms(stage)) < series
    assert ours(series_of_dashboard(stage)) == series
    assert {name for _, name, _ in series} == set(METRIC_NAMES)


def test_unknown_metric() -> None:
    """A metric that telemetry.py does not know stops the synth, so that a renamed one cannot be missed."""
    pipeline = synthesised("dev").pipeline_stack
    metrics = Metrics(
        synthesised("dev").data_stack.plane, pipeline.functions["preprocess"], "", pipeline.replay
    )
    with pytest.raises(ValueError, match=r"RecordsWashed is no metric of sluice\.telemetry"):
        metrics.sluice("RecordsWashed")  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", STAGES)
def test_alarms(stage: str) -> None:
    """Everything that somebody has to be told of has an alarm; prod knows of failing on-failure deliveries, too."""
    assert set(alarms(stage)) == TOLD | ({"given-up-lost"} if stage == "prod" else set())


@pytest.mark.parametrize("stage", STAGES)
def test_alarms_tell(stage: str) -> None:
    """Every alarm tells the topic, no data is no alarm, and CloudWatch may publish there."""
    (topic,) = synthesised(stage).of_type("AWS::SNS::Topic")
    (policy,) = synthesised(stage).of_type("AWS::SNS::TopicPolicy").values()
    allowed = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]

    assert [each["Principal"] for each in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    for alarm in alarms(stage).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("stage", STAGES)
def test_runbook(stage: str) -> None:
    """Every alarm links a heading of the runbook, whose section names it."""
    sections = re.split(r"^## (.+)$", (ROOT / RUNBOOK).read_text(), flags=re.MULTILINE)[1:]
    texts = {anchor(heading): text for heading, text in zip(sections[::2], sections[1::2], strict=True)}
    for name, alarm in alarms(stage).items():
        says, _, link = alarm["AlarmDescription"].rpartition(f" Runbook: {RUNBOOK}#")

        assert says.endswith(".")
        assert f"`{name}`" in texts[link]


def test_email() -> None:
    """An address in the configuration is subscribed to the topic."""
    subscribed = synthesised("dev", alarm_email="who@example.org").of_type("AWS::SNS::Subscription").values()

    assert [(each["Protocol"], each["Endpoint"]) for each in subscribed] == [("email", "who@example.org")]


@pytest.mark.parametrize("stage", STAGES)
def test_given_up_is_counted(stage: str) -> None:
    """The bucket of given-up batches counts its requests under the filter that the alarm reads."""
    (dimensions,) = (dict(d) for _, name, d in series_of_alarms(stage) if name == "PutRequests")
    counting = {
        name: each["Properties"]["MetricsConfigurations"]
        for name, each in synthesised(stage).data["Resources"].items()
        if each["Type"] == "AWS::S3::Bucket" and "MetricsConfigurations" in each["Properties"]
    }

    (bucket,) = counting
    assert counting[bucket] == [{"Id": REQUESTS}]
    assert bucket in dimensions["BucketName"]
    assert dimensions["FilterId"] == REQUESTS


@pytest.mark.parametrize("stage", STAGES)
def test_questions(stage: str) -> None:
    """The dashboard answers its questions in this order, each with graphs below it."""
    asked = [widget["properties"].get("markdown", widget["type"]) for widget in widgets(stage)[1:]]
    heads = [number for number, each in enumerate(asked) if each.startswith("## ")]

    assert [asked[number] for number in heads] == [
        "## How much?",
        "## How fresh?",
        "## What is rejected, and why?",
        "## What was replayed?",
        "## What does it cost?",
    ]
    for start, end in zip(heads, [*heads[1:], len(asked)], strict=True):
        assert set(asked[start + 1 : end]) == {"metric"}


@pytest.mark.parametrize(
    ("mode", "serverless", "name", "dimension"),
    [
        ("cluster", True, "BytesUsedForCache", {"clusterId": "records"}),
        ("cluster", False, "DatabaseMemoryUsagePercentage", {"CacheClusterId": "records-0001-001"}),
        ("standalone", False, "DatabaseMemoryUsagePercentage", {"CacheClusterId": "records-001"}),
    ],
)
def test_caches(mode: Any, serverless: bool, name: str, dimension: dict[str, str]) -> None:
    """Each kind of cache is looked at under the name that ElastiCache reports it by."""
    synthesis = synthesised("dev")
    plane = replace(
        synthesis.data_stack.plane, cache_mode=mode, cache_serverless=serverless, cache_name="records"
    )
    pipeline = synthesis.pipeline_stack
    metrics = Metrics(plane, pipeline.functions["preprocess"], "id", pipeline.replay)

    assert metrics.cache(name).dimensions == dimension


@pytest.mark.parametrize("stage", STAGES)
def test_thresholds(stage: str) -> None:
    """The cache's alarm goes off below the limit that the cache has, and late means late, not slow."""
    limits = {"dev": 2, "prod": 50}

    assert alarms(stage)["cache-memory"]["Threshold"] == limits[stage] * 1024**3 * 0.8
    assert (
        alarms(stage)["records-late"]["Threshold"]
        == 1000 * alarms(stage)["consumer-lag"]["Threshold"]
        == 600_000
    )
