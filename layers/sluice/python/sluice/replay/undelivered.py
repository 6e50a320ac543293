"""What the event source gave up on, as letters: one object of its on-failure bucket, one object of letters.

The original stays. Its key's layout is not documented and means nothing here; key and version name the
import, so that each version is imported once.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson

from sluice.letters import lines
from sluice.outcome import DeadLetter
from sluice.replay.letter import UnreadableError, read_letters
from sluice.replay.store import LETTERS, PARKED, REPLAYED, REPLAYS, UNDELIVERED, Listed
from sluice.source import read_event

# Should both be one bucket, these are ours.
_OURS: Final = (LETTERS, REPLAYED, PARKED, REPLAYS)
_WORD: Final = re.compile(r"[A-Za-z]{1,64}")


def import_key(original: Listed) -> str:
    """Return the key of the letters of one version of an on-failure object."""
    name = sha256(f"{original.key}\n{original.etag}".encode()).hexdigest()[:32]
    return f"{UNDELIVERED}dt={original.modified[:10]}/hh={original.modified[11:13]}/{name}.jsonl.gz"


def originals(listing: Iterator[Listed]) -> Iterator[Listed]:
    """Yield the objects of the bucket that are the event source's."""
    return (listed for listed in listing if not listed.key.startswith(_OURS))


def imported(body: bytes, modified: str, pipeline: str) -> bytes:
    """Return the object of letters for an on-failure object; `modified` stands in for a time it does not tell.

    Raises UnreadableError for what does not hold a Kafka event in `payload`, an escaped JSON string.
    """
    try:
        envelope = orjson.loads(body)
        source, messages = read_event(orjson.loads(envelope["payload"]))
        failed_at = _time(envelope.get("timestamp")) or datetime.fromisoformat(modified)
        detail = f"the event source gave up{_condition(envelope)}"
        letters = [DeadLetter(m, "replay", "undelivered", detail, "", source) for m in messages]
        made = gzip.compress(lines(letters, pipeline, failed_at), 6, mtime=0) if letters else b""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableError(f"not an on-failure record: {type(error).__name__}") from None
    # A field of the wrong type shows up here, and not when the letter is needed.
    read_letters(made)
    return made


def _time(text: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
        # At the calendar's edge a time may have no counterpart in UTC, which letters are written in.
        return when.astimezone(UTC) if when.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError):
        return None


def _condition(envelope: dict[str, Any]) -> str:
    context = envelope.get("requestContext")
    condition = context.get("condition") if isinstance(context, dict) else None
    return f": {condition}" if isinstance(condition, str) and _WORD.fullmatch(condition) else ""
