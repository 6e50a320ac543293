"""Which object a dead letter goes to, and how its line reads."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from itertools import permutations

import orjson
import pytest

from sluice.letters import lines, object_key
from sluice.outcome import DeadLetter
from sluice.record import Message, Origin
from tests.fakes.records import letter

NOW = datetime(2026, 11, 23, 10, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))


def read(one: DeadLetter) -> dict[str, object]:
    (line,) = lines([one], "1.0+abc", NOW).splitlines()
    found: dict[str, object] = orjson.loads(line)
    return found


def test_key() -> None:
    """The key says reason, day and hour of the oldest message, first origin, number, and a digest of the ids."""
    value = sha256(letter(7).message.value or b"").hexdigest()
    ids = f"agent_raw_output-0-7  {value}\nagent_raw_output-1-3  {value}"
    digest = sha256(ids.encode()).hexdigest()[:16]

    assert object_key([letter(3, partition=1), letter(7)]) == (
        f"dead-letters/reason=not_json/dt=2025-11-23/hh=08/agent_raw_output-0-7-2-{digest}.jsonl.gz"
    )


def test_key_of_the_same_letters() -> None:
    """The same letters have the same key in whatever order, other letters have another."""
    letters = [letter(1), letter(2), letter(10)]

    assert len({object_key(order) for order in permutations(letters)}) == 1
    assert len({object_key(part) for part in ([letter(1)], [letter(2)], letters, letters[:2])}) == 4
    assert object_key([letter(1, "empty")]) != object_key([letter(1)])


def test_key_of_namesakes() -> None:
    """Another message under the same id, of a topic made anew or of another cluster, goes to another object."""
    one = letter(1)
    others = [
        one._replace(message=one.message._replace(value=b"other")),
        one._replace(message=one.message._replace(value=None)),
        one._replace(source="0badcafe"),
    ]

    assert len({object_key([each]) for each in (one, *others)}) == 4


def test_header_names_without_utf8() -> None:
    """A lone surrogate in a header's name, which JSON can smuggle in, costs that character and not the letter."""
    odd = letter(1)
    odd = odd._replace(message=odd.message._replace(headers=(("x\ud800", b"1"),)))

    assert read(odd)["origin"]["headers"] == [["x?", "MQ=="]]  # type: ignore[index]


def test_key_goes_by_the_oldest() -> None:
    """Day and hour are those of the smallest broker timestamp, in UTC."""
    late = letter(1)
    early = letter(2)
    moment = datetime(2026, 1, 2, 23, 59, 59, 999_000, tzinfo=UTC)
    early = early._replace(message=early.message._replace(timestamp=int(moment.timestamp() * 1000)))
    late = late._replace(message=late.message._replace(timestamp=early.message.timestamp + 3_600_000))

    assert "/dt=2026-01-02/hh=23/agent_raw_output-0-1-2-" in object_key([late, early])


def test_line() -> None:
    """A letter holds its id, its bytes, where it came from, why it is there and the state of its repair."""
    origin = Origin("agent_raw_output", 3, 99)
    message = Message(
        origin, 1_763_885_700_000, b"\x00key", b"\xff\n{", (("traceparent", b"\x80"), ("x", b""))
    )

    assert read(DeadLetter(message, "decode", "not_utf8", "byte 0", "agent_output/1", "0badcafe")) == {
        "id": "agent_raw_output-3-99",
        "source": "0badcafe",
        "origin": {
            "topic": "agent_raw_output",
            "partition": 3,
            "offset": 99,
            "timestamp": 1_763_885_700_000,
            "key_b64": "AGtleQ==",
            "headers": [["traceparent", "gA=="], ["x", ""]],
        },
        "stage": "decode",
        "reason": "not_utf8",
        "detail": "byte 0",
        "schema": "agent_output/1",
        "pipeline": "1.0+abc",
        "state": "open",
        "attempt": 0,
        "first_failed_at": "2026-11-23T09:00:00.123Z",
        "failed_at": "2026-11-23T09:00:00.123Z",
        "replay_id": None,
        "value_b64": "/wp7",
        "value_sha256": sha256(b"\xff\n{").hexdigest(),
    }


@pytest.mark.parametrize("value", [None, b""])
def test_line_without_value(value: bytes | None) -> None:
    """A tombstone and an empty value are told apart."""
    found = read(letter(1, "empty", value=value))

    assert found["value_b64"] == (None if value is None else "")
    assert found["value_sha256"] == (None if value is None else sha256(b"").hexdigest())


def test_lines() -> None:
    """One line a letter, each ended, whatever line ends the bytes hold."""
    body = lines([letter(1, value=b"a\nb\r\n"), letter(2, value="\u2028".encode())], "p", NOW)

    assert body.endswith(b"\n")
    assert [b64decode(orjson.loads(line)["value_b64"]) for line in body.split(b"\n")[:-1]] == [
        b"a\nb\r\n",
        "\u2028".encode(),
    ]
    assert not re.search(rb"[\r\x80-\xff]", body)
