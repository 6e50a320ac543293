"""S3 and Step Functions, played by moto in a process of their own."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ops.twin.config import TwinError
from ops.twin.destination import s3_client
from ops.twin.process import HOST, free_port, module_environment
from ops.twin.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from botocore.client import BaseClient


def start_aws(supervisor: Supervisor, run_dir: Path, lambda_port: int = 0) -> str:
    """Start moto and return its endpoint; it holds everything in memory, so its death is final.

    State machines call the functions of the service at `lambda_port`.
    """
    port = free_port()
    command = [sys.executable, "-m", "ops.twin.aws_server", str(port), str(lambda_port)]
    supervisor.add(
        Child("aws", command, module_environment(), run_dir / "logs" / "aws.log", restart=False), port
    )
    return f"http://{HOST}:{port}"


def create_buckets(endpoint: str, *names: str) -> BaseClient:
    """Create the buckets and return the client that did."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # slow to import

    client = s3_client(endpoint)
    deadline = time.monotonic() + 20
    for name in names:
        while True:
            try:
                client.create_bucket(
                    Bucket=name, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name}
                )
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() > deadline:
                    raise TwinError(f"S3 at {endpoint} does not take the bucket {name}: {error}") from error
                time.sleep(0.1)
            else:
                break
    return client
