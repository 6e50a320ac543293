"""The events that ship: made from what is written down, of the shape that Lambda documents, each of them used."""

from __future__ import annotations

import json
from collections.abc import Collection

import pytest

from ops.events.__main__ import main
from ops.events.build import all_events, full_event, pretty
from ops.twin.config import INVOKE_LIMIT_BYTES, EventSource
from tests.fakes.events import EVENTS, LOOKUPS, MSK, REPLAYS, RULES

FIELDS = {"topic", "partition", "offset", "timestamp", "timestampType", "key", "value", "headers"}


def test_as_written_down() -> None:
    """The files are those that `make events` writes, byte for byte."""
    made = {name: pretty(event) for name, event in all_events().items()}

    assert {path.stem: path.read_text() for path in (EVENTS / "msk").iterdir()} == made


def test_every_event_is_used() -> None:
    """There is a row for each event in the table that the tests of the functions go by, and none without an event."""
    found = {path.relative_to(EVENTS).with_suffix("").as_posix() for path in EVENTS.rglob("*.json")}

    tables: dict[str, Collection[str]] = {"msk": MSK, "lookup": LOOKUPS, "replay": REPLAYS, "repair": RULES}
    assert found == {f"{folder}/{name}" for folder, names in tables.items() for name in names}


@pytest.mark.parametrize("name", MSK)
def test_shape(name: str) -> None:
    """A record has the fields of Lambda's event, stands under its own partition, and its header bytes are signed."""
    event = json.loads((EVENTS / "msk" / f"{name}.json").read_text())
    for slot, records in event["records"].items():
        for record in records:
            assert record.keys() == FIELDS
            assert slot == f"{record['topic']}-{record['partition']}"
            for header in record["headers"]:
                assert all(-128 <= byte <= 127 for value in header.values() for byte in value)


def test_signed_header_bytes_are_negative() -> None:
    """The event for signed bytes really has some below zero."""
    (record,) = all_events()["signed_headers"]["records"]["agent_raw_output-0"]

    assert min(byte for header in record["headers"] for value in header.values() for byte in value) == -128


def test_partitions_come_in_no_order() -> None:
    """The event for several partitions does not have them in order: the event source promises none."""
    slots = list(all_events()["multi_partition"]["records"])

    assert slots != sorted(slots)


def test_full() -> None:
    """The full event is as long as the event source makes them, to a record's length, and one Lambda takes."""
    event = full_event()

    assert EventSource.max_payload_bytes - 3_000 < len(event) <= EventSource.max_payload_bytes
    assert len(event) < INVOKE_LIMIT_BYTES
    (records,) = json.loads(event)["records"].values()
    assert len(records) > 4_000
    assert full_event() == event


def test_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is not known is told, and nothing is written."""
    assert main(["all"]) == 2
    assert "usage" in capsys.readouterr().err
