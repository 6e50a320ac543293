"""Check a deployed stage with your AWS credentials: `python -m ops.deploy_check [--stage STAGE]`.

It invokes the deployed functions with two records of an agent `deploy-check`; one of them reaches the cleaned topic.
Exit code 1 when a step fails, 2 when there is no account to ask.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from functools import cache, partial

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import STAGES
from ops.deploy_check.place import CheckError, Place
from ops.deploy_check.steps import STEPS, Step


def main(arguments: list[str]) -> int:
    """Run all steps on the stage and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy_check", description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="dev")
    stage = STAGES[parser.parse_args(arguments).stage]
    # Longer than any function runs: a call that timed out would be made again, and run again.
    client = cache(partial(boto3.client, config=Config(read_timeout=900)))
    try:
        who = client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        print(f"deploy-check: no account answers: {error}", file=sys.stderr)
        return 2
    print(f"stage {stage.name}, as {who}")
    return run(Place(stage, client, int(time.time() * 1000)))


def run(place: Place, steps: Iterable[Step] = STEPS) -> int:
    """Run steps, a line each, all of them whatever fails; return the exit code."""
    failed = 0
    for step in steps:
        try:
            print(f"ok    {step.name}: {step.run(place)}")
        except (CheckError, ClientError, BotoCoreError) as error:
            failed += 1
            print(f"FAIL  {step.name}: {error}\n      would prove: {step.proves}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
