"""The deployment itself: `cdk bootstrap` and `cdk deploy --all` into an account on this machine, then asked and run.

docs/deploy-check.md says what this proves and what only an account proves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.cluster import RedisCluster

from infra.replay import DEFINITION, FUNCTIONS
from ops.layers.target import host_target
from sluice.record import Record
from sluice.source import read_event
from sluice.wiring import build_pipeline
from tests.contract.kafka import Stored
from tests.infra.bench import Bench
from tests.infra.checks import census, check_functions, check_resources
from tests.infra.deployment import Account, Deployment, deploy
from tests.infra.plant import reconfigured, without
from tests.infra.rights import check_limits, check_rights, unneeded

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
# Good records, repeats and bad ones.
MIXED = ROOT / "events" / "msk" / "mixed.json"
PREPROCESS, LOOKUP, BATCH = "sluice-dev-preprocess", "sluice-dev-lookup", "sluice-dev-replay-batch"
# What a function may take in a test where it fails to the end.
SHORT_SECONDS = 9


@pytest.fixture(scope="module")
def event() -> Any:
    return orjson.loads(MIXED.read_bytes())


@dataclass(frozen=True)
class Outcome:
    """Hold what the deployed function made of the event, before any other test ran it again."""

    answer: Any
    published: list[Stored]
    letters: list[dict[str, Any]]


@pytest.fixture(scope="module")
def outcome(bench: Bench, event: Any, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    reply = bench.run(PREPROCESS, event, tmp_path_factory.mktemp("preprocess"))
    assert (reply.status, reply.error) == (200, None), reply.body
    # Other tests run records of other topics through the same bench.
    own = b"agent_raw_output-"
    published = [it for it in bench.published(1) if dict(it[3])["sluice-origin"].startswith(own)]
    letters = [letter for letter in bench.letters() if letter["id"].startswith(own.decode())]
    return Outcome(orjson.loads(reply.body), published, letters)


def judged(event: Mapping[str, Any]) -> tuple[list[Record], Counter[str]]:
    """Return what the source tree makes of the event: its good records, and how many letters of each reason."""
    source, messages = read_event(dict(event))
    verdicts = build_pipeline().judge(messages, source)
    records = [each for each in verdicts if isinstance(each, Record)]
    return records, Counter(each.reason for each in verdicts if not isinstance(each, Record))


def assert_none(faults: list[str]) -> None:
    assert not faults, "\n".join(faults)


def test_everything_is_there(deployed: Deployment, say: Callable[[str], None]) -> None:
    """Every resource that the deployed templates name is in the account, as far as the account can be asked."""
    say(census(deployed))

    assert_none(check_resources(deployed))
    assert len(deployed.resources) > 60


def test_functions_are_as_described(deployed: Deployment) -> None:
    """The version behind `live` has handler, runtime, layers and settings, and no reference left unresolved."""
    assert_none(check_functions(deployed))


def test_deployed_definition(deployed: Deployment) -> None:
    """The deployed state machine is the one that the twin executes, its holes filled with the functions' live aliases."""
    found = deployed.account.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.only("AWS::StepFunctions::StateMachine").physical_id
    )
    expected = DEFINITION.read_text()
    for hole, file in FUNCTIONS.items():
        word = file.title().replace("_", "")
        alias = deployed.only("AWS::Lambda::Alias", word).physical_id
        expected = expected.replace(f"${{{hole}}}", alias)

    assert json.loads(found["definition"]) == json.loads(expected)
    assert found["type"] == "STANDARD"


def test_rights(deployed: Deployment) -> None:
    """Each function's role allows every call that the function, or Lambda for it, makes."""
    assert_none(check_rights(deployed))


def test_limits(deployed: Deployment) -> None:
    """Each function's role refuses what the function has no use for."""
    assert_none(check_limits(deployed))


def test_no_right_without_need(deployed: Deployment) -> None:
    """Each action that a role allows is one that a call needs, so that leaving any one out is found."""
    # The CDK grants both with every MSK event source; the first is what DescribeClusterV2 was before.
    assert unneeded(deployed) == {"Preprocess kafka:DescribeCluster", "Preprocess kafka:ListScramSecrets"}


def test_deployed_function_processes_a_batch(outcome: Outcome, event: Any) -> None:
    """The deployed zip and layers make of every record just what the source tree makes of it."""
    records, reasons = judged(event)
    # Of records with one content under one key the first is published, the others are its repeats.
    wanted = {(record.cache_key, record.content): record.value for record in reversed(records)}

    assert outcome.answer == {"batchItemFailures": []}
    assert sorted(value for _, _, value, _ in outcome.published) == sorted(wanted.values()) != []
    assert Counter(letter["reason"] for letter in outcome.letters) == reasons != Counter()


def test_deployed_function_stores(bench: Bench, outcome: Outcome, event: Any) -> None:
    """Every good record's key is in the cache, with a time to live."""
    records, _ = judged(event)
    with RedisCluster.from_url(bench.cache) as cache:
        ttls = {record.cache_key: cache.ttl(record.cache_key) for record in records}

    assert [key for key, ttl in ttls.items() if not 0 < ttl <= 3600] == []


