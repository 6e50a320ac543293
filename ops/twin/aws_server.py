"""S3 and Step Functions, played by moto: `python -m ops.twin.aws_server PORT LAMBDA_PORT`.

Its interpreter really executes state machines. The Lambda calls of their tasks go to the twin's own Lambda
service, and not to moto's, which would echo them.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import boto3
from botocore.config import Config

from ops.twin.destination import ACCESS_KEY
from ops.twin.process import HOST

# As long as a function may run on AWS; one call, since a repeat would run the function twice.
_PATIENCE = Config(connect_timeout=5, read_timeout=900, retries={"total_max_attempts": 1}, proxies={})
_CONNECTIONS = 100


class Clients:
    """Hand out one client of the Lambda service; moto makes a new one for every task, which costs 30 ms."""

    def __init__(self, port: int) -> None:
        """Keep the service's port."""
        self._port = port
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def __call__(self, region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG002 -- moto's shape
        """Return the client of a region; boto3's clients may be shared by threads."""
        with self._lock:
            if region not in self._made:
                self._made[region] = boto3.Session(region_name=region).client(
                    service,
                    endpoint_url=f"http://{HOST}:{self._port}",
                    aws_access_key_id=ACCESS_KEY,
                    aws_secret_access_key=ACCESS_KEY,
                    config=_PATIENCE.merge(Config(max_pool_connections=_CONNECTIONS)),
                )
            return self._made[region]


def stopping(plain: Any) -> Any:
    """Return what stops an execution and says so at once: a map's children that never began hold moto's up for ever."""

    def stop(self: Any, stop_date: Any, error: str | None, cause: str | None) -> None:
        from moto.stepfunctions.parser.api import ExecutionStatus  # noqa: PLC0415

        plain(self, stop_date, error, cause)
        self.exec_status, self.stop_date = ExecutionStatus.ABORTED, stop_date
        self.error, self.cause = error, cause

    return stop


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    port, lambda_port = arguments
    # The interpreter reads a map's items from this very server.
    os.environ["MOTO_PORT"] = port
    from moto.core.config import default_user_config  # noqa: PLC0415  # it reads MOTO_PORT
    from moto.server import main as serve  # noqa: PLC0415
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import (  # noqa: PLC0415
        lambda_eval_utils,
    )
    from moto.stepfunctions.parser.backend.execution import Execution  # noqa: PLC0415

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    lambda_eval_utils.boto_client_for = Clients(int(lambda_port))  # type: ignore[attr-defined]
    Execution.stop = stopping(Execution.stop)  # type: ignore[method-assign]
    serve(["-H", HOST, "-p", port])


if __name__ == "__main__":
    main(sys.argv[1:])
