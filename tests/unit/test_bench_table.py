"""The benchmarks' table and targets."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ops.bench.table import WIDTH, render
from ops.bench.targets import BUDGET, REQUIRED, Target, judge


def figure(median: float) -> dict[str, float]:
    return {"median": median, "low": median * 0.9, "high": median * 1.1}


def column() -> dict[str, Any]:
    return {
        "records": 10_000,
        "rounds": 7,
        "cpu_us": {"whole": figure(40), "floor": figure(20), "bare_floor": figure(10), "seed": figure(2_600)},
        "stages_us": {"read_event": figure(2), "publish": figure(6)},
        "rest_us": 32.0,
        "records_per_second": figure(21_000),
        "seed_over_sluice": figure(65),
        "sluice_over_floor": figure(2),
        "sluice_over_bare_floor": figure(4),
    }


def results() -> dict[str, Any]:
    percentiles = {f"{kind}_{p}_ms": 420.0 for kind in ("cleaned", "lookup") for p in ("p50", "p99")}
    lookup = {f"{kind}_{p}_ms": 0.25 for kind in ("one", "latest") for p in ("p50", "p99")}
    run = {"cpu_us": 60.0, "around_us": 9.0, "records_per_second": 12_345.0}
    return {
        "speed": {name: column() for name in ("500 B", "2 kB", "8 kB", "real")},
        "linearity": {"cpu_us": {"2000": figure(40), "200000": figure(42)}, "deviation": 0.05},
        "twin": {"500 B": run, "real": run},
        "partitions": {"runs": {"1": run, "2": run, "4": run}, "deviation": 0.02},
        "latency": {"rate": 500, "p99_ms": 420.0, **percentiles},
        "lookup": {"calls": 2_000, "latest": 10, "p99_ms": 0.25, **lookup},
        "memory": {
            "events": 50,
            "event_bytes": 6_291_000,
            "first_rss_mb": 140.0,
            "last_rss_mb": 147.0,
            "first_peak_mb": 150.0,
            "last_peak_mb": 153.0,
            "growth": 0.05,
        },
        "imports": {
            name: {"ms": figure(200), "over_boto3": figure(1)} for name in ("boto3", "preprocess", "lookup")
        },
        "notes": ["no real data"],
    }


def test_all_targets_met() -> None:
    """Every target, also of the final budget, finds its figure in the results."""
    assert [verdict.met for verdict in judge(results(), REQUIRED + BUDGET)] == [True] * 10


@pytest.mark.parametrize(
    ("path", "value", "missed"),
    [
        (("speed", "500 B", "seed_over_sluice", "median"), 39.9, "times the speed of the seed loop, 500 B"),
        (("speed", "500 B", "sluice_over_floor", "median"), 3.1, "times the CPU of the floor, 500 B"),
        (("linearity", "deviation"), 0.16, "CPU per record over 2k, 20k, 200k records"),
        (("memory", "growth"), 0.11, "RSS of the function, 50th event of 6 MB over 1st"),
        (("lookup", "p99_ms"), 5.1, "lookup p99"),
        (("latency", "p99_ms"), 1_001.0, "append to cleaned and lookup-able, p99, 500 records/s"),
    ],
)
def test_a_target_missed(path: tuple[str, ...], value: float, missed: str) -> None:
    """A figure on the wrong side of its limit misses that target and no other."""
    changed = copy.deepcopy(results())
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value

    assert [verdict.target.name for verdict in judge(changed, REQUIRED) if not verdict.met] == [missed]


def test_what_was_not_measured_is_missed() -> None:
    """A target without its measurement is not met, and says so."""
    verdicts = judge({}, REQUIRED)

    assert not any(verdict.met for verdict in verdicts)
    assert render({}, verdicts).count("not measured") == len(REQUIRED)


@pytest.mark.parametrize(("at_least", "met"), [(True, True), (False, True)])
def test_the_limit_itself_is_met(*, at_least: bool, met: bool) -> None:
    """A figure that equals its limit meets it."""
    target = Target("exactly", lambda _: 3.0, at_least, 3.0)

    assert judge({}, (target,))[0].met is met


def test_the_table_fits() -> None:
    """Every line of the table fits a terminal of 120 columns, with every section in it."""
    found = results()
    lines = render(found, judge(found, REQUIRED + BUDGET)).splitlines()

    assert max(map(len, lines)) <= WIDTH
    for heading in ("read_event", "seed loop", "200,000", "through the twin", "append to", "lookup, 2,000"):
        assert any(heading in line for line in lines)


@pytest.mark.parametrize(
    "section", ["speed", "linearity", "twin", "partitions", "latency", "lookup", "memory"]
)
def test_a_section_left_out(section: str) -> None:
    """What was not measured is left out of the table, the rest stays."""
    found = results()
    whole = render(found, [])
    del found[section]

    assert 0 < len(render(found, [])) < len(whole)


def test_verdicts_as_json() -> None:
    """A verdict names its figure, its limit with its side, and whether it is met."""
    verdict = judge(results(), REQUIRED)[1]

    assert verdict.as_dict() == {
        "name": "times the CPU of the floor, 500 B",
        "figure": 2.0,
        "at_most": 3,
        "met": True,
    }
