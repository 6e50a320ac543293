"""The commands that look: `ls`, `stats`, `show`, `explain`. They write nothing."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Annotated, Any, Final

import orjson
import typer

from ops.cli import screen, trial
from ops.cli.bucket import Place, Shelf, find_letter, row
from ops.cli.exits import LEFT, OK, WRONG, Complaint
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
    checked,
    filter_of,
    read_message,
    rules_of,
)
from ops.cli.target import Target, complaining, find
from sluice.record import Message, Origin
from sluice.replay.letter import STATES, message_of
from sluice.replay.selection import agent_of

States = Annotated[
    list[str] | None, typer.Option("--state", metavar="STATE", help=f"{', '.join(sorted(STATES))}; all.")
]
Full = Annotated[bool, typer.Option("--full", help="However long it is.")]
_SHOWN_CHARACTERS: Final = 4_000
_NOBODY: Final = "(not readable)"


def _states(given: list[str] | None) -> tuple[str, ...]:
    wanted = tuple(given or ("open",))
    if "all" in wanted:
        return tuple(sorted(STATES))
    if unknown := set(wanted) - STATES:
        raise Complaint(f"--state {', '.join(sorted(unknown))} is none of {', '.join(sorted(STATES))}", WRONG)
    return wanted


def ls(
    *,
    local: Local = False,
    stack: Stack = "",
    reason: Reasons = None,
    agent: Agents = None,
    since: Since = "",
    until: Until = "",
    source: Source = "all",
    state: States = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Letters at most.")] = 50,
    output: Format = "table",
) -> int:
    """List letters: what failed, where, why, how often. Never what they say."""
    shelf, places = _places(local, stack, state, filter_of(reason, agent, since, until, source))
    with complaining(shelf.target):
        found = [row(place) for place in islice(places, limit + 1)]
    more, rows = len(found) > limit, found[:limit]
    if output == "json":
        for one in rows:
            screen.json(one)
        return OK
    columns = ("id", "agent", "reason", "detail", "tried", "state", "first failed at")
    names = ("id", "agent", "reason", "detail", "attempt", "state", "first_failed_at")
    if rows:
        screen.table("", columns, ([one[name] for name in names] for one in rows))
    more_words = f"the first {limit}; --limit shows more" if more else f"{len(rows):,} in all"
    screen.out.print(f"{more_words}" if rows else "no letters: nothing waits here")
    _footnotes(shelf)
    if rows:
        screen.out.print(f"one of them: {shelf.target.command('show ' + str(rows[0]['id']))}")
    return OK


def stats(
    *,
    local: Local = False,
    stack: Stack = "",
    reason: Reasons = None,
    agent: Agents = None,
    since: Since = "",
    until: Until = "",
    source: Source = "all",
    state: States = None,
    output: Format = "table",
) -> int:
    """Count letters by reason, agent and hour."""
    shelf, places = _places(local, stack, state, filter_of(reason, agent, since, until, source))
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("reason", "agent", "hour")}
    with complaining(shelf.target):
        for place in places:
            counts["reason"][place.letter["reason"]] += 1
            counts["agent"][agent_of(place.letter) or _NOBODY] += 1
            counts["hour"][place.letter["first_failed_at"][:13] + ":00Z"] += 1
        waiting = shelf.not_imported()
    total = counts["reason"].total()
    if output == "json":
        by = {name: dict(count.most_common()) for name, count in counts.items()}
        screen.json({
            "letters": total, **by, "not_imported": waiting, "unreadable_objects": shelf.unreadable,
        })  # fmt: skip
        return OK
    for name, count in counts.items():
        ordered = sorted(count.items()) if name == "hour" else count.most_common(20)
        if ordered:
            screen.table(f"by {name}", (name, "letters"), ordered)
            screen.out.print()
    screen.out.print(f"{total:,} letters")
    if waiting:
        screen.out.print(
            f"{waiting:,} objects of the event source's on-failure bucket besides: a replay imports them"
        )
    _footnotes(shelf)
    if total:
        screen.out.print(f"list them: {shelf.target.command('ls')}")
    return OK


def _places(local: bool, stack: str, state: list[str] | None, chosen: dict[str, Any]) -> tuple[Shelf, Any]:
    states = _states(state)
    wanted = checked({"filter": chosen}).filter
    if wanted.source == "parked" and state is None:
        states = ("parked",)
    shelf = Shelf(find(local=local, stack=stack), states)
    return shelf, shelf.places(wanted)


def _footnotes(shelf: Shelf) -> None:
    if shelf.unreadable:
        screen.out.print(f"{shelf.unreadable:,} objects cannot be read; they are left as they are")


def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    local: Local = False,
    stack: Stack = "",
    repair: Repair = "",
    schema: Schema = "",
    full: Full = False,
    output: Format = "table",
) -> int:
    """Show one letter: all about it, its message, and what the current pipeline would make of that."""
    rules = rules_of(repair)
    target = find(local=local, stack=stack)
    with complaining(target):
        place = find_letter(target, letter_id)
    message = message_of(place.letter)
    done = trial.run(message, trial.steps_for(rules, place.letter["reason"]), schema)
    value, refusal = trial.result(done)
    if output == "json":
        after = {"cleaned": orjson.loads(value)} if refusal is None else {"refused": _why(refusal)}
        screen.json({**place.letter, "object": place.key, "now": after})
        return OK
    _envelope(target, place, message)
    limit = len(message.value or b"") * 8 + 64 if full else _SHOWN_CHARACTERS
    screen.out.print("\nbefore")
    screen.out.print(screen.message(message.value, limit))
    if refusal is None:
        screen.out.print("\nafter, by the current pipeline")
        screen.out.print(screen.message(value, limit))
    else:
        screen.out.print(f"\nafter: none. {_line(done[-1].step, refusal)}")
    return OK


def _envelope(target: Target, place: Place, message: Message) -> None:
    key = None if message.key is None else message.key.decode("utf-8", "backslashreplace")
    headers = {name: value.decode("utf-8", "backslashreplace") for name, value in message.headers}
    letter = place.letter
    about = {name: letter[name] for name in letter if name not in {"origin", "value_b64"}}
    screen.out.print(screen.plain(letter["id"]))
    screen.fields(
        {**about, "key": key, "headers": headers or None, "object": f"s3://{target.bucket}/{place.key}"}
    )


def explain(
    path: Annotated[str, typer.Argument(metavar="FILE|-", help="One message; - reads standard input.")],
    *,
    repair: Repair = "",
    schema: Schema = "",
    full: Full = False,
    output: Format = "table",
) -> int:
    """Say what every step of the pipeline does to one message. Needs no infrastructure."""
    value = read_message(path).removesuffix(b"\n")
    message = Message(Origin("explain", 0, 0), 0, None, value or None, ())
    # Whatever reason a rule asks for: nothing has failed here yet.
    done = trial.run(
        message,
        trial.steps_for(
            [rule._replace(when=rule.when._replace(reason=None)) for rule in rules_of(repair)], ""
        ),
        schema,
    )
    _, refusal = trial.result(done)
    code = OK if refusal is None else LEFT
    if output == "json":
        steps = [
            {
                "step": one.step,
                "changes": {name: _printable(after) for name, (_, after) in one.changes.items()},
                "refused": _why(one.refusal) if one.refusal else None,
            }
            for one in done
        ]
        screen.json({"steps": steps})
        return code
    limit = len(value) * 8 + 64 if full else _SHOWN_CHARACTERS
    for one in done:
        _explain_step(one, limit)
    return code


def _explain_step(one: trial.Done, limit: int) -> None:
    screen.out.print(one.step, style="bold")
    if not one.changes and one.refusal is None:
        screen.out.print("  changes nothing")
    for name, (before, after) in one.changes.items():
        if name == "body" and isinstance(before, dict):
            for field in [*after, *(gone for gone in before if gone not in after)]:
                if before.get(field) != after.get(field):
                    _change(field, before.get(field), after.get(field), limit)
        elif name == "value":
            screen.out.print(f"  value: {len(after):,} bytes, as they are cached and published")
        else:
            screen.out.print(f"  {name}: {_short(_printable(after), limit)}")
    if one.refusal is not None:
        screen.out.print(f"  {_line(one.step, one.refusal)}")


def _change(field: str, before: Any, after: Any, limit: int) -> None:
    screen.out.print(f"  {screen.plain(field)}")
    screen.out.print(f"    before  {_short(before, limit)}")
    screen.out.print(f"    after   {_short(after, limit)}")


def _short(value: Any, limit: int) -> str:
    text = screen.plain(orjson.dumps(value).decode())
    return text if len(text) <= limit else f"{text[:limit]}…"


def _printable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return (
        [list(map(_printable, each)) if isinstance(each, tuple) else each for each in value]
        if isinstance(value, list)
        else value
    )


def _why(refusal: Any) -> dict[str, str]:
    return {"reason": refusal.reason, "detail": refusal.detail}


def _line(step: str, refusal: Any) -> str:
    return f"{step} refuses it: {refusal.reason}: {screen.plain(refusal.detail)}"
