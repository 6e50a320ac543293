"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from ops.twin.config import REPOSITORY, TwinError

TETHER = Path(__file__).with_name("tether.py")
HOST = "127.0.0.1"


def tethered(command: Sequence[str], parent: int) -> list[str]:
    """Return the command that dies with its parent (0: whoever that is)."""
    return [sys.executable, "-I", "-S", str(TETHER), str(parent), *command]


class Launcher:
    """Start children from one thread of its own.

    The kernel's parent-death signal follows the thread that forked, so a short-lived thread must not start one.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="launcher")

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: IO[bytes] | int,
    ) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, tied to this process; stderr goes with stdout."""
        return self._thread.submit(
            subprocess.Popen,
            tethered(command, os.getpid()),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).result()

    def close(self) -> None:
        """End the thread; children that still run die with it."""
        self._thread.shutdown()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to all processes of a child's session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def terminate(processes: Sequence[subprocess.Popen[bytes]], grace_seconds: float) -> None:
    """Ask the leaders to end, wait, then kill what is left of their sessions."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + grace_seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        signal_group(process, signal.SIGKILL)
        process.wait()


# Below those that Linux gives to outgoing connections (32768 to 60999): until its server listens, none takes it.
_PORTS = range(12_000, 32_000)
_TRIES = 100


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that was free a moment ago; TwinError when none is found."""
    # Not by the seed that a test runner sets anew for every test: all of them would begin with the same port.
    for port in random.SystemRandom().sample(_PORTS, _TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do: a port whose last connection is still on its way out is free for one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
    raise TwinError(f"no free port among {_TRIES} from {_PORTS.start} to {_PORTS.stop} on {HOST}")


def wait_for_port(port: int, process: subprocess.Popen[bytes], name: str, seconds: float = 20) -> None:
    """Wait until a child listens; TwinError when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TwinError(f"the {name} ended at once (exit code {process.returncode}); see its log")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 0.5):
            return
        time.sleep(0.01)
    raise TwinError(f"the {name} did not start within {seconds:.0f} s; see its log")


def module_environment() -> dict[str, str]:
    """Return the environment for `python -m ops.…`: ours, with the repository importable."""
    inherited = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *([inherited] if inherited else [])]),
    }
