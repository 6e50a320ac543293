"""A replay's plan and its result, for people; and what `--rate` makes of a plan."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from ops.cli import screen
from sluice.replay.estimate import estimate
from sluice.replay.request import MAX_CONCURRENCY

_OUTCOMES: Final = {
    "recovered": "stored and published",
    "duplicates": "a living record says the same",
    "parked": "failed too often; only --source parked takes them up",
    "busy": "another replay has them, or a run that died still holds them",
    "not_run": "the infrastructure failed; they wait",
}


def show_plan(planned: dict[str, Any]) -> None:
    """Print what a replay would do."""
    if not planned["selected"]:
        _nothing(planned)
        return
    cost = planned["estimate"]
    screen.out.print(
        f"{planned['selected']:,} letters, {planned['bytes']:,} bytes, in {planned['objects']:,} objects and "
        f"{planned['chunks']:,} chunks; on AWS about {cost['seconds']:,} s and ${cost['dollars']:,.4f}"
    )
    screen.table("", ("reason", "letters"), Counter(planned["reasons"]).most_common())
    screen.out.print()
    _outcomes("would become", planned)
    samples = [(one["id"], one["reason"], one["detail"]) for one in planned["samples"]]
    screen.out.print()
    screen.table("for example", ("id", "reason", "detail"), samples)


def show_output(came: dict[str, Any]) -> None:
    """Print what a replay did."""
    if not came["selected"]:
        _nothing(came)
    else:
        screen.out.print(f"{came['replay_id']}: {came['selected']:,} letters")
        _outcomes("became", came)
    screen.out.print(f"report: {came['report']}")


def _nothing(counts: dict[str, Any]) -> None:
    screen.out.print("nothing to do: no letter is what the filter asks for")
    _unreadable(counts)


def _outcomes(title: str, counts: dict[str, Any]) -> None:
    rows: list[tuple[str, int, str]] = [
        (name.replace("_", " "), counts[name], meaning) for name, meaning in _OUTCOMES.items() if counts[name]
    ]
    rows += [("still failing", n, reason) for reason, n in sorted(counts["still_failing"].items())]
    screen.table("", (title, "letters", ""), rows)
    _unreadable(counts)


def _unreadable(counts: dict[str, Any]) -> None:
    if counts["unreadable_objects"]:
        screen.out.print(
            f"{counts['unreadable_objects']:,} objects cannot be read; they are left as they are"
        )


def concurrency_for(rate: int, planned: dict[str, Any]) -> int:
    """Return how many chunks at a time run about `rate` letters a second, by the plan's own estimate; at least one."""
    alone = estimate(planned["selected"], planned["objects"], planned["chunks"], 1)
    one = planned["selected"] / max(1, alone.seconds)
    chunks = max(1, min(MAX_CONCURRENCY, int(rate / one)))
    screen.err.print(f"sluice: {chunks} chunks at a time: some {one * chunks:,.0f} letters a second")
    return chunks
