"""What a version leaves in cache and topic, as a file: `python -m tests.contract.recording` prints it for this one.

Recorded when a version is released, and never changed after: `recorded/<version>.json`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import orjson

from sluice.claim import claim
from sluice.outcome import DeadLetter
from sluice.record import Message, Origin, Record
from sluice.version import pipeline_version
from sluice.wiring import build_pipeline
from tests.fakes.cache import FakeCache

RECORDED: Final = Path(__file__).with_name("recorded")
TTL: Final = 3_600
SOURCE: Final = "9c1d02aa"
TOPIC: Final = "agent_raw_output"
WHEN: Final = "2026-11-23T08:15:00Z"
# Whatever bears on the hash of the content, the key, the headers or the index.
MESSAGES: Final[tuple[tuple[dict[str, Any], dict[str, str]], ...]] = (
    ({"agent_id": "planner-7", "timestamp": WHEN, "text": "All is well."}, {"traceparent": "00-4bf9"}),
    ({"text": "All is lost.", "timestamp": WHEN, "agent_id": "planner-7"}, {}),
    ({"agent_id": "planner-7", "timestamp": "2026-11-23t09:15:00.25+01:00", "text": "Later."}, {}),
    (
        {
            "agent_id": "Zoë:ü",
            "timestamp": WHEN,
            "text": "Caf\u00c3\u00a9  \u200bhttps://a.example/b\u001b[0m",
        },
        {},
    ),
    (
        {
            "agent_id": "critic-2",
            "timestamp": "2016-12-31T23:59:60Z",
            "text": "",
            "n": [0, -1, 1.5, 1e300, 9007199254740993, True, None],
            "nested": {"b": {"z": "\U0001f600", "a": []}, "a": "ﬁ"},
            "_prep": {"forged": True},
        },
        {"sluice-schema": "agent_output/1", "sluice-profile": "prose", "dropped": "x"},
    ),
)


def messages(offset: int = 0) -> list[Message]:
    """Return the messages above, at offsets from this one on."""
    return [
        Message(
            Origin(TOPIC, 0, offset + place),
            1_795_421_700_000 + place,
            None,
            orjson.dumps(body),
            tuple((name, value.encode()) for name, value in headers.items()),
        )
        for place, (body, headers) in enumerate(MESSAGES)
    ]


def judged(offset: int = 0, version: str = "") -> list[Record]:
    """Return the records of these messages."""
    verdicts = build_pipeline(version=version).judge(messages(offset), SOURCE)
    assert not any(isinstance(verdict, DeadLetter) for verdict in verdicts), verdicts
    return [verdict for verdict in verdicts if isinstance(verdict, Record)]


def recording() -> dict[str, Any]:
    """Return what this version leaves behind."""
    cache, records = FakeCache(), judged()
    claims = claim(records, cache, TTL, 1.0)
    assert [one.verdict for one in claims] == ["stored"] * len(records)
    held = {key.decode(): entry.value for key, entry in cache.keys().items()}
    return {
        "pipeline": pipeline_version(),
        "cache": {key: value.decode() for key, value in held.items() if isinstance(value, bytes)},
        "index": {
            key: {member.decode(): score for member, score in value.items()}
            for key, value in held.items()
            if isinstance(value, dict)
        },
        "topic": [
            {
                "key": one.agent_id,
                "headers": [[name, (value or b"").decode()] for name, value in one.headers],  # type: ignore[union-attr]
                "value": one.value.decode(),
            }
            for one in records
        ],
    }


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(recording(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
