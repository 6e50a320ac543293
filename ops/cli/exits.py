"""What a command's exit code says; `sluice --help` prints this table."""

from __future__ import annotations

from typing import Final

OK: Final = 0
LEFT: Final = 1
WRONG: Final = 2
UNREACHABLE: Final = 3
FAILED: Final = 4
INTERRUPTED: Final = 130

MEANINGS: Final = {
    OK: "done; after a replay: every selected letter came through, or there was nothing to do",
    LEFT: "the replay ended, and some letters are still failing, parked, busy or not run",
    WRONG: "wrong arguments, or an input that the replay does not take",
    UNREACHABLE: "no such twin, stack, bucket, letter or replay, or it does not answer or refuses",
    FAILED: "the execution failed, was cancelled or timed out",
    INTERRUPTED: "Ctrl-C: a replay that was started goes on",
}


class Complaint(Exception):  # noqa: N818 -- it is what the user reads
    """End the command with one line that says what to do, and an exit code."""

    def __init__(self, text: str, code: int = UNREACHABLE) -> None:
        """Keep both."""
        super().__init__(text)
        self.code = code
