"""The dashboard's dollars: the prices of `make cost`, over what AWS counts."""

from __future__ import annotations

import math
import re

import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.metrics import Metrics
from infra.spending import _number, hourly_usd, standing_usd
from ops.cost.estimate import Load, total
from ops.cost.prices import price
from tests.infra.synthesis import synthesised


def metrics_of(stage: str) -> Metrics:
    synthesis = synthesised(stage)
    pipeline = synthesis.pipeline_stack
    return Metrics(synthesis.data_stack.plane, pipeline.functions["preprocess"], "id", pipeline.replay)


def line(stage: str, label: str) -> cloudwatch.MathExpression:
    metrics, functions = metrics_of(stage), synthesised(stage).pipeline_stack.functions.values()
    (found,) = (each for each in hourly_usd(metrics, list(functions)) if each.label == label)
    return found


def value(expression: cloudwatch.MathExpression, period: int, **metrics: float) -> float:
    """Work an expression out the way CloudWatch does, where every metric has the period of so many seconds."""
    arithmetic = re.sub(
        r"PERIOD\((\w+)\)", lambda of: str(period) if of[1] in metrics else of[0], expression.expression
    )
    assert re.fullmatch(r"[a-z_ ()+*/0-9.]+", arithmetic)
    assert set(expression.using_metrics) == set(metrics)
    return float(eval(arithmetic, {}, metrics))  # noqa: S307  checked two lines above


@pytest.mark.parametrize("period", [60, 300, 3600])
def test_function(period: int) -> None:
    """A function that ran throughout, in a million calls an hour, costs its GB-seconds and its calls."""
    part = period / 3600
    cost = value(
        line("prod", "sluice-prod-preprocess"),
        period,
        preprocess_ms=3_600_000 * part,
        preprocess_calls=1_000_000 * part,
    )
    expected = 3600 * 1769 / 1024 * price("gb_second", "arm64").usd + price("million_requests").usd

    assert cost == pytest.approx(expected, rel=0.001)


def test_cache() -> None:
    """A cache that keeps a gigabyte and works a million units an hour costs an hour of it and the units."""
    cost = value(line("dev", "cache"), 60, kept=1e9, units=1_000_000 / 60)

    assert cost == pytest.approx(
        price("cache_data", "redis").usd + price("cache_million_ecpu", "redis").usd, rel=0.001
    )


def test_logs() -> None:
    """A gigabyte of logs an hour costs that."""
    cost = value(
        line("dev", "logs"), 60, preprocess_log=0.5e9 / 60, lookup_log=0.5e9 / 60,
        replay_plan_log=0, replay_batch_log=0, replay_report_log=0,
    )  # fmt: skip

    assert cost == pytest.approx(price("log_gb").usd, rel=0.001)


def test_without_load() -> None:
    """What stands beside the graph is the estimate for no record at all: less than with some, more than nothing."""
    metrics = metrics_of("dev")

    standing = standing_usd(metrics)

    assert standing is not None
    assert 0 < standing == total(metrics.plane.stage, Load(records=0))
    assert standing < total(metrics.plane.stage, Load(records=1e9))


def test_without_a_price() -> None:
    """A broker that nobody has priced yet is deployed all the same; the dashboard then names no sum."""
    synthesis = synthesised("dev", broker_type="kafka.m9.large")
    pipeline = synthesis.pipeline_stack
    metrics = Metrics(synthesis.data_stack.plane, pipeline.functions["preprocess"], "id", pipeline.replay)

    assert standing_usd(metrics) is None


@pytest.mark.parametrize("number", [1.3333e-11, 2e-07, 0.000208, 0.5, 3.0, 1234.0])
def test_numbers(number: float) -> None:
    """A number is written without an exponent and keeps four digits."""
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", _number(number))
    assert math.isclose(float(_number(number)), number, rel_tol=0.001)
