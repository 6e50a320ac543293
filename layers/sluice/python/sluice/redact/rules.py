"""The rules as data: `rules.toml`, read and checked once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sluice.redact import checks, spellings
from sluice.redact.kinds import RULES

_FIELDS: Final = frozenset(
    {
        "name",
        "kind",
        "source",
        "trigger",
        "pattern",
        "trim",
        "check",
        "again",
        "canonical",
        "hit",
        "miss",
        "becomes",
    }
)

Check = Callable[[bytes, bytes, bytes], bool]
"""Confirm a find, given it, the few bytes before it and the few after it."""


class Rule(NamedTuple):
    """Hold one rule; `trigger` and `pattern` are in RE2's syntax, `hit` turns into `becomes` without a key."""

    name: str
    kind: str
    source: str
    trigger: str
    pattern: str
    trim: Callable[[bytes], int]
    check: Check
    again: bool
    canonical: Callable[[bytes], bytes]
    hit: str
    miss: str
    becomes: str


@cache
def load_rules(path: Path = RULES) -> tuple[Rule, ...]:
    """Return the rules in their order of precedence; raises KeyError or ValueError for a file that is not right."""
    with path.open("rb") as file:
        document = tomllib.load(file)
    return tuple(map(_rule, document["rule"]))


def _rule(entry: dict[str, Any]) -> Rule:
    if unknown := entry.keys() - _FIELDS:
        msg = f"rule {entry.get('name')} has unknown fields: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    return Rule(
        name=entry["name"],
        kind=entry["kind"],
        source=entry["source"],
        trigger=entry["trigger"],
        pattern=entry["pattern"],
        trim=checks.TRIMS[entry.get("trim", "whole")],
        check=checks.CHECKS[entry.get("check", "always")],
        again=entry.get("again", False),
        canonical=spellings.SPELLINGS[entry.get("canonical", "as_is")],
        hit="".join(entry["hit"]),
        miss="".join(entry["miss"]),
        becomes=entry.get("becomes", f"<{entry['kind']}>"),
    )
