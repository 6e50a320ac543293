"""What the event source gave up on becomes letters."""

from __future__ import annotations

import pytest

from sluice.replay.letter import UnreadableError, read_letters
from sluice.replay.store import Listed
from sluice.replay.undelivered import import_key, imported, originals
from tests.fakes.replays import message, on_failure

ORIGINAL = Listed("aws/lambda/x/2026/key", '"etag"', 5, "2026-11-23T08:15:00.000Z")


def test_import_key() -> None:
    """An import is named after its original's key and version; day and hour are those of its writing."""
    key = import_key(ORIGINAL)

    assert key.startswith("dead-letters/reason=undelivered/dt=2026-11-23/hh=08/")
    assert import_key(ORIGINAL) == key
    assert len({key, import_key(ORIGINAL._replace(key="k")), import_key(ORIGINAL._replace(etag='"2"'))}) == 3


def test_import() -> None:
    """An imported letter has the message's bytes and origin, says who gave up and why, and since when."""
    body = on_failure(message(1, b"\xff"), message(2, None)._replace(value=None, headers=(("h", b"\x80"),)))
    first, second = read_letters(imported(body, ORIGINAL.modified, "1.0"))

    assert (first["reason"], first["stage"], first["state"]) == ("undelivered", "replay", "open")
    assert first["detail"] == "the event source gave up: RetryAttemptsExhausted"
    assert (first["first_failed_at"], first["pipeline"]) == ("2026-11-23T09:30:00.000Z", "1.0")
    assert (first["value_b64"], second["value_b64"]) == ("/w==", None)
    assert second["origin"]["headers"] == [["h", "gA=="]]


def test_import_without_a_time() -> None:
    """Where the envelope tells no usable time or condition, the time of its writing and no condition do."""
    import orjson

    envelope = orjson.loads(on_failure(message(1)))
    for time_, context in (
        (None, None),
        ("soon", {"condition": 'a "quote"'}),
        ("2026-11-23T09:30:00", {"condition": 7}),
        # No time of UTC's calendar.
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
    ):
        body = orjson.dumps(envelope | {"timestamp": time_, "requestContext": context})
        (one,) = read_letters(imported(body, ORIGINAL.modified, "1.0"))
        assert (one["first_failed_at"], one["detail"]) == (ORIGINAL.modified, "the event source gave up")


def test_import_of_nothing() -> None:
    """An on-failure object without records is imported as an emptied object, so it is not looked at again."""
    assert imported(on_failure(), ORIGINAL.modified, "1.0") == b""


def test_import_of_wrong_types() -> None:
    """A record with a field of another type than Kafka's makes the object unreadable, not the letter later."""
    with pytest.raises(UnreadableError):
        imported(
            on_failure(message(1)).replace(b'\\"offset\\": 1', b'\\"offset\\": \\"1\\"'),
            ORIGINAL.modified,
            "1",
        )


def test_originals() -> None:
    """In a bucket of both, what is ours is not taken for the event source's."""
    keys = ["aws/x", "dead-letters/a", "parked/a", "replayed/a", "replays/r/plan.jsonl", "z"]

    assert [one.key for one in originals(ORIGINAL._replace(key=key) for key in keys)] == ["aws/x", "z"]
