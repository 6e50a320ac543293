"""Who may do what, read from the templates."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from infra.permissions import (
    DEAD_LETTERS,
    LOG_DELIVERY,
    NETWORK,
    POLLER_NETWORK,
    REPLAY_PREFIXES,
    STARRED,
    TRACES,
)
from sluice.letters import object_key
from sluice.replay import store
from tests.fakes.records import letter
from tests.infra.synthesis import BROUGHT, STAGES, Synthesis, flat, listed, statements, synthesised

EVERY = pytest.mark.parametrize(
    "synthesis",
    [*((stage, {}) for stage in STAGES), ("dev", BROUGHT)],
    ids=[*STAGES, "brought"],
    indirect=True,
)
# The wildcards inside an ARN: each is argued where it is granted, in permissions.py.
NARROW = re.compile(
    r"<[^<>]*BucketsDeadLetters[^<>]*>/(dead-letters|parked|replayed|replays)/\*"
    r"|arn:<AWS::Partition>:states:\S+:execution:sluice-(dev|prod)-replay/Replay:\*"
    r"|<[^<>]*BucketsOnFailure[^<>]*>/\*"
    r"|arn:<AWS::Partition>:logs:\S+:log-group:/aws/lambda/sluice-(dev|prod)-[a-z-]+:log-stream:\*"
)
# A secret of yours is encrypted with a key that only its use names.
OF_THE_SECRET = "arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*"


@pytest.fixture
def synthesis(request: pytest.FixtureRequest) -> Synthesis:
    stage, overrides = request.param
    return synthesised(stage, **overrides)


def rights(synthesis: Synthesis, function: str) -> dict[str, set[str]]:
    """Return the actions that a function's role is allowed, by resource, without those that every function has."""
    found: dict[str, set[str]] = defaultdict(set)
    for policy, statement in statements(synthesis.pipeline):
        if policy.startswith(f"{function}Role") and statement["Effect"] == "Allow":
            for resource in map(flat, listed(statement["Resource"])):
                found[resource] |= set(listed(statement["Action"]))
    shared = {*NETWORK.actions, *TRACES.actions}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert all(resource != "*" or shared <= actions for resource, actions in found.items())
    left = {resource: actions - shared - logs for resource, actions in found.items()}
    return {resource: actions for resource, actions in left.items() if actions}


# What tells the resources of a function apart, and where its name stands in them.
NAMES = (
    re.compile(r":((?:topic|group)/)<.+>/([a-z_-]+)$"),
    re.compile(r":((?:serverlesscache|user):)sluice-(?:dev|prod)-?([a-z]*)$"),
    re.compile(r"Buckets(DeadLetters|OnFailure)[^<>]*>(.*)$"),
    re.compile(r"(BrokersCluster)[^<>]*>()$"),
    re.compile(r"FnGetAtt(Key)[^<>]*>()$"),
)


def short(resource: str) -> str:
    """Return a resource's kind and name."""
    found = next(filter(None, (form.search(resource) for form in NAMES)), None)
    return found[1] + found[2] if found else resource


@EVERY
def test_stars(synthesis: Synthesis) -> None:
    """What is granted on `*` is the argued list, all of it and nothing else, and no action is a wildcard."""
    starred: set[str] = set()
    for template in (synthesis.data, synthesis.pipeline):
        for _, statement in statements(template):
            actions, resources = listed(statement["Action"]), set(map(flat, listed(statement["Resource"])))
            assert not any("*" in action for action in actions)
            if statement["Effect"] == "Allow" and "*" in resources:
                starred |= set(actions)

    assert starred == {action for each in STARRED for action in each.actions}
    assert all(len(each.reason) > 30 for each in STARRED)


@EVERY
def test_wildcards_are_narrow(synthesis: Synthesis) -> None:
    """A wildcard inside an ARN is a prefix of a bucket or a log group, or the key of one named secret."""
    for template in (synthesis.data, synthesis.pipeline):
        for _, statement in statements(template):
            for resource in map(flat, listed(statement["Resource"])):
                if resource == OF_THE_SECRET:
                    named = statement["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"]
                    assert named == BROUGHT["cluster_secret_arn"]
                elif "*" in resource and resource != "*":
                    assert NARROW.fullmatch(resource), resource


@EVERY
def test_roles(synthesis: Synthesis) -> None:
    """Every function has a role of its own, that only AWS Lambda may take, without policies that AWS manages."""
    others = {"states.amazonaws.com", "events.amazonaws.com"}
    roles = {
        name: role
        for name, role in synthesis.of_type("AWS::IAM::Role").items()
        if role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] not in others
    }
    taken = [flat(each["Role"]) for each in synthesis.of_type("AWS::Lambda::Function").values()]

    assert sorted(taken) == sorted(f"<{role}.Arn>" for role in roles)
    for role in roles.values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert not role.get("ManagedPolicyArns")


@EVERY
def test_code_makes_no_interfaces(synthesis: Synthesis) -> None:
    """The network rights that Lambda needs are denied to each function's own code."""
    denied = [statement for _, statement in statements(synthesis.pipeline) if statement["Effect"] == "Deny"]
    names = sorted(each["FunctionName"] for each in synthesis.of_type("AWS::Lambda::Function").values())

    assert (
        sorted(
            flat(statement["Condition"]["ArnLike"]["lambda:SourceFunctionArn"][0]).rpartition(":")[2]
            for statement in denied
        )
        == names
    )
    for statement in denied:
        assert set(statement["Action"]) == {*NETWORK.actions, *POLLER_NETWORK.actions}
        assert statement["Resource"] == "*"


