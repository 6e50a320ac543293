"""The definition that ships, executed: plan, choice, map, report, and every branch for what goes wrong."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto import mock_aws

from sluice import replay_wiring, wiring
from sluice.replay.letter import Letter, read_letters, write_letters
from sluice.replay.store import StorageError
from sluice.settings import DOCUMENTED
from sluice.sinks.topic import CleanedTopic
from tests.fakes.broker import FakeBroker
from tests.fakes.cache import FakeCache
from tests.fakes.replays import conserved, key_of, letter, message, on_failure, value
from tests.fakes.state_machine import ROLE, SUBSTITUTIONS, Functions, Handler, definition, run, serving

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
BUCKET, FAILED = "letters", "on-failure"
ENVIRONMENT = {
    "REDIS_URL": "redis://cache:6379",
    "KAFKA_BOOTSTRAP_SERVERS": "broker.test:9092",
    "DEAD_LETTER_BUCKET": BUCKET,
    "ON_FAILURE_BUCKET": FAILED,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


def load(name: str) -> Handler:
    """Load a function's file as Lambda does: anew, by its path."""
    spec = importlib.util.spec_from_file_location(f"loaded_{name}", ROOT / "functions" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


class Stage(NamedTuple):
    """The state machine and what it works on."""

    client: Any
    machine: str
    s3: Any
    functions: Functions
    broker: FakeBroker
    cache: FakeCache

    def put(self, name: str, *letters: Letter) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key_of(name), Body=write_letters(letters))

    def run(self, name: str, **given: Any) -> dict[str, Any]:
        return run(self.client, self.machine, name, given)

    def output(self, name: str, **given: Any) -> dict[str, Any]:
        described = self.run(name, **given)
        assert described["status"] == "SUCCEEDED", described
        answer: dict[str, Any] = json.loads(described["output"])
        conserved(answer)
        return answer

    def objects(self) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            one["Key"]: self.s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed
        }

    def states(self) -> dict[str, str]:
        bodies = [
            body
            for key, body in self.objects().items()
            if key.endswith(".jsonl.gz") and "replays/" not in key
        ]
        return {one["id"]: one["state"] for body in bodies for one in read_letters(body)}

    def published(self) -> list[str]:
        return [dict(s.headers)["sluice-origin"].decode() for log in self.broker.logs for s in log]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Real handlers and S3 calls (moto), fakes for cache and broker."""
    cache, broker = FakeCache(), FakeBroker()
    for name, given in ({setting.name: "" for setting in DOCUMENTED} | ENVIRONMENT).items():
        monkeypatch.setenv(name, given)
    monkeypatch.setattr(replay_wiring, "open_cache", lambda settings, timeout: cache)
    monkeypatch.setattr(wiring, "CleanedTopic", partial(CleanedTopic, make=broker.producer))
    functions = Functions({name: load(name) for name in SUBSTITUTIONS.values()})
    with serving(functions) as endpoint, mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint)
        s3, client = boto3.client("s3"), boto3.client("stepfunctions")
        for bucket in (BUCKET, FAILED):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        machine = client.create_state_machine(name="replay", definition=definition(), roleArn=ROLE)
        yield Stage(client, machine["stateMachineArn"], s3, functions, broker, cache)


def test_dry_run(stage: Stage) -> None:
    """By default nothing is written, and the output says what a run would do, on whom and for how much."""
    stage.put("a", letter(1), letter(2, raw=b"{"))
    stage.s3.put_object(Bucket=FAILED, Key="aws/x", Body=on_failure(message(3)))
    before = stage.objects()
    answer = stage.output("dry")

    assert (answer["dry_run"], answer["selected"], answer["recovered"], answer["report"]) == (
        True,
        3,
        2,
        None,
    )
    assert answer["still_failing"] == {"not_json": 1}
    assert answer["reasons"] == {"not_json": 2, "undelivered": 1}
    assert {sample["id"] for sample in answer["samples"]} == {f"agent_raw_output-0-{n}" for n in (1, 2, 3)}
    assert answer["estimate"]["dollars"] > 0
    assert stage.objects() == before
    assert (stage.published(), stage.cache.keys()) == ([], {})
    assert [name for name, _ in stage.functions.calls] == ["replay_plan"]


def test_replay(stage: Stage) -> None:
    """Letters of several objects, and what the event source gave up on, come back; the output is the report's."""
    for number in range(3):
        stage.put(f"{number}", *(letter(100 * number + n) for n in range(60)))
    stage.s3.put_object(Bucket=FAILED, Key="aws/x", Body=on_failure(message(900), message(901, b"{")))
    answer = stage.output("first", dry_run=False)

    assert (answer["selected"], answer["recovered"], answer["still_failing"]) == (182, 181, {"not_json": 1})
    assert answer["report"] == "s3://letters/replays/first/report.json"
    assert json.loads(stage.objects()["replays/first/report.json"])["chunks_without_result"] == []
    assert len(set(stage.published())) == len(stage.published()) == 181
    assert [name for name, _ in stage.functions.calls].count("replay_batch") == 2
    assert stage.output("second", dry_run=False)["recovered"] == 0
    assert len(stage.published()) == 181


