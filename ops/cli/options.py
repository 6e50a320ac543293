"""The options that several commands share, and what they mean to a replay's input."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from ops.cli.exits import WRONG, Complaint
from ops.cli.screen import Output
from sluice.replay.letter import moment
from sluice.replay.repair import Rule
from sluice.replay.request import SOURCES, InputError, Request, read_request
from sluice.replay.rules import RuleError, read_rules
from sluice.validate import load_schemas

Local = Annotated[bool, typer.Option("--local", help="The twin that `make up` started.")]
Stack = Annotated[str, typer.Option("--stack", metavar="NAME", help="A stack in AWS, by its outputs.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="A table, or JSON for programs.")]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only of this reason; repeatable.")
]
Agents = Annotated[
    list[str] | None, typer.Option("--agent", metavar="AGENT", help="Only of this agent; repeatable.")
]
Since = Annotated[
    str,
    typer.Option("--since", metavar="TIME", help="First failed then or later: RFC 3339, or 30m, 2h, 3d ago."),
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="First failed before: the same.")]
Source = Annotated[str, typer.Option("--source", metavar="SOURCE", help=f"One of {', '.join(SOURCES)}.")]
Repair = Annotated[
    str, typer.Option("--repair", metavar="FILE", help="Repair rules, a JSON list; - reads standard input.")
]
Schema = Annotated[str, typer.Option("--schema", metavar="NAME", help="Try this schema, as agent_output/1.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_AGO: Final = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def ago(text: str, now: datetime) -> str:
    """Return a time as a replay takes it: `2h` is two hours before now, all else is left as it is.

    Raises Complaint where the calendar does not go back so far.
    """
    match = _AGO.fullmatch(text)
    if match is None:
        return text
    try:
        return moment(now - timedelta(**{_UNITS[match[2]]: int(match[1])}))
    except OverflowError:
        raise Complaint(f"{text} ago is before the year 1: say fewer days, or a time", WRONG) from None


def filter_of(
    reasons: Sequence[str] | None, agents: Sequence[str] | None, since: str, until: str, source: str = "all"
) -> dict[str, Any]:
    """Return the filter of a replay's input; what was not said is not in it."""
    now = datetime.now(UTC)
    said = {
        "reasons": list(reasons or ()),
        "agents": list(agents or ()),
        "since": ago(since, now),
        "until": ago(until, now),
        "source": source,
    }
    return {name: value for name, value in said.items() if value and value != "all"}


def checked(given: dict[str, Any]) -> Request:
    """Check a replay's input as the replay will. Raises Complaint."""
    try:
        return read_request(given, load_schemas())
    except InputError as error:
        raise Complaint(str(error), WRONG) from error


def read_message(path: str) -> bytes:
    """Return the content of a file, or of standard input for `-`. Raises Complaint."""
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Complaint(f"{path}: {error.strerror}", WRONG) from error


def rules_as_given(path: str) -> list[Any]:
    """Return the rules of a file as the input takes them. Raises Complaint."""
    if not path:
        return []
    try:
        given = orjson.loads(read_message(path))
        read_rules(given)
    except (orjson.JSONDecodeError, RuleError) as error:
        raise Complaint(f"{path}: {error}", WRONG) from error
    return list(given)


def rules_of(path: str) -> tuple[Rule, ...]:
    """Return the rules of a file, ready to run. Raises Complaint."""
    return read_rules(rules_as_given(path))
