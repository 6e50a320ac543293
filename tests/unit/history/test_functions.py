"""The histories of a whole function: what a batch adds, and what of it a failure takes back."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sluice import wiring
from sluice.validate import compile_schema, load_schemas
from tests.fakes.cache import Fields
from tests.fakes.schedule import Mode, Schedule
from tests.unit.features.test_repetition import PROSE
from tests.unit.test_wiring import Context, Wired, event, published, wire

TEXT = f"{PROSE} {PROSE[::-1]}"


def batch(*texts: str, first: int = 1, partition: int = 0) -> dict[str, Any]:
    """Make an event of one agent's texts, a second apart."""
    made: dict[str, Any] = event("preprocess-msk")
    head = made["records"][next(iter(made["records"]))][0]
    records = []
    for offset, text in enumerate(texts, first):
        body = {"agent_id": "planner", "timestamp": f"2026-11-23T0{partition}:00:{offset:02}Z", "text": text}
        value = base64.b64encode(json.dumps(body).encode()).decode()
        records.append(head | {"partition": partition, "offset": offset, "value": value, "headers": []})
    return made | {"records": {f"agent_raw_output-{partition}": records}}


def state(wired: Wired) -> dict[str, Any]:
    found = wired.cache.value("#history:planner")
    assert isinstance(found, Fields)
    made: dict[str, Any] = json.loads(found.of[b"state"])
    return made


def flags(wired: Wired) -> dict[str, list[str]]:
    return {record["_prep"]["origin"]: record["_prep"]["flags"] for record in published(wired)}


def counts(capsys: pytest.CaptureFixture[str]) -> list[dict[str, int]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [{k: v for k, v in line.items() if type(v) is int} for line in lines if "RecordsReceived" in line]


def test_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without features that need a history none is asked for, and none is kept."""
    wired = wire(monkeypatch)
    wired.preprocess(batch(TEXT, TEXT), Context())

    assert flags(wired) == {"agent_raw_output-0-1": [], "agent_raw_output-0-2": []}
    assert [command[0] for trip in wired.cache.round_trips for command in trip] == ["SET", "SET", "EVAL"]


def test_all_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all features a near-duplicate of an earlier batch names a record that lookup finds."""
    wired = wire(monkeypatch, FEATURES="all")
    wired.preprocess(batch(TEXT), Context())
    wired.preprocess(batch(TEXT + " Yes.", first=2), Context())
    first, second = published(wired)
    near = second["_prep"]["near_duplicate"]

    assert near["origin"] == first["_prep"]["origin"]
    agent, _, timestamp = near["key"].partition(":")
    assert wired.lookup({"agent_id": agent, "timestamp": timestamp}, Context())["record"] == first
    assert second["_prep"]["features"].keys() > {
        "simhash",
        "language",
        "kinds",
        "repeated_runs",
        "digit_ratio",
    }
    assert state(wired)["records"] == 2


def test_dropped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A near-duplicate that is dropped is neither stored nor published, counts as a duplicate, is acknowledged."""
    wired = wire(monkeypatch, FEATURES="simhash", NEAR_DUPLICATES="drop", PARTIAL_FAILURES="true")
    assert wired.preprocess(batch(TEXT, TEXT), Context()) == {"batchItemFailures": []}
    assert wired.preprocess(batch(TEXT, first=3), Context()) == {"batchItemFailures": []}

    assert list(flags(wired)) == ["agent_raw_output-0-1"]
    found = [(c["RecordsReceived"], c["RecordsCleaned"], c["RecordsDuplicate"]) for c in counts(capsys)]
    assert found == [(2, 1, 1), (1, 0, 1)]


def test_dropped_with_its_original(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the original of the same batch fails, its near-duplicate is retried with it, and neither is remembered."""
    wired = wire(monkeypatch, FEATURES="all", NEAR_DUPLICATES="drop", PARTIAL_FAILURES="true")
    wired.broker.schedule = Schedule({0: Mode.BEFORE})
    answer = wired.preprocess(batch(TEXT, TEXT), Context(4))
    offsets = [item["itemIdentifier"]["offset"] for item in answer["batchItemFailures"]]

    assert offsets == [1, 2]
    assert wired.cache.value("#history:planner") is None
    wired.preprocess(batch(TEXT, TEXT), Context())
    assert list(flags(wired)) == ["agent_raw_output-0-1"]


def test_a_repeated_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that comes again leaves profile and flags as they were."""
    wired = wire(monkeypatch, FEATURES="all")
    wired.preprocess(batch(TEXT, TEXT), Context())
    before, first = state(wired), flags(wired)
    values = wired.cache.values()
    wired.preprocess(batch(TEXT, TEXT), Context())

    assert (state(wired), flags(wired)) == (before, first)
    assert wired.cache.values() == values


def test_nothing_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that raises adds nothing to any history: all of the batch comes again."""
    wired = wire(monkeypatch, FEATURES="all")
    wired.s3.refuse = "SlowDown"
    broken = batch(TEXT)
    broken["records"]["agent_raw_output-1"] = batch("x", partition=1)["records"]["agent_raw_output-1"]
    broken["records"]["agent_raw_output-1"][0]["value"] = "eA=="
    with pytest.raises(RuntimeError, match="are to be retried"):
        wired.preprocess(broken, Context(40))

    assert wired.cache.value("#history:planner") is None


def test_missed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A history that somebody overwrote costs flags, not records, and shows in the metrics."""
    wired = wire(monkeypatch, FEATURES="all")
    wired.cache.put("#history:planner", b"somebody's")
    wired.preprocess(batch(TEXT, TEXT), Context())

    assert list(flags(wired).values()) == [[], []]
    assert [(c["RecordsCleaned"], c["HistoriesMissed"]) for c in counts(capsys)] == [(2, 1)]


def test_last_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that a schema fills in with the agent's last value has it in the next batch, and the content hash is the
    message's own.
    """
    shipped = load_schemas()["agent_output/1"].document
    region = {"region": {"type": "string", "x-sluice-impute": {"last": True}}}
    own = compile_schema("agent_output/1", shipped | {"properties": shipped["properties"] | region})
    monkeypatch.setattr(wiring, "load_schemas", lambda: {own.name: own})
    wired = wire(monkeypatch)
    first, second = batch("one"), batch("two", first=2)
    value = json.loads(base64.b64decode(first["records"]["agent_raw_output-0"][0]["value"]))
    said = base64.b64encode(json.dumps(value | {"region": "eu"}).encode()).decode()
    first["records"]["agent_raw_output-0"][0]["value"] = said
    for one in (first, second, second):
        wired.preprocess(one, Context())
    known, *filled = published(wired)

    assert (known["region"], known["_prep"]["flags"]) == ("eu", [])
    assert [(record["region"], record["_prep"]["imputed"]) for record in filled] == [
        ("eu", {"region": "last"})
    ] * 2
    assert len(wired.cache.values()) == 2
    bare = wire(monkeypatch)
    bare.preprocess(second, Context())
    assert published(bare)[0]["_prep"]["content"] == filled[0]["_prep"]["content"]
