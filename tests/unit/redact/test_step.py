"""The redaction step: every string of a record, names and headers too."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from sluice.outcome import DeadLetter
from sluice.record import Record
from sluice.redact.redactor import Redactor
from sluice.wiring import build_pipeline
from tests.unit.samples import GOOD, SOURCE, message

KEY = b"k" * 32
KEYED = Redactor(KEY)
PIPELINE = build_pipeline(version="test", passed_headers=("tenant",), redaction_key=KEY)
MAIL = "bob@example.com"
HIDDEN = KEYED.text(MAIL)


def record_of(body: dict[str, Any], *headers: tuple[str, bytes]) -> Record:
    (verdict,) = PIPELINE.judge([message(GOOD | body, headers)], SOURCE)
    assert isinstance(verdict, Record)
    return verdict


def out(body: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(record_of(body).value)
    return value


def test_every_string() -> None:
    """Text, other fields, what is nested, and members' names: nothing of a secret is left."""
    body = {
        "text": f"ask {MAIL}",
        "to": MAIL,
        "list": [MAIL, {"x": [MAIL]}],
        MAIL: 1,
        "deep": {MAIL: {"y": MAIL}},
    }
    cleaned = out(body)

    assert cleaned["text"] == f"ask {HIDDEN}"
    assert cleaned["list"] == [HIDDEN, {"x": [HIDDEN]}]
    assert cleaned["deep"] == {HIDDEN: {"y": HIDDEN}}
    assert cleaned[HIDDEN] == 1
    assert MAIL.encode() not in record_of(body).value


def test_nothing_to_do() -> None:
    """A record without anything to find is left as it was, without a flag."""
    record = record_of({"n": 1, "text": "All is well.", "list": [None, True, 1.5, 10**11]})

    assert "redact" not in record.flags
    assert "redacted" not in orjson.loads(record.value)["_prep"]["features"]


def test_provenance() -> None:
    """A record says that it was redacted, and how often of which kind."""
    prep = out({"text": f"{MAIL} 078-05-1120", "to": MAIL})["_prep"]

    assert prep["flags"] == ["redact"]
    assert prep["features"]["redacted"] == {"EMAIL": 2, "SSN": 1}


def test_identity() -> None:
    """Key and cache key are built of the redacted name; the time stays a time."""
    record = record_of({"agent_id": f"agent of {MAIL}"})

    assert record.agent_id == f"agent of {HIDDEN}"
    assert record.cache_key == f"agent of {HIDDEN}:{GOOD['timestamp']}"
    assert orjson.loads(record.value)["timestamp"] == GOOD["timestamp"]


def test_a_time_is_no_number() -> None:
    """A timestamp is left alone, whatever its digits: the index is built of it."""
    stamp = "2026-01-05T09:00:00.4111111111111111Z"

    assert record_of({"timestamp": stamp, "text": MAIL}).timestamp == stamp


def test_names_for_context() -> None:
    """A member's name says what its value is."""
    body = {"db": {"password": "hunter22", "api_key": "9f8a7c6e5d4b3a29", "user": "hunter22"}}

    cleaned = out(body)["db"]
    assert cleaned["password"] == KEYED.redact("hunter22", "password=")[0]
    assert cleaned["api_key"].startswith("<SECRET:")
    assert cleaned["user"] == "hunter22"


def test_names_that_become_one() -> None:
    """Two names of one placeholder are two members still."""
    cleaned = out({"m": {"bob@example.com": 1, "BOB@example.com": 2, "x": 3}})

    assert cleaned["m"] == {HIDDEN: 1, f"{HIDDEN}#2": 2, "x": 3}


def test_numbers() -> None:
    """A card's number is redacted as a number, too; other numbers stay numbers."""
    cleaned = out({"card": 4111111111111111, "ids": [4111111111111112, -4111111111111111, 1767600000000]})

    assert cleaned["card"] == KEYED.text("4111111111111111")
    assert out({"password": 12345678, "port": 12345678})["port"] == 12345678
    assert out({"password": 12345678})["password"] == KEYED.redact("12345678", "password=")[0]
    assert out({"password": True, "pwd": 1234, "secret": 1.5})["pwd"] == 1234
    assert cleaned["ids"] == [4111111111111112, -4111111111111111, 1767600000000]


def test_escaped_names() -> None:
    """JSON escapes hide nothing: the record's strings are what counts."""
    value = json.dumps(GOOD).replace("All is well.", r"\u0062ob\u0040example.com").encode()
    (record,) = PIPELINE.judge([message(value)], SOURCE)

    assert isinstance(record, Record)
    assert record.body["text"] == HIDDEN


def test_headers() -> None:
    """A header that passes is redacted; the message itself keeps its bytes for the dead letters."""
    record = record_of({}, ("tenant", MAIL.encode()), ("other", b"x"))

    assert ("tenant", HIDDEN.encode()) in record.headers
    assert record.message.headers[0] == ("tenant", MAIL.encode())


@pytest.mark.parametrize(
    "hidden",
    [
        "bob\x1b[1m@example\x1b[0m.com",
        "bob\u200b@example.com",
        "bob@exam\x08\x7fple.com",
        "078-\u202e05-1120",
        "4111\n 1111\n 1111\n 1111",
    ],
)
def test_what_cleaning_uncovers(hidden: str) -> None:
    """What only shows when the text is clean is redacted then, and one more run changes nothing."""
    record = record_of({"text": f"see {hidden} now"})
    (again,) = PIPELINE.judge([message(record.value)], SOURCE)

    assert record.redacted
    assert "example" not in record.body["text"]
    assert "1120" not in record.body["text"]
    assert "1111" not in record.body["text"]
    assert isinstance(again, Record)
    assert again.body["text"] == record.body["text"]


def test_content() -> None:
    """The content is that of before redaction, under the key: unlike secrets are unlike contents, and none can be tried out."""
    one, two = record_of({"text": "Bob@example.com"}), record_of({"text": MAIL})
    other = build_pipeline(version="test", redaction_key=b"o" * 32).judge([two.message], SOURCE)[0]

    assert one.body["text"] == two.body["text"]
    assert isinstance(other, Record)
    assert len({one.content, two.content, other.content}) == 3


def test_a_failure_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that cannot be redacted goes nowhere but to the dead letters, and the detail quotes nothing of it."""

    def fail(*_: object) -> None:
        raise ValueError(MAIL)

    monkeypatch.setattr(Redactor, "redact", fail)
    (letter,) = PIPELINE.judge([message(GOOD | {"text": MAIL})], SOURCE)

    assert isinstance(letter, DeadLetter)
    assert (letter.stage, letter.reason, letter.detail) == ("redact", "step_failed", "ValueError")
