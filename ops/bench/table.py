"""The results as one plain table of at most 120 columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ops.bench.targets import Verdict

WIDTH = 120
Results = Mapping[str, Any]
_CONTENDERS = {
    "whole": "Sluice, the whole handler",
    "floor": "floor",
    "bare_floor": "bare floor, no redis-py",
}
_RATIOS = {
    "seed_over_sluice": "seed ÷ Sluice",
    "sluice_over_floor": "Sluice ÷ floor",
    "sluice_over_bare_floor": "Sluice ÷ bare floor",
}


def render(results: Results, verdicts: Sequence[Verdict]) -> str:
    """Return the table; sections that were not measured are left out."""
    return "\n".join(_lines(results, verdicts)) + "\n"


def _lines(results: Results, verdicts: Sequence[Verdict]) -> Iterator[str]:
    speed = results.get("speed", {})
    if speed:
        yield from _speed(speed)
    for section in (_cleaning, _linearity, _twin, _latency, _lookup, _memory, _imports):
        yield from section(results)
    for note in results.get("notes", ()):
        yield f"note: {note}"
    yield ""
    for verdict in verdicts:
        yield _verdict(verdict)


def _row(label: str, cells: Sequence[str]) -> str:
    return f"{label:<31}" + "".join(f"{cell:>22}" for cell in cells)


def _figure(figure: Mapping[str, float], unit: str = "") -> str:
    return f"{_short(figure['median'])}{unit} [{_short(figure['low'])}-{_short(figure['high'])}]"


def _short(number: float) -> str:
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}"


def _speed(speed: Results) -> Iterator[str]:
    columns = list(speed.values())
    rounds = min(column["rounds"] for column in columns)
    yield _row("median [least-greatest]", list(speed))
    yield f"µs of CPU a record, {rounds} rounds in turn"
    for stage in columns[0]["stages_us"]:
        yield _row(f"  {stage}", [_figure(column["stages_us"][stage]) for column in columns])
    yield _row("  all else in the handler", [_short(column["rest_us"]) for column in columns])
    for name, label in _CONTENDERS.items():
        yield _row(label, [_figure(column["cpu_us"][name]) for column in columns])
    yield _row("seed loop", [_figure(column["cpu_us"]["seed"]) for column in columns])
    yield "ratios, round by round"
    for name, label in _RATIOS.items():
        yield _row(f"  {label}", [_figure(column[name], "x") for column in columns])
    yield _row("records/s, handler alone", [_figure(column["records_per_second"]) for column in columns])


def _linearity(results: Results) -> Iterator[str]:
    if "linearity" in results:
        linearity = results["linearity"]
        yield ""
        yield _row("records", [f"{int(size):,}" for size in linearity["cpu_us"]])
        yield _row("µs of CPU a record, 500 B", [_figure(each) for each in linearity["cpu_us"].values()])
        yield f"  greatest over least: +{linearity['deviation']:.1%}"


def _cleaning(results: Results) -> Iterator[str]:
    if "cleaning" in results:
        operators = results["cleaning"]
        yield ""
        yield _row("cleaning, µs of CPU a text", ["500 B", "2 kB", "50 x hostile text"])
        for name, figures in operators.items():
            growth = [f"{figures['growth']:.0f} x"] if "growth" in figures else []
            yield _row(f"  {name}", [f"{figures[size]:.2f}" for size in ("500 B", "2 kB")] + growth)


def _twin(results: Results) -> Iterator[str]:
    if "twin" in results:
        yield ""
        runs = results["twin"]
        yield _row("end to end through the twin", list(runs))
        yield _row("records/s", [_short(run["records_per_second"]) for run in runs.values()])
    if "partitions" in results:
        yield ""
        runs = results["partitions"]["runs"]
        yield _row("partitions and pollers, 500 B", list(runs))
        yield _row("µs of CPU, pollers + functions", [_short(run["cpu_us"]) for run in runs.values()])
        yield _row("  emulators and service around", [_short(run["around_us"]) for run in runs.values()])
        yield _row("records/s", [_short(run["records_per_second"]) for run in runs.values()])
        yield f"  greatest over least CPU: +{results['partitions']['deviation']:.1%}"


def _latency(results: Results) -> Iterator[str]:
    if "latency" in results:
        latency = results["latency"]
        yield ""
        yield _row(f"append to …, {latency['rate']} records/s", ["p50", "p99"])
        for kind, label in (("cleaned", "cleaned"), ("lookup", "answered by lookup")):
            yield _row(f"  {label}", [f"{_short(latency[f'{kind}_{p}_ms'])} ms" for p in ("p50", "p99")])


def _lookup(results: Results) -> Iterator[str]:
    if "lookup" in results:
        lookup = results["lookup"]
        yield ""
        yield _row(f"lookup, {lookup['calls']:,} calls each", ["p50", "p99"])
        for kind, label in (("one", "one record"), ("latest", f"the newest {lookup['latest']}")):
            yield _row(f"  {label}", [f"{lookup[f'{kind}_{p}_ms']:.2f} ms" for p in ("p50", "p99")])


def _memory(results: Results) -> Iterator[str]:
    if "memory" in results:
        memory = results["memory"]
        yield ""
        size = f"event of {memory['event_bytes'] / 1024 / 1024:.1f} MB"
        yield _row("memory of the function", [f"1st {size}", f"{memory['events']}th"])
        yield _row("  resident", [f"{_short(memory[f'{which}_rss_mb'])} MB" for which in ("first", "last")])
        yield _row("  peak", [f"{_short(memory[f'{which}_peak_mb'])} MB" for which in ("first", "last")])
        yield f"  growth: {memory['growth']:+.1%}"


def _imports(results: Results) -> Iterator[str]:
    if "imports" in results:
        yield ""
        modules = results["imports"]
        yield _row("import, fresh interpreters", list(modules))
        yield _row("  ms", [_figure(module["ms"]) for module in modules.values()])
        yield _row("  ÷ boto3", [_figure(module["over_boto3"], "x") for module in modules.values()])


def _verdict(verdict: Verdict) -> str:
    target = verdict.target
    side = "≥" if target.at_least else "≤"
    found = "not measured" if verdict.figure is None else f"{verdict.figure:.2f} {target.unit}".strip()
    wanted = f"{side} {target.limit:g} {target.unit}".strip()
    return f"{'met   ' if verdict.met else 'MISSED'}  {target.name:<58} {found:>14}   ({wanted})"
