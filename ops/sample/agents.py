"""The agents of a sample: each has a name and a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ops.sample.dice import Dice

# Fixed: a sample that depends on today cannot be remade.
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_ROLES = (
    "planner",
    "booking",
    "retriever",
    "coder",
    "reviewer",
    "Übersetzer",
    "研究员",
    "sql agent",
    "jane.doe@example.com",
)
_ZONES = (
    UTC,
    UTC,
    UTC,
    timezone(timedelta(hours=1)),
    timezone(timedelta(hours=-7)),
    timezone(timedelta(hours=5, minutes=30)),
)


class Agents:
    """Hand out messages; an agent's timestamps ascend, so no two of its messages share an identity."""

    def __init__(self, count: int, dice: Dice) -> None:
        """Begin with all clocks at START."""
        self._clocks = [(f"{_ROLES[i % len(_ROLES)]}-{i:02}", dice.pick(_ZONES)) for i in range(count)]
        self._elapsed = [0] * count

    def message(self, dice: Dice, text: str) -> dict[str, Any]:
        """Return the next message of one of the agents; a few of them write most."""
        which = min(dice.below(len(self._clocks)), dice.below(len(self._clocks)))
        name, zone = self._clocks[which]
        self._elapsed[which] += dice.between(1, 9_000)
        return {"agent_id": name, "timestamp": timestamp(self._elapsed[which], zone), "text": text}


def timestamp(elapsed_ms: int, zone: timezone = UTC) -> str:
    """Return START and so many milliseconds in RFC 3339; UTC is written Z."""
    moment = (START + timedelta(milliseconds=elapsed_ms)).astimezone(zone)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
