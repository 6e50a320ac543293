"""What is told of a child that cannot be brought back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.twin.supervisor import Child


@pytest.mark.parametrize(
    ("log", "words"),
    [("first\nOSError: last\n\n", "OSError: last"), ("", "(it said nothing)"), (None, "(it said nothing)")],
)
def test_last_words(log: str | None, words: str, tmp_path: Path) -> None:
    """The last line of a child's log that says anything is its last words; its log goes with the twin."""
    path = tmp_path / "child.log"
    if log is not None:
        path.write_text(log)

    assert Child("poller", [], {}, path, restart=True).last_words() == words
