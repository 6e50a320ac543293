"""What kinds of segments a text has."""

from __future__ import annotations

import pytest

from tests.unit.features.rig import features_of

TABLE = {
    "nothing": ("", []),
    "prose": ("All is well.", ["prose"]),
    "JSON": ('{"a": "b"}', ["json"]),
    "code in prose": ("Try this:\n\n```\nx = 1\n```\n\nand say what comes out.", ["prose", "code"]),
}


@pytest.mark.parametrize(("text", "kinds"), TABLE.values(), ids=TABLE)
def test_table(text: str, kinds: list[str]) -> None:
    """Each kind is named once, in the order in which it first occurs."""
    assert features_of(text, "kinds")["kinds"] == kinds
