"""What the replay's functions and its state machine have to do, and what none of them has a use for."""

from __future__ import annotations

from collections.abc import Sequence

from tests.infra.cloud.account import ACCOUNT, REGION
from tests.infra.deployment import Deployment
from tests.infra.rights import Need, cache, environment_of, everywhere, producer

MACHINE = "Machine"
_KEPT = (
    "dead-letters/reason=not_json/a",
    "parked/reason=not_json/a",
    "replayed/reason=not_json/a",
    "replays/r1/a",
)
_THROUGH_S3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}


def needed(deployment: Deployment) -> dict[str, Sequence[Need]]:
    """Return the calls that each of them makes."""
    plan, plan_has = environment_of(deployment, "ReplayPlan")
    batch, batch_has = environment_of(deployment, "ReplayBatch")
    report, _ = environment_of(deployment, "ReplayReport")
    failed = f"arn:aws:s3:::{plan_has['ON_FAILURE_BUCKET']}"
    letters = _letters(deployment, plan_has["DEAD_LETTER_BUCKET"])
    return {
        "ReplayPlan": [
            *everywhere(plan),
            *letters,
            *cache(deployment, plan_has),
            Need("s3:ListBucket", failed),
            Need("s3:GetObject", f"{failed}/aws/lambda/any"),
        ],
        "ReplayBatch": [
            *everywhere(batch),
            *letters,
            *cache(deployment, batch_has),
            *producer(deployment, batch_has["CLEANED_TOPIC"], own_code=batch),
        ],
        "ReplayReport": [*everywhere(report), *letters],
        MACHINE: _machine(deployment, plan_has["DEAD_LETTER_BUCKET"]),
    }


def _letters(deployment: Deployment, bucket: str) -> list[Need]:
    own = f"arn:aws:s3:::{bucket}"
    return [
        Need("s3:ListBucket", own),
        *(Need(f"s3:{action}", f"{own}/{key}") for key in _KEPT for action in ("GetObject", "PutObject")),
        *(Need(f"kms:{action}", _key(deployment), _THROUGH_S3) for action in ("Decrypt", "GenerateDataKey")),
    ]


def _machine(deployment: Deployment, bucket: str) -> list[Need]:
    machine = deployment.only("AWS::StepFunctions::StateMachine").physical_id
    aliases = [
        deployment.only("AWS::Lambda::Alias", word).physical_id
        for word in ("ReplayPlan", "ReplayBatch", "ReplayReport")
    ]
    # AWS Step Functions Developer Guide, "IAM policies for using Distributed Map states" and "Logging".
    delivery = (
        *(
            "CreateLogDelivery",
            "GetLogDelivery",
            "UpdateLogDelivery",
            "DeleteLogDelivery",
            "ListLogDeliveries",
        ),
        *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
    )
    child = f"{machine.replace(':stateMachine:', ':execution:')}/Replay:0b1c2d3e"
    return [
        *(Need("lambda:InvokeFunction", alias) for alias in aliases),
        Need("s3:GetObject", f"arn:aws:s3:::{bucket}/replays/r1/manifest.json"),
        Need("kms:Decrypt", _key(deployment), _THROUGH_S3),
        Need("states:StartExecution", machine),
        *(Need(f"states:{action}Execution", child) for action in ("Describe", "Stop", "Redrive")),
        *(Need(f"logs:{action}", "*") for action in delivery),
        *(Need(f"xray:{action}", "*") for action in ("PutTraceSegments", "PutTelemetryRecords")),
    ]


def not_needed(deployment: Deployment) -> dict[str, Sequence[Need]]:
    """Return calls that none of them may make."""
    _, has = environment_of(deployment, "ReplayPlan")
    letters = f"arn:aws:s3:::{has['DEAD_LETTER_BUCKET']}"
    failed = f"arn:aws:s3:::{has['ON_FAILURE_BUCKET']}"
    nobody = [
        Need("s3:DeleteObject", f"{letters}/dead-letters/any"),
        Need("s3:PutObject", f"{letters}/elsewhere"),
        Need("s3:PutObject", f"{failed}/any"),
        Need("kms:Decrypt", _key(deployment)),
    ]
    other = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:another"
    cluster = deployment.only("AWS::MSK::Cluster").physical_id
    return {
        "ReplayPlan": [*nobody, Need("kafka-cluster:Connect", cluster)],
        "ReplayBatch": [*nobody, Need("s3:GetObject", f"{failed}/any")],
        "ReplayReport": [*nobody, Need("kafka-cluster:Connect", cluster)],
        MACHINE: [
            *nobody,
            Need("states:StartExecution", other),
            Need("s3:GetObject", f"{letters}/dead-letters/a"),
        ],
    }


def _key(deployment: Deployment) -> str:
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{deployment.only('AWS::KMS::Key').physical_id}"
