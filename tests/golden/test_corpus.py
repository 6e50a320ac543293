from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sluice.clean import clean
from sluice.clean.profiles import PROFILES, RAW, STANDARD, STRUCTURED

CORPUS = Path(__file__).parent / "corpus"
TABLES = {path.stem: tomllib.loads(path.read_text()) for path in sorted(CORPUS.glob("*.toml"))}
# A case: its text and what the standard and the structured profile make of it, written by hand.
CASES = {
    f"{file}: {row[0]}": (row[1], row[2], row[-1])
    for file, table in TABLES.items()
    for row in table.get("cases", [])
}
KEPT = {f"{file}: {row[0]}": row[1] for file, table in TABLES.items() for row in table.get("kept", [])}
CODE = {f"{file}: {row[0]}": row[1] for file, table in TABLES.items() for row in table.get("code", [])}


@pytest.mark.parametrize(("text", "standard", "structured"), CASES.values(), ids=CASES)
def test_dirty(text: str, standard: str, structured: str) -> None:
    """Hostile and dirty texts come out as a person wrote they should, and so once more."""
    assert clean(text, STANDARD)[0] == standard
    assert clean(text, STRUCTURED)[0] == structured
    assert clean(standard, STANDARD) == (standard, ())
    assert clean(structured, STRUCTURED) == (structured, ())
    assert clean(text, RAW) == (text, ())


@pytest.mark.parametrize("text", (KEPT | CODE).values(), ids=KEPT | CODE)
def test_kept(text: str) -> None:
    """Clean prose, code and data come out byte for byte, and nothing is flagged."""
    for chain in PROFILES.values():
        assert clean(text, chain) == (text, ())


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_kept_between_paragraphs(text: str) -> None:
    """Code and data are found between paragraphs as well, and come out byte for byte."""
    for chain in PROFILES.values():
        assert f"\n\n{text}\n" in clean(f"Here  it is.\n\n{text}\nThat  was it.", chain)[0]


def test_there_are_enough() -> None:
    """The corpus has two hundred cases and more, each with a name of its own."""
    rows = sum(len(rows) for table in TABLES.values() for rows in table.values())

    assert len(CASES) + len(KEPT) + len(CODE) == rows >= 200
