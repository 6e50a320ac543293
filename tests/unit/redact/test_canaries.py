"""Canaries: secrets planted wherever a message has room are found nowhere but in the encrypted buckets' raw bytes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ops.redaction.disguises import DISGUISES
from sluice.redact.rules import load_rules
from tests.fakes.bucket import FakeS3
from tests.unit.test_wiring import Context, Wired, wire

RULES = load_rules()
STAMP = "2026-11-23T08:15:{:02}.{:03}Z"
# What a letter holds of the message itself, by design: the bucket is encrypted and replay needs it.
RAW = ("value_b64", "key_b64", "headers")


def secrets() -> list[str]:
    """Return every rule's secret, as it is written where nothing hides it."""
    found = []
    for rule in RULES:
        before, _, after = rule.becomes.partition(f"<{rule.kind}>")
        found.append(rule.hit[len(before) : len(rule.hit) - len(after)])
    return found


def bodies() -> list[bytes]:
    """Return messages with each rule's secret in every place, disguised in every way, sound and broken."""
    made: list[bytes] = []
    for rule in RULES:
        base = {"agent_id": "planner", "text": "x"}
        hit = rule.hit
        places: list[dict[str, Any]] = [
            {**base, "text": f"see {hit} there"}, {**base, "meta": {"deep": [hit]}}, {**base, hit: {hit: hit}},
            {**base, "agent_id": hit.replace("\n", " ")},
            *({**base, "text": disguise(hit), "more": disguise(hit)} for disguise in DISGUISES.values()),
        ]  # fmt: skip
        for number, place in enumerate(places):
            place["timestamp"] = STAMP.format(number, len(made) % 1000)
            made.append(json.dumps(place, ensure_ascii=bool(number % 2)).encode())
        broken = [
            {**base, "timestamp": hit},
            {**base, "agent_id": [hit]},
            {**base, "schema": hit},
            {hit: hit},
            [hit],
        ]
        made += [json.dumps(body).encode() for body in broken]
        made += [f"{hit} is not JSON".encode(), json.dumps(hit).encode() + b"\xff"]
    return made


def event(values: list[bytes]) -> dict[str, Any]:
    """Return an MSK event of these messages; keys and headers hold secrets, too."""
    header = {"traceparent": list(secrets()[3].encode())}, {"tenant": list(b"bob@example.com")}, {"x": [1]}
    records = [
        {
            "topic": "raw", "partition": 0, "offset": offset, "timestamp": 1_763_885_700_000, "timestampType": "CREATE_TIME",
            "key": base64.b64encode(value).decode(), "value": base64.b64encode(value).decode(), "headers": [*header],
        }
        for offset, value in enumerate(values)
    ]  # fmt: skip
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": "arn:aws:kafka:eu-central-1:1:cluster/c/1",
        "bootstrapServers": "b:9092",
        "records": {"raw-0": records},
    }


def letters(s3: FakeS3) -> list[dict[str, Any]]:
    """Return the letters without what they hold of the message itself."""
    kept = s3.letters()
    for letter in kept:
        for name in RAW:
            letter.pop(name, None)
            letter["origin"].pop(name, None)
    return kept


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return bodies()


def run(monkeypatch: pytest.MonkeyPatch, values: list[bytes]) -> Wired:
    wired = wire(monkeypatch, PARTIAL_FAILURES="true", PASSED_HEADERS="tenant", LOG_LEVEL="DEBUG")
    assert wired.preprocess(event(values), Context()) == {"batchItemFailures": []}
    return wired


def test_canaries(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], values: list[bytes]
) -> None:
    """No planted secret is in the cleaned topic, its keys and headers, the cache, the letters' fields, logs or metrics."""
    wired = run(monkeypatch, values)
    printed = "".join(capfd.readouterr())
    published = [stored for log in wired.broker.logs for stored in log]
    places = {
        "topic": repr([(one.key, one.value, one.headers) for one in published]),
        "cache": repr(wired.cache.__dict__),
        "letters": repr((letters(wired.s3), list(wired.s3.objects))),
        "stdout": printed,
    }

    assert len(published) + len(wired.s3.letters()) == len(values)
    assert "RecordsCleaned" in printed
    assert {
        (secret, place)
        for place, content in places.items()
        for secret in secrets()
        for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        if form in content
    } == set()


def test_the_canaries_live(values: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same search finds every secret in the raw bytes that the letters keep: it can find."""
    wired = run(monkeypatch, values)
    raw = b"".join(base64.b64decode(letter["value_b64"]) for letter in wired.s3.letters()).decode("latin-1")

    assert [secret for secret in secrets() if json.dumps(secret)[1:-1] not in raw] == []


def test_lookup_by_a_name_with_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for an agent by its own name gets its records, redacted; so does who asks by the redacted name."""
    body = {"agent_id": "bob@example.com", "timestamp": STAMP.format(1, 1), "text": "I am bob@example.com"}
    wired = run(monkeypatch, [json.dumps(body).encode()])

    by_name = wired.lookup({"agent_id": "Bob@Example.com", "timestamp": body["timestamp"]}, Context())
    name = by_name["record"]["agent_id"]
    assert name.startswith("<EMAIL:")
    assert by_name["record"]["text"] == f"I am {name}"
    assert wired.lookup({"agent_id": name, "latest": 1}, Context())["records"] == [by_name["record"]]
    assert wired.lookup({"agent_id": "eve@example.com", "latest": 1}, Context())["statusCode"] == 404
