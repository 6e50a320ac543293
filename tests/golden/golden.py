"""The golden cases: what the pure pipeline makes of `events/golden/<case>/input.jsonl`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from sluice.letters import lines
from sluice.outcome import DeadLetter
from sluice.record import Message, Origin, Record
from sluice.source import source_of
from sluice.wiring import build_pipeline

CASES = Path(__file__).resolve().parents[2] / "events/golden"
# Small, so that what is too large stays readable.
MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES = 600, 800
# Fixed: the files change when a record's result does, not with every edit of a rule.
VERSION = "golden"
# Of one case only: the others need none, and their content can be checked by hand.
REDACTION_KEYS = {"secrets": b"the key of the golden case of secrets"}
TIMESTAMP = 1_795_421_700_000
FAILED_AT = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)


class Result(NamedTuple):
    """The two files that a case's input leads to."""

    cleaned: bytes
    dead_letters: bytes


def run_case(name: str) -> Result:
    """Judge a case's input: each line's bytes are one message, as `make run INPUT=…` reads them; an empty one has none."""
    raw = (CASES / name / "input.jsonl").read_bytes()
    messages = [
        Message(Origin(f"golden_{name}", 0, offset), TIMESTAMP + offset, None, line or None, ())
        for offset, line in enumerate(raw.removesuffix(b"\n").split(b"\n"))
    ]
    pipeline = build_pipeline(
        MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES, VERSION, redaction_key=REDACTION_KEYS.get(name, b"")
    )
    verdicts = pipeline.judge(messages, source_of("golden"))
    letters = [verdict for verdict in verdicts if isinstance(verdict, DeadLetter)]
    cleaned = [_line(verdict) for verdict in verdicts if isinstance(verdict, Record)]
    return Result(b"".join(cleaned), lines(letters, VERSION, FAILED_AT))


def _line(record: Record) -> bytes:
    """Write key and headers readably, and the value byte for byte."""
    headers = {name: value.decode() for name, value in record.headers if isinstance(value, bytes)}
    head = orjson.dumps({"key": record.agent_id, "headers": headers})
    return head[:-1] + b',"value":' + record.value + b"}\n"
