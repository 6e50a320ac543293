"""Credentials behind a local endpoint, as with SnapStart: fetched, and given up on in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import orjson
import pytest
from botocore.exceptions import CredentialRetrievalError

from sluice.sinks.aws_token import FunctionCredentials
from tests.fakes.role import forget

pytestmark = pytest.mark.integration


class Endpoint(BaseHTTPRequestHandler):
    """Answer with credentials, and note who asked."""

    asked: ClassVar[list[str | None]]
    body: bytes

    def do_GET(self) -> None:
        type(self).asked.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Endpoint]]:
    """A local endpoint that the environment names, with the password for it."""

    class Answering(Endpoint):
        asked: ClassVar[list[str | None]] = []
        body = orjson.dumps(
            {
                "AccessKeyId": "AKIDSNAP",
                "SecretAccessKey": "secret",
                "Token": "session",
                "Expiration": "2126-11-23T08:15:00Z",
            }
        )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    forget(monkeypatch)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
    yield Answering
    server.shutdown()
    server.server_close()
    serving.join()


def test_fetched(endpoint: type[Endpoint]) -> None:
    """The endpoint is asked anew each time, with the password that goes with it."""
    finder = FunctionCredentials()
    keys = [finder.load().get_frozen_credentials().access_key for _ in range(2)]

    assert keys == ["AKIDSNAP"] * 2
    assert endpoint.asked == ["let me in"] * 2


@pytest.mark.parametrize("body", [b"{}", b"not json", b'{"AccessKeyId": "x"}', b"[]"])
def test_answers_with_something_else(endpoint: type[Endpoint], body: bytes) -> None:
    """What is no answer is an error that is retried like others, and asked for once."""
    endpoint.body = body
    with pytest.raises(CredentialRetrievalError):
        FunctionCredentials().load()

    assert len(endpoint.asked) == 1


def test_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that takes the connection and says nothing costs a second, not the nine of the library."""
    forget(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        began = time.monotonic()
        with pytest.raises(CredentialRetrievalError):
            FunctionCredentials().load()

    assert time.monotonic() - began < 2
