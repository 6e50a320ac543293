"""The shipped state machine in moto's interpreter, its Lambda calls redirected to the functions of this repository."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

DEFINITION = Path(__file__).resolve().parents[2] / "infra" / "replay.asl.json"
SUBSTITUTIONS = {
    "ReplayPlanFunction": "replay_plan",
    "ReplayBatchFunction": "replay_batch",
    "ReplayReportFunction": "replay_report",
}
ROLE = "arn:aws:iam::123456789012:role/replay"
Handler = Callable[[Any, Any], Any]


class Context:
    """What Lambda hands to a function of a minute."""

    aws_request_id = "request-1"

    def __init__(self) -> None:
        self._end = time.monotonic() + 60

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


class Functions:
    """Answer Lambda's Invoke with the handlers; `break_` decides which calls fail, and how."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers
        self.calls: list[tuple[str, Any]] = []
        self.breaks: Callable[[str, Any, int], BaseException | None] = lambda *_: None
        self._count: Counter[str] = Counter()

    def invoke(self, name: str, event: Any) -> tuple[Any, bool]:
        """Return the answer, or the error as Lambda writes it and True."""
        self.calls.append((name, event))
        self._count[name] += 1
        error = self.breaks(name, event, self._count[name])
        try:
            if error is not None:
                raise error  # noqa: TRY301 -- a function that fails
            return self.handlers[name](event, Context()), False
        except Exception as raised:  # noqa: BLE001 -- as the runtime does
            return {"errorMessage": str(raised), "errorType": type(raised).__name__, "stackTrace": []}, True


def _server(functions: Functions) -> ThreadingHTTPServer:
    class Invoke(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = unquote(self.path).split("/functions/")[1].split("/")[0].rpartition(":")[2]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer, failed = functions.invoke(name, json.loads(body))
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Invoke)


@contextlib.contextmanager
def serving(functions: Functions) -> Iterator[str]:
    """Serve the functions and yield the endpoint."""
    server = _server(functions)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def definition(interval: int = 1) -> str:
    """Return the shipped definition, functions named; retries come after `interval` seconds, as no test waits."""
    text = DEFINITION.read_text()
    for name, function in SUBSTITUTIONS.items():
        text = text.replace(f"${{{name}}}", function)
    return text.replace('"IntervalSeconds": 2', f'"IntervalSeconds": {interval}').replace(
        '"BackoffRate": 2', '"BackoffRate": 1'
    )


def run(
    client: Any, machine: str, name: str, given: Mapping[str, Any], seconds: float = 60
) -> dict[str, Any]:
    """Start an execution and return its description when it ended."""
    execution = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        described: dict[str, Any] = client.describe_execution(executionArn=execution["executionArn"])
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.05)
    raise TimeoutError("the execution does not end")
