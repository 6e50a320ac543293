"""The command `discard`: letters that nobody wants any more, marked by whom and why."""

from __future__ import annotations

import getpass
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.cli import screen
from ops.cli.bucket import Shelf
from ops.cli.exits import FAILED, OK, WRONG, Complaint
from ops.cli.options import (
    Agents,
    Local,
    Reasons,
    Since,
    Source,
    Stack,
    Until,
    Yes,
    checked,
    filter_of,
)
from ops.cli.target import Target, complaining, find, patience
from sluice.replay.discards import discard_in
from sluice.replay.request import Filter

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...")]
Why = Annotated[str, typer.Option("--why", help="Kept in the letter.")]
Who = Annotated[str, typer.Option("--who", help="Kept in the letter; by default your user name.")]


def discard(
    ids: Ids = None,
    *,
    local: Local = False,
    stack: Stack = "",
    why: Why = "",
    who: Who = "",
    reason: Reasons = None,
    agent: Agents = None,
    since: Since = "",
    until: Until = "",
    source: Source = "all",
    yes: Yes = False,
) -> int:
    """Mark letters as given up, by whom and why. Nothing is deleted: their bytes stay for their retention."""
    chosen = filter_of(reason, agent, since, until, source)
    if not why.strip():
        raise Complaint("--why is missing: it is kept in the letters", WRONG)
    if not ids and not chosen:
        raise Complaint("say which letters: by ID, or by --reason, --agent, --since, --until", WRONG)
    target = find(local=local, stack=stack)
    with complaining(target):
        found = _waiting(target, ids, checked({"filter": chosen}).filter)
        count = len(found)
        if not count:
            screen.out.print("no such letter waits: nothing was changed")
            return OK
        if not yes and not (sys.stdin.isatty() and typer.confirm(f"Discard {count:,} letters?")):
            screen.err.print(f"sluice: {count:,} letters, nothing was changed: --yes discards them")
            return OK
        marked = _mark(target, found, who or getpass.getuser(), why)
    screen.out.print(f"{marked:,} of {count:,} letters discarded")
    if marked < count:
        screen.out.print("the others are in a replay's hands: try again when it has ended")
    return OK if marked == count else FAILED


def _waiting(target: Target, ids: list[str] | None, chosen: Filter) -> dict[bytes, list[str]]:
    """Return the messages that are meant, and the objects that their letters lie in."""
    parked_too = ("open", "parked") if ids else ("open",)
    states = ("parked",) if chosen.source == "parked" else parked_too
    return Shelf(target, states).copies(chosen, frozenset(ids or ()))


def _mark(target: Target, found: dict[bytes, list[str]], who: str, why: str) -> int:
    """Discard letters and return of how many messages every letter was."""
    wanted: defaultdict[str, set[bytes]] = defaultdict(set)
    for message, keys in found.items():
        for key in keys:
            wanted[key].add(message)
    marked: Counter[bytes] = Counter()
    for key, messages in wanted.items():
        marked.update(
            discard_in(
                key, messages, target.store, patience(), who=who, why=why, now=lambda: datetime.now(UTC)
            )
        )
    return sum(marked[message] >= len(keys) for message, keys in found.items())
