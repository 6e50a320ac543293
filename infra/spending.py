"""US dollars an hour, by what the load drives: metrics of AWS times the prices of `make cost`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch

from infra.function import SluiceFunction
from infra.metrics import Metrics
from ops.cost.estimate import Load, total
from ops.cost.prices import NoPriceError, price

_HOUR: Final = 3600


def standing_usd(metrics: Metrics) -> float | None:
    """Return what a month costs without any load: brokers, endpoints, pollers, the least of the cache.

    None where a price is missing: a size that nobody has priced yet is deployed all the same.
    """
    try:
        return total(metrics.plane.stage, Load(records=0))
    except NoPriceError:
        return None


def hourly_usd(metrics: Metrics, functions: Sequence[SluiceFunction]) -> Iterator[cloudwatch.MathExpression]:
    """Yield one line for each part of the bill that grows with the load."""
    for function in functions:
        yield _of_function(metrics, function)
    if metrics.plane.cache_serverless and not metrics.plane.stage.cache_endpoint:
        yield _of_cache(metrics)
    yield _of_logs(metrics, functions)


def _of_function(metrics: Metrics, function: SluiceFunction) -> cloudwatch.MathExpression:
    gb_second = price("gb_second", metrics.plane.stage.arch).usd
    milliseconds, calls = f"{function.file}_ms", f"{function.file}_calls"
    cost = f"{milliseconds} * {_number(function.memory_mb / 1024 * gb_second / 1000)}"
    cost += f" + {calls} * {_number(price('million_requests').usd / 1e6)}"
    return _line(
        metrics,
        f"({cost}) * {_an_hour(milliseconds)}",
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
    return _line(
        metrics,
        f"kept * {_number(data)} + units * {_number(unit)} * {_an_hour('units')}",
        {
            "kept": metrics.cache("BytesUsedForCache"),
            "units": metrics.cache("ElastiCacheProcessingUnits", "Sum"),
        },
        "cache",
    )


def _of_logs(metrics: Metrics, functions: Sequence[SluiceFunction]) -> cloudwatch.MathExpression:
    groups = {f"{function.file}_log": metrics.log_bytes(function) for function in functions}
    cost = _number(price("log_gb").usd / 1e9)
    return _line(metrics, f"({' + '.join(groups)}) * {cost} * {_an_hour(next(iter(groups)))}", groups, "logs")


def _line(
    metrics: Metrics, expression: str, using: Mapping[str, cloudwatch.IMetric], label: str
) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=expression, using_metrics=using, label=label, period=metrics.period
    )


def _an_hour(metric: str) -> str:
    """Return the factor from a sum to an hour; a dashboard takes longer periods for longer spans of time."""
    return f"{_HOUR} / PERIOD({metric})"


def _number(value: float) -> str:
    """Write a small number without an exponent, to four significant digits: CloudWatch's arithmetic has none."""
    places = max(0, 3 - math.floor(math.log10(value)))
    return f"{value:.{places}f}"
