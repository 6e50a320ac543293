"""The commands that run replays: `replay`, `status`, `cancel`."""

from __future__ import annotations

import getpass
import sys
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeElapsedColumn

from ops.cli import executions, screen
from ops.cli.exits import INTERRUPTED, LEFT, OK, WRONG, Complaint
from ops.cli.options import (
    Agents,
    Format,
    Local,
    Reasons,
    Repair,
    Schema,
    Since,
    Source,
    Stack,
    Until,
    Yes,
    checked,
    filter_of,
    rules_as_given,
)
from ops.cli.plan import concurrency_for, show_output, show_plan
from ops.cli.screen import Output
from ops.cli.target import Target, complaining, find

ReplayId = Annotated[str, typer.Argument(metavar="REPLAY")]
MaxAttempts = Annotated[int | None, typer.Option("--max-attempts", help="Park what failed so often (3).")]
Limit = Annotated[int | None, typer.Option("--limit", help="Letters at most (100000).")]
Rate = Annotated[
    int | None,
    typer.Option("--rate", min=1, help="Letters a second at most, roughly: fewer chunks at a time."),
]
Name = Annotated[str, typer.Option("--name", help="The replay's name; by default it is made up.")]
SkipDryRun = Annotated[
    bool,
    typer.Option("--skip-dry-run", help="With --yes: do not count first, where a dry run takes too long."),
]


def replay(
    *,
    local: Local = False,
    stack: Stack = "",
    reason: Reasons = None,
    agent: Agents = None,
    since: Since = "",
    until: Until = "",
    source: Source = "all",
    repair: Repair = "",
    schema: Schema = "",
    max_attempts: MaxAttempts = None,
    limit: Limit = None,
    rate: Rate = None,
    name: Name = "",
    yes: Yes = False,
    skip_dry_run: SkipDryRun = False,
    output: Format = "table",
) -> int:
    """Count what a replay would do, ask, run it and follow it. Without --yes nobody to ask means: only count."""
    given: dict[str, Any] = {
        "filter": filter_of(reason, agent, since, until, source),
        "repair": rules_as_given(repair),
        "schema": schema or None,
        "max_attempts": max_attempts,
        "limit": limit,
    }
    if skip_dry_run and (not yes or rate is not None):
        raise Complaint("--skip-dry-run takes --yes, and no --rate, which is made of the count", WRONG)
    given = {field: value for field, value in given.items() if value not in (None, {}, [])}
    checked(given)
    target = find(local=local, stack=stack)
    replay_id = name or f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:4]}"
    with complaining(target):
        planned = None if skip_dry_run else _dry_run(target, replay_id, given, output)
        if planned is not None and not _go_on(planned, output, yes=yes):
            if output == "json":
                screen.json({"plan": planned, "replay": None})
            return OK
        if rate is not None and planned is not None:
            given["max_concurrency"] = concurrency_for(rate, planned)
        return _run(target, replay_id, {**given, "dry_run": False}, planned, output)


def _dry_run(target: Target, replay_id: str, given: dict[str, Any], output: Output) -> dict[str, Any]:
    # Its own name each time: who counts first runs it under the same name. AWS takes 80 characters.
    dry_id = f"dry-{replay_id[:71]}-{uuid.uuid4().hex[:4]}"
    executions.start(target, dry_id, given)
    planned = executions.output_of(executions.follow(target, dry_id))
    if output == "table":
        show_plan(planned)
    return planned


def _go_on(planned: dict[str, Any], output: Output, *, yes: bool) -> bool:
    if yes or not planned["selected"]:
        return bool(planned["selected"])
    if output == "json" or not sys.stdin.isatty():
        screen.err.print("sluice: nothing was changed: --yes runs it")
        return False
    return typer.confirm(f"Replay these {planned['selected']:,} letters?", default=False)


def _run(
    target: Target, replay_id: str, given: dict[str, Any], planned: dict[str, Any] | None, output: Output
) -> int:
    executions.start(target, replay_id, given)
    try:
        described = _followed(target, replay_id)
    except KeyboardInterrupt:
        screen.err.print(
            f"\nsluice: the replay goes on. Follow it:  {target.command(f'status {replay_id} --follow')}"
        )
        screen.err.print(f"        Cancel it:                      {target.command(f'cancel {replay_id}')}")
        return INTERRUPTED
    return _told(target, executions.output_of(described), planned, output)


def _followed(target: Target, replay_id: str) -> dict[str, Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=screen.err, transient=True) as bar:
        task = bar.add_task("planning", total=None)

        def tell(progress: executions.Progress) -> None:
            if progress.chunks:
                words = f"{progress.letters:,} letters, chunks done"
                bar.update(task, description=words, total=progress.chunks, completed=progress.done)

        return executions.follow(target, replay_id, tell)


def _told(target: Target, came: dict[str, Any], planned: dict[str, Any] | None, output: Output) -> int:
    if output == "json":
        screen.json({"plan": planned, "replay": came})
    else:
        show_output(came)
    left = sum(came["still_failing"].values()) + came["parked"] + came["busy"] + came["not_run"]
    if left and output == "table":
        screen.out.print(f"what is left: {target.command('ls --state open --state parked')}")
    return LEFT if left else OK


def status(
    replay_id: Annotated[str, typer.Argument(metavar="[REPLAY]")] = "",
    *,
    local: Local = False,
    stack: Stack = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until it ends.")] = False,
    output: Format = "table",
) -> int:
    """Say how far a replay is, or how it ended; without a name, list the latest."""
    target = find(local=local, stack=stack)
    with complaining(target):
        if not replay_id:
            return _list(target, output)
        described = executions.describe(target, replay_id)
        if described["status"] == executions.RUNNING and follow:
            try:
                described = _followed(target, replay_id)
            except KeyboardInterrupt:
                return INTERRUPTED
        if described["status"] != executions.RUNNING:
            return _ended(target, executions.output_of(described), output)
        progress = executions.progress(target, replay_id)
    if output == "json":
        screen.json({"replay_id": replay_id, "status": executions.RUNNING, **progress._asdict()})
    elif not progress.chunks:
        screen.out.print(f"{replay_id} is being planned")
    else:
        screen.out.print(
            f"{replay_id} runs: {progress.done} of {progress.chunks} chunks, {progress.letters:,} letters"
        )
    return OK


def _ended(target: Target, came: dict[str, Any], output: Output) -> int:
    if not came["dry_run"]:
        return _told(target, came, None, output)
    if output == "json":
        screen.json({"plan": came, "replay": None})
    else:
        show_plan(came)
    return OK


def _list(target: Target, output: Output) -> int:
    found = [
        {
            "replay_id": one["name"],
            "status": one["status"],
            "started": f"{one['startDate']:%Y-%m-%dT%H:%M:%S%z}",
        }
        for one in executions.recent(target)
    ]
    if output == "json":
        for one in found:
            screen.json(one)
    elif found:
        screen.table("", ("replay", "status", "started"), (tuple(one.values()) for one in found))
    else:
        screen.out.print("no replay was started yet")
    return OK


def cancel(replay_id: ReplayId, *, local: Local = False, stack: Stack = "") -> int:
    """Cancel a replay: chunks under way end, no other begins. What came through stays so."""
    target = find(local=local, stack=stack)
    with complaining(target):
        if executions.describe(target, replay_id)["status"] != executions.RUNNING:
            screen.out.print(f"{replay_id} has ended already")
            return OK
        executions.stop(target, replay_id, f"cancelled by {getpass.getuser()}")
    screen.out.print(f"{replay_id} is cancelled; letters that it still holds are free again within minutes")
    return OK
