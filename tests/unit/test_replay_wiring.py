"""The replay's functions put together: lazily, once, and what they say to one another and to the log."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, NamedTuple

import pytest

from sluice import replay_wiring, wiring
from sluice.replay.letter import write_letters
from sluice.replay.report import NoPlanError
from sluice.replay.request import InputError
from sluice.settings import DOCUMENTED, CacheSettings, SettingsError
from sluice.sinks.letter_store import LetterStore
from sluice.sinks.topic import CleanedTopic
from tests.fakes.broker import FakeBroker
from tests.fakes.bucket import FakeS3
from tests.fakes.cache import FakeCache
from tests.fakes.replays import conserved, key_of, letter, message, on_failure
from tests.unit.test_wiring import Context, Handler, event, load

ENVIRONMENT = {
    "REDIS_URL": "redis://cache:6379",
    "KAFKA_BOOTSTRAP_SERVERS": "broker.test:9092",
    "DEAD_LETTER_BUCKET": "letters",
    "ON_FAILURE_BUCKET": "failed",
    "RECORD_TTL_SECONDS": "86400",
}


class Log:
    """Keep what is logged: message and details, as text."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def info(self, message: str, extra: dict[str, Any]) -> None:
        self.lines.append((message, json.dumps(extra)))


class Wired(NamedTuple):
    """The replay's functions between fakes."""

    plan: Handler
    batch: Handler
    report: Handler
    buckets: dict[str, FakeS3]
    cache: FakeCache
    broker: FakeBroker
    opened: list[CacheSettings]
    log: Log

    def put(self, name: str, *letters: dict[str, Any]) -> None:
        self.buckets["letters"].write(key_of(name), write_letters(letters))

    def items(self, replay_id: str) -> list[dict[str, int]]:
        """Return what the distributed map reads."""
        items: list[dict[str, int]] = json.loads(
            self.buckets["letters"].objects[f"replays/{replay_id}/manifest.json"]
        )
        return items


