"""The functions put together: lazily, once, and what they answer to the events that ship with them."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sluice import lookup_wiring, wiring
from sluice.settings import DOCUMENTED, CacheSettings, SettingsError
from sluice.sinks.topic import CleanedTopic
from sluice.source import NotAKafkaEventError
from sluice.wiring import RetryBatchError
from tests.fakes.broker import FakeBroker
from tests.fakes.bucket import FakeS3
from tests.fakes.cache import FakeCache
from tests.fakes.schedule import Mode, Schedule

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
FUNCTIONS = ROOT / "functions"
ENVIRONMENT = {
    "REDIS_URL": "redis://cache:6379",
    "DEAD_LETTER_BUCKET": "letters",
    "RECORD_TTL_SECONDS": "60",
    "REDACTION_KEY": "k" * 32,
}
Handler = Callable[[Any, Any], dict[str, Any]]


class Context:
    """What Lambda hands to a function; the time never runs out unless it is short from the start."""

    aws_request_id = "request-1"

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Wired(NamedTuple):
    """The functions of this repository, between fakes."""

    preprocess: Handler
    lookup: Handler
    cache: FakeCache
    broker: FakeBroker
    s3: FakeS3
    opened: list[CacheSettings]


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def load(name: str) -> Handler:
    """Load a function's file as Lambda does: anew, by its path."""
    spec = importlib.util.spec_from_file_location(f"loaded_{name}", FUNCTIONS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


def wire(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Wired:
    cache, broker, s3 = FakeCache(), FakeBroker(), FakeS3()
    opened: list[CacheSettings] = []

    def fake_cache(settings: CacheSettings, timeout: float) -> FakeCache:
        assert 0 < timeout <= 2
        opened.append(settings)
        return cache

    # Whoever runs the tests may have settings of their own.
    for name, value in ({setting.name: "" for setting in DOCUMENTED} | ENVIRONMENT | environment).items():
        monkeypatch.setenv(name, value)
    for module in (wiring, lookup_wiring):
        monkeypatch.setattr(module, "open_cache", fake_cache)
    monkeypatch.setattr(wiring, "CleanedTopic", partial(CleanedTopic, make=broker.producer))
    monkeypatch.setattr(wiring, "connect_s3", lambda timeout: lambda: s3)
    return Wired(load("preprocess"), load("lookup"), cache, broker, s3, opened)


def published(wired: Wired) -> list[dict[str, Any]]:
    return [json.loads(stored.value) for log in wired.broker.logs for stored in log]


def test_the_msk_event(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The MSK event that ships becomes cleaned records and dead letters, and is acknowledged."""
    wired = wire(monkeypatch, PARTIAL_FAILURES="true")

    assert wired.preprocess(event("preprocess-msk"), Context()) == {"batchItemFailures": []}
    assert {record["_prep"]["origin"]: record["text"] for record in published(wired)} == {
        "agent_raw_output-0-40": "All is well.",
        "agent_raw_output-0-42": "All is lost.",
        "agent_raw_output-1-6": "The plan has a gap. See",
    }
    assert {letter["id"]: letter["reason"] for letter in wired.s3.letters()} == {
        "agent_raw_output-1-5": "not_json",
        "agent_raw_output-1-7": "empty",
    }
    first, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    counts = {
        name.removeprefix("Records"): value for name, value in first.items() if name.startswith("Records")
    }
    assert counts == {
        "Received": 6,
        "Cleaned": 3,
        "Redacted": 0,
        "Duplicate": 1,
        "Conflict": 1,
        "DeadLettered": 2,
        "Retried": 0,
    }


def test_the_self_managed_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event of a self-managed cluster works the same, and its servers are those of the producer."""
    wired = wire(monkeypatch)

    assert wired.preprocess(event("preprocess-self-managed"), Context()) == {"batchItemFailures": []}
    (record,) = published(wired)
    assert (record["agent_id"], record["text"]) == ("writer-1", "Café at noon")
    (producer,) = wired.broker.producers
    assert producer.config["bootstrap.servers"] == "kafka-2.example:9092,kafka-1.example:9092"


def test_the_lookup_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-ups that ship find what the MSK event left, and nothing before it."""
    wired = wire(monkeypatch)
    assert wired.lookup(event("lookup-one"), Context())["statusCode"] == 404

    wired.preprocess(event("preprocess-msk"), Context())

    one = wired.lookup(event("lookup-one"), Context())
    latest = wired.lookup(event("lookup-latest"), Context())
    assert (one["statusCode"], one["record"]["text"]) == (200, "All is well.")
    assert {record["text"] for record in latest["records"]} == {"All is well.", "All is lost."}
    assert one["record"] in published(wired)


def test_every_event_is_used() -> None:
    """No event ships that no test above invokes a function with."""
    used = set(re.findall(r'event\("([a-z-]+)"\)', Path(__file__).read_text()))

    assert used == {path.stem for path in EVENTS.glob("*.json")}


@pytest.mark.parametrize("wrong", [None, [], "x", 7, {"agent_id": 7}])
def test_lookups_of_nothing(monkeypatch: pytest.MonkeyPatch, wrong: object) -> None:
    """Whatever else `lookup` is invoked with gets a 400."""
    assert wire(monkeypatch).lookup(wrong, Context())["statusCode"] == 400


def test_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are built on the first call and kept; a repeated event publishes again and duplicates nothing."""
    wired = wire(monkeypatch)
    assert wired.opened == []

    for _ in range(2):
        wired.preprocess(event("preprocess-msk"), Context())
        wired.lookup(event("lookup-one"), Context())

    assert wired.opened == [CacheSettings("redis://cache:6379", "standalone", 60)] * 2
    assert len(wired.broker.producers) == 1
    assert len(wired.s3.objects) == 2
    assert len({record["_prep"]["origin"] for record in published(wired)}) == 3


def test_partial_failures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the event source takes them, failures are named, from the first of a partition on."""
    wired = wire(monkeypatch, PARTIAL_FAILURES="true")
    wired.s3.refuse = "SlowDown"
    answer = wired.preprocess(event("preprocess-msk"), Context(40))

    assert answer == {
        "batchItemFailures": [
            {"itemIdentifier": {"partition": "agent_raw_output-1", "offset": offset}} for offset in (5, 6, 7)
        ]
    }
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["RecordsCleaned"], line["RecordsDuplicate"], line["RecordsRetried"]) == (2, 1, 3)


def test_no_partial_failures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it does not, the function raises, and everything counts as retried."""
    wired = wire(monkeypatch)
    wired.s3.refuse = "SlowDown"
    with pytest.raises(
        RetryBatchError, match=r"6 records are to be retried; cut at {'agent_raw_output-1': 5}"
    ):
        wired.preprocess(event("preprocess-msk"), Context(40))

    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["RecordsReceived"], line["RecordsRetried"], line["RecordsCleaned"]) == (6, 6, 0)


def test_replaced_producers_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A producer that was replaced shows up in the metrics of that batch alone."""
    wired = wire(monkeypatch)
    wired.preprocess(event("preprocess-self-managed"), Context())
    wired.broker.schedule = Schedule({0: Mode.BEFORE})
    wired.preprocess(event("preprocess-msk"), Context())
    wired.preprocess(event("preprocess-msk"), Context())

    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["ProducersReplaced"] for line in lines if "ProducersReplaced" in line] == [0, 1, 0]


def test_settings_reach_their_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers, security, topic, limits, headers and version come from the environment."""
    wired = wire(
        monkeypatch,
        KAFKA_BOOTSTRAP_SERVERS="own:9096",
        KAFKA_AUTH="scram",
        KAFKA_USERNAME="user",
        KAFKA_PASSWORD="password",
        KAFKA_CA_FILE="ca.pem",
        CLEANED_TOPIC="washed",
        PIPELINE_VERSION="blue",
        MAX_MESSAGE_BYTES="90",
        MAX_CLEANED_BYTES="2000000",
    )
    wired.preprocess(event("preprocess-msk"), Context())
    config = wired.broker.producers[0].config

    assert (
        config.items()
        >= {
            "bootstrap.servers": "own:9096",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "user",
            "sasl.password": "password",
            "ssl.ca.location": "ca.pem",
        }.items()
    )
    assert config["message.max.bytes"] > 2_000_000
    assert {stored.topic for log in wired.broker.logs for stored in log} == {"washed"}
    assert {record["_prep"]["pipeline"] for record in published(wired)} == {"blue"}
    assert "too_large" in {letter["reason"] for letter in wired.s3.letters()}


def test_passed_headers_reach_the_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """PASSED_HEADERS adds to the headers that go along."""
    wired = wire(monkeypatch, PASSED_HEADERS="tenant")
    one = event("preprocess-self-managed")
    one["records"]["agent_raw_output-3"][0]["headers"] = [{"tenant": [97]}, {"other": [98]}]
    wired.preprocess(one, Context())

    (stored,) = [stored for log in wired.broker.logs for stored in log]
    assert dict(stored.headers).keys() - {"tenant"} == {
        f"sluice-{n}" for n in ("origin", "content", "schema", "pipeline")
    }
    assert ("tenant", b"a") in stored.headers


def test_security_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without KAFKA_AUTH the producer is told nothing of security."""
    wired = wire(monkeypatch)
    wired.preprocess(event("preprocess-msk"), Context())

    assert not [
        key for key in wired.broker.producers[0].config if key.startswith(("s" + "asl", "security", "ssl"))
    ]


@pytest.mark.parametrize("function", ["preprocess", "lookup"])
def test_missing_settings(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """Missing settings are an error of the first call that names them all, and of the next one again."""
    wired = wire(monkeypatch, REDIS_URL="", DEAD_LETTER_BUCKET="", REDIS_MODE="x")
    handler: Handler = getattr(wired, function)
    for _ in range(2):
        with pytest.raises(SettingsError, match="REDIS_URL is not set; REDIS_MODE is 'x'") as caught:
            handler(event("preprocess-msk"), Context())

    assert ("DEAD_LETTER_BUCKET is not set" in str(caught.value)) == (function == "preprocess")
    assert wired.opened == []


def test_wrong_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of something else is refused before anything is asked or written."""
    wired = wire(monkeypatch)
    with pytest.raises(NotAKafkaEventError):
        wired.preprocess(event("lookup-one"), Context())

    assert (wired.cache.round_trips, wired.broker.producers, wired.s3.requests) == ([], [], [])
