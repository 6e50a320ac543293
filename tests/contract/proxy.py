"""A TCP proxy that cuts a connection after so many bytes of its replies, or turns to another server."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


class Proxy:
    """Pass bytes between clients and the server at `target`, a port that may change.

    While `cut_after` is a number, a connection that has passed so many bytes of replies is cut there.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.cut_after: int | None = None
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut all connections, as a thaw finds them."""
        for one in self._open:
            _close(one)
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                try:
                    server = socket.create_connection((HOST, self.target), 2)
                except OSError:
                    _close(client)
                    continue
                server.settimeout(None)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
                threading.Thread(
                    target=self._pass, args=(server, client, self.cut_after), daemon=True
                ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, left: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    break
                left = None if left is None else left - len(data)
                sink.sendall(data)
        _close(source)
        _close(sink)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