def test_deployed_lookup_finds_it(bench: Bench, outcome: Outcome, event: Any, tmp_path: Path) -> None:
    """The other deployed function reads what the first one stored."""
    record = judged(event)[0][0]
    asked = {"agent_id": record.agent_id, "timestamp": record.timestamp}
    reply = bench.run(LOOKUP, asked, tmp_path)

    assert reply.error is None, reply.body
    assert record.body["text"].encode() in reply.body


def test_planted_missing_layer(bench: Bench, outcome: Outcome, event: Any, tmp_path: Path) -> None:
    """A function that was deployed without the third-party layer is told by the check and cannot start."""
    kept = [
        it.physical_id
        for it in bench.deployment.of_kind("AWS::Lambda::LayerVersion")
        if "Sluice" in it.logical_id
    ]
    with reconfigured(bench.deployment, PREPROCESS, Layers=kept):
        faults = check_functions(bench.deployment)
        reply = bench.run(PREPROCESS, event, tmp_path)

    assert len(faults) == 1
    assert "its layers are" in faults[0]
    assert orjson.loads(reply.body)["errorType"] == "Runtime.ImportModuleError"


def test_planted_wrong_handler(bench: Bench, outcome: Outcome, event: Any, tmp_path: Path) -> None:
    """A function that was deployed with a handler that is not there is told by the check and cannot start."""
    with reconfigured(bench.deployment, PREPROCESS, Handler="preprocess.handle"):
        faults = check_functions(bench.deployment)
        reply = bench.run(PREPROCESS, event, tmp_path)

    assert len(faults) == 1
    assert "Handler is 'preprocess.handle'" in faults[0]
    assert orjson.loads(reply.body)["errorType"] == "Runtime.HandlerNotFound"


def may(action: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda statement: (
        action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    )


@pytest.mark.parametrize(
    ("function", "action", "fault"),
    [
        (PREPROCESS, "kafka-cluster:ReadData", "Preprocess may not kafka-cluster:ReadData"),
        (PREPROCESS, "kafka-cluster:AlterGroup", "Preprocess may not kafka-cluster:AlterGroup"),
        (PREPROCESS, "kafka-cluster:WriteDataIdempotently", "Preprocess may not kafka-cluster:Write"),
        (PREPROCESS, "kms:GenerateDataKey", "Preprocess may not kms:GenerateDataKey"),
        (LOOKUP, "elasticache:Connect", "Lookup may not elasticache:Connect"),
        (LOOKUP, "logs:PutLogEvents", "Lookup may not logs:"),
        (BATCH, "kafka-cluster:WriteData", "ReplayBatch may not kafka-cluster:WriteData"),
        (BATCH, "s3:ListBucket", "ReplayBatch may not s3:ListBucket"),
    ],
)
def test_planted_omission(deployed: Deployment, function: str, action: str, fault: str) -> None:
    """A right that was left out is told by the check, with the function that lacks it."""
    with without(deployed, function, may(action)):
        faults = check_rights(deployed)

    assert any(each.startswith(fault) for each in faults), faults
    assert_none(check_rights(deployed))


def test_planted_omission_stops_the_function(
    bench: Bench, outcome: Outcome, event: Any, tmp_path: Path
) -> None:
    """Without the right to put dead letters the deployed function does not acknowledge the batch."""
    with without(bench.deployment, PREPROCESS, may("s3:PutObject")):
        faults = check_rights(bench.deployment)
        reply = bench.run(PREPROCESS, event, tmp_path, seconds=SHORT_SECONDS)

    assert any("s3:PutObject" in fault and "dead-letters/" in fault for fault in faults), faults
    assert orjson.loads(reply.body)["errorType"] == "RetryBatchError"


def test_planted_loss(deployed: Deployment) -> None:
    """A resource that went missing after a deployment that called itself a success is told by the check."""
    logs, group = deployed.account.client("logs"), deployed.only("AWS::Logs::LogGroup", "Lookup")
    logs.delete_log_group(logGroupName=group.physical_id)
    faults = check_resources(deployed)
    logs.create_log_group(logGroupName=group.physical_id)
    logs.put_retention_policy(
        logGroupName=group.physical_id, retentionInDays=group.properties["RetentionInDays"]
    )

    assert [fault for fault in faults if group.logical_id in fault] == faults != []
    assert_none(check_resources(deployed))


def test_unknown_type_fails(account: Account) -> None:
    """A resource type that the account does not know ends the deployment instead of being passed over."""
    cloudformation = account.client("cloudformation")
    template = json.dumps({"Resources": {"Odd": {"Type": "AWS::Unheard::Of"}}})
    cloudformation.create_change_set(
        StackName="odd", ChangeSetName="odd", ChangeSetType="CREATE", TemplateBody=template
    )
    cloudformation.execute_change_set(StackName="odd", ChangeSetName="odd")

    [stack] = cloudformation.describe_stacks(StackName="odd")["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_other_choices_deploy(account: Account, tmp_path: Path, say: Callable[[str], None]) -> None:
    """The stage `prod`, on a node-based Valkey, deploys as well: provisioned pollers, three zones, kept data."""
    choices = {"arch": host_target().architecture, "cache_engine": "valkey", "cache_kind": "nodes"}
    deployed = deploy(account, "prod", choices, tmp_path)
    say(f"prod: {census(deployed)}")

    assert_none(check_resources(deployed))
    assert_none(check_functions(deployed))
    assert_none(check_rights(deployed))
    assert_none(check_limits(deployed))
    assert deployed.of_kind("AWS::ElastiCache::ReplicationGroup")
