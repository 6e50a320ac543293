"""S3 and Step Functions, played by moto in a process of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ops.twin.config import TwinError
from ops.twin.destination import s3_client
from ops.twin.process import HOST, free_port, module_environment
from ops.twin.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from botocore.client import BaseClient


def start_aws(supervisor: Supervisor, run_dir: Path, lambda_port: int = 0, *, wait: bool = True) -> str:
    """Start moto and return its endpoint; it holds everything in memory, so its death is final.

    State machines call the functions of the service at `lambda_port`. Without `wait` it does not answer yet: its
    imports take a second, in which the caller has other things to do.
    """
    port = free_port()
    command = [sys.executable, "-m", "ops.twin.aws_server", str(port), str(lambda_port)]
    child = Child("aws", command, module_environment(), run_dir / "logs" / "aws.log", restart=False)
    supervisor.add(child, port if wait else None)
    return f"http://{HOST}:{port}"


def create_buckets(endpoint: str, *names: str, check: Callable[[], None] = lambda: None) -> BaseClient:
    """Create the buckets, as soon as S3 answers, and return the client that did; `check` raises if it never will."""
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
                check()
                time.sleep(0.05)
            else:
                break
    return client
