"""US dollars an hour, by what the load drives: metrics of AWS times the prices of `make cost`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from aws_cdk import Duration, aws_cloudwatch as cloudwatch

from infra.function import SluiceFunction
from infra.metrics import Metrics
from ops.cost.estimate import Load, total
from ops.cost.prices import price

_MINUTES: Final = 5
_PERIOD: Final = Duration.minutes(_MINUTES)
_TIMES_AN_HOUR: Final = 60 // _MINUTES


def standing_usd(metrics: Metrics) -> float:
    """Return what a month costs without any load: brokers, endpoints, pollers, the least of the cache."""
    return total(metrics.plane.stage, Load(records=0))


def hourly_usd(metrics: Metrics, functions: Sequence[SluiceFunction]) -> Iterator[cloudwatch.MathExpression]:
    """Yield one line for each part of the bill that grows with the load."""
    five = replace(metrics, period=_PERIOD)
    for function in functions:
        yield _of_function(five, function)
    if five.plane.cache_serverless and not five.plane.stage.cache_endpoint:
        yield _of_cache(five)
    yield _of_logs(five, functions)


def _of_function(metrics: Metrics, function: SluiceFunction) -> cloudwatch.MathExpression:
    gb_second = price("gb_second", metrics.plane.stage.arch).usd
    milliseconds, calls = f"{function.file}_ms", f"{function.file}_calls"
    cost = f"{milliseconds} * {_number(function.memory_mb / 1024 * gb_second / 1000)}"
    cost += f" + {calls} * {_number(price('million_requests').usd / 1e6)}"
    return _an_hour(
        f"({cost}) * {_TIMES_AN_HOUR}",
        {
            milliseconds: metrics.function(function, "Duration"),
            calls: metrics.function(function, "Invocations"),
        },
        function.name,
    )


def _of_cache(metrics: Metrics) -> cloudwatch.MathExpression:
    engine = metrics.plane.stage.cache_engine
    unit = price("cache_million_ecpu", engine).usd / 1e6
    data = price("cache_data", engine).usd / 1e9
    return _an_hour(
        f"kept * {_number(data)} + units * {_number(unit)} * {_TIMES_AN_HOUR}",
        {
            "kept": metrics.cache("BytesUsedForCache"),
            "units": metrics.cache("ElastiCacheProcessingUnits", "Sum"),
        },
        "cache",
    )


def _of_logs(metrics: Metrics, functions: Sequence[SluiceFunction]) -> cloudwatch.MathExpression:
    groups = {f"{function.file}_log": metrics.log_bytes(function) for function in functions}
    cost = _number(price("log_gb").usd / 1e9)
    return _an_hour(f"({' + '.join(groups)}) * {cost} * {_TIMES_AN_HOUR}", groups, "logs")


def _an_hour(
    expression: str, metrics: Mapping[str, cloudwatch.IMetric], label: str
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=metrics, label=label, period=_PERIOD
    )


def _number(value: float) -> str:
    """Write a small number without an exponent, to four significant digits: CloudWatch's arithmetic has none."""
    places = max(0, 3 - math.floor(math.log10(value)))
    return f"{value:.{places}f}"
