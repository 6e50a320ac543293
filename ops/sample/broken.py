"""Messages that must become dead letters, one function a reason; each call returns the next variant.

`step_failed` would be a fault of ours, and `undelivered` is given by a replay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ops.sample.dice import Dice
from ops.sample.limits import MAX_CLEANED_BYTES, MAX_MESSAGE_BYTES

Body = dict[str, Any]
# A sound message and a number that says which variant is due → the bytes to send.
Break = Callable[[Body, int], bytes]


def dump(body: object) -> bytes:
    """Return the message as most agents send it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def empty(_: Body, __: int) -> bytes:
    """A tombstone: an empty line."""
    return b""


def padded(body: Body, length: int) -> bytes:
    """Return the message with a text of Base64-like letters that makes it exactly `length` bytes."""
    head = dump({**body, "text": ""})
    blob = "".join(chr(65 + (i * i // 7 + i) % 26) for i in range(length - len(head)))
    return dump({**body, "text": blob})


def too_large(body: Body, variant: int) -> bytes:
    """Longer than MAX_MESSAGE_BYTES, by one byte or by more."""
    return padded(body, MAX_MESSAGE_BYTES + (1, 4_000)[variant % 2])


def not_utf8(body: Body, variant: int) -> bytes:
    """Bytes of another charset, cut characters, UTF-16, binary."""
    good = dump({**body, "text": "Grüße aus Zürich"})
    variants = (
        good.replace("ü".encode(), b"\xfc"),
        good.replace("ü".encode(), b"\xc3"),
        b"\xff\xfe" + dump({"agent_id": "a"}).decode().encode("utf-16-le"),
        b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x08agent_id",
        good.replace("ü".encode(), b"\xed\xa0\xbd"),
    )
    return variants[variant % len(variants)]


def not_json(body: Body, variant: int) -> bytes:
    """Truncated, in Python's notation, with comments, twice in one line, or no JSON at all."""
    good = dump(body)
    variants = (
        good[: len(good) // 2],
        good[:-1] + b",}",
        repr(body).encode(),
        b"Traceback (most recent call last): TimeoutError",
        good[:-1] + b',"score":NaN}',
        good + good,
        good[:-1] + b',"emoji":"\\ud83d"}',
        good[:-1] + b',"tab":"a\tb"}',
        b"   ",
        good[:-1] + b"} // done",
    )
    return variants[variant % len(variants)]


def not_object(body: Body, variant: int) -> bytes:
    """JSON, but a list, a string (double-encoded), a number, null."""
    variants = (dump([body]), dump(dump(body).decode()), b"42", b"null", b"true", b'"' + b"x" * 30 + b'"')
    return variants[variant % len(variants)]


def too_deep(body: Body, variant: int) -> bytes:
    """Nested beyond 64 levels, in lists or in objects, or beyond what a parser takes."""
    good = dump(body)[:-1]
    variants = (
        good + b',"tree":' + b"[" * 70 + b"]" * 70 + b"}",
        good + b',"tree":' + b'{"child":' * 80 + b"1" + b"}" * 80 + b"}",
        good + b',"tree":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        # Deeper than orjson writes, though it reads it.
        good + b',"tree":' + b"[" * 300 + b"]" * 300 + b"}",
    )
    return variants[variant % len(variants)]


def number_out_of_range(body: Body, variant: int) -> bytes:
    """Integers beyond 64 bits, floats beyond a double."""
    numbers = (
        b"18446744073709551616",
        b"1e999",
        b"-9223372036854775809",
        b"[1,-1e400]",
        b"1" * 40,
        b"1e-400",
    )
    return dump(body)[:-1] + b',"usage":{"tokens":' + numbers[variant % len(numbers)] + b"}}"


def schema_unknown(body: Body, variant: int) -> bytes:
    """A schema that the registry does not hold."""
    return dump({**body, "schema": ("nope/9", "agent_output/0", "", 7, "../agent_output/1")[variant % 5]})


def schema_invalid(body: Body, variant: int) -> bytes:
    """A field missing, of another type, or not what its format says."""
    timestamps = (
        "yesterday", "2026-01-05", "2026-01-05T10:00:00", "2026-13-05T10:00:00Z", "2026-02-30T10:00:00Z",
        "2026-01-05T24:00:00Z", "2026-01-05 10:00:00Z", f"{body['timestamp']}\n", 1767607200, None,
    )  # fmt: skip
    agents = ("#recent:planner", "", "a" * 257, "line\nbreak", "nul\x00", 17, ["planner"])
    bodies: list[Body] = [
        {k: v for k, v in body.items() if k != left_out} for left_out in ("agent_id", "timestamp", "text")
    ]
    bodies += [{**body, "timestamp": timestamp} for timestamp in timestamps]
    bodies += [{**body, "agent_id": agent} for agent in agents]
    bodies += [
        {**body, "text": text} for text in (None, ["part one", "part two"], {"role": "assistant"}, 3.5)
    ]
    bodies.append({})
    return dump(bodies[variant % len(bodies)])


# The agent whose new release names the text otherwise and stamps in epochs: all it writes can be mended.
UPGRADED_AGENT = "scribe-40"
_UPGRADED_AT = 1_767_600_000


def upgraded(body: Body, variant: int) -> bytes:
    """Sound in itself, but the agent's new release renamed `text` and stamps in epoch seconds or milliseconds.

    `events/repair/upgraded-agent.json` holds the rules that mend it.
    """
    seconds = _UPGRADED_AT + 61 * variant  # each a time of its own: no two are one record
    stamp = seconds if variant % 2 else 1_000 * seconds
    return dump({"agent_id": UPGRADED_AGENT, "timestamp": stamp, "output": body["text"]})


def growing(body: Body, _: int) -> bytes:
    """Small when it comes, too large when it is written again: a list of floats in short notation.

    "1e15," has 5 bytes, "1000000000000000.0," has 19.
    """
    floats = b",".join(b"%de15" % (1 + i * i % 9) for i in range(MAX_CLEANED_BYTES // 12))
    return dump(body)[:-1] + b',"embedding":[' + floats + b"]}"


def refused(body: Body, variant: int) -> bytes:
    """Good in itself, but of letters that do not compress, so the cleaned topic's broker finds it too large."""
    dice = Dice(variant)
    room = MAX_MESSAGE_BYTES - 512 - len(dump({**body, "text": ""}))
    return dump(
        {**body, "text": "".join(chr(dice.between(48, 57) + 49 * dice.below(2)) for _ in range(room))}
    )


# How often each is sent: the large ones seldom, the file is to stay small.
BREAKS: tuple[tuple[Break, str, int], ...] = (
    (empty, "empty", 12),
    (too_large, "too_large", 3),
    (not_utf8, "not_utf8", 15),
    (not_json, "not_json", 30),
    (not_object, "not_object", 12),
    (too_deep, "too_deep", 6),
    (number_out_of_range, "number_out_of_range", 12),
    (schema_unknown, "schema_unknown", 10),
    (schema_invalid, "schema_invalid", 50),
    (upgraded, "schema_invalid", 45),
    (growing, "cleaned_too_large", 2),
    (refused, "refused_by_broker", 2),
)
