"""Synthesise, compare, deploy, roll back and remove a stage: `python -m ops.cdk VERB [--stage S] [-c key=value] …`.

Words that are not understood here go to the CDK's command line. Exit code 2: the arguments or the account do not allow
it, said in one line; else that of the command line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from infra.config import ConfigError, load_stage
from infra.stage import Stage
from ops.cdk import account, cli, mode, rollback
from ops.cdk.account import AccountError
from ops.cdk.node import NodeError, find_node


@dataclass(frozen=True)
class Call:
    """Hold what one call was told."""

    stage: Stage
    context: Mapping[str, str]
    options: Sequence[str]
    given: argparse.Namespace

    def cdk(self, verb: str, stacks: Sequence[str] = (), options: Sequence[str] = ()) -> int:
        """Run the CDK's command line."""
        return cli.run(find_node(), verb, stacks, self.context, [*options, *self.options])

    def client(self, service: str) -> Any:
        """Return a client of an AWS service, in the account that the CDK's own `--profile` names."""
        return boto3.Session(profile_name=cli.profile_of(self.options)).client(service)

    @property
    def make(self) -> str:
        """Return how the stage is named to make."""
        return f" STAGE={self.stage.name}"


def synth(call: Call) -> int:
    """Write both templates to cdk.out, offline."""
    code = call.cdk("synth", cli.stacks_of(call.stage), ["--quiet"])
    if not code:
        say("templates and assets are in cdk.out")
        say(f"next: `make cost{call.make}`, then `make diff{call.make}` and `make deploy{call.make}`")
    return code


def diff(call: Call) -> int:
    """Show what a deployment would change."""
    return call.cdk("diff", cli.stacks_of(call.stage))


def bootstrap(call: Call) -> int:
    """Prepare the account and region for the CDK, once."""
    return call.cdk("bootstrap")


def deploy(call: Call) -> int:
    """Deploy both stacks, unless a running event source would take failures for successes meanwhile."""
    stage = call.stage
    mode.check_deployment(call.client("lambda"), mode.target_of(stage.name), provisioned=stage.provisioned)
    code = call.cdk("deploy", cli.stacks_of(call.stage))
    if not code:
        say(f"next: `make outputs{call.make}`; a bad release goes back with `make rollback{call.make}`")
    return code


def destroy(call: Call) -> int:
    """Remove the stage: functions first, then data, but none that nobody has settled unless told so."""
    stage = call.stage
    if call.given.pipeline_only:
        return call.cdk("destroy", [stage.pipeline_stack])
    if stage.keep_data:
        say(f"{stage.name} keeps its data: this removes {stage.pipeline_stack} only")
        code = call.cdk("destroy", [stage.pipeline_stack])
        say(
            f"{stage.data_stack} stays. To remove it: `make deploy{call.make} ARGS='-c keep_data=false'` lifts its"
        )
        say(
            f"protection, `make destroy{call.make} ARGS='-c keep_data=false --delete-data'` removes everything"
        )
        return code
    cloudformation, s3 = call.client("cloudformation"), call.client("s3")
    buckets = account.resources(cloudformation, stage.data_stack, "AWS::S3::Bucket")
    _refuse_unsettled(call, s3, buckets)
    # The functions go first: until then they may write. And they are seen to be gone: one may have said no.
    code = call.cdk("destroy", [stage.pipeline_stack])
    if code or not account.gone(cloudformation, stage.pipeline_stack):
        say("the functions are still there, so nothing else was removed")
        return code or 1
    _refuse_unsettled(call, s3, buckets)  # what they still wrote
    for bucket in buckets:
        say(f"{bucket}: {account.empty(s3, bucket)} versions deleted")
    return call.cdk("destroy", [stage.data_stack], ["--force"])


def _refuse_unsettled(call: Call, s3: Any, buckets: Sequence[str]) -> None:
    held = {bucket: account.count_objects(s3, bucket) for bucket in buckets}
    if sum(held.values()) and not call.given.delete_data:
        listed = ", ".join(f"{bucket} {count}" for bucket, count in held.items())
        raise AccountError(
            f"unsettled objects: {listed}; to lose them: `make destroy{call.make} ARGS=--delete-data`"
        )


