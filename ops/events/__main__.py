"""Write events/msk anew: `python -m ops.events`; with `full`, print an event as large as AWS Lambda takes."""

from __future__ import annotations

import sys

from ops.events.build import all_events, full_event, pretty
from ops.twin.config import REPOSITORY

FOLDER = REPOSITORY / "events" / "msk"


def main(arguments: list[str]) -> int:
    """Write or print; return the exit code."""
    if arguments == ["full"]:
        sys.stdout.buffer.write(full_event())
        return 0
    if arguments:
        print("usage: python -m ops.events [full]", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, event in all_events().items():
        (FOLDER / f"{name}.json").write_text(pretty(event))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
