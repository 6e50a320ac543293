"""How the twin turns the runtime emulator's answers into those of Lambda."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.twin.runtime_replies import RESPONSE_LIMIT_BYTES, UNHANDLED, read_runtime_reply

RAISED = {"errorMessage": "no", "errorType": "ValueError", "requestId": "r", "stackTrace": []}


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"batchItemFailures": []}, {**RAISED, "more": 1}, {"errorMessage": "a field"}, "x"],
    ids=str,
)
def test_results(answer: Any) -> None:
    """What a function returns passes unchanged, also when it merely resembles an error."""
    body = json.dumps(answer).encode()

    assert read_runtime_reply(200, body) == ((200, None, body), True)


def test_raised() -> None:
    """The emulator's 200 with an error's body is a function error, and the environment lives on."""
    reply, reusable = read_runtime_reply(200, json.dumps(RAISED).encode())

    assert (reply.status, reply.error, json.loads(reply.body)) == (200, UNHANDLED, RAISED)
    assert reusable


def test_timed_out() -> None:
    """The emulator's plain text is a time-out, which ends the environment."""
    reply, reusable = read_runtime_reply(200, b"Task timed out after 2.00 seconds")

    assert reply.error == UNHANDLED
    assert json.loads(reply.body) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "Task timed out after 2.00 seconds",
    }
    assert not reusable


@pytest.mark.parametrize("body", [b'{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}', b"{}"])
def test_exited(body: bytes) -> None:
    """The emulator's 502 is the death of the runtime, which ends the environment."""
    reply, reusable = read_runtime_reply(502, body)

    assert (reply.status, reply.error) == (200, UNHANDLED)
    assert json.loads(reply.body)["errorType"] == "Runtime.ExitError"
    assert not reusable


def test_not_importable() -> None:
    """A handler that cannot be imported is a function error, and its environment is not kept."""
    body = b'{"errorMessage":"No module named x","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}'

    assert read_runtime_reply(200, body) == ((200, UNHANDLED, body), False)


def test_response_too_large() -> None:
    """A response above 6 MB is a function error."""
    reply, reusable = read_runtime_reply(200, b'"%b"' % (b"x" * RESPONSE_LIMIT_BYTES))

    assert json.loads(reply.body)["errorType"] == "Function.ResponseSizeTooLarge"
    assert reusable
