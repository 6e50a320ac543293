"""A replay's input: defaults, and one failure that names every field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.reasons import REASONS
from sluice.replay.request import Filter, InputError, Request, read_replay_id, read_request

SCHEMAS = ("agent_output/1", "agent_output/2")


def test_defaults() -> None:
    """An empty input is a dry run over everything but parked letters."""
    assert read_request({}, SCHEMAS) == Request(
        filter=Filter((), "", "", (), "all"),
        dry_run=True,
        rules=(),
        schema=None,
        max_attempts=3,
        limit=100_000,
        max_concurrency=5,
        raw={},
    )


def test_everything_given() -> None:
    """Every field is taken as it was given; times are brought to UTC."""
    given = {
        "filter": {
            "reasons": ["not_json"],
            "since": "2026-11-23T09:00:00+01:00",
            "until": "2026-11-23T09:00:00.5Z",
            "agents": ["planner"],
            "source": "parked",
        },
        "dry_run": False,
        "repair": [{"op": "drop", "at": "/x"}],
        "schema": "agent_output/2",
        "max_attempts": 100,
        "limit": 1_000_000,
        "max_concurrency": 100,
    }
    request = read_request(given, SCHEMAS)

    assert request.filter == Filter(
        ("not_json",), "2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00.500Z", ("planner",), "parked"
    )
    assert (request.dry_run, len(request.rules), request.schema) == (False, 1, "agent_output/2")
    assert (request.max_attempts, request.limit, request.max_concurrency) == (100, 1_000_000, 100)
    assert request.raw is given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "the input must be a JSON object"),
        (None, "the input must be a JSON object"),
        ({"dryrun": True}, "dryrun is not a field, known are filter, dry_run"),
        ({"dry_run": 0}, "dry_run must be true or false"),
        ({"dry_run": None}, "dry_run must be true or false"),
        ({"limit": 0}, "limit must be a whole number from 1 to 1000000"),
        ({"limit": 1_000_001}, "limit must be"),
        ({"limit": True}, "limit must be"),
        ({"limit": "5"}, "limit must be"),
        ({"max_attempts": 101}, "max_attempts must be a whole number from 1 to 100"),
        ({"max_concurrency": 1.5}, "max_concurrency must be"),
        ({"schema": "agent_output/9"}, "schema must be null or one of agent_output/1, agent_output/2"),
        ({"schema": 1}, "schema must be null or one of"),
        ({"repair": {}}, "repair must be a list of at most 50 rules"),
        ({"repair": [{"op": "drop", "at": "/x"}] * 51}, "repair must be a list of at most 50 rules"),
        ({"filter": []}, "filter must be an object"),
        ({"filter": {"reason": []}}, "filter.reason is not a field, known are reasons, since"),
        ({"filter": {"reasons": ["bad"]}}, "filter.reasons: bad is none, known are empty, too_large"),
        ({"filter": {"reasons": "not_json"}}, "filter.reasons must be a list of texts"),
        ({"filter": {"agents": [""]}}, "filter.agents must be a list of texts"),
        ({"filter": {"agents": [1]}}, "filter.agents must be a list of texts"),
        ({"filter": {"since": "yesterday"}}, "filter.since must be a time with its zone"),
        ({"filter": {"until": "2026-11-23T08:00:00"}}, "filter.until must be a time with its zone"),
        ({"filter": {"since": 5}}, "filter.since must be a time"),
        ({"filter": {"since": "0001-01-01T00:00:00+01:00"}}, "filter.since must be a time"),
        ({"filter": {"until": "9999-12-31T23:59:59-01:00"}}, "filter.until must be a time"),
        (
            {"filter": {"since": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:00:00Z"}},
            "filter.until must be later than filter.since",
        ),
        ({"filter": {"source": "everything"}}, "filter.source must be one of dead_letters, failed_batches"),
        ({"filter": {"source": []}}, "filter.source must be one of"),
    ],
)
def test_wrong(given: Any, message: str) -> None:
    """What is wrong is refused by the name of its field."""
    with pytest.raises(InputError) as caught:
        read_request(given, SCHEMAS)

    assert str(caught.value).startswith(message)
    assert ";" not in str(caught.value)


def test_all_at_once() -> None:
    """Several faults are one failure that names them all."""
    given = {"limit": 0, "x": 1, "filter": {"source": "x", "y": 2}, "repair": [{"op": "burn"}], "schema": ""}
    with pytest.raises(InputError) as caught:
        read_request(given, SCHEMAS)

    starts = [fault.split(" ")[0] for fault in str(caught.value).split("; ")]
    assert starts == ["x", "filter.y", "filter.source", "repair[0].op", "schema", "limit"]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_can_be_asked_for(reason: str) -> None:
    """Each reason of the closed list is a filter."""
    assert read_request({"filter": {"reasons": [reason]}}, SCHEMAS).filter.reasons == (reason,)


@pytest.mark.parametrize("name", ["r", "a" * 80, "4f1c_9-x.Y"])
def test_replay_ids(name: str) -> None:
    """Names that an execution may have and that a key can hold are taken."""
    assert read_replay_id(name) == name


@pytest.mark.parametrize("name", ["", "a" * 81, "a/b", "a b", "ä", None, 7, "a\n"])
def test_wrong_replay_ids(name: Any) -> None:
    """Other names are refused before anything is read."""
    with pytest.raises(InputError, match="replay_id must be"):
        read_replay_id(name)
