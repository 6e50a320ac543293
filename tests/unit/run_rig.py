"""A run without servers: what was sent, and honest places to tamper with."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ops.twin.collect import Consumed, Letter
from ops.twin.ledger import Ledger
from ops.twin.verify import Check, Judge
from sluice.outcome import DeadLetter
from sluice.record import Record
from sluice.wiring import build_pipeline

SOURCE = "0123abcd"
_PIPELINE = build_pipeline()


def judge(messages: Sequence[object]) -> list[Record | DeadLetter]:
    return _PIPELINE.judge(messages, SOURCE)  # type: ignore[arg-type]


JUDGE: Judge = judge


def value(agent: str = "a", second: int = 0, text: str = "plain text") -> bytes:
    return orjson.dumps({"agent_id": agent, "timestamp": f"2026-01-01T00:00:{second:02d}Z", "text": text})


def sent(values: Sequence[bytes | None], partitions: int = 2) -> Ledger:
    """Deliver number n to partition n % partitions, at 1000 ms + n."""
    ledger = Ledger("raw-0a", partitions, values)
    for number in range(len(values)):
        ledger.note(number, number % partitions, number // partitions, 1000 + number)
    return ledger


def cleaned(ledger: Ledger, number: int, offset: int = 0) -> Consumed:
    """Return the message that an honest function publishes for a sent record."""
    (record,) = judge([ledger.message(number)])
    assert isinstance(record, Record)
    key = record.agent_id.encode()
    return Consumed(key[0] % 2, offset, 1500, key, record.value, _headers(record))


def _headers(record: Record) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in record.headers if isinstance(value, bytes)]


def letter(ledger: Ledger, number: int) -> Letter:
    """Return the letter that an honest function writes for a sent record."""
    message = ledger.message(number)
    (verdict,) = judge([message])
    assert isinstance(verdict, DeadLetter)
    return Letter(message.origin.id, verdict.reason, message.value, b"{}")


def honest(values: Sequence[bytes | None], dropped: Sequence[int] = ()) -> tuple[Ledger, Check]:
    """Check a run in which all but the dropped numbers arrived where they belong."""
    ledger = sent(values)
    check = Check(ledger, JUDGE)
    verdicts = judge([ledger.message(number) for number in range(len(values))])
    arrived = [number for number in range(len(values)) if number not in dropped]
    check.cleaned([cleaned(ledger, number) for number in arrived if isinstance(verdicts[number], Record)])
    check.letters([letter(ledger, number) for number in arrived if isinstance(verdicts[number], DeadLetter)])
    return ledger, check
