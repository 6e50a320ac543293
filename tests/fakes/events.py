"""What the functions make of each event that ships: the one table for fakes and for the real runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

EVENTS: Final = Path(__file__).resolve().parents[2] / "events"


class Made(NamedTuple):
    """The texts of the cleaned records, and the reasons of the dead letters, by `partition-offset`."""

    cleaned: dict[str, str]
    letters: dict[str, str]


MSK: Final = {
    "clean": Made({"0-10": "All is well.", "0-11": "Café at noon", "0-12": "See"}, {}),
    "mixed": Made(
        {"0-40": "All is well.", "0-42": "All is lost.", "1-6": "The plan has a gap. See"},
        {"1-5": "not_json", "1-7": "empty"},
    ),
    "poison": Made(
        {},
        {
            "0-70": "empty",
            "0-71": "not_utf8",
            "0-72": "not_json",
            "0-73": "not_object",
            "0-74": "too_deep",
            "0-75": "number_out_of_range",
            "0-76": "schema_unknown",
            "0-77": "schema_invalid",
        },
    ),
    "tombstone": Made({}, {"0-3": "empty"}),
    "multi_partition": Made({f"{p}-{o}": f"Step {o}." for p in range(3) for o in range(3)}, {}),
    "signed_headers": Made({"0-20": "Headers come as numbers."}, {}),
    "self_managed": Made({"3-0": "Café at noon"}, {}),
}
# What a look-up answers once `mixed` has been processed: its status, and the texts that it finds.
LOOKUPS: Final = {
    "hit": (200, {"All is well."}),
    "miss": (404, set[str]()),
    "latest": (200, {"All is well.", "All is lost."}),
}
# What the replay's functions are asked: `plan` for a dry run, `report` for a replay that nobody planned.
REPLAYS: Final = ("plan", "report")
# What a replay's `--repair` takes; an integration test of the replay uses it.
RULES: Final = ("upgraded-agent",)


def place(origin: str) -> str:
    """Return `partition-offset` of an origin's id."""
    return origin.removeprefix("agent_raw_output-")
