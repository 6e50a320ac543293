"""What placeholders can say, at the price of reading a file."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

RULES: Final = Path(__file__).with_name("rules.toml")


@cache
def known_kinds() -> frozenset[str]:
    """Return the kinds of all rules."""
    with RULES.open("rb") as file:
        return frozenset(rule["kind"] for rule in tomllib.load(file)["rule"])