def outputs(call: Call) -> int:
    """Print the outputs of both stacks and what to type next."""
    cloudformation = call.client("cloudformation")
    found = [each for stack in cli.stacks_of(call.stage) for each in account.outputs(cloudformation, stack)]
    if call.given.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
        return 0
    table = Table("output", "value", "meaning")
    for each in found:
        table.add_row(each.name, each.value, each.meaning)
    Console().print(table)
    for line in next_commands({each.name: each.value for each in found}):
        print(line)
    return 0


def next_commands(values: Mapping[str, str]) -> list[str]:
    """Return commands to copy, made of the outputs."""
    lookup, letters = values.get("LookupAlias", "…"), values.get("DeadLetterBucket", "…")
    payload = """--cli-binary-format raw-in-base64-out --payload '{"agent_id": "planner-07", "latest": 5}'"""
    return [
        "# look up the newest records of an agent",
        f"aws lambda invoke --function-name {lookup} {payload} /dev/stdout",
        "# see what was refused, and why",
        f"aws s3 ls --recursive s3://{letters}/dead-letters/",
        "# count the dead letters, list them, replay them",
        values.get("NextCommand", ""),
        "# the brokers' addresses, for producers and consumers",
        values.get("BrokersCommand", ""),
    ]


def roll_back(call: Call) -> int:
    """Point the alias of every function to the version before, or to that of `--to`."""
    cloudformation, lambda_ = call.client("cloudformation"), call.client("lambda")
    arns = account.resources(cloudformation, call.stage.pipeline_stack, "AWS::Lambda::Alias")
    steps = rollback.plan(lambda_, arns, to=call.given.to)
    for step in steps:
        mode.check_rollback(lambda_, step.function, step.alias, step.new)
    for step in steps:
        say(f"{step.function}: {step.old} ({step.old_pipeline}) → {step.new} ({step.new_pipeline})")
    if not steps:
        say("nothing to do: every alias is there already")
    if steps and not call.given.dry_run:
        rollback.carry_out(lambda_, steps)
        say("done; the next deployment points the aliases to its own code again: deploy the former release's")
    return 0


VERBS: Final[Mapping[str, Callable[[Call], int]]] = {
    "synth": synth,
    "diff": diff,
    "bootstrap": bootstrap,
    "deploy": deploy,
    "destroy": destroy,
    "outputs": outputs,
    "rollback": roll_back,
}


def say(line: str) -> None:
    """Tell the user on stderr: stdout belongs to the outputs and to the CDK."""
    print(f"cdk: {line}", file=sys.stderr, flush=True)


def parse(arguments: Sequence[str]) -> Call:
    """Read the command line; raises ConfigError."""
    parser = argparse.ArgumentParser(prog="python -m ops.cdk", description=__doc__, allow_abbrev=False)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--stage", default="dev", help="dev or prod")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="key=value")
    parser.add_argument("--json", action="store_true", help="`outputs`: as JSON")
    parser.add_argument("--to", default="", help="`rollback`: the PIPELINE_VERSION to go back to")
    parser.add_argument("--dry-run", action="store_true", help="`rollback`: only say what would be done")
    parser.add_argument("--pipeline-only", action="store_true", help="`destroy`: functions, no data")
    parser.add_argument("--delete-data", action="store_true", help="`destroy`: unsettled records too")
    given, options = parser.parse_known_args(arguments)
    context = {"stage": given.stage, **dict(map(cli.pair, given.context))}
    return Call(load_stage(cli.standing_context() | context), context, options, given)


def main(arguments: Sequence[str]) -> int:
    """Carry out one verb and return the exit code."""
    try:
        call = parse(arguments)
        return VERBS[call.given.verb](call)
    except (ConfigError, AccountError, NodeError) as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
