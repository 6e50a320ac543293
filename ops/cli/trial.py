"""One message through the pipeline on this machine, step by step: no infrastructure, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final, NamedTuple

from sluice.outcome import Rejected
from sluice.pipeline import STEP_ERRORS, standard_steps
from sluice.record import Message, Record, Step
from sluice.replay.repair import Rule, for_reason, repairing, unwrapping
from sluice.settings import DOCUMENTED
from sluice.validate import SCHEMA_HEADER, load_schemas
from sluice.version import pipeline_version

# What a step may fill or change, in the order of the flow.
_FIELDS: Final = (
    "body", "schema", "agent_id", "timestamp", "cache_key", "content", "flags", "headers", "value",
)  # fmt: skip


class Done(NamedTuple):
    """What one step did: the fields that it set, with their values before and after; or why it refused."""

    step: str
    changes: dict[str, tuple[Any, Any]]
    refusal: Rejected | None


def steps_for(rules: Sequence[Rule], reason: str) -> tuple[Step, ...]:
    """Return the current steps with the functions' own limits, rules where a replay has them."""
    limits = {setting.name: setting.default or "" for setting in DOCUMENTED}
    decode, *others = standard_steps(
        int(limits["MAX_MESSAGE_BYTES"]),
        int(limits["MAX_CLEANED_BYTES"]),
        load_schemas(),
        pipeline_version(),
        (),
    )
    chosen = for_reason(tuple(rules), reason)
    return (*unwrapping(chosen), decode, *repairing(chosen), *others)


def run(message: Message, steps: Sequence[Step], schema: str = "") -> list[Done]:
    """Return what each step does to a message, up to the one that refuses it."""
    if schema:
        others = tuple(header for header in message.headers if header[0] != SCHEMA_HEADER)
        message = message._replace(headers=((SCHEMA_HEADER, schema.encode()), *others))
    record = Record(message, "0" * 8)
    done: list[Done] = []
    before = _state(record)
    for step in steps:
        refusal = None
        try:
            step(record)
        except Rejected as no:
            refusal = no
        except STEP_ERRORS as fault:
            refusal = Rejected("step_failed", type(fault).__name__)
        after = _state(record)
        changed = {name: (before.get(name), after[name]) for name in after if after[name] != before.get(name)}
        done.append(Done(step.__name__, changed, refusal))
        if refusal is not None:
            break
        before = after
    return done


def result(done: Sequence[Done]) -> tuple[bytes, Rejected | None]:
    """Return the cleaned record, or why there is none."""
    last = done[-1]
    if last.refusal is not None:
        return b"", last.refusal
    return last.changes["value"][1], None


def _state(record: Record) -> dict[str, Any]:
    return {name: deepcopy(getattr(record, name)) for name in _FIELDS if hasattr(record, name)}
