"""The deployed state machine, executed in the account it was deployed to: it calls what is deployed, with its roles' rights."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import unquote

import orjson
import pytest

from ops.twin.answers import Reply
from ops.twin.lambdas import Handler, Server
from ops.twin.process import HOST
from sluice.replay.letter import Letter
from tests.fakes.replays import conserved
from tests.fakes.state_machine import run
from tests.infra.bench import Bench
from tests.infra.plant import curtailed

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
EVENT = orjson.loads((ROOT / "events" / "msk" / "mixed.json").read_bytes())
RULES = orjson.loads((ROOT / "events" / "repair" / "upgraded-agent.json").read_bytes())
# What the agent wrote, by the offset it gets: 2026-11-23T08:15:00Z is second 1,795,421,700.
WRITTEN: tuple[dict[str, Any], ...] = (
    {"timestamp": "2026-11-23T08:15:00Z", "text": "All is well."},
    # As an upgraded agent writes: once mended, a record of its own, and the first one again.
    {"timestamp": 1_795_421_761, "output": "All is mended."},
    {"timestamp": 1_795_421_700, "output": "All is well."},
    {"timestamp": 1_795_421_822},  # no rule invents a text
)


class Functions:
    """Answer Lambda's Invoke with what is deployed; another name than an alias that is there is refused."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self._bench, self._folder, self.called = bench, folder, list[str]()
        # Before anything is judged: of these calls moto's judge fails on some, and takes others for forged.
        self._artifacts = {
            alias.physical_id: bench.take_out(name, folder / name)
            for alias in bench.deployment.of_kind("AWS::Lambda::Alias")
            for name in [alias.physical_id.split(":")[-2]]
        }

    def invoke(self, name: str, event: bytes) -> Reply:
        artifact = self._artifacts.get(unquote(name))
        if artifact is None:
            return Reply(404, "ResourceNotFoundException", b"{}")
        self.called.append(artifact.name.removeprefix("sluice-dev-"))
        return self._bench.call(artifact, orjson.loads(event), self._folder)


@dataclass(frozen=True)
class Stage:
    """Hold the deployed stage, its state machine ready to call its functions."""

    bench: Bench
    functions: Functions
    machine: dict[str, Any]

    def fail(self, agent: str) -> None:
        """Have the deployed `preprocess` process what the agent wrote, from a topic of the agent's name."""
        values = [b64encode(orjson.dumps({"agent_id": agent, **each})).decode() for each in WRITTEN]
        place = {"topic": agent, "partition": 0, "timestamp": 1_795_421_700_000, "headers": []}
        records = [{**place, "offset": offset, "value": value} for offset, value in enumerate(values)]
        event = {**EVENT, "records": {f"{agent}-0": records}}
        alias = self.bench.deployment.only("AWS::Lambda::Alias", "Preprocess").physical_id
        reply = self.functions.invoke(alias, orjson.dumps(event))
        assert (reply.error, orjson.loads(reply.body)) == (None, {"batchItemFailures": []})

    def replay(self, name: str, agent: str, **given: Any) -> dict[str, Any]:
        """Execute the deployed state machine, every call judged by its caller's rights; return how it ended."""
        account, arn = self.bench.deployment.account, self.machine["stateMachineArn"]
        client, given = account.client("stepfunctions"), {"filter": {"agents": [agent]}, **given}
        self.functions.called.clear()
        with account.guarded():
            return run(client, arn, name, given, seconds=240)

    def letters(self, agent: str) -> dict[int, Letter]:
        found = [it for it in self.bench.letters() if it["origin"]["topic"] == agent]
        assert len(found) == len(WRITTEN) - 1, "a letter is lost, or there twice"
        return {letter["origin"]["offset"]: letter for letter in found}

    def cleaned(self, agent: str) -> list[tuple[str, str]]:
        """Return origin and text of what was published of the agent's."""
        found = [(dict(it[3])["sluice-origin"].decode(), it[2]) for it in self.bench.published(1)]
        own = [(origin, value) for origin, value in found if origin.startswith(f"{agent}-")]
        return sorted((origin, orjson.loads(value)["text"]) for origin, value in own)


@pytest.fixture(scope="module")
def stage(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    functions = Functions(bench, tmp_path_factory.mktemp("replay"))

    class Invoke(Handler):
        service: ClassVar[Any] = functions

    account, machine = bench.deployment.account, bench.deployment.only("AWS::StepFunctions::StateMachine")
    found = account.client("stepfunctions").describe_state_machine(stateMachineArn=machine.physical_id)
    server = Server((HOST, account.lambda_port), Invoke)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Stage(bench, functions, found)
    server.shutdown()
    thread.join()
    server.server_close()


def test_deployed_replay(stage: Stage) -> None:
    """Executed, the deployed definition counts and writes nothing; then it recovers what the rules mend, and says so."""
    stage.fail("scribe-41")
    before, objects = stage.cleaned("scribe-41"), stage.bench.objects()
    dry = stage.replay("dry-41", "scribe-41", repair=RULES)
    assert (dry["status"], stage.functions.called) == ("SUCCEEDED", ["replay-plan"]), dry
    assert (stage.cleaned("scribe-41"), stage.bench.objects()) == (before, objects)

    real = stage.replay("real-41", "scribe-41", repair=RULES, dry_run=False)
    assert real["status"] == "SUCCEEDED", real
    assert stage.functions.called == ["replay-plan", "replay-batch", "replay-report"]
    counted, answer = orjson.loads(dry["output"]), orjson.loads(real["output"])
    conserved(answer)
    wanted = {"selected": 3, "recovered": 1, "duplicates": 1, "still_failing": {"schema_invalid": 1}}
    assert {name: counted[name] for name in wanted} == wanted == {name: answer[name] for name in wanted}
    report = orjson.loads(stage.bench.objects()["replays/real-41/report.json"])
    assert {name: report[name] for name in answer} == answer
    assert report["chunks_without_result"] == []
    states = {offset: letter["state"] for offset, letter in stage.letters("scribe-41").items()}
    assert states == {1: "recovered", 2: "duplicate", 3: "open"}
    assert before == [("scribe-41-0-0", "All is well.")]
    assert stage.cleaned("scribe-41") == [*before, ("scribe-41-0-1", "All is mended.")]


def test_planted_omission_stops_the_replay(stage: Stage) -> None:
    """A state machine whose role may not read the manifest fails, and its letters wait as they were."""
    stage.fail("scribe-42")
    before = stage.letters("scribe-42")
    role = stage.machine["roleArn"].rpartition("/")[2]
    with curtailed(stage.bench.deployment, role, lambda statement: "s3:GetObject" in statement["Action"]):
        ended = stage.replay("real-42", "scribe-42", repair=RULES, dry_run=False)

    assert (ended["status"], stage.functions.called) == ("FAILED", ["replay-plan"]), ended
    assert "AccessDenied" in ended["cause"]
    assert stage.letters("scribe-42") == before
