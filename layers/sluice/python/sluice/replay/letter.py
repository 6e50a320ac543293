"""A dead letter as it reads back from its object: its line, its message, its identity."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Literal, get_args

import orjson
from pybase64 import b64decode

from sluice.record import JsonObject, Message, Origin

Letter = JsonObject
State = Literal[
    # waits for a replay
    "open",
    # a replay stored and published it
    "recovered",
    # a replay found that a living record says the same, or the letter repeats another letter
    "duplicate",
    # tried often enough: only `"source": "parked"` takes it up again
    "parked",
    # somebody decided against it; the letter says who and why
    "discarded",
]
STATES: Final[frozenset[str]] = frozenset(get_args(State))
# Nothing takes these up again.
FINAL: Final[frozenset[str]] = frozenset({"recovered", "duplicate", "discarded"})


class UnreadableError(ValueError):
    """Raised for an object that does not hold letters; it is left as it is, and counted."""


def read_letters(body: bytes) -> list[Letter]:
    """Return the letters of one object, in order; of an emptied one none. Raises UnreadableError."""
    if not body:
        return []
    try:
        letters = [orjson.loads(line) for line in gzip.decompress(body).split(b"\n") if line]
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError) as error:
        raise UnreadableError(f"not gzip of JSON lines: {type(error).__name__}") from None
    # One bad line makes the whole object unreadable: what cannot be read whole is never written anew.
    for number, letter in enumerate(letters, start=1):
        if not _is_letter(letter):
            raise UnreadableError(f"line {number} is not a letter")
    return letters


def write_letters(letters: Iterable[Letter]) -> bytes:
    """Return the body of an object; the same letters make the same bytes."""
    return gzip.compress(b"".join(orjson.dumps(letter) + b"\n" for letter in letters), 6, mtime=0)


def _is_letter(letter: Any) -> bool:
    try:
        message = message_of(letter)
        texts = [letter[name] for name in ("id", "state", "reason", "first_failed_at")]
        numbers = (letter["attempt"], message.origin.partition, message.origin.offset, message.timestamp)
        claim = letter.get("claim") or {"replay_id": "", "until": ""}
        texts += [message.origin.topic, claim["replay_id"], claim["until"]]
        texts += [name for name, _ in message.headers]
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return (
        all(type(text) is str for text in texts)
        and letter["state"] in STATES
        and all(type(number) is int for number in (*numbers, letter.get("starts", 0)))
    )


def message_of(letter: Letter) -> Message:
    """Return the message as the broker stored it."""
    origin = letter["origin"]
    return Message(
        Origin(origin["topic"], origin["partition"], origin["offset"]),
        origin["timestamp"],
        _bytes(origin["key_b64"]),
        _bytes(letter["value_b64"]),
        tuple((name, _bytes(value) or b"") for name, value in origin["headers"]),
    )


def size_of(letter: Letter) -> int:
    """Return the bytes of the letter's message, without decoding them."""
    text = letter["value_b64"] or ""
    return len(text) * 3 // 4 - text.count("=", -2)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, None, True)


def identity(letter: Letter) -> bytes:
    """Return 16 bytes that stand for the message itself, in whatever object its letter lies.

    Its id, its event source and its digest: a topic made anew begins at offset 0 again, and a letter of
    the old one must not pass for one of the new.
    """
    name = f"{letter['id']} {letter.get('source') or ''} {letter.get('value_sha256')}"
    return blake2b(name.encode(), digest_size=16).digest()


def claimed(letter: Letter, now: str) -> str:
    """Return the id of the replay whose claim on the letter still holds, or nothing; `now` as `moment` writes it."""
    claim = letter.get("claim")
    return str(claim["replay_id"]) if claim and claim["until"] > now else ""


def moment(when: datetime) -> str:
    """Return a point in time as letters hold it: RFC 3339, UTC, milliseconds; such texts sort by time."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
