"""What the runtime interface emulator answers, in terms of the Invoke API. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from ops.twin.answers import Reply

UNHANDLED = "Unhandled"
RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024
ERROR_FIELDS = {"errorType", "errorMessage", "requestId", "stackTrace"}


def function_error(kind: str, message: str) -> Reply:
    """Return the reply of a function that ended in an error of the runtime's making."""
    return Reply(200, UNHANDLED, orjson.dumps({"errorType": kind, "errorMessage": message}))


EXITED = function_error("Runtime.ExitError", "the execution environment died")


def _is_error(answer: Any) -> bool:  # parsed JSON
    # The emulator sends a function's error as a success: only the shape tells them apart.
    return isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys() <= ERROR_FIELDS


def read_runtime_reply(status: int, body: bytes) -> tuple[Reply, bool]:
    """Return the reply as Lambda would give it, and whether the environment survived it."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return function_error("Sandbox.Timedout", body.decode("utf-8", "replace")), False
    if status != 200:
        return (Reply(200, UNHANDLED, body), False) if _is_error(answer) else (EXITED, False)
    if _is_error(answer):
        return Reply(200, UNHANDLED, body), not str(answer["errorType"]).startswith("Runtime.")
    if len(body) > RESPONSE_LIMIT_BYTES:
        return function_error("Function.ResponseSizeTooLarge", "the response exceeds 6 MB"), True
    return Reply(200, None, body), True
