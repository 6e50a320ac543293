"""The page on cleaning says what the code does."""

from __future__ import annotations

import pytest

from ops.cleaning_page import CLEANING, EVERYTHING_AT_ONCE, EXAMPLES, operators, render
from sluice.clean import clean
from sluice.clean.profiles import PROFILES, RAW


def test_is_the_page() -> None:
    """The page is what `make docs` writes."""
    assert CLEANING.read_text() == render()


@pytest.mark.parametrize("name", operators())
def test_every_operator_has_an_example(name: str) -> None:
    """Each operator is shown at work on a text that it changes, and says what it does."""
    wash = operators()[name].wash

    assert wash(EXAMPLES[name]) != EXAMPLES[name]
    assert wash.__doc__
    assert set(EXAMPLES) == set(operators())


def test_the_text_has_everything() -> None:
    """The text at the page's end has work for the operators of both profiles that change it, and none of it is lost."""
    for chain in PROFILES.values():
        washed, flags = clean(EVERYTHING_AT_ONCE, chain)

        assert len(flags) == (0 if chain is RAW else 6)
        assert all(part in washed for part in ('"q": "a  b"', "| 1  | 2 |", "    return  x"))
