"""What a batch leaves in the logs: metrics that CloudWatch takes, one line, nobody's words."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any, NamedTuple

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given, strategies as st

from sluice.deliver import Delivery
from sluice.outcome import Cleaned, DeadLetter, Duplicate, Outcome, Retry
from sluice.reasons import REASONS, Reason
from sluice.telemetry import METRIC_NAMES, NAMESPACE, logger, report, sample
from tests.unit.samples import message, record_of

CANARY = "canary-5EcrE7"
NUMBERS = itertools.count()
NOW = 1_763_885_760_000  # a minute after the messages


class Written(NamedTuple):
    """The EMF lines of a batch, as text and parsed, and its log line."""

    lines: list[str]
    metrics: list[dict[str, Any]]
    log: dict[str, Any]
    log_text: str


def written(delivery: Delivery, replaced: int = 0) -> Written:
    lines: list[str] = []
    stream = io.StringIO()
    # Loggers of one name share the first one's stream.
    log = Logger(service=f"preprocess-{next(NUMBERS)}", stream=stream)
    report(delivery, NOW, "request-1", log=log, replaced=replaced, write=lines.append)
    return Written(
        lines, [json.loads(line) for line in lines], json.loads(stream.getvalue()), stream.getvalue()
    )


def outcomes(
    cleaned: int = 0, conflicts: int = 0, duplicates: int = 0, retried: int = 0, **letters: int
) -> list[Outcome]:
    """Make so many outcomes of each kind, every message of them full of canaries."""
    made: list[Outcome] = []
    for number in range(cleaned + duplicates):
        one = message(offset=number, agent_id=CANARY, text=CANARY, headers=((CANARY, CANARY.encode()),))
        record = record_of(one)
        record.conflict = number < conflicts
        made.append(Cleaned(record) if number < cleaned else Duplicate(record, "t-0-0"))
    for reason in REASONS:
        bad = message(CANARY.encode() * 2)
        made += [DeadLetter(bad, "decode", reason, CANARY, CANARY) for _ in range(letters.get(reason, 0))]
    return made + [Retry(message(text=CANARY)) for _ in range(retried)]


FULL = Delivery(
    outcomes(cleaned=5, conflicts=2, duplicates=3, retried=4, empty=1, not_json=2),
    {"t-0": 7},
    stage_seconds={"judge": 0.0012345, "store": 0.5, "publish": 1.0, "dead_letters": 0.0},
    histories_missed=6,
)
STAGES = ["JudgeMilliseconds", "StoreMilliseconds", "PublishMilliseconds", "DeadLettersMilliseconds"]


def declared(line: dict[str, Any]) -> dict[str, str]:
    """Return the metrics that a line declares, with their units."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}


def test_form() -> None:
    """Each line is EMF: our namespace, declared dimensions and metrics that are there, few enough values."""
    for text, line in zip(*written(FULL)[:2], strict=True):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        (dimensions,) = directive["Dimensions"]

        assert text.startswith('{"_aws"')
        assert "\n" not in text
        assert directive["Namespace"] == NAMESPACE == "Sluice"
        assert isinstance(line["_aws"]["Timestamp"], int)
        assert all(isinstance(line[name], str) for name in dimensions)
        assert line["request_id"] == "request-1"
        assert set(line) == {"_aws", "request_id", *dimensions, *declared(line)}
        for name in declared(line):
            values = line[name] if isinstance(line[name], list) else [line[name]]
            assert 1 <= len(values) <= 100
            assert all(isinstance(value, int | float) and value >= 0 for value in values)


def test_names() -> None:
    """All metrics have names from the closed list, the units that the names imply, and the list has no others."""
    units = {name: unit for line in written(FULL).metrics for name, unit in declared(line).items()}

    assert set(units) == set(METRIC_NAMES)
    for name, unit in units.items():
        ending = next((ending for ending in ("Bytes", "Milliseconds") if name.endswith(ending)), "Count")
        assert unit == ending


def test_dimensions() -> None:
    """The batch's line has the service as its dimension, a reason's line the reason, too; never an agent."""
    first, *others = written(FULL).metrics
    dimensions = [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for line in (first, *others)]

    assert [sorted(one) for (one,) in dimensions] == [
        ["service"],
        ["reason", "service"],
        ["reason", "service"],
    ]
    assert {line["service"] for line in (first, *others)} == {"preprocess"}
    assert [(line["reason"], line["DeadLetters"]) for line in others] == [("empty", 1), ("not_json", 2)]