def wire(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Wired:
    cache, broker = FakeCache(), FakeBroker()
    buckets = {"letters": FakeS3(), "failed": FakeS3()}
    opened: list[CacheSettings] = []
    log = Log()
    monkeypatch.setattr(replay_wiring, "logger", lambda service: log)

    def fake_cache(settings: CacheSettings, timeout: float) -> FakeCache:
        assert 0 < timeout <= 2
        opened.append(settings)
        return cache

    for name, value in ({setting.name: "" for setting in DOCUMENTED} | ENVIRONMENT | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(replay_wiring, "open_cache", fake_cache)
    monkeypatch.setattr(wiring, "CleanedTopic", partial(CleanedTopic, make=broker.producer))
    monkeypatch.setattr(
        replay_wiring, "LetterStore", lambda bucket, connect: LetterStore(bucket, lambda: buckets[bucket])
    )
    plan, batch, report = (load(f"replay_{name}") for name in ("plan", "batch", "report"))
    return Wired(plan, batch, report, buckets, cache, broker, opened, log)


def start(replay_id: str, **given: Any) -> dict[str, Any]:
    return {"replay_id": replay_id, "input": given}


def test_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run answers with counts and samples and writes nothing; the log holds no sample."""
    wired = wire(monkeypatch)
    wired.put("a", letter(1), letter(2, raw=b"{"))
    wired.buckets["failed"].write("x", on_failure(message(3)))
    before = dict(wired.buckets["letters"].objects)
    answer = wired.plan(start("dry"), Context())

    conserved(answer)
    assert (answer["selected"], answer["recovered"], answer["still_failing"]) == (3, 2, {"not_json": 1})
    assert len(answer["samples"]) == 3
    assert "message" not in answer
    assert wired.buckets["letters"].objects == before
    assert (wired.cache.keys(), wired.broker.producers) == ({}, [])
    ((said, details),) = wired.log.lines
    assert (said, json.loads(details)["plan"]["selected"]) == ("plan", 3)
    assert "agent_raw_output-0-1" not in details


def test_the_events_that_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan that ships is a dry run whose rules mend a renamed field and an epoch; its report needs a replay first."""
    wired = wire(monkeypatch)
    raw = json.dumps({"agent": "planner", "timestamp": 1_763_885_700, "text": "late"}).encode()
    wired.put("a", letter(1, "schema_invalid", raw), letter(2))
    answer = wired.plan(event("replay/plan"), Context())

    assert (answer["dry_run"], answer["selected"], answer["recovered"]) == (True, 1, 1)
    with pytest.raises(NoPlanError):
        wired.report(event("replay/report"), Context())


def test_samples_are_five_at_most_and_say_nothing_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples name letters and what is wrong with them, and never what the message said."""
    wired = wire(monkeypatch)
    wired.put("a", *(letter(n, raw=b'{"secret": "canary-5EcrE7"') for n in range(7)))
    answer = wired.plan(start("dry"), Context())

    assert [sample["id"] for sample in answer["samples"]] == [f"agent_raw_output-0-{n}" for n in range(5)]
    assert answer["samples"][0] == {
        "id": "agent_raw_output-0-0",
        "reason": "not_json",
        "stage": "decode",
        "detail": "why",
        "schema": "",
        "attempt": 0,
        "first_failed_at": "2026-11-23T09:00:00.000Z",
        "bytes": 26,
        "object": key_of("a"),
    }
    assert "canary" not in json.dumps(answer)


def test_whole_replay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Plan, every chunk of its manifest, and report: letters come back, and metrics and results are written."""
    wired = wire(monkeypatch)
    for number in range(3):
        wired.put(f"{number}", *(letter(100 * number + n) for n in range(60)))
    plan = wired.plan(start("r1", dry_run=False), Context())
    items = wired.items("r1")
    answers = [wired.batch({"replay_id": "r1", "chunk": item}, Context()) for item in items]
    capsys.readouterr()
    output = wired.report({"replay_id": "r1"}, Context())

    assert plan["manifest"] == {"bucket": "letters", "key": "replays/r1/manifest.json"}
    assert (plan["chunks"], len(items)) == (2, 2)
    assert answers == [{"chunk": 1, "letters": 120}, {"chunk": 2, "letters": 60}]
    assert output["recovered"] == 180
    results = [wired.buckets["letters"].objects[f"replays/r1/results/000{n}.json"] for n in (1, 2)]
    assert [json.loads(result)["outcomes"] for result in results] == [{"recovered": 120}, {"recovered": 60}]
    report = json.loads(wired.buckets["letters"].objects["replays/r1/report.json"])
    assert report["chunks_without_result"] == []
    (metrics,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (metrics["ReplaySelected"], metrics["ReplayRecovered"], metrics["service"]) == (180, 180, "replay")
    assert [said for said, _ in wired.log.lines] == ["plan", "chunk", "chunk", "replay"]


def test_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are built on the first call and kept, the producer among them."""
    wired = wire(monkeypatch)
    assert wired.opened == []
    for number in range(2):
        wired.put(f"{number}", letter(number))
        wired.plan(start(f"r{number}", dry_run=False), Context())
        (item,) = wired.items(f"r{number}")
        wired.batch({"replay_id": f"r{number}", "chunk": item}, Context())

    assert wired.opened == [CacheSettings("redis://cache:6379", "standalone", 86_400)] * 2
    assert len(wired.broker.producers) == 1


def test_claims_outlive_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim ends a minute after the function's time-out at the earliest, and not much later."""
    from datetime import UTC, datetime, timedelta

    from sluice.replay.letter import read_letters

    wired = wire(monkeypatch)
    wired.put("a", letter(1))
    wired.plan(start("r1", dry_run=False), Context())
    untils: list[str] = []

    def watch(key: str, before: bytes | None, after: bytes) -> None:
        if key == key_of("a"):
            untils.extend(one["claim"]["until"] for one in read_letters(after) if one.get("claim"))

    wired.buckets["letters"].on_write = watch
    began = datetime.now(UTC)
    wired.batch({"replay_id": "r1", "chunk": wired.items("r1")[0]}, Context(30_000))
    (until,) = untils
    after = datetime.fromisoformat(until) - began

    assert timedelta(seconds=89.9) <= after <= timedelta(seconds=100)


def test_no_on_failure_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an on-failure bucket the dead letters alone are replayed."""
    wired = wire(monkeypatch, ON_FAILURE_BUCKET="")
    wired.put("a", letter(1))
    wired.buckets["failed"].write("x", on_failure(message(3)))

    assert wired.plan(start("dry"), Context())["selected"] == 1
    assert wired.buckets["failed"].calls == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "replay_id must be"),
        ({"replay_id": "a/b", "input": {}}, "replay_id must be"),
        ({"replay_id": "r"}, "the input must be a JSON object"),
        ({"replay_id": "r", "input": {"limit": 0}}, "limit must be"),
    ],
)
def test_wrong_input(monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], message: str) -> None:
    """A wrong input is refused before anything is read."""
    wired = wire(monkeypatch)
    with pytest.raises(InputError, match=message):
        wired.plan(event, Context())

    assert wired.buckets["letters"].calls == []


def test_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of a replay that was not planned says so."""
    wired = wire(monkeypatch)
    with pytest.raises(NoPlanError, match="no plan of a replay r1"):
        wired.batch(
            {"replay_id": "r1", "chunk": {"number": 1, "start": 0, "length": 1, "head": 1}}, Context()
        )


@pytest.mark.parametrize("function", ["plan", "batch", "report"])
def test_missing_settings(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """A missing setting is an error of the first call, whichever function it is."""
    wired = wire(monkeypatch, DEAD_LETTER_BUCKET="")
    with pytest.raises(SettingsError, match="DEAD_LETTER_BUCKET is not set"):
        getattr(wired, function)(start("r1"), Context())


def test_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the function that publishes needs to know the brokers."""
    wired = wire(monkeypatch, KAFKA_BOOTSTRAP_SERVERS="")
    wired.put("a", letter(1))
    wired.plan(start("r1", dry_run=False), Context())
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS"):
        wired.batch({"replay_id": "r1", "chunk": wired.items("r1")[0]}, Context())