@pytest.mark.parametrize("stage", STAGES)
def test_rights_of_lookup(stage: str) -> None:
    """`lookup` may log in to the cache as the reader, and nothing else."""
    found = {short(resource): actions for resource, actions in rights(synthesised(stage), "Lookup").items()}

    assert found == {"serverlesscache:": {"elasticache:Connect"}, "user:reader": {"elasticache:Connect"}}


@pytest.mark.parametrize("stage", STAGES)
def test_rights_of_preprocess(stage: str) -> None:
    """`preprocess` reads one topic as one group, writes one topic and two prefixes, and logs in as the writer."""
    found = {
        short(resource): actions for resource, actions in rights(synthesised(stage), "Preprocess").items()
    }

    assert found == {
        "BrokersCluster": {
            "kafka-cluster:Connect",
            "kafka-cluster:DescribeClusterDynamicConfiguration",
            "kafka-cluster:WriteDataIdempotently",
            "kafka:DescribeCluster",
            "kafka:DescribeClusterV2",
            "kafka:GetBootstrapBrokers",
            "kafka:ListScramSecrets",  # added by the CDK's event source
        },
        "topic/agent_raw_output": {"kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"},
        "topic/agent_cleaned": {"kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"},
        "group/sluice-preprocess": {"kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"},
        "serverlesscache:": {"elasticache:Connect"},
        "user:writer": {"elasticache:Connect"},
        "DeadLetters/dead-letters/*": {"s3:PutObject"},
        "OnFailure/*": {"s3:PutObject"},
        "OnFailure": {"s3:ListBucket"},
        "Key": {"kms:Decrypt", "kms:GenerateDataKey"},
        "*": set(POLLER_NETWORK.actions),
    }


def test_rights_with_a_secret() -> None:
    """With SCRAM the brokers decide by their own ACLs: the role may read the one secret, and no kafka-cluster right."""
    found = rights(synthesised("dev", **BROUGHT), "Preprocess")

    assert not any(action.startswith("kafka-cluster:") for actions in found.values() for action in actions)
    assert {"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"} <= found[
        BROUGHT["cluster_secret_arn"]
    ]
    assert found[OF_THE_SECRET] == {"kms:Decrypt"}


def test_prefix_of_dead_letters() -> None:
    """The prefix that may be written to is the one that dead letters go to."""
    assert object_key([letter(1)]).startswith(DEAD_LETTERS)


def test_prefixes_of_a_replay() -> None:
    """The prefixes that a replay may read and write are those where it keeps things, and no others."""
    assert set(REPLAY_PREFIXES) == {store.LETTERS, store.PARKED, store.REPLAYED, store.REPLAYS}


@pytest.mark.parametrize("stage", STAGES)
def test_rights_of_a_replay(stage: str) -> None:
    """Letters are read and written by all three; only the batch publishes and stores, only Plan reads given-up batches."""
    letters = {
        **{f"DeadLetters/{prefix}*": {"s3:GetObject", "s3:PutObject"} for prefix in REPLAY_PREFIXES},
        "DeadLetters": {"s3:ListBucket"},
        "Key": {"kms:Decrypt", "kms:GenerateDataKey"},
    }
    connect = {"elasticache:Connect"}
    found = {
        name: {short(resource): actions for resource, actions in rights(synthesised(stage), name).items()}
        for name in ("ReplayPlan", "ReplayBatch", "ReplayReport")
    }

    assert found == {
        "ReplayPlan": {
            **letters,
            "OnFailure": {"s3:ListBucket"},
            "OnFailure/*": {"s3:GetObject"},
            "serverlesscache:": connect,
            "user:reader": connect,
        },
        "ReplayBatch": {
            **letters,
            "BrokersCluster": {"kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"},
            "topic/agent_cleaned": {"kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"},
            "serverlesscache:": connect,
            "user:writer": connect,
        },
        "ReplayReport": letters,
    }


@pytest.mark.parametrize("stage", STAGES)
def test_rights_of_the_state_machine(stage: str) -> None:
    """It calls three aliases, reads plans, runs the children of its own map, logs and traces; the schedule starts it."""
    found: dict[str, set[str]] = defaultdict(set)
    for policy, statement in statements(synthesised(stage).pipeline):
        if policy.startswith("ReplayRole"):
            for resource in map(flat, listed(statement["Resource"])):
                found[resource.rpartition("::AccountId>:")[2]] |= set(listed(statement["Action"]))
    called = {resource for resource, actions in found.items() if "lambda:InvokeFunction" in actions}
    name = f"sluice-{stage}-replay"

    assert {resource.split("Live")[0] for resource in called} == {
        "<ReplayPlan",
        "<ReplayBatch",
        "<ReplayReport",
    }
    assert found[f"stateMachine:{name}"] == {"states:StartExecution"}
    assert found[f"execution:{name}/Replay:*"] == {
        "states:DescribeExecution",
        "states:RedriveExecution",
        "states:StopExecution",
    }
    assert found["*"] == {*LOG_DELIVERY.actions, *TRACES.actions}
    reads = {resource for resource, actions in found.items() if "s3:GetObject" in actions}
    assert [resource.rpartition(">")[2] for resource in reads] == ["/replays/*"]
    (schedule,) = (
        statement
        for policy, statement in statements(synthesised(stage).pipeline)
        if policy.startswith("ReplayScheduleRole")
    )
    assert schedule["Action"] == "states:StartExecution"
