"""The Lambda service: real runtimes, one call at a time each, with Lambda's answers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest

from ops.twin.config import INVOKE_LIMIT_BYTES, TwinError
from ops.twin.invoke import FunctionClient, InvokeResult
from ops.twin.lambdas import LambdaConfig
from ops.twin.process import HOST, free_port, module_environment
from ops.twin.rie import ensure_rie
from ops.twin.supervisor import Child, Supervisor

pytestmark = pytest.mark.integration

HANDLER = """
import os, sys, time

def handler(event, context):
    for line in event.get("print", []):
        print(line)
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    return {"pid": os.getpid(), "told": os.environ["TOLD"], "size": len(event.get("pad", ""))}
"""
TIMEOUT_SECONDS = 2


class Service:
    """The service under test and a client of it."""

    def __init__(self, port: int, run_dir: Path, supervisor: Supervisor) -> None:
        self.port, self.run_dir, self.supervisor = port, run_dir, supervisor
        self.client = FunctionClient(port, 30)

    def call(self, name: str = "odd", **event: Any) -> InvokeResult:
        return self.client.invoke(name, event)

    def kill_in_call(self, victim: Callable[[dict[str, Any]], int]) -> InvokeResult:
        with ThreadPoolExecutor(1) as other:
            running = other.submit(self.call, sleep=1.5)
            deadline = time.monotonic() + 10
            while not (busy := [x for x in self.client.environments() if x["busy"] and x["runtime"]]):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            time.sleep(0.3)
            os.kill(victim(busy[0]), signal.SIGKILL)
            return running.result()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    run_dir, functions = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("functions")
    (functions / "odd.py").write_text(HANDLER)
    (functions / "broken.py").write_text("import no_such_module_anywhere\n")
    port, path = free_port(), run_dir / "lambdas.json"
    LambdaConfig(
        port=port,
        rie=str(ensure_rie()),
        functions=str(functions),
        layer=str(functions),
        environment={"TOLD": "yes"},
        timeout_seconds=TIMEOUT_SECONDS,
        concurrency=2,
        run_dir=str(run_dir),
    ).write(path)
    supervisor = Supervisor()
    command = [sys.executable, "-m", "ops.twin.lambdas", str(path)]
    supervisor.add(
        Child("lambda", command, module_environment(), run_dir / "service.log", restart=True), port
    )
    made = Service(port, run_dir, supervisor)
    yield made
    made.client.close()
    supervisor.stop("lambda", 5)
    supervisor.close()


def test_result(service: Service) -> None:
    """A function's result comes back, its environment is what it was told, and it stays warm."""
    first, second = service.call(), service.call()

    assert first.error is None
    assert first.payload["told"] == "yes"
    assert second.payload["pid"] == first.payload["pid"]


def test_error(service: Service) -> None:
    """A function that raises is a function error with type and message, and stays warm."""
    warm = service.call().payload["pid"]
    result = service.call(**{"raise": "no"})

    assert result.error == "Unhandled"
    assert (result.payload["errorType"], result.payload["errorMessage"]) == ("ValueError", "no")
    assert service.call().payload["pid"] == warm


def test_timeout(service: Service) -> None:
    """A function that takes too long is a function error, and the next call has a new environment."""
    warm = service.call().payload["pid"]
    result = service.call(sleep=TIMEOUT_SECONDS + 5)

    assert result.error == "Unhandled"
    assert "timed out after 2.00 seconds" in result.payload["errorMessage"]
    assert service.call().payload["pid"] != warm


