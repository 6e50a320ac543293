"""How long a replay takes on AWS and what it costs, roughly: list prices of us-east-1, on-demand, 2026."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

# Requests to S3 for one object: claimed, settled, archived, emptied; read by Plan and by its chunk, and by Report,
# which follows it into the archive.
_PUTS, _GETS = 4, 4
_PUT_DOLLARS: Final = 0.005 / 1_000
_GET_DOLLARS: Final = 0.0004 / 1_000
# A child execution is two transitions beside its start, a call is one request.
_TRANSITIONS: Final = 3
_TRANSITION_DOLLARS: Final = 0.025 / 1_000
_CALL_DOLLARS: Final = 0.20 / 1_000_000
# Arm, 1,769 MB: one vCPU.
_SECOND_DOLLARS: Final = 0.0000133334 * 1_769 / 1_024
# Assumed, not measured on AWS: an S3 request of some 25 ms, a flush to the broker, a child's start.
_OBJECT_SECONDS: Final = 0.15
_CHUNK_SECONDS: Final = 0.5
# Read, judge, store, publish and write anew one letter of some 2 kB, measured on one core.
_LETTER_SECONDS: Final = 0.0003


class Estimate(NamedTuple):
    """Hold whole seconds and US dollars."""

    seconds: int
    dollars: float


def estimate(letters: int, objects: int, chunks: int, concurrency: int) -> Estimate:
    """Return time and cost of running so many letters in so many objects and chunks."""
    busy = letters * _LETTER_SECONDS + objects * _OBJECT_SECONDS + chunks * _CHUNK_SECONDS
    dollars = (
        objects * (_PUTS * _PUT_DOLLARS + _GETS * _GET_DOLLARS)
        + chunks * (_TRANSITIONS * _TRANSITION_DOLLARS + _CALL_DOLLARS)
        + busy * _SECOND_DOLLARS
    )
    return Estimate(ceil(busy / max(1, min(concurrency, chunks))), round(dollars, 4))
