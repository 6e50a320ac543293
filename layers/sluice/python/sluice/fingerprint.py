"""What the record says, as one hash, fixed before anything changes it."""

from __future__ import annotations

import hmac
from hashlib import sha256

import orjson

from sluice.record import Record, Step

# 128 bits of SHA-256, which processors have instructions for: 1.6 µs for 2 kB, where BLAKE2b takes 2.6.
CONTENT_DIGITS = 32
_BLOCK = 64


def fingerprinting(key: bytes = b"") -> Step:
    """Build the step that fills the record's 128-bit content hash, keyed where there is a key.

    The hash leaves with the record, and the message may hold what redaction takes away: without the key
    nobody can try out what it was.
    """
    # A whole block before the message: as good as HMAC, since half of the digest is kept back, at half its price.
    prefix = hmac.digest(key, b"content", "sha256").ljust(_BLOCK, b"\0") if key else b""
    begun = sha256(prefix)

    def fingerprint(record: Record) -> None:
        digest = begun.copy()
        digest.update(orjson.dumps(record.body, option=orjson.OPT_SORT_KEYS))
        record.content = digest.hexdigest()[:CONTENT_DIGITS]

    return fingerprint