def test_counts() -> None:
    """The numbers are those of the batch, and they add up to what was received."""
    line = written(FULL, replaced=1).metrics[0]

    assert {name: value for name, value in line.items() if declared(line).get(name) == "Count"} == {
        "RecordsReceived": 15,
        "RecordsCleaned": 5,
        "RecordsConflict": 2,
        "RecordsDuplicate": 3,
        "RecordsRedacted": 0,
        "RecordsDeadLettered": 3,
        "RecordsRetried": 4,
        "BreakerTripped": 0,
        "ProducersReplaced": 1,
        "HistoriesMissed": 6,
        "HeadersDropped": 5,
    }
    assert [line[name] for name in STAGES] == [1.234, 500.0, 1000.0, 0.0]


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    st.dictionaries(st.sampled_from(REASONS), st.integers(1, 3)),
)
def test_conservation(cleaned: int, duplicates: int, retried: int, letters: dict[Reason, int]) -> None:
    """Whatever became of a batch, received = cleaned + duplicates + dead-lettered + retried, and reasons add up."""
    made = outcomes(cleaned=cleaned, duplicates=duplicates, retried=retried, **letters)
    first, *others = written(Delivery(made, {})).metrics
    parts = ("RecordsCleaned", "RecordsDuplicate", "RecordsDeadLettered", "RecordsRetried")

    assert first["RecordsReceived"] == len(made) == sum(first[name] for name in parts)
    assert {line["reason"]: line["DeadLetters"] for line in others} == letters


def test_nobody_is_quoted() -> None:
    """Neither a record's text, nor an agent, a header, a key or a letter's detail is in any line."""
    result = written(FULL)

    assert CANARY not in "".join(result.lines)
    assert CANARY not in result.log_text


def test_the_log_line() -> None:
    """One line a batch: a warning with the cut partitions, or a note when nothing was cut."""
    cut = written(FULL).log
    smooth = written(Delivery(outcomes(cleaned=1), {}, faults={"cache": "OOM"})).log

    assert (cut["level"], cut["message"], cut["cuts"]) == ("WARNING", "batch", {"t-0": 7})
    assert cut["counts"]["RecordsReceived"] == 15
    assert cut["dead_letters"] == {"empty": 1, "not_json": 2}
    assert (smooth["level"], smooth["cuts"], smooth["faults"]) == ("INFO", {}, {"cache": "OOM"})


def test_log_lines_are_no_metrics() -> None:
    """The log line is not EMF: only lines that begin with `_aws` are."""
    assert "_aws" not in written(FULL).log


def test_the_breaker() -> None:
    """A tripped breaker is counted, its records as retried."""
    line = written(Delivery(outcomes(retried=20), {"t-0": 0}, breaker=True)).metrics[0]

    assert (line["BreakerTripped"], line["RecordsRetried"]) == (1, 20)


def test_an_empty_batch() -> None:
    """A batch of nothing has counts of nothing and no distributions."""
    (line,) = written(Delivery([], {})).metrics

    assert line["RecordsReceived"] == 0
    assert {"MessageBytes", "FreshnessMilliseconds"}.isdisjoint(line)


def test_distributions() -> None:
    """Sizes count the values' bytes, a tombstone's none; freshness is never negative."""
    late = message(b"12345")._replace(timestamp=NOW + 9)
    line = written(
        Delivery([Retry(message(b"123")), Retry(late), Retry(late._replace(value=None))], {})
    ).metrics[0]

    assert line["MessageBytes"] == [0, 3, 5]
    assert line["FreshnessMilliseconds"] == [0, 0, 60_000]


def test_large_batches() -> None:
    """A batch of any size has at most 100 values of a distribution."""
    line = written(Delivery(outcomes(retried=1_001), {})).metrics[0]

    assert len(line["MessageBytes"]) == len(line["FreshnessMilliseconds"]) == 100


@given(st.lists(st.integers(0, 10**9), max_size=300), st.integers(2, 100))
def test_samples(values: list[int], size: int) -> None:
    """A sample is sorted, from the values, no larger than asked, and holds the least and the greatest."""
    found = sample(values, size)

    assert found == sorted(found)
    assert len(found) == min(len(values), size)
    assert not values or (found[0], found[-1]) == (min(values), max(values))
    assert set(found) <= set(values)
    if len(values) <= size:
        assert found == sorted(values)


def test_samples_are_even() -> None:
    """A sample's quantiles are the values' own."""
    assert sample(range(1_000), 100) == [round(n * 999 / 99) for n in range(100)]


def test_the_logger(capsys: pytest.CaptureFixture[str]) -> None:
    """The functions' logger writes one JSON object a line."""
    logger("other").info("hello")
    line = json.loads(capsys.readouterr().out)

    assert (line["service"], line["message"], line["level"]) == ("other", "hello", "INFO")
