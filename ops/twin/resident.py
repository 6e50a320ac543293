"""A twin that stays: `up` starts it in the background, `down` ends it, runs and replays share it in between.

The process holds a lock as long as it lives, so nobody takes a file that a dead one left behind for a twin.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Final

import orjson

from ops.twin.config import REPOSITORY, Shared, TwinConfig, TwinError
from ops.twin.process import module_environment

# Another folder, another twin: tests have one of their own.
FOLDER: Final = "SLUICE_TWIN"
# The cold start of all servers on a slow machine, and what closing them may take.
_UP_SECONDS, _DOWN_SECONDS = 60.0, 30.0
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Resident:
    """Hold what others need to know of the twin that runs."""

    pid: int
    bootstrap: str
    redis_url: str
    redis_mode: str
    endpoint: str
    lambda_port: int
    state_machine: str
    dead_letter_bucket: str
    on_failure_bucket: str
    cleaned_topic: str
    mapping_id: str
    partitions: int
    embedded_broker: bool
    logs: str

    def shared(self) -> Shared:
        """Return what a run on this twin shares with it."""
        return Shared(
            self.endpoint,
            self.dead_letter_bucket,
            self.on_failure_bucket,
            self.cleaned_topic,
            self.mapping_id,
            self.embedded_broker,
        )


def folder() -> Path:
    """Return the folder in which the twin says what it is."""
    return Path(os.environ.get(FOLDER) or REPOSITORY / ".cache" / "twin")


def running() -> Resident | None:
    """Return the twin that runs and is ready, None where there is none. Raises TwinError for another version's."""
    if not _alive():
        return None
    try:
        data: dict[str, Any] = orjson.loads((folder() / "state.json").read_bytes())
    except FileNotFoundError:
        return None  # it is not ready yet
    if data.keys() != {one.name for one in fields(Resident)}:
        raise TwinError("the twin that runs was started by another version of Sluice: `make down`, `make up`")
    return Resident(**data)


def up() -> tuple[Resident, bool]:
    """Start a twin unless one runs; return it, and whether it was started now. Raises TwinError."""
    known = running()
    if known is not None:
        return known, False
    folder().mkdir(parents=True, exist_ok=True)
    log = folder() / "twin.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.twin.resident"],
            cwd=REPOSITORY,
            env=module_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a closed terminal does not end it
        )
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline:
        known = running()
        if known is not None:
            return known, known.pid == process.pid
        if process.poll() is not None and not _alive():
            words = log.read_text(errors="replace").strip().splitlines() or ["it says nothing"]
            raise TwinError(f"the twin did not start: {words[-1]}")
        time.sleep(0.1)
    process.terminate()
    raise TwinError(f"the twin was not ready within {_UP_SECONDS:.0f} s; see {log}")


def down() -> bool:
    """End the twin and everything of it; tell whether there was one. Raises TwinError."""
    if not _alive():
        return False
    pid = int((folder() / "lock").read_text())
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + _DOWN_SECONDS
        while time.monotonic() < deadline:
            if not _alive() and _gone(pid):
                return True
            time.sleep(0.05)
    raise TwinError(f"process {pid} of the twin does not end")


def _gone(pid: int) -> bool:
    """Tell whether a process is no more; what its parent has not fetched yet has no command line either."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def _alive() -> bool:
    try:
        with _locked(folder() / "lock") as taken:
            return taken is None
    except FileNotFoundError:
        return False


@contextmanager
def _locked(path: Path, mode: str = "r") -> Iterator[IO[str] | None]:
    """Hold the lock; None where another process has it."""
    with path.open(mode) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock


def main() -> int:
    """Be the twin until SIGTERM, or until a server is gone for good."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    state = folder() / "state.json"
    with _patiently_locked(folder() / "lock") as lock:
        if lock is None:
            print("another twin runs")
            return 1
        state.unlink(missing_ok=True)
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        try:
            _serve(state)
        except TwinError as error:
            print(error)
            return 1
        finally:
            state.unlink(missing_ok=True)
    return 0


@contextmanager
def _patiently_locked(path: Path) -> Iterator[IO[str] | None]:
    # Whoever asks whether a twin runs holds the lock for an instant.
    for _ in range(20):
        with _locked(path, "a") as lock:
            if lock is not None:
                yield lock
                return
        time.sleep(0.05)
    yield None


def _serve(state: Path) -> None:
    # Late: `running` is asked by commands that need none of it.
    from ops.twin.destination import aws_client  # noqa: PLC0415
    from ops.twin.twin import Twin  # noqa: PLC0415
    from ops.twin.workflow import TIMEOUTS, create_workflow  # noqa: PLC0415

    config = TwinConfig(
        kafka=os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
        redis=os.environ.get("REDIS_URL") or None,
        redis_mode=os.environ.get("REDIS_MODE") or "standalone",
        function_timeouts=TIMEOUTS,
    )
    with Twin(config) as twin:
        resident = Resident(
            pid=os.getpid(),
            bootstrap=twin.bootstrap,
            redis_url=twin.redis_url,
            redis_mode=twin.redis_mode,
            endpoint=twin.s3_endpoint,
            lambda_port=twin.lambda_port,
            state_machine=create_workflow(aws_client("stepfunctions", twin.s3_endpoint)),
            dead_letter_bucket=twin.dead_letter_bucket,
            on_failure_bucket=twin.on_failure_bucket,
            cleaned_topic=twin.cleaned_topic,
            mapping_id=twin.mapping_id,
            partitions=config.partitions,
            embedded_broker=config.kafka is None,
            logs=str(twin.run_dir / "logs"),
        )
        ready = state.with_suffix(".new")
        ready.write_bytes(orjson.dumps(asdict(resident), option=orjson.OPT_INDENT_2))
        ready.replace(state)  # whole or not at all
        while not threading.Event().wait(_LOOK_SECONDS):
            twin.alive()


if __name__ == "__main__":
    sys.exit(main())
