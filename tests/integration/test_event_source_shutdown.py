"""However a twin ends, it leaves no process and no folder behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from ops.twin.process import module_environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HANDLER = """
import os, time

def handler(event, context):
    time.sleep(event.get("sleep", int(os.environ["NAP"])))
    return {}
"""
# The child of the test: a twin in full swing, whose end the test brings about.
PROGRAM = """
import json, sys, threading, time
from pathlib import Path
from confluent_kafka import Producer
from ops.twin.config import EventSource, TwinConfig
from ops.twin.twin import Twin

functions, how, nap = sys.argv[1:]
source = EventSource(batch_size=1)
with Twin(TwinConfig(functions=Path(functions), event_source=source, environment={"NAP": nap})) as twin:
    twin.invoke("preprocess", {"sleep": 0})
    producer = Producer({"bootstrap.servers": twin.bootstrap})
    for partition in range(4):
        producer.produce(twin.raw_topic, b"{}", partition=partition)
    producer.flush(10)
    twin.start_pollers()
    while not any(stats["in_flight"] for stats in twin.poller_stats()):
        time.sleep(0.02)
    kinds = ("broker", "cache", "aws", "lambda", "poller", "rie", "runtime")
    told = {"pids": {kind: twin.pids(kind) for kind in kinds}, "run_dir": str(twin.run_dir)}
    print(json.dumps(told), flush=True)
    if how == "raise":
        raise ValueError("inside")
    if how == "wait":
        time.sleep(60)
print("left", flush=True)
"""


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    (tmp_path / "preprocess.py").write_text(HANDLER)
    return tmp_path


def running(pid: int) -> bool:
    try:
        # What is left of a dead process until its parent looks is no process.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def mentions(mark: str) -> Iterator[int]:
    """Yield the processes whose command or environment holds a mark, such as the run's folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                yield int(process.name)


def left_over(told: dict[str, dict[str, list[int]] | str]) -> list[int]:
    pids, run_dir = told["pids"], told["run_dir"]
    assert isinstance(pids, dict)
    assert isinstance(run_dir, str)
    known = [pid for group in pids.values() for pid in group]
    return [pid for pid in {*known, *mentions(run_dir)} if running(pid)]


def run(
    functions: Path, how: str, number: signal.Signals | None, nap: int = 1
) -> tuple[int, str, dict[str, dict[str, list[int]] | str]]:
    """Run the program, send it the signal once it is in full swing; return its exit code, its last words, its tale."""
    command = [sys.executable, "-c", PROGRAM, str(functions), how, str(nap)]
    with subprocess.Popen(
        command,
        env=module_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        told = orjson.loads(process.stdout.readline())
        if not all(told["pids"].values()) or len(left_over(told)) < 8:
            process.kill()
            pytest.fail(f"the twin is not in full swing: {told}")
        if number is not None:
            os.killpg(process.pid, number)
        last = process.stdout.read().decode()
        return process.wait(30), last, told


@pytest.mark.parametrize(
    ("how", "number", "code", "last"),
    [
        ("leave", None, 0, "left\n"),
        ("raise", None, 1, ""),
        ("wait", signal.SIGINT, -signal.SIGINT, ""),
        ("wait", signal.SIGTERM, 128 + signal.SIGTERM, ""),
    ],
    ids=["normal", "exception", "ctrl-c", "sigterm"],
)
def test_nothing_is_left(
    functions: Path, how: str, number: signal.Signals | None, code: int, last: str
) -> None:
    """After a normal end, an exception, Ctrl-C or SIGTERM in the middle of a call no process and no folder is left."""
    ended, words, told = run(functions, how, number)

    assert (ended, words) == (code, last)
    assert left_over(told) == []
    assert not Path(str(told["run_dir"])).exists()


def test_no_process_outlives_a_killed_twin(functions: Path) -> None:
    """When the twin itself is killed its whole family dies with it, runtimes in the middle of a call included."""
    _, _, told = run(functions, "wait", signal.SIGKILL, nap=30)
    deadline = time.monotonic() + 5
    while (left := left_over(told)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:  # should the law not hold, at least the next test starts clean
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(str(told["run_dir"]))

    assert left == []


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_starting(functions: Path, number: signal.Signals, seconds: float) -> None:
    """Ctrl-C or SIGTERM while the servers are being started leaves none of them."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ops.twin.config import TwinConfig\n"
        "from ops.twin.twin import Twin\n"
        "twin = Twin(TwinConfig(functions=Path(sys.argv[1])))\n"
        "print('starting', flush=True)\n"
        "with twin: print('started', flush=True)\n"
    )
    mark = uuid.uuid4().hex
    command = [sys.executable, "-c", program, str(functions)]
    environment = {**module_environment(), "SLUICE_TEST_MARK": mark}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"starting\n"
        time.sleep(seconds)
        process.send_signal(number)
        process.wait(30)

    assert process.returncode != 0
    assert [pid for pid in mentions(mark) if running(pid)] == []


def test_failing_start_leaves_nothing(tmp_path: Path) -> None:
    """A twin that cannot start says why in one line and ends what it had started."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ops.twin.config import TwinConfig, TwinError\n"
        "from ops.twin.twin import Twin\n"
        "try:\n"
        "    with Twin(TwinConfig(redis='redis://127.0.0.1:1/0', run_dir=Path(sys.argv[1]))): pass\n"
        "except TwinError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(
        command, env=module_environment(), capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout.startswith("no cache answers at 127.0.0.1:1")
    assert done.stdout.count("\n") == 1
    assert [pid for pid in mentions(str(tmp_path)) if running(pid)] == []
