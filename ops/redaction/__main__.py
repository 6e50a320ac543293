"""Print how many planted secrets redaction misses, and what it finds in your own messages (as shapes, never as text)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from ops.redaction.measure import Finds, Recall, find_in, measure_recall
from ops.twin.inputs import InputError, parse_object, read_values


def main() -> int:
    """Measure what the arguments ask for; exit code 1 when a planted secret was missed, 2 for an unreadable input."""
    parser = argparse.ArgumentParser(prog="python -m ops.redaction", description=__doc__)
    parser.add_argument("--input", help=".jsonl, .jsonl.gz, .b64 or - for standard input")
    parser.add_argument(
        "--each", type=int, default=20, help="secrets a kind and disguise (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: %(default)s)")
    options = parser.parse_args()
    console = Console()
    recall = measure_recall(options.each, options.seed)
    console.print(_recall_table(recall))
    if options.input:
        try:
            console.print(_finds_table(find_in(_bodies(options.input))))
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
    return int(bool(recall.missed))


def _bodies(source: str) -> Iterator[dict[str, Any]]:
    return (body for value in read_values(source) if (body := parse_object(value)) is not None)


def _recall_table(recall: Recall) -> Table:
    total = recall.planted.total()
    share = 1 - len(recall.missed) / total
    table = Table("planted", "times", "found", title=f"Recall: {share:.2%} of {total:,} planted secrets")
    for name, times in recall.planted.items():
        table.add_row(name, str(times), f"{recall.of(name):.1%}")
    for name, disguise, text in recall.missed[:5]:
        table.add_row("missed", disguise, f"{name}: {text[:200]!r}")
    return table


def _finds_table(finds: Finds) -> Table:
    title = (
        f"Found in {finds.touched:,} of {finds.messages:,} messages: judge by their shapes what is no secret"
    )
    table = Table("rule", "finds", "shapes (x a letter, 9 a digit)", title=title)
    for name, number in finds.counts.most_common():
        table.add_row(name, str(number), "\n".join(finds.shapes[name]))
    return table


if __name__ == "__main__":
    sys.exit(main())
