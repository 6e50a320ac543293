"""The content hash under a key."""

from __future__ import annotations

import hashlib
import re

from sluice.fingerprint import fingerprinting
from sluice.record import Record
from tests.unit.samples import GOOD, SOURCE, message, record_of


def content(key: bytes, **fields: str) -> str:
    record = Record(message(), SOURCE)
    record.body = GOOD | fields
    fingerprinting(key)(record)
    return record.content


def test_key() -> None:
    """Each key gives another hash of 128 bits, each content another one, and the same ones each time."""
    hashes = {content(key, text=text) for key in (b"", b"a" * 32, b"b" * 100) for text in ("x", "y")}

    assert len(hashes) == 6
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in hashes)
    assert content(b"a" * 32) == content(b"a" * 32)


def test_without_a_key() -> None:
    """Without a key it is SHA-256 of the message, its names sorted, as it was before there were keys."""
    text = b'{"agent_id":"planner-7","text":"All is well.","timestamp":"2026-11-23T08:15:00Z"}'

    assert content(b"") == hashlib.sha256(text).hexdigest()[:32] == record_of(message()).content
