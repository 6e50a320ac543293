"""What the events of `events/msk` hold, in a form that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

TOPIC: Final = "agent_raw_output"


class Raw(NamedTuple):
    """One message of the raw topic; `value` None is a tombstone."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def _text(agent: str, timestamp: str, text: str) -> bytes:
    return f'{{"agent_id": "{agent}", "timestamp": "{timestamp}", "text": "{text}"}}'.encode()


_PLANNER: Final = b"planner-7"
_EARLY, _LATE = "2026-11-23T08:15:00Z", "2026-11-23T09:30:00Z"
_TRACE: Final = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

# Nothing but what comes through, with all that is washed away.
CLEAN: Final = (
    Raw(0, 10, _text("planner-7", _EARLY, "All is  well."), _PLANNER, (_TRACE,)),
    Raw(0, 11, _text("writer-1", _EARLY, "Caf\u00c3\u00a9 at\\nnoon"), b"writer-1"),
    Raw(0, 12, _text("critic-2", _LATE, "See https://docs.example/plan\\u001b[31m!\\u001b[0m"), b"critic-2"),
)
# One of each outcome: two first ones, a duplicate, a conflict, and two that are bad.
MIXED: Final = (
    Raw(0, 40, _text("planner-7", _EARLY, "All is well."), _PLANNER, (_TRACE,)),
    Raw(0, 41, _text("planner-7", _EARLY, "All is well."), _PLANNER, (_TRACE,)),
    Raw(0, 42, _text("planner-7", _EARLY, "All is lost."), _PLANNER, (("sluice-profile", b"prose"),)),
    Raw(1, 5, b'{"agent_id":"planner-7","text":"cut of'),
    Raw(
        1, 6, _text("critic-2", _EARLY, "The plan \u200bhas a gap.  See https://docs.example/plan\\u001b[0m")
    ),
    Raw(1, 7, None, _PLANNER),
)
# Nothing but bad ones: one of each reason that a message can have without being large.
POISON: Final = (
    Raw(0, 70, None, _PLANNER),
    Raw(0, 71, b"\xff\xfe{}"),
    Raw(0, 72, b'{"agent_id": "planner-7"'),
    Raw(0, 73, b'["an", "array"]'),
    Raw(0, 74, b'{"agent_id": "planner-7", "deep": ' + b"[" * 70 + b"]" * 70 + b"}"),
    Raw(0, 75, b'{"agent_id": "planner-7", "n": 123456789012345678901234567890}'),
    Raw(0, 76, _text("planner-7", _EARLY, "x"), None, (("sluice-schema", b"nobody_knows/9"),)),
    Raw(0, 77, _text("planner-7", "yesterday", "x")),
)
TOMBSTONE: Final = (Raw(0, 3, None, _PLANNER),)
MULTI_PARTITION: Final = tuple(
    Raw(partition, offset, _text(f"agent-{partition}", f"2026-11-23T08:15:{offset:02}Z", f"Step {offset}."))
    for partition in (2, 0, 1)  # the event source keeps no order among partitions
    for offset in range(3)
)
# Java's bytes are signed: those of "é" arrive as -61, -87.
SIGNED_HEADERS: Final = (
    Raw(
        0, 20, _text("planner-7", _EARLY, "Headers come as numbers."), _PLANNER,
        (_TRACE, ("tracestate", "caf\u00e9=1".encode()), ("dropped", bytes(range(120, 136)))),
    ),
)  # fmt: skip
SELF_MANAGED: Final = (
    Raw(3, 0, _text("writer-1", "2026-11-23T08:16:00.250+01:00", "Caf\u00c3\u00a9  at\\nnoon"), b"writer-1"),
)

MSK: Final[Mapping[str, tuple[Raw, ...]]] = {
    "clean": CLEAN,
    "mixed": MIXED,
    "poison": POISON,
    "tombstone": TOMBSTONE,
    "multi_partition": MULTI_PARTITION,
    "signed_headers": SIGNED_HEADERS,
}
