"""What a deployment of new code consists of: functions, versions, event source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack, aws_lambda as lambda_

from infra.app import build
from infra.config import DEV
from infra.data_stack import DataStack
from infra.function import ARCHITECTURES, RUNTIME, Platform, SluiceFunction, Spec
from ops.layers.target import Target
from sluice.version import pipeline_version
from tests.infra.synthesis import BROUGHT, ROOT, STAGES, app, flat, synthesised


def mapping(stage: str, **overrides: str) -> dict[str, Any]:
    """Return the properties of a stage's one event source mapping."""
    (properties,) = synthesised(stage, **overrides).of_type("AWS::Lambda::EventSourceMapping").values()
    return properties


@pytest.mark.parametrize("stage", STAGES)
def test_functions(stage: str) -> None:
    """Every file in functions/ is one function of that name, under a short logical id, on arm64 and Python 3.13."""
    functions = synthesised(stage).of_type("AWS::Lambda::Function")
    files = {path.stem for path in (ROOT / "functions").glob("*.py")}

    assert {each["Handler"] for each in functions.values()} == {f"{file}.handler" for file in files}
    assert {name.lower() for name in functions} == {file.replace("_", "") for file in files}
    for each in functions.values():
        assert (
            each["FunctionName"]
            == f"sluice-{stage}-{each['Handler'].removesuffix('.handler').replace('_', '-')}"
        )
        assert (each["Architectures"], each["Runtime"]) == (["arm64"], "python3.13")
        assert sorted(flat(layer)[1:13] for layer in each["Layers"]) == ["LayersSluice", "LayersVendor"]
        assert each["TracingConfig"] == {"Mode": "Active"}


def test_layers_fit_the_functions() -> None:
    """The layers are built for the runtime and the default architecture of the functions."""
    target = Target()

    assert RUNTIME.name == f"python{target.python}"
    assert ARCHITECTURES["arm64"].name == target.architecture


@pytest.mark.parametrize("stage", STAGES)
def test_everybody_calls_the_alias(stage: str) -> None:
    """`live` is what the event source calls and what the outputs name; it points to a published version that stays."""
    synthesis = synthesised(stage)
    resources = synthesis.pipeline["Resources"]
    for function in ("Preprocess", "Lookup"):
        (alias,) = (
            each
            for each in synthesis.of_type("AWS::Lambda::Alias").values()
            if each["FunctionName"] == {"Ref": function}
        )
        version = resources[alias["FunctionVersion"]["Fn::GetAtt"][0]]

        assert alias["Name"] == "live"
        assert version["Type"] == "AWS::Lambda::Version"
        assert version["DeletionPolicy"] == "Retain"
        assert version["Properties"]["FunctionName"] == {"Ref": function}
        assert (
            synthesis.pipeline["Outputs"][f"{function}Alias"]["Value"]
            == f"sluice-{stage}-{function.lower()}:live"
        )
    assert flat(mapping(stage)["FunctionName"]).endswith(":live")


