"""A deployment on this machine: the CDK's own command line, against an AWS account that is a process of this test.

Whether it worked is asked of the account, never of the exit code alone: see `tests/infra/checks.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ops.cdk.node import find_node
from ops.twin.process import free_port, module_environment
from ops.twin.supervisor import Child, Supervisor
from tests.infra.cloud.account import ACCOUNT, CREDENTIALS, REGION

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
# The user's own profile, region and credentials have no part in this.
FOREIGN = ("AWS_", "CDK_")
# Of the tests' own calls, which a guarded account judges like any other.
ADMINISTRATOR = "administrator"
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@dataclass(frozen=True)
class Resource:
    """One resource of a deployed stack: as the template has it, and the id that the account gave it."""

    stack: str
    logical_id: str
    kind: str
    physical_id: str
    properties: Mapping[str, Any]
    status: str

    def __str__(self) -> str:
        return f"{self.stack}/{self.logical_id} ({self.kind})"


class Account:
    """The account that a deployment goes to; its state machines call functions at `lambda_port`, where a test may answer."""

    def __init__(self, endpoint: str, lambda_port: int, keys: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self.lambda_port = lambda_port
        self._keys = keys
        self._guards = 0
        self._lock = threading.Lock()

    @cache  # noqa: B019  # an account lives as long as its tests, and a client takes a third of a second to make
    def client(self, service: str) -> Any:
        """Return a client of one service."""
        config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1})
        # A session of its own: functions run side by side, and the default one is not for threads.
        session = boto3.Session(region_name=REGION, **self._keys)
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def keys_of(self, role: str) -> dict[str, str]:
        """Return credentials of a role, named as boto3 takes them."""
        made = self.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Have every call judged by its caller's rights until the last guard ends; S3 alone is judged by resource."""
        self._guard(1)
        try:
            yield
        finally:
            self._guard(-1)

    def _guard(self, more: int) -> None:
        with self._lock:
            self._guards += more
            self._judge_after("0" if self._guards else "inf")

    def _judge_after(self, calls: str) -> None:
        url = f"{self.endpoint}/moto-api/reset-auth"
        # As plain text: moto reads no form here.
        request = urllib.request.Request(url, calls.encode(), {"Content-Type": "text/plain"}, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200

    def cdk(self, *words: str) -> str:
        """Run the CDK's command line on the account; return what it printed, fail on what it calls a failure."""
        node = find_node()
        own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        environment = node.environment(own) | CREDENTIALS
        environment |= {"AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
        environment["PATH"] = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{environment['PATH']}"
        command = [str(node.program), str(PROGRAM), "--no-notices", "--ci", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout + done.stderr


@dataclass(frozen=True)
class Deployment:
    """Hold what a deployment left in the account."""

    account: Account
    stacks: tuple[str, ...]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Return every resource that the deployed templates name, in their order."""
        cloudformation = self.account.client("cloudformation")
        found: list[Resource] = []
        for stack in self.stacks:
            template = cloudformation.get_template(StackName=stack)["TemplateBody"]
            template = template if isinstance(template, dict) else json.loads(template)
            made = {
                each["LogicalResourceId"]: each
                for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
            }
            for logical_id, resource in template["Resources"].items():
                state = made.get(logical_id, {})
                found.append(
                    Resource(
                        stack,
                        logical_id,
                        resource["Type"],
                        state.get("PhysicalResourceId", ""),
                        resource.get("Properties", {}),
                        state.get("ResourceStatus", "absent"),
                    )
                )
        return tuple(found)

    def of_kind(self, kind: str) -> list[Resource]:
        """Return the resources of a type."""
        return [resource for resource in self.resources if resource.kind == kind]

    def only(self, kind: str, word: str = "") -> Resource:
        """Return the one resource of a type whose logical id holds the word."""
        (resource,) = [each for each in self.of_kind(kind) if word in each.logical_id]
        return resource


def start_account(supervisor: Supervisor, folder: Path) -> Account:
    """Start an empty account and bootstrap it for the CDK."""
    port, lambda_port = free_port(), free_port()
    ports = {"MOTO_PORT": str(port), "LAMBDA_PORT": str(lambda_port)}
    environment = {**module_environment(), **CREDENTIALS, **ports}
    for name in [name for name in environment if name.startswith("AWS_ENDPOINT_URL")]:
        del environment[name]
    command = [sys.executable, "-m", "tests.infra.cloud.server"]
    supervisor.add(Child("AWS account", command, environment, folder / "account.log", restart=False), port)
    nobody = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
    account = Account(f"http://localhost:{port}", lambda_port, nobody)
    account.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "")
    iam, policy = account.client("iam"), json.dumps(EVERYTHING)
    made = iam.create_role(RoleName=ADMINISTRATOR, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    iam.put_role_policy(RoleName=ADMINISTRATOR, PolicyName=ADMINISTRATOR, PolicyDocument=policy)
    return Account(account.endpoint, lambda_port, account.keys_of(made))


def deploy(account: Account, stage: str, context: Mapping[str, str], folder: Path) -> Deployment:
    """Deploy all stacks of a stage, from the sources, as `cdk deploy --all` does."""
    given = [word for key, value in {"stage": stage, **context}.items() for word in ("-c", f"{key}={value}")]
    options = ["--require-approval", "never", "--output", str(folder / "cdk.out")]
    account.cdk("deploy", "--all", *options, *given)
    manifest = json.loads((folder / "cdk.out" / "manifest.json").read_text())
    stacks = [
        name for name, each in manifest["artifacts"].items() if each["type"] == "aws:cloudformation:stack"
    ]
    return Deployment(account, tuple(sorted(stacks)))
