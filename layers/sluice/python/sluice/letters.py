"""Dead letters as objects: which file a letter goes to and how its line reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import orjson
from pybase64 import b64encode

from sluice.outcome import DeadLetter

# The last millisecond that a date can hold. Producers may set any 64-bit timestamp, -1 means none.
_LATEST_MS: Final = 253_402_300_799_999


def object_key(letters: Sequence[DeadLetter]) -> str:
    """Return the key of the object for one batch's letters of one reason; the same letters, the same key."""
    first = min(letter.message.origin for letter in letters)
    oldest_ms = min(letter.message.timestamp for letter in letters)
    oldest = datetime.fromtimestamp(min(max(oldest_ms, 0), _LATEST_MS) / 1000, UTC)
    digest = sha256("\n".join(sorted(map(_identity, letters))).encode()).hexdigest()[:16]
    return (
        f"dead-letters/reason={letters[0].reason}/dt={oldest:%Y-%m-%d}/hh={oldest:%H}/"
        f"{first.id}-{len(letters)}-{digest}.jsonl.gz"
    )


def _identity(letter: DeadLetter) -> str:
    # Not the id alone: a topic made anew begins at offset 0 again, and another cluster may use the same names.
    # "Already written" must mean this very message.
    return f"{letter.message.origin.id} {letter.source} {_digest(letter.message.value)}"


def lines(letters: Sequence[DeadLetter], pipeline: str, failed_at: datetime) -> bytes:
    """Return the letters as JSON Lines, each with its original bytes, its origin and the reason."""
    now = failed_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b"".join(orjson.dumps(_letter(letter, pipeline, now)) + b"\n" for letter in letters)


def _letter(letter: DeadLetter, pipeline: str, now: str) -> dict[str, object]:
    message = letter.message
    return {
        "id": message.origin.id,
        "source": letter.source,
        "origin": {
            "topic": message.origin.topic,
            "partition": message.origin.partition,
            "offset": message.origin.offset,
            "timestamp": message.timestamp,
            "key_b64": _base64(message.key),
            "headers": [[_sendable(name), _base64(value)] for name, value in message.headers],
        },
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "schema": letter.schema,
        "pipeline": pipeline,
        "state": "open",
        "attempt": 0,
        "first_failed_at": now,
        "failed_at": now,
        "replay_id": None,
        "value_b64": _base64(message.value),
        "value_sha256": _digest(message.value),
    }


def _digest(value: bytes | None) -> str | None:
    return None if value is None else sha256(value).hexdigest()


def _sendable(name: str) -> str:
    # JSON escapes can smuggle a lone surrogate into a header's name; UTF-8 has none.
    return name.encode(errors="replace").decode()


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()
