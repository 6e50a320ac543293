"""The estimate of a month's bill."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from infra.config import STAGES, load_stage
from infra.stage import Stage
from ops.cost.__main__ import main, notes
from ops.cost.estimate import ALARMS, Load, batch_records, disk_hours, estimate, savings, total
from ops.cost.prices import RECALLED, NoPriceError, all_prices, price
from tests.infra.synthesis import synthesised
from tests.infra.test_config import CACHE, CLUSTER

SMALL = Load(records=3e6)
LARGE = Load(records=1e9)


def by_part(stage: Stage, load: Load) -> dict[str, float]:
    return {line.part: line.usd for line in estimate(stage, load)}


def test_worked_example() -> None:
    """The fixed parts of `dev` are what one works out by hand from the prices."""
    bill = by_part(STAGES["dev"], SMALL)

    assert bill["brokers kafka.t3.small"] == pytest.approx(2 * 730 * 0.0456)
    assert bill["endpoint of lambda"] == bill["endpoint of sts"] == pytest.approx(2 * 730 * 0.01)
    assert bill["cache, data"] == pytest.approx(730 * 1 * 0.125)  # the least that is metered: 1 GB
    assert bill["brokers' disks"] == pytest.approx(2 * 10 * 0.10)


def test_what_grows_with_the_load() -> None:
    """A million records of 1 kB cost 2 million units of the cache and their share of traffic, to the cent."""
    once, twice = by_part(STAGES["prod"], LARGE), by_part(STAGES["prod"], replace(LARGE, records=2e9))

    assert once["cache, requests"] == pytest.approx(1000 * 2 * 0.0034)
    for part in ("cache, requests", "traffic between zones", "dead letters, storage"):
        assert twice[part] == pytest.approx(2 * once[part])
    assert twice["brokers kafka.m7g.large"] == once["brokers kafka.m7g.large"]


@pytest.mark.parametrize("name", STAGES)
def test_endpoints_are_on_the_bill(name: str) -> None:
    """Each interface endpoint of the template is a line of the bill, and no other."""
    lines = [part.removeprefix("endpoint of ") for part in by_part(STAGES[name], SMALL) if "endpoint" in part]
    made = [
        each["Properties"]["VpcEndpointType"]
        for each in synthesised(name).data["Resources"].values()
        if each["Type"] == "AWS::EC2::VPCEndpoint"
    ]

    assert len(lines) == made.count("Interface")
    assert tuple(lines) == STAGES[name].interface_endpoints


def test_alarms_are_on_the_bill() -> None:
    """The bill counts the alarms that the larger template has."""
    counts = [len(synthesised(name).of_type("AWS::CloudWatch::Alarm")) for name in STAGES]

    assert max(counts) == ALARMS


def test_pollers_are_on_the_bill() -> None:
    """Provisioned pollers cost by the poller unit; pollers on demand cost nothing."""
    assert "pollers" not in by_part(STAGES["dev"], SMALL)
    assert by_part(STAGES["prod"], LARGE)["pollers"] == pytest.approx(730 * 0.185)
    more = replace(STAGES["prod"], min_pollers=12)
    assert by_part(more, LARGE)["pollers"] == pytest.approx(3 * 730 * 0.185)  # 60 MB/s, 20 a unit


def test_what_is_brought_is_not_on_the_bill() -> None:
    """Neither brokers nor cache nor endpoints are, where they are yours."""
    parts = " ".join(by_part(load_stage(CLUSTER | CACHE), SMALL))

    assert not any(word in parts for word in ("brokers", "cache", "endpoint"))


def test_savings() -> None:
    """Each switch that is said to save money saves what is said, and one that is on already is not named."""
    for change, saved in savings(STAGES["dev"], SMALL):
        context = dict(word.split("=") for word in change.replace("-c ", "").split())
        assert total(STAGES["dev"], SMALL) - total(load_stage(context), SMALL) == pytest.approx(saved)
        assert saved >= 1
    frugal = load_stage({"cache_engine": "valkey"})
    assert "cache_engine=valkey" not in [change.removeprefix("-c ") for change, _ in savings(frugal, SMALL)]


def test_savings_without_a_price() -> None:
    """A node type that nobody knows the price of, and nobody uses, costs no more than its line of savings."""
    unknown = load_stage({"cache_node_type": "cache.m9.large"})

    assert [change for change, _ in savings(unknown, SMALL)] == ["-c cache_engine=valkey"]


def test_batches_keep_to_the_limits() -> None:
    """A batch holds neither more records than the stage says nor more bytes than an event takes."""
    flood = Load(records=1e12)

    assert batch_records(STAGES["prod"], flood) * flood.record_bytes * 1.4 <= 6_000_001
    assert batch_records(replace(STAGES["prod"], batch_size=10), flood) == 10
    assert batch_records(STAGES["prod"], Load(records=1)) == 1


def test_disks_that_are_too_small() -> None:
    """The notes say so when the disks cannot hold what the topics shall keep."""
    assert disk_hours(STAGES["prod"], LARGE) > 72
    assert disk_hours(STAGES["dev"], Load(records=0)) == math.inf
    said = notes(STAGES["dev"], LARGE, estimate(STAGES["dev"], LARGE))
    assert any("raise broker_storage_gib" in note for note in said)


def test_every_price_has_a_source_and_a_date() -> None:
    """Each price names who says so, and the month in which it was seen or that it was recalled."""
    prices = [each for kinds in all_prices().values() for each in kinds.values()]

    assert len(prices) > 20
    for each in prices:
        assert each.usd > 0
        assert each.source
        assert each.unit
        assert each.seen == RECALLED or re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", each.seen)


def test_no_price_is_no_zero() -> None:
    """A broker whose price nobody knows is no broker for nothing."""
    with pytest.raises(NoPriceError, match=r"kafka\.m9\.large.*prices\.toml"):
        price("broker", "kafka.m9.large")


@given(
    records=st.floats(1, 1e12),
    record_bytes=st.floats(50, 1e6),
    rejected=st.floats(0, 1),
    name=st.sampled_from(sorted(STAGES)),
)
def test_more_is_never_cheaper(records: float, record_bytes: float, rejected: float, name: str) -> None:
    """Twice the records cost at least as much, and every line is a number of dollars."""
    load = Load(records, record_bytes, rejected)

    assert total(STAGES[name], replace(load, records=2 * records)) >= total(STAGES[name], load) * 0.999
    assert all(math.isfinite(line.usd) and line.usd >= 0 for line in estimate(STAGES[name], load))


def test_program(capsys: pytest.CaptureFixture[str]) -> None:
    """The program prints every line with its source, and its total is their sum."""
    assert main(["--stage", "prod", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert main(["--stage", "prod"]) == 0
    table = capsys.readouterr().out

    assert f"{sum(line['usd'] for line in lines):,.2f}" in table
    assert all(line["price"]["source"] and line["part"] in table for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stage", "test"], "config: stage=test is not allowed; allowed: dev, prod"),
        (["-c", "partitons=3"], "config: partitons=3"),
        (["-c", "broker_type=kafka.m9.large"], "no price for kafka.m9.large"),
        (["-c", "nonsense"], "config: nonsense= is not allowed; allowed: key=value"),
    ],
)
def test_wrong_arguments(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said in one line, with exit code 2."""
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("amount", ["-5", "nan", "inf", "1e400", "many"])
@pytest.mark.parametrize("option", ["--records", "--bytes", "--rejected"])
def test_impossible_amounts(option: str, amount: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no amount ends in one line that names it, and in no bill."""
    with pytest.raises(SystemExit) as ended:
        main([option, amount])

    assert ended.value.code == 2
    assert amount in capsys.readouterr().err