def test_repair(stage: Stage) -> None:
    """Rules and schema of the input reach the letters, and the parked are asked for by name."""
    epoch = json.dumps({"agent": "planner", "timestamp": 1_763_885_700, "text": "late"}).encode()
    stage.put("a", letter(1, "schema_invalid", epoch, state="parked", attempt=3))
    rules = [{"op": "rename", "from": "/agent", "to": "/agent_id"}, {"op": "parse_time", "at": "/timestamp"}]
    assert stage.output("open", dry_run=False, repair=rules)["selected"] == 0
    answer = stage.output(
        "parked", dry_run=False, repair=rules, schema="agent_output/1", filter={"source": "parked"}
    )

    assert answer["recovered"] == 1
    ((stored,),) = [log for log in stage.broker.logs if log]
    assert json.loads(stored.value)["timestamp"] == "2025-11-23T08:15:00Z"


def test_nothing_selected(stage: Stage) -> None:
    """An empty selection is a success with a report, and starts no chunk."""
    answer = stage.output("empty", dry_run=False, filter={"agents": ["nobody"]})

    assert (answer["selected"], answer["report"]) == (0, "s3://letters/replays/empty/report.json")
    assert [name for name, _ in stage.functions.calls] == ["replay_plan", "replay_report"]


def test_wrong_input(stage: Stage) -> None:
    """An input that is wrong fails the execution at once, by the names of its fields."""
    stage.put("a", letter(1))
    described = stage.run("wrong", dry_run="no", limit=0, filter={"source": "x"})

    assert (described["status"], described["error"]) == ("FAILED", "InputError")
    assert all(name in described["cause"] for name in ("dry_run", "limit", "filter.source"))
    assert len(stage.functions.calls) == 1


@pytest.mark.parametrize("function", SUBSTITUTIONS.values())
def test_storage_fails_for_a_while(stage: Stage, function: str) -> None:
    """A step that fails for S3's sake is tried again."""
    stage.put("a", letter(1))
    stage.functions.breaks = lambda name, _, number: (
        StorageError("get: SlowDown") if (name, number) == (function, 1) else None
    )

    assert stage.output("r1", dry_run=False)["recovered"] == 1
    assert [name for name, _ in stage.functions.calls].count(function) == 2


def test_a_chunk_that_breaks(stage: Stage) -> None:
    """A chunk that fails for good ends neither the others nor the run; its letters wait, and the report names it."""
    for number in range(3):
        stage.put(f"{number}", *(letter(100 * number + n) for n in range(60)))

    def broken(name: str, event: Any, _: int) -> BaseException | None:
        return KeyError("a bug") if name == "replay_batch" and event["chunk"]["number"] == 1 else None

    stage.functions.breaks = broken
    answer = stage.output("r1", dry_run=False)

    assert (answer["selected"], answer["recovered"], answer["not_run"]) == (180, 60, 120)
    assert json.loads(stage.objects()["replays/r1/report.json"])["chunks_without_result"] == [1]
    stage.functions.breaks = lambda *_: None
    assert stage.output("r2", dry_run=False)["recovered"] == 120
    assert set(stage.states().values()) == {"recovered"}


def test_a_report_that_breaks(stage: Stage) -> None:
    """A replay that cannot be reported on fails, and what it recovered stays recovered."""
    stage.put("a", letter(1))
    stage.functions.breaks = lambda name, *_: KeyError("a bug") if name == "replay_report" else None

    assert stage.run("r1", dry_run=False)["status"] == "FAILED"
    assert stage.states() == {"agent_raw_output-0-1": "recovered"}


def test_children_answer_little(stage: Stage) -> None:
    """What a chunk hands back stays below 100 bytes: the answers of 900 go through one state."""
    stage.put("a", *(letter(n, raw=value("x" * 200)) for n in range(50)))
    stage.output("r1", dry_run=False)
    (event,) = [event for name, event in stage.functions.calls if name == "replay_batch"]
    again, failed = stage.functions.invoke("replay_batch", event)

    assert not failed
    assert len(json.dumps(again)) < 100
