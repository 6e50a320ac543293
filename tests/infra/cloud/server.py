"""An AWS account on this machine: `MOTO_PORT=… python -m tests.infra.cloud.server`.

moto, taught the resource types that the templates have and it has not. It can create; it cannot update or delete.
"""

from __future__ import annotations

import os

from moto.core.config import default_user_config
from moto.server import main

from tests.infra.cloud import access, caching, functions, messaging, stacks, storage, watching, workflow


def teach() -> None:
    """Set moto up, before it serves the first call."""
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # The roles that the CDK's bootstrap makes name managed policies.
    default_user_config["iam"] = {"load_aws_managed_policies": True}
    for part in (access, caching, functions, messaging, stacks, storage, watching, workflow):
        part.teach()


if __name__ == "__main__":
    teach()
    main(["-H", "127.0.0.1", "-p", os.environ["MOTO_PORT"]])
