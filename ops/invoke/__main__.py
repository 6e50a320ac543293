"""Invoke a function with an event between local servers: `python -m ops.invoke FUNCTION EVENT`, see `--help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson

from ops.invoke.outcome import Outcome, invoke
from ops.twin.collect import CollectError, Consumed
from ops.twin.config import TwinError

OK, FAILED, BAD_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
_SHOWN, _SHOWN_CHARACTERS = 20, 300


def main(arguments: Sequence[str]) -> int:
    """Invoke and print; return the exit code: 1 when the function failed."""
    parser = argparse.ArgumentParser(prog="python -m ops.invoke", description=__doc__, allow_abbrev=False)
    parser.add_argument("function", help="the name of a file in functions/, such as preprocess")
    parser.add_argument("event", type=Path, help="a JSON file, such as events/msk/mixed.json")
    options = parser.parse_args(arguments)
    try:
        outcome = invoke(options.function, options.event.read_bytes())
    except KeyboardInterrupt:
        return INTERRUPTED
    except (TwinError, CollectError, OSError) as error:
        print(f"sluice: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_ARGUMENTS
    print("\n".join(lines(options.function, outcome)))
    return OK if outcome.error is None else FAILED


def lines(function: str, outcome: Outcome) -> list[str]:
    """Return what is printed: how it ran, the answer, and what came out."""
    answer = json.dumps(outcome.answer, indent=2)  # escaped: a record may hold what would drive the terminal
    said = "answered" if outcome.error is None else f"failed ({outcome.error})"
    found = [f"{function} ran in {outcome.how} and {said}:", answer]
    if not outcome.cleaned and not outcome.letters:
        return found
    found.append(f"cleaned records: {len(outcome.cleaned)}")
    found += [f"  {_record(message)}" for message in outcome.cleaned[:_SHOWN]]
    if len(outcome.cleaned) > _SHOWN:
        found.append(f"  … and {len(outcome.cleaned) - _SHOWN} more")
    found.append(f"dead letters: {len(outcome.letters)}")
    counts = Counter(letter.reason for letter in outcome.letters)
    found += [f"  {reason}: {count}" for reason, count in sorted(counts.items())]
    return found


def _record(message: Consumed) -> str:
    text = json.dumps(orjson.loads(message.value or b"null"))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
