"""Estimate what a stage costs a month: `python -m ops.cost --stage prod --records 1e9 -c cache_engine=valkey`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.table import Table

from infra.config import ConfigError, load_stage
from infra.stage import Stage
from ops.cdk.cli import pair, standing_context
from ops.cost.estimate import Line, Load, disk_hours, estimate, savings
from ops.cost.prices import RECALLED, NoPriceError

# Records a month where none are given: about one a second, and about four hundred a second.
RECORDS: Final = {"dev": 3e6, "prod": 1e9}


def show(stage: Stage, load: Load, lines: Sequence[Line]) -> None:
    """Print the bill as a table, largest part first, and what to mind about it."""
    title = f"{stage.name}: {load.records:,.0f} records of {load.record_bytes:,.0f} B a month, us-east-1"
    table = Table("part", "quantity", "unit", "USD a unit", "USD a month", "why", "source, seen", title=title)
    for line in sorted(lines, key=lambda each: -each.usd):
        table.add_row(
            line.part,
            f"{line.quantity:,.2f}",
            line.price.unit,
            f"{line.price.usd:.7f}".rstrip("0").rstrip("."),
            f"{line.usd:,.2f}",
            line.why,
            f"{line.price.source}, {line.price.seen}",
        )
    dollars = sum(line.usd for line in lines)
    table.add_section()
    table.add_row(
        "total", "", "", "", f"{dollars:,.2f}", f"{dollars / load.records * 1e6:,.2f} a million records", ""
    )
    Console(width=None if sys.stdout.isatty() else 190).print(table)
    for note in notes(stage, load, lines):
        print(note)


def notes(stage: Stage, load: Load, lines: Sequence[Line]) -> list[str]:
    """Return what the table does not say: savings, disks that are too small, prices to check."""
    found = [f"saves {usd:,.0f} USD a month: {change}" for change, usd in savings(stage, load)]
    held, kept = disk_hours(stage, load), max(stage.raw_retention_hours, stage.cleaned_retention_hours)
    if held < kept and not stage.cluster_arn:
        found.append(
            f"the brokers' disks hold {held:.0f} hours at this rate, the topics shall keep {kept}:"
            " raise broker_storage_gib or lower the retention"
        )
    recalled = sum(line.usd for line in lines if line.price.seen == RECALLED)
    found.append(f"{recalled:,.0f} USD of it rest on prices that nobody has looked up lately ({RECALLED})")
    found.append("not on it: tax, support, data leaving the region, consumers of the cleaned topic, look-ups")
    return found


def _amount(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text} is no amount: allowed are numbers from 0")
    return number


def main(arguments: Sequence[str]) -> int:
    """Print the estimate and return the exit code, 2 for arguments that are wrong."""
    parser = argparse.ArgumentParser(prog="python -m ops.cost", description=__doc__, allow_abbrev=False)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="key=value")
    parser.add_argument("--records", type=_amount, help="a month")
    parser.add_argument("--bytes", type=_amount, default=Load.record_bytes, help="of a raw record")
    parser.add_argument("--rejected", type=_amount, default=Load.rejected, help="share of dead letters")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        context = {"stage": given.stage, **dict(map(pair, given.context))}
        stage = load_stage(standing_context() | context)
        load = Load(given.records or RECORDS[stage.name], given.bytes, given.rejected)
        lines = estimate(stage, load)
    except (ConfigError, NoPriceError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps([asdict(line) | {"usd": line.usd} for line in lines], indent=2))
    else:
        show(stage, load, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
