"""What a function's answer says about the records it was sent. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from ops.twin.events import Polled

Identity = tuple[str, int]  # slot, offset


class Reply(NamedTuple):
    """Hold one answer of the Invoke API; `error` is the X-Amz-Function-Error header."""

    status: int
    error: str | None
    body: bytes


class Succeeded(NamedTuple):
    """Say that the whole batch is done."""


class Failed(NamedTuple):
    """Say that the function raised, timed out or died."""

    error: str


class Partial(NamedTuple):
    """Say which records of the batch are not done."""

    failed: frozenset[Identity]


class Unclear(NamedTuple):
    """Say that the answer names something that was not sent, so the whole batch counts as not done."""


class Unreachable(NamedTuple):
    """Say that no function ran: throttled, or the service did not answer."""


Verdict = Succeeded | Failed | Partial | Unclear | Unreachable


def _identity(failure: object) -> Identity | None:
    match failure:
        case {"itemIdentifier": {"partition": str(slot), "offset": int(offset)}} if not isinstance(
            offset, bool
        ):
            return slot, offset
    return None


def read_partial(body: bytes, records: Sequence[Polled]) -> Verdict:
    """Read a partial batch response: nothing or an empty list is success, one unknown identifier spoils it."""
    try:
        answer = orjson.loads(body or b"null")
    except orjson.JSONDecodeError:
        return Unclear()
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else answer
    if failures is None:
        return Succeeded()
    if not isinstance(answer, dict) or not isinstance(failures, list):
        return Unclear()
    named = {_identity(failure) for failure in failures}
    if not named <= {(record.slot, record.offset) for record in records}:
        return Unclear()
    failed = frozenset(identity for identity in named if identity is not None)
    return Partial(failed) if failed else Succeeded()


def read_reply(reply: Reply | None, records: Sequence[Polled], *, partial_failures: bool) -> Verdict:
    """Judge a reply (None: no connection); without partial failures whatever the function returns is success."""
    if reply is None or reply.status != 200:
        return Unreachable()
    if reply.error is not None:
        return Failed(reply.error)
    return read_partial(reply.body, records) if partial_failures else Succeeded()
