"""How the twin's event source reads a function's answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.twin.answers import Failed, Partial, Reply, Succeeded, Unclear, Unreachable, read_reply
from ops.twin.events import Polled

RECORDS = [Polled(f"raw-{p}", p, offset, 0, b"{}") for p in (0, 1) for offset in (10, 11)]


def failure(slot: Any, offset: Any) -> dict[str, Any]:
    return {"itemIdentifier": {"partition": slot, "offset": offset}}


def read(answer: Any, *, partial_failures: bool = True) -> Any:
    reply = Reply(200, None, json.dumps(answer).encode())
    return read_reply(reply, RECORDS, partial_failures=partial_failures)


@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"statusCode": 200}], ids=str
)
def test_nothing_failed(answer: Any) -> None:
    """No failures, in whatever way a function says so, is a success of the whole batch."""
    assert read(answer) == Succeeded()


def test_named_failures() -> None:
    """A list of identifiers, partition and offset, names the records that failed."""
    answer = {"batchItemFailures": [failure("raw-1", 10), failure("raw-0", 11)]}

    assert read(answer) == Partial(frozenset({("raw-1", 10), ("raw-0", 11)}))


@pytest.mark.parametrize(
    "bad",
    [
        failure("raw-0", 12),
        failure("raw-7", 10),
        failure("raw", 10),
        failure("raw-0", "10"),
        failure("raw-0", True),
        failure(None, 10),
        {"itemIdentifier": "raw-0-10"},
        {"itemIdentifier": None},
        {"item": {}},
        {},
        None,
    ],
    ids=str,
)
def test_one_unknown_identifier_spoils_the_answer(bad: Any) -> None:
    """An identifier that was not in the event makes the whole batch go again, whatever else is named."""
    assert read({"batchItemFailures": [failure("raw-0", 10), bad]}) == Unclear()


@pytest.mark.parametrize(
    "answer", ["ok", 7, [], {"batchItemFailures": "raw-0"}, {"batchItemFailures": {}}], ids=str
)
def test_an_answer_of_another_shape(answer: Any) -> None:
    """An answer that is no batch response acknowledges nothing."""
    assert read(answer) == Unclear()


def test_an_answer_that_is_no_json() -> None:
    """An answer that does not parse acknowledges nothing, an empty one is a success."""
    assert read_reply(Reply(200, None, b"<html>"), RECORDS, partial_failures=True) == Unclear()
    assert read_reply(Reply(200, None, b""), RECORDS, partial_failures=True) == Succeeded()


def test_failures_are_ignored_without_the_mode() -> None:
    """Without ReportBatchItemFailures returned failures are silently a success."""
    assert read({"batchItemFailures": [failure("raw-0", 10)]}, partial_failures=False) == Succeeded()


@pytest.mark.parametrize("partial_failures", [True, False])
def test_function_error(partial_failures: bool) -> None:
    """A function error fails the whole batch in either mode, even when its body looks like a success."""
    reply = Reply(200, "Unhandled", b'{"batchItemFailures":[]}')

    assert read_reply(reply, RECORDS, partial_failures=partial_failures) == Failed("Unhandled")


@pytest.mark.parametrize(
    "reply", [None, Reply(429, "TooManyRequestsException", b"{}"), Reply(500, None, b"")]
)
def test_no_function_ran(reply: Reply | None) -> None:
    """A call that no function saw is told from one that failed."""
    assert read_reply(reply, RECORDS, partial_failures=True) == Unreachable()