def version_with(layer_text: str, folder: Path) -> str:
    """Return the logical id of the version that a function publishes whose layer holds this text."""
    folder.mkdir()
    (folder / "module.py").write_text(layer_text)
    made = app()
    plane = DataStack(made, "Data", stage=DEV).plane
    stack = Stack(made, "Test")
    layer = lambda_.LayerVersion(stack, "Layer", code=lambda_.Code.from_asset(str(folder)))
    SluiceFunction(stack, Platform(plane, [layer], "same"), Spec("lookup", "", 256, 10, {}, []))
    resources = made.synth().get_stack_by_name("Test").template["Resources"]
    (version,) = (name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Version")
    return str(version)


def test_a_new_layer_publishes_a_new_version(tmp_path: Path) -> None:
    """Code that changes in a layer alone gets a version of its own: without one `live` would stay on the old code."""
    first, same, other = (
        version_with(text, tmp_path / str(number)) for number, text in enumerate(("a = 1", "a = 1", "a = 2"))
    )

    assert first == same
    assert first != other


@pytest.mark.parametrize("stage", STAGES)
def test_partial_failures(stage: str) -> None:
    """The function may name what failed exactly where the event source takes it: in provisioned mode."""
    reported = mapping(stage).get("FunctionResponseTypes") == ["ReportBatchItemFailures"]

    assert reported == ("ProvisionedPollerConfig" in mapping(stage)) == (stage == "prod")
    assert synthesised(stage).environment("Preprocess")["PARTIAL_FAILURES"] == str(reported).lower()


def test_provisioned_event_source() -> None:
    """In prod a batch is bisected and tried for more than 20 minutes, gets 6 hours old, and ends in the bucket."""
    properties = mapping("prod")
    timeout = synthesised("prod").function("Preprocess")["Timeout"]

    assert properties["BisectBatchOnFunctionError"] is True
    assert (properties["MaximumRetryAttempts"] + 1) * timeout >= 20 * 60
    assert properties["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert properties["ProvisionedPollerConfig"] == {"MinimumPollers": 2, "MaximumPollers": 12}
    assert properties["LoggingConfig"] == {"SystemLogLevel": "WARN"}
    assert properties["MetricsConfig"] == {"Metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]}


def test_on_demand_event_source() -> None:
    """In dev nothing is set that AWS refuses or ignores without provisioned pollers."""
    assert set(mapping("dev")) == {
        "AmazonManagedKafkaEventSourceConfig",
        "BatchSize",
        "DestinationConfig",
        "EventSourceArn",
        "FunctionName",
        "MaximumBatchingWindowInSeconds",
        "StartingPosition",
        "Tags",
        "Topics",
    }


@pytest.mark.parametrize("stage", STAGES)
def test_event_source(stage: str) -> None:
    """It reads the raw topic as an explicit group, without a filter, and gives batches up to the bucket only."""
    properties = mapping(stage)

    assert properties["Topics"] == ["agent_raw_output"]
    assert properties["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "sluice-preprocess"}
    assert "BucketsOnFailure" in flat(properties["DestinationConfig"]["OnFailure"]["Destination"])
    assert "FilterCriteria" not in properties


def test_no_destination_no_synth() -> None:
    """An event source whose given-up batches would go nowhere ends the synth."""
    made = app()
    _, pipeline = build(made)
    pipeline.source.mapping.destination_config = None
    with pytest.raises(RuntimeError, match="no on-failure destination"):
        made.synth()


@pytest.mark.parametrize("stage", STAGES)
def test_version_is_told(stage: str) -> None:
    """PIPELINE_VERSION is the hash over today's rules, in outputs, tags and the functions' environment alike."""
    synthesis = synthesised(stage)

    assert synthesis.pipeline["Outputs"]["PipelineVersion"]["Value"] == pipeline_version()
    for name, function in synthesis.of_type("AWS::Lambda::Function").items():
        assert {"Key": "PIPELINE_VERSION", "Value": pipeline_version()} in function["Tags"]
        assert synthesis.environment(name)["PIPELINE_VERSION"] == pipeline_version()


@pytest.mark.parametrize("stage", STAGES)
def test_users_of_the_cache(stage: str) -> None:
    """`preprocess` logs in as the writer and `lookup` as the reader, both by IAM."""
    plane = synthesised(stage).data_stack.plane
    resolve = synthesised(stage).pipeline_stack.resolve
    for function, user in (("Preprocess", plane.writer_user_id), ("Lookup", plane.reader_user_id)):
        environment = synthesised(stage).environment(function)

        assert environment["REDIS_AUTH"] == "iam"
        assert environment["REDIS_USERNAME"] == resolve(user)
    assert plane.writer_user_id != plane.reader_user_id


def test_reserved_concurrency() -> None:
    """In prod AWS keeps concurrency for `preprocess`, enough for every poller that its event source may have."""
    assert synthesised("prod").function("Preprocess")["ReservedConcurrentExecutions"] >= 12 * 5


def test_brought_scram_cluster() -> None:
    """With a secret of yours the event source logs in by it, and the producer gets user and password of it."""
    synthesis = synthesised("dev", **BROUGHT)
    environment = synthesis.environment("Preprocess")
    secret = BROUGHT["cluster_secret_arn"]

    assert mapping("dev", **BROUGHT)["SourceAccessConfigurations"] == [
        {"Type": "SASL_SCRAM_512_AUTH", "URI": secret}
    ]
    assert environment["KAFKA_AUTH"] == "scram"
    assert environment["KAFKA_USERNAME"] == f"{{{{resolve:secretsmanager:{secret}:SecretString:username::}}}}"
    assert environment["KAFKA_PASSWORD"] == f"{{{{resolve:secretsmanager:{secret}:SecretString:password::}}}}"
    # Whoever reads the function's configuration needs the key as well.
    assert "KmsKeyArn" in synthesis.function("Preprocess")
    assert "KmsKeyArn" not in synthesis.function("Lookup")
    assert {each["Architectures"][0] for each in synthesis.of_type("AWS::Lambda::Function").values()} == {
        "x86_64"
    }
