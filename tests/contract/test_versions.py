"""Old and new code share cache and topic while one replaces the other: each reads what the other left there."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from sluice.claim import Claim, claim
from sluice.lookup import look_up
from tests.contract.recording import MESSAGES, RECORDED, SOURCE, TTL, judged, recording
from tests.fakes.cache import FakeCache

VERSIONS = sorted(path.stem for path in RECORDED.glob("*.json"))
STORED = Claim("stored")


@pytest.fixture(params=VERSIONS)
def recorded(request: pytest.FixtureRequest) -> Any:
    """What each earlier version left behind, one after the other."""
    return orjson.loads((RECORDED / f"{request.param}.json").read_bytes())


def filled(recorded: Any) -> FakeCache:
    """Return a cache that holds what that version stored."""
    cache = FakeCache()
    for key, value in recorded["cache"].items():
        cache.put(key, value.encode(), TTL)
    for key, members in recorded["index"].items():
        cache.put(key, {member.encode(): score for member, score in members.items()}, TTL)
    return cache


def held(cache: FakeCache) -> dict[str, Any]:
    return {key.decode(): entry.value for key, entry in cache.keys().items()}


def test_released_versions_are_recorded() -> None:
    """Every version that the changelog gives a date has its recording, and there is one at least."""
    changelog = (RECORDED.parents[2] / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[(.+?)\] - \d", changelog, re.MULTILINE)

    assert VERSIONS
    assert set(released) <= set(VERSIONS)


def test_retried_by_new_code(recorded: Any) -> None:
    """A batch that old code stored and new code is given again is its own: overwritten in place, under the same keys."""
    cache, records = filled(recorded), judged(version="newer")

    assert claim(records, cache, TTL, 1.0) == [STORED] * len(records)
    assert held(cache).keys() == recorded["cache"].keys() | recorded["index"].keys()
    assert {record.stored_key for record in records} == recorded["cache"].keys()
    assert cache.values() == {record.value for record in records}


def test_duplicates_of_old_records(recorded: Any) -> None:
    """A repeat of what old code stored is a duplicate to new code, and its original is named."""
    cache = filled(recorded)
    before = held(cache)
    claims = claim(judged(offset=100), cache, TTL, 1.0)

    assert claims == [Claim("duplicate", f"agent_raw_output-0-{place}") for place in range(len(MESSAGES))]
    assert held(cache) == before


def test_found_by_new_code(recorded: Any) -> None:
    """New code's look-ups find old records, one and newest, byte for byte what was stored."""
    cache = filled(recorded)
    values = {key: orjson.loads(value) for key, value in recorded["cache"].items()}
    for body, _ in MESSAGES:
        agent, timestamp = body["agent_id"], body["timestamp"]
        found = look_up({"agent_id": agent, "timestamp": timestamp}, cache, 1.0)
        assert found == {"statusCode": 200, "record": values[f"{agent}:{timestamp}"]}
    latest = look_up({"agent_id": "planner-7", "latest": 9}, cache, 1.0)

    assert sorted(map(str, latest["records"])) == sorted(
        str(value) for key, value in values.items() if key.startswith("planner-7:")
    )


def test_read_by_old_code(recorded: Any) -> None:
    """What new code stores is at the keys, and says who wrote it in the fields, that old code looks at."""
    made = recording()

    assert made["cache"].keys() == recorded["cache"].keys()
    assert made["index"] == recorded["index"]
    for key, value in recorded["cache"].items():
        old, new = orjson.loads(value)["_prep"], orjson.loads(made["cache"][key])["_prep"]
        assert [new[name] for name in ("origin", "source", "content")] == [
            old[name] for name in ("origin", "source", "content")
        ]
    assert {orjson.loads(value)["_prep"]["source"] for value in made["cache"].values()} == {SOURCE}


def test_consumers_of_the_topic(recorded: Any) -> None:
    """Messages of old and new code have one key and the same headers, but for the pipeline's version."""
    for old, new in zip(recorded["topic"], recording()["topic"], strict=True):
        assert new["key"] == old["key"]
        for name, value in old["headers"]:
            if name != "sluice-pipeline":
                assert [name, value] in new["headers"]
        fields, kept = orjson.loads(new["value"]), orjson.loads(old["value"])
        assert fields.keys() >= kept.keys()
        assert fields["_prep"].keys() >= kept["_prep"].keys()
