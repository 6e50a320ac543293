"""The check of a deployed stage, run on a deployment into an account on this machine."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.config import STAGES
from ops.deploy_check import steps
from ops.deploy_check.__main__ import main, run
from ops.deploy_check.place import Place
from tests.infra.bench import Bench
from tests.infra.deployment import Account, Deployment
from tests.infra.plant import reconfigured, without

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NOW_MS = 1_795_421_700_000
CHEAP = [step for step in steps.STEPS if step.name not in {"batch", "letter", "lookup"}]


class Played:
    """A client of the account that answers some calls by other means."""

    def __init__(self, client: Any, **calls: Callable[..., Any]) -> None:
        self._client = client
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.get(name) or getattr(self._client, name)


def place(
    account: Account, invoke: Callable[..., Any] | None = None, now_ms: int = NOW_MS, **mapping: Any
) -> Place:
    """Return the stage `dev`; the account can tell no brokers, and invokes nothing by itself."""

    def listed(**arguments: Any) -> dict[str, Any]:
        found: Mapping[str, Any] = account.client("lambda").list_event_source_mappings()
        return {"EventSourceMappings": [{**each, **mapping} for each in found["EventSourceMappings"]]}

    played = {
        "kafka": Played(
            account.client("kafka"),
            get_bootstrap_brokers=lambda **_: {"BootstrapBrokerStringSaslIam": "b-1.sluice.invalid:9098"},
        ),
        "lambda": Played(
            account.client("lambda"),
            list_event_source_mappings=listed,
            invoke=invoke or account.client("lambda").invoke,
        ),
    }
    return Place(STAGES["dev"], lambda service: played.get(service) or account.client(service), now_ms)


@pytest.fixture
def invoke(bench: Bench, tmp_path: Path) -> Callable[..., Any]:
    """Lambda's Invoke call, answered by what is deployed."""
    count = iter(range(100))

    def call(FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  # boto3's names
        assert Qualifier == "live"
        reply = bench.run(FunctionName, orjson.loads(Payload), tmp_path / str(next(count)), seconds=9)
        error = {"FunctionError": reply.error} if reply.error else {}
        return {"StatusCode": reply.status, "Payload": io.BytesIO(reply.body), **error}

    return call


def test_sound_deployment(
    account: Account, invoke: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step passes on a sound deployment, and the letter that it left is gone again."""
    code = run(place(account, invoke))
    told = capsys.readouterr().out

    assert (code, told.count("ok    ")) == (0, len(steps.STEPS)), told
    assert run(place(account, invoke), [step for step in steps.STEPS if step.name == "letter"]) == 1


@pytest.mark.parametrize(
    ("step", "plant"),
    [
        ("batch", lambda it: reconfigured(it, "sluice-dev-preprocess", Handler="preprocess.handle")),
        ("batch", lambda it: without(it, "sluice-dev-preprocess", lambda s: "s3:PutObject" in s["Action"])),
        ("lookup", lambda it: reconfigured(it, "sluice-dev-lookup", Layers=[])),
    ],
    ids=["wrong handler", "missing right", "missing layers"],
)
def test_planted_fault(
    step: str,
    plant: Callable[[Deployment], AbstractContextManager[None]],
    bench: Bench,
    invoke: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A fault in what is deployed fails its step, which tells what it would have proved."""
    with plant(bench.deployment):
        code = run(
            place(bench.deployment.account, invoke, NOW_MS + 10_000),
            [s for s in steps.STEPS if s.name == step],
        )

    assert code == 1
    assert f"FAIL  {step}: " in (told := capsys.readouterr().out)
    assert "would prove: " in told


def test_event_source_in_trouble(deployed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """An event source that is off, or whose last batch ended in a problem, fails its step."""
    off = run(place(deployed.account, State="Disabled"), CHEAP)
    problem = run(place(deployed.account, LastProcessingResult="PROBLEM: Connection error"), CHEAP)

    assert (off, problem) == (1, 1)
    assert capsys.readouterr().out.count("FAIL  event source: the event source is ") == 2


def test_alarm_on(deployed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm that is on fails its step and is named."""
    cloudwatch = deployed.account.client("cloudwatch")
    name = "sluice-dev-records-late"
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="planted")
    code = run(place(deployed.account), CHEAP)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="over")

    assert code == 1
    assert f"FAIL  alarms: in alarm: {name}" in capsys.readouterr().out


def test_half_deployed(deployed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Functions of different releases are told."""
    other = {"Variables": {"PIPELINE_VERSION": "0.0.9+00000000"}}
    client = deployed.account.client("lambda")
    before = client.get_function_configuration(FunctionName="sluice-dev-lookup")["Environment"]
    with reconfigured(deployed, "sluice-dev-lookup", Environment=other):
        code = run(place(deployed.account), CHEAP)
    client.update_function_configuration(FunctionName="sluice-dev-lookup", Environment=before)

    assert code == 1
    assert "FAIL  release: the functions run different versions" in capsys.readouterr().out


def test_no_account(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an account that answers the check says so in one line and is no success."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    assert main(["--stage", "dev"]) == 2
    assert capsys.readouterr().err.startswith("deploy-check: no account answers: ")
