"""What a replay is asked to do: the execution's input, checked, with its defaults filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, cast

from sluice.reasons import REASONS
from sluice.replay.letter import moment
from sluice.replay.repair import Rule
from sluice.replay.rules import RuleError, read_rules

Source = Literal["dead_letters", "failed_batches", "parked", "all"]
SOURCES: Final = ("dead_letters", "failed_batches", "parked", "all")
MAX_LIMIT: Final = 1_000_000
# A distributed map of Step Functions takes more; the cache, the broker and the account's Lambda concurrency do not.
MAX_CONCURRENCY: Final = 100
MAX_ATTEMPTS: Final = 100
# What Step Functions allows in an execution's name, less what needs escaping in keys and headers.
_REPLAY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_KEYS: Final = ("filter", "dry_run", "repair", "schema", "max_attempts", "limit", "max_concurrency")
_FILTER_KEYS: Final = ("reasons", "since", "until", "agents", "source")


class Field(NamedTuple):
    """Document one field of the input."""

    name: str
    default: str
    meaning: str


FIELDS: Final = (
    Field("filter.reasons", "[]", "only letters of these reasons; empty: of all"),
    Field("filter.since", '""', "only letters that first failed at this time (RFC 3339) or later"),
    Field("filter.until", '""', "only letters that first failed before this time"),
    Field("filter.agents", "[]", "only letters whose message names one of these agents"),
    Field(
        "filter.source",
        '"all"',
        "`dead_letters`, `failed_batches` (the event source's), both (`all`), or `parked`",
    ),
    Field("dry_run", "true", "write nothing and count what a run would do"),
    Field("repair", "[]", "repair rules, at most 50"),
    Field("schema", "null", "try the letters against this schema, whatever they name"),
    Field("max_attempts", "3", "a letter that failed so often is parked without being run, 1 to 100"),
    Field("limit", "100000", "letters at most, in the order of their objects' keys, 1 to 1000000"),
    Field("max_concurrency", "5", "chunks at a time, 1 to 100"),
)


class InputError(ValueError):
    """Raised for an input that is not understood; the message names every field that is wrong, and why."""


@dataclass(frozen=True)
class Filter:
    """Say which letters are meant; empty means all. `since` is included, `until` is not."""

    reasons: tuple[str, ...]
    since: str
    until: str
    agents: tuple[str, ...]
    source: Source


@dataclass(frozen=True)
class Request:
    """Hold a replay's input; `raw` is that input as it was given."""

    filter: Filter
    dry_run: bool
    rules: tuple[Rule, ...]
    schema: str | None
    max_attempts: int
    limit: int
    max_concurrency: int
    raw: dict[str, Any]


class _Reader:
    """Read fields one by one and keep what is wrong with them."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.errors: list[str] = []

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.given.get(name, default)
        if type(value) is not bool:
            self.errors.append(f"{name} must be true or false")
            return default
        return value

    def number(self, name: str, default: int, high: int) -> int:
        value = self.given.get(name, default)
        if type(value) is not int or not 1 <= value <= high:
            self.errors.append(f"{name} must be a whole number from 1 to {high}")
            return default
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.given.get(name.rpartition(".")[2], [])
        if type(value) is not list or not all(type(text) is str and text for text in value):
            self.errors.append(f"{name} must be a list of texts")
            return ()
        return tuple(value)

    def time(self, name: str) -> str:
        value = self.given.get(name.rpartition(".")[2], "")
        if value in ("", None):
            return ""
        try:
            when = datetime.fromisoformat(value)
            # At the calendar's edge a time may have no counterpart in UTC.
            text = moment(when) if when.tzinfo is not None else ""
        except (ValueError, TypeError, OverflowError):
            text = ""
        if not text:
            self.errors.append(f'{name} must be a time with its zone, such as "2026-11-23T08:00:00Z"')
        return text

    def unknown(self, known: Collection[str], prefix: str = "") -> None:
        for name in sorted(self.given.keys() - set(known)):
            self.errors.append(f"{prefix}{name} is not a field, known are {', '.join(known)}")


def read_replay_id(value: Any) -> str:
    """Return the replay's id; raises InputError when it could not stand in keys and headers."""
    if type(value) is not str or not _REPLAY_ID.fullmatch(value):
        raise InputError("replay_id must be 1 to 80 letters, digits, '_', '.' or '-': name the execution so")
    return value


def read_request(given: Any, schemas: Collection[str]) -> Request:
    """Check an execution's input; `schemas` are the names there are. Raises InputError naming every fault."""
    if not isinstance(given, dict):
        raise InputError('the input must be a JSON object, such as {"dry_run": true}')
    reader = _Reader(given)
    reader.unknown(_KEYS)
    request = Request(
        filter=_filter(given.get("filter", {}), reader.errors),
        dry_run=reader.flag("dry_run", default=True),
        rules=_rules(given.get("repair", []), reader.errors),
        schema=_schema(given.get("schema"), schemas, reader.errors),
        max_attempts=reader.number("max_attempts", 3, MAX_ATTEMPTS),
        limit=reader.number("limit", 100_000, MAX_LIMIT),
        max_concurrency=reader.number("max_concurrency", 5, MAX_CONCURRENCY),
        raw=given,
    )
    if reader.errors:
        raise InputError("; ".join(reader.errors))
    return request


def _filter(given: Any, errors: list[str]) -> Filter:
    if not isinstance(given, dict):
        errors.append("filter must be an object")
        given = {}
    reader = _Reader(given)
    reader.unknown(_FILTER_KEYS, "filter.")
    source = given.get("source", "all")
    if source not in SOURCES:
        reader.errors.append(f"filter.source must be one of {', '.join(SOURCES)}")
    reasons = reader.texts("filter.reasons")
    if unknown := sorted(set(reasons) - set(REASONS)):
        reader.errors.append(f"filter.reasons: {', '.join(unknown)} is none, known are {', '.join(REASONS)}")
    since, until = reader.time("filter.since"), reader.time("filter.until")
    if since and until and since >= until:
        reader.errors.append("filter.until must be later than filter.since")
    agents = reader.texts("filter.agents")
    errors += reader.errors
    return Filter(reasons, since, until, agents, cast("Source", source))


def _rules(given: Any, errors: list[str]) -> tuple[Rule, ...]:
    try:
        return read_rules(given)
    except RuleError as error:
        errors.append(str(error))
        return ()


def _schema(given: Any, schemas: Collection[str], errors: list[str]) -> str | None:
    if given is None or (type(given) is str and given in schemas):
        return given
    errors.append(f"schema must be null or one of {', '.join(sorted(schemas))}")
    return None
