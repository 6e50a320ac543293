"""Calling a function of the twin from the outside."""

from __future__ import annotations

import http.client
from collections import deque
from typing import Any, NamedTuple

import orjson

from ops.twin.config import TwinError
from ops.twin.process import HOST


class InvokeResult(NamedTuple):
    """Hold a function's answer; `error` is set when it raised, timed out, died or was refused."""

    payload: Any
    error: str | None


class Answer(NamedTuple):
    """Hold what came over the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class FunctionClient:
    """Speak to the Lambda service, from any number of threads, over kept connections."""

    def __init__(self, port: int, timeout_seconds: float) -> None:
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._idle: deque[http.client.HTTPConnection] = deque()  # its appends and pops are atomic

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return http.client.HTTPConnection(HOST, self._port, timeout=self._timeout_seconds)

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes
    ) -> Answer:
        try:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        connection = self._connection()
        kept = connection.sock is not None
        try:
            return self._exchange(connection, method, path, body)
        except (OSError, http.client.HTTPException) as error:
            # The service may have been restarted since the last call: that alone is no failure.
            if kept and isinstance(error, ConnectionError):
                return self._call(method, path, body)
            raise TwinError(f"the Lambda service does not answer: {error!r}") from error

    def invoke(self, name: str, payload: object) -> InvokeResult:
        """Call a function and wait; TwinError when the service does not answer."""
        answer = self._call("POST", f"/2015-03-31/functions/{name}/invocations", orjson.dumps(payload))
        kind = "X-Amz-Function-Error" if answer.status == 200 else "x-amzn-ErrorType"
        return InvokeResult(orjson.loads(answer.body), answer.headers.get(kind))

    def environments(self) -> list[dict[str, Any]]:
        """Return the execution environments: function, rie (pid), runtime (pids), busy."""
        found: list[dict[str, Any]] = orjson.loads(self._call("GET", "/environments").body)
        return found

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()
