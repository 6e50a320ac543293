"""A deployed function, taken out of the account again and run: its own zip, its own layers, its own settings."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ops.layers.build import vendor
from ops.layers.bytecode import Interpreter, find_python
from ops.layers.target import host_target
from ops.twin.answers import Reply
from ops.twin.environments import Environment, FunctionSpec
from ops.twin.process import HOST, Launcher, tethered
from ops.twin.rie import ensure_rie
from tests.infra.cloud.account import ACCOUNT, REGION
from tests.infra.deployment import Deployment, Resource
from tests.infra.runtime import runtime_packages


@dataclass(frozen=True)
class Artifact:
    """Hold one function as Lambda unpacks it: code in `task`, layers in `opt`."""

    name: str
    handler: str
    timeout_seconds: int
    memory_mb: int
    role: str
    task: Path
    opt: Path
    environment: Mapping[str, str]


def take_out(deployment: Deployment, function: str, runtime: Runtime, folder: Path) -> Artifact:
    """Unpack the version that `live` points to; fails when the account's zips are not what it says they are.

    Native code of another Python cannot be loaded: where the runtime is not of the deployed version, wheels for the
    runtime take the place of those in the third-party layer, if that is deployed.
    """
    client = deployment.account.client("lambda")
    found = client.get_function_configuration(FunctionName=function, Qualifier="live")
    resource = next(it for it in deployment.resources if it.physical_id == function)
    task, opt = folder / "task", folder / "opt"
    unpack(_asset(deployment, resource, "Code", found["CodeSha256"]), task)
    opt.mkdir()
    for layer in found.get("Layers", []):
        name, _, version = layer["Arn"].rpartition(":")
        digest = client.get_layer_version(LayerName=name, VersionNumber=int(version))["Content"]["CodeSha256"]
        resource = next(it for it in deployment.resources if it.physical_id == layer["Arn"])
        content = _asset(deployment, resource, "Content", digest)
        if found["Runtime"] != f"python{runtime.version}" and "Vendor" in resource.logical_id:
            content = vendor(host_target(runtime.version)).build().read_bytes()
        unpack(content, opt)
    return Artifact(
        name=function,
        handler=found["Handler"],
        timeout_seconds=found["Timeout"],
        memory_mb=found["MemorySize"],
        role=found["Role"],
        task=task,
        opt=opt,
        environment=found["Environment"]["Variables"],
    )


def _asset(deployment: Deployment, resource: Resource, key: str, digest: str) -> bytes:
    """Return a zip from the bucket of the bootstrap; its hash has to be the one that Lambda took in."""
    place = resource.properties[key]
    bucket = place["S3Bucket"]["Fn::Sub"] if isinstance(place["S3Bucket"], dict) else place["S3Bucket"]
    bucket = re.sub(r"\$\{AWS::(\w+)\}", lambda m: {"AccountId": ACCOUNT, "Region": REGION}[m[1]], bucket)
    content: bytes = (
        deployment.account.client("s3").get_object(Bucket=bucket, Key=place["S3Key"])["Body"].read()
    )
    assert base64.b64encode(hashlib.sha256(content).digest()).decode() == digest, f"{resource}: another zip"
    return content


def unpack(content: bytes, folder: Path) -> None:
    """Unpack a zip into the folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


@dataclass(frozen=True)
class Runtime:
    """Name the Python that plays Lambda's, and the folder of what the runtime itself brings."""

    python: Interpreter
    packages: Path

    @property
    def version(self) -> str:
        return ".".join(self.python.version.split(".")[:2])


def find_runtime(version: str) -> Runtime:
    """Return a runtime of this Python version (`3.13`), or of the running one where the machine has no such."""
    python = find_python(version) or find_python(host_target().python)
    assert python is not None
    return Runtime(python, runtime_packages(host_target(".".join(python.version.split(".")[:2]))))


@dataclass(frozen=True, kw_only=True)
class DeployedSpec(FunctionSpec):
    """Start a deployed function: nothing on its path but its zip, its layers and what the runtime brings."""

    artifact: Artifact
    runtime: Runtime

    @property
    def handler(self) -> str:
        return self.artifact.handler

    def variables(self, number: int) -> dict[str, str]:
        path = (self.artifact.task, self.artifact.opt / "python", self.runtime.packages)
        return {
            **super().variables(number),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.artifact.memory_mb),
        }

    def command(self, port: int, runtime_port: int) -> list[str]:
        words = ["--log-level", "error", "--runtime-interface-emulator-address", f"{HOST}:{port}"]
        words += ["--runtime-api-address", f"{HOST}:{runtime_port}"]
        # -S: no site-packages, where a package of a missing layer would be found after all.
        python = [str(self.runtime.python.path), "-P", "-s", "-S", "-m", "awslambdaric", self.handler]
        return [self.rie, *words, *tethered(python, 0)]


def invoke(artifact: Artifact, runtime: Runtime, event: Any, folder: Path) -> Reply:
    """Run one event through a fresh execution environment of the artifact."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    spec = DeployedSpec(
        name=artifact.name,
        rie=str(ensure_rie()),
        functions=str(artifact.task),
        layer="",
        environment=artifact.environment,
        timeout_seconds=artifact.timeout_seconds,
        run_dir=str(folder),
        artifact=artifact,
        runtime=runtime,
    )
    launcher = Launcher()
    try:
        environment = Environment(spec, 1, launcher)
        try:
            return environment.invoke(orjson.dumps(event))[0]
        finally:
            environment.close()
    finally:
        launcher.close()