def test_exit(service: Service) -> None:
    """A function whose process ends is a function error, and the next call has a new environment."""
    warm = service.call().payload["pid"]
    result = service.call(exit=3)

    assert (result.error, result.payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert service.call().payload["pid"] != warm


@pytest.mark.parametrize("who", ["runtime", "rie"])
def test_killed_in_a_call(service: Service, who: str) -> None:
    """A runtime or an emulator killed in the middle of a call is a function error, and no harm to the next call."""

    def victim(environment: dict[str, Any]) -> int:
        pid = environment["rie"] if who == "rie" else environment["runtime"][0]
        assert isinstance(pid, int)
        return pid

    result = service.kill_in_call(victim)

    assert (result.error, result.payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert service.call().error is None


def test_import_error(service: Service) -> None:
    """A handler that cannot be imported is a function error, each time."""
    results = [service.call("broken") for _ in range(2)]

    assert [r.error for r in results] == ["Unhandled"] * 2
    assert {r.payload["errorType"] for r in results} == {"Runtime.ImportModuleError"}


def test_one_call_at_a_time(service: Service) -> None:
    """Calls at the same time run in environments of their own, and beyond the limit they wait."""
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: service.call(sleep=0.4), range(4)))

    assert [r.error for r in results] == [None] * 4
    assert len({r.payload["pid"] for r in results}) == 2


def test_payload_limit(service: Service) -> None:
    """An event at the limit arrives whole, one above it is refused."""
    frame = len(orjson.dumps({"pad": ""}))
    at_limit = service.call(pad="x" * (INVOKE_LIMIT_BYTES - frame))
    above = service.call(pad="x" * (INVOKE_LIMIT_BYTES - frame + 1))

    assert at_limit.payload["size"] == INVOKE_LIMIT_BYTES - frame
    assert above.error == "RequestTooLargeException"


@pytest.mark.parametrize("name", ["absent", "../odd", "odd/../odd", ""])
def test_unknown_function(service: Service, name: str) -> None:
    """A function that is not in the folder is refused as Lambda does."""
    assert service.call(name).error == "ResourceNotFoundException"


def test_output_is_sorted(service: Service) -> None:
    """Metric lines are in their file when the call returns, all others are in the log, however many they are."""
    metrics = [orjson.dumps({"_aws": {}, "n": n}).decode() for n in range(3)]
    chatter = ["x" * 1000] * 500  # more than a pipe holds
    assert service.call(print=[*metrics[:1], *chatter, *metrics[1:]]).error is None
    kept = (service.run_dir / "emf-odd.jsonl").read_text().splitlines()[-3:]
    logs = b"".join(path.read_bytes() for path in (service.run_dir / "logs").glob("odd-*.log"))

    assert kept == [*metrics]
    assert logs.count(b"x" * 1000) == 500
    assert b'{"_aws"' not in logs


def test_output_precedes_the_answer(service: Service) -> None:
    """Whatever a function printed is in its files before its caller has the answer."""
    path = service.run_dir / "emf-odd.jsonl"
    for number in range(300):
        service.call(print=[orjson.dumps({"_aws": number}).decode()])
        assert path.read_bytes().endswith(b'{"_aws":%d}\n' % number)


def test_boto3(service: Service) -> None:
    """The AWS SDK's Lambda client works with the service as its endpoint."""
    client = boto3.client(
        "lambda",
        endpoint_url=f"http://{HOST}:{service.port}",
        region_name="eu-central-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    good = client.invoke(FunctionName="odd", Payload=b"{}")
    bad = client.invoke(FunctionName="odd", Payload=b'{"raise": "no"}')

    assert orjson.loads(good["Payload"].read())["told"] == "yes"
    assert "FunctionError" not in good
    assert bad["FunctionError"] == "Unhandled"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="absent", Payload=b"{}")


def test_service_killed(service: Service) -> None:
    """A killed service comes back on its port, and its environments died with it."""
    service.call()
    before = [pid for x in service.client.environments() for pid in (x["rie"], *x["runtime"])]
    (pid,) = service.supervisor.pids("lambda")
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    result = None
    while result is None:
        try:
            result = service.call()
        except TwinError:
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)

    assert result.error is None
    assert result.payload["pid"] not in before
    assert not [old for old in before if Path(f"/proc/{old}/exe").exists()]
