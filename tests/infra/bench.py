"""Where deployed functions run: the real runtime, with servers that stand in for MSK and ElastiCache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops.twin.answers import Reply
from ops.twin.broker import Topics, start_broker
from ops.twin.cache import start_cache
from ops.twin.supervisor import Supervisor
from sluice.replay.letter import read_letters
from sluice.replay.store import REPLAYS
from tests.contract.kafka import Stored, read_all
from tests.infra.artifact import Artifact, Runtime, find_runtime, invoke, take_out
from tests.infra.deployment import Deployment


@dataclass(frozen=True)
class Bench:
    """Hold where deployed functions run, and the servers that stand in for MSK and ElastiCache."""

    deployment: Deployment
    runtime: Runtime
    bootstrap: str
    cache: str
    folder: Path

    def overrides(self, role: str) -> dict[str, str]:
        """Return what goes over a function's deployed settings: addresses, and no IAM towards broker and cache."""
        keys = self.deployment.account.keys_of(role)
        return {
            "KAFKA_AUTH": "none",
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "REDIS_AUTH": "none",
            "REDIS_URL": self.cache,
            # By number, so that the SDK puts the bucket into the path.
            "AWS_ENDPOINT_URL": self.deployment.account.endpoint.replace("localhost", "127.0.0.1"),
            **{name.upper(): key for name, key in keys.items()},
        }

    def take_out(self, function: str, folder: Path) -> Artifact:
        """Return what is deployed, ready to run here, with credentials of its role."""
        artifact = take_out(self.deployment, function, self.runtime, folder)
        return replace(artifact, environment={**artifact.environment, **self.overrides(artifact.role)})

    def call(self, artifact: Artifact, event: Any, folder: Path) -> Reply:
        """Invoke what was taken out, with its role's rights; the folder is for what it logs."""
        with self.deployment.account.guarded():
            return invoke(artifact, self.runtime, event, folder)

    def run(self, function: str, event: Any, folder: Path, seconds: int = 0) -> Reply:
        """Take out what is deployed and invoke it."""
        artifact = self.take_out(function, folder)
        return self.call(
            replace(artifact, timeout_seconds=seconds or artifact.timeout_seconds), event, folder
        )

    def published(self, wanted: int) -> list[Stored]:
        """Return the cleaned topic's messages."""
        return read_all(self.bootstrap, "agent_cleaned", wanted)

    def letters(self) -> list[dict[str, Any]]:
        """Return all dead letters in the deployed bucket, settled ones too."""
        kept = [body for key, body in self.objects().items() if not key.startswith(REPLAYS)]
        return [letter for body in kept for letter in read_letters(body)]

    def objects(self) -> dict[str, bytes]:
        """Return what is in the bucket of the dead letters."""
        bucket = self.deployment.only("AWS::S3::Bucket", "DeadLetters").physical_id
        s3 = self.deployment.account.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def start_bench(
    deployment: Deployment, servers: Supervisor, folder: Path, say: Callable[[str], None]
) -> Bench:
    """Start the servers and find the runtime, saying which Python plays it."""
    function = deployment.only("AWS::Lambda::Function", "Preprocess")
    version = str(function.properties["Runtime"]).removeprefix("python")
    runtime = find_runtime(version)
    say(
        f"deployed functions run on Python {runtime.python.version}"
        + (
            ""
            if runtime.version == version
            else f"; no Python {version} here, so with wheels for {runtime.version}"
        )
    )
    bootstrap = start_broker(servers, folder / "kafka")
    Topics(bootstrap, {}, embedded=True).create("agent_cleaned", partitions=4)
    return Bench(deployment, runtime, bootstrap, start_cache(servers, folder, cluster=True), folder)
