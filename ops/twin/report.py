"""What a run prints on standard output: a table for people, one JSON object for programs."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from ops.twin.verify import Findings, Sample

_SHOWN_CHARACTERS = 600


def summarise(findings: Findings, retried: int, seconds: float) -> dict[str, Any]:
    """Return the summary: received = cleaned + duplicates + dead letters + lost (+ on_failure, where there are any)."""
    summary: dict[str, Any] = {
        "received": findings.received,
        "cleaned": findings.cleaned,
        "repeats": findings.repeats,
        "duplicates": findings.duplicates,
        "conflicts": findings.conflicts,
        "dead_letters": dict(sorted(findings.dead_letters.items())),
        "retried": retried,
        "lost": findings.lost,
        "seconds": round(seconds, 3),
        "records_per_second": round(findings.received / seconds, 1) if seconds else 0.0,
    }
    if findings.given_up_alone:
        summary["on_failure"] = findings.given_up_alone
    return summary


def percentile(values: array[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(console: Console, summary: Mapping[str, Any], findings: Findings, check_seconds: float) -> None:
    """Print the table and one record before and after."""
    table = Table(title="What became of the records", title_justify="left")
    table.add_column("outcome")
    table.add_column("records", justify="right")
    table.add_column("meaning", style="dim")
    for name, count, meaning in _rows(summary):
        table.add_row(name, f"{count:,}", meaning)
    console.print(table)
    console.print(
        f"{summary['received']:,} records in {summary['seconds']:.1f} s: "
        f"{summary['records_per_second']:,.0f} records/s; checked in {check_seconds:.1f} s",
        highlight=False,
    )
    fresh = findings.freshness
    console.print(
        f"freshness, from raw to cleaned message: p50 {percentile(fresh, 0.5):,.0f} ms, "
        f"p99 {percentile(fresh, 0.99):,.0f} ms",
        highlight=False,
    )
    if findings.sample is not None:
        _show_sample(console, findings.sample)


def _rows(summary: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    letters: Mapping[str, int] = summary["dead_letters"]
    rows = [
        ("received", summary["received"], "sent, by the broker's own word"),
        ("cleaned", summary["cleaned"], "in the topic, byte for byte as they must be"),
        ("  conflicts", summary["conflicts"], "of these: same identity, other content"),
        ("  repeats", summary["repeats"], "further copies of these"),
        ("duplicates", summary["duplicates"], "dropped: the same is in another place"),
        ("dead letters", sum(letters.values()), "in the bucket, with the bytes sent"),
        *((f"  {reason}", count, "") for reason, count in letters.items()),
    ]
    if "on_failure" in summary:
        rows.append(("on-failure", summary["on_failure"], "the event source gave up on them"))
    rows.append(("retried", summary["retried"], "given back to the event source first"))
    rows.append(("lost", summary["lost"], "found nowhere"))
    return rows


def what_next(summary: Mapping[str, Any], *, stays: bool, sample: bool) -> list[str]:
    """Return what to type about the dead letters; a twin of the run's own takes them with it."""
    letters: Mapping[str, int] = summary["dead_letters"]
    if not letters:
        return []
    ordered = sorted(letters.items(), key=lambda pair: -pair[1])
    lines = [
        f"{sum(letters.values()):,} dead letters: {', '.join(f'{reason} {n:,}' for reason, n in ordered)}"
    ]
    replay = "make replay" if sample else "make replay ARGS='--repair rules.json'"
    if not stays:
        return [*lines, f"  to replay them, run on a twin that stays:  make up run   and then   {replay}"]
    return [
        *lines,
        "  to look at them:    make sluice ARGS='stats --local'   make sluice ARGS='ls --local'",
        f"  to replay them:     {replay}     (counts first, then asks)",
    ]


def _show_sample(console: Console, sample: Sample) -> None:
    # Escaped: a record may hold what would drive the terminal.
    console.print("one record, before and after:")
    for name, value in (("before", sample.before), ("after", sample.after)):
        console.print(f"  {name:6} {_shown(value)}", markup=False, highlight=False, soft_wrap=True)


def _shown(value: bytes) -> str:
    text = json.dumps(orjson.loads(value.removeprefix(b"\xef\xbb\xbf")))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
