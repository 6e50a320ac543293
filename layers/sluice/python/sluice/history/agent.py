"""The nouns: what is known of one agent, as its records see it and as the cache keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from sluice.history.near import Entry, Packed
from sluice.history.profile import NO_PROFILE, Profile, Typical

# Changes with the shape below: what another version wrote counts as nothing.
_FORM: Final = 1


class State(NamedTuple):
    """Hold an agent's profile, the last value of each remembered field, and what was counted.

    `counted` has the highest offset a partition (`source topic-partition`): a retry changes nothing.
    """

    profile: Profile = NO_PROFILE
    values: Mapping[str, Any] = {}
    counted: Mapping[str, int] = {}


NO_STATE: Final = State()


@dataclass
class History:
    """Hold what one batch knows of an agent; `now` in epoch seconds.

    `packed` is the state as the cache has it, to replace that and nothing newer. `entries` is the
    newest earlier record in each slot, among them those of the batch itself.
    """

    now: int
    packed: bytes = b""
    state: State = NO_STATE
    entries: dict[str, Entry | Packed] = field(default_factory=dict)


def pack_state(state: State) -> bytes:
    """Write an agent's state as JSON."""
    profile = state.profile
    document = {
        "form": _FORM,
        "records": profile.records,
        "counts": {name: {str(b): n for b, n in buckets.items()} for name, buckets in profile.counts.items()},
        "typical": {name: [*typical] for name, typical in profile.typical.items()},
        "values": state.values,
        "counted": state.counted,
    }
    return orjson.dumps(document)


def unpack_state(packed: bytes) -> State:
    """Read an agent's state; the empty one for a value that is not ours."""
    try:
        document = orjson.loads(packed)
        if document["form"] != _FORM:
            return NO_STATE
        counts = {
            name: {int(b): int(n) for b, n in buckets.items()} for name, buckets in document["counts"].items()
        }
        typical = {name: Typical(int(m), max(1, int(d))) for name, (m, d) in document["typical"].items()}
        counted = {name: int(offset) for name, offset in document["counted"].items()}
        return State(Profile(int(document["records"]), counts, typical), dict(document["values"]), counted)
    except (ValueError, KeyError, TypeError, AttributeError):
        return NO_STATE
