from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sluice.pipeline import Pipeline
from sluice.record import Message, Origin, Record
from sluice.validate import SCHEMAS, SchemaNotUsableError, compile_schema, load_schemas
from sluice.wiring import build_pipeline

PIPELINE = build_pipeline(version="test")
TEXT = "See  https://a.b/?utm_a=1&id=2\nand\x1b[0m  go\n"


def judged(
    text: str, headers: Mapping[str, str] | None = None, pipeline: Pipeline = PIPELINE
) -> dict[str, Any]:
    body = {"agent_id": "a", "timestamp": "2026-01-01T00:00:00Z", "text": text}
    sent = tuple((name, value.encode()) for name, value in (headers or {}).items())
    message = Message(Origin("t", 0, 0), 0, None, json.dumps(body).encode(), sent)
    (verdict,) = pipeline.judge([message], "01234567")
    assert isinstance(verdict, Record)
    cleaned: dict[str, Any] = json.loads(verdict.value)
    return cleaned


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "See and go"),
        ({"sluice-profile": "standard"}, "See and go"),
        ({"sluice-profile": "structured"}, "See  https://a.b/?id=2\nand  go"),
        ({"sluice-profile": "raw"}, TEXT),
    ],
)
def test_header_names_the_profile(headers: dict[str, str], expected: str) -> None:
    """The message's header names the profile, and without one its schema does."""
    assert judged(TEXT, headers)["text"] == expected


def test_unknown_profile() -> None:
    """A profile that there is not is no reason to lose the record: it is flagged and the schema's is taken."""
    cleaned = judged(TEXT, {"sluice-profile": "Raw"})

    assert cleaned["text"] == "See and go"
    assert cleaned["_prep"]["flags"][0] == "profile_unknown"


def test_schema_names_the_profile() -> None:
    """A schema declares the profile of its messages; one that there is not is refused at load, by its name."""
    document = json.loads((SCHEMAS / "agent_output" / "1.json").read_bytes())

    assert {schema.profile for schema in load_schemas().values()} == {"standard"}
    assert compile_schema("x/1", document | {"x-sluice-profile": "raw"}).profile == "raw"
    with pytest.raises(SchemaNotUsableError, match=r"x/1 .*'row', allowed are standard, structured, raw"):
        compile_schema("x/1", document | {"x-sluice-profile": "row"})


def test_url_mode() -> None:
    """The setting's mode holds in every profile that treats addresses."""
    pipeline = build_pipeline(version="test", urls="host")

    assert judged(TEXT, pipeline=pipeline)["text"] == "See a.b and go"
    assert judged(TEXT, {"sluice-profile": "structured"}, pipeline)["text"] == "See  a.b\nand  go"
    assert judged(TEXT, {"sluice-profile": "raw"}, pipeline)["text"] == TEXT


@pytest.mark.parametrize("profile", ["standard", "structured", "raw"])
def test_hidden_text_is_told(profile: str) -> None:
    """What was smuggled in tag characters is flagged and spelled out, redacted like all else, by every profile."""
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "mail jo@example.com")
    prep = judged(f"ok{hidden}", {"sluice-profile": profile})["_prep"]

    assert "hidden_text" in prep["flags"]
    assert prep["features"]["hidden_text"] == "mail <EMAIL>"


def test_special_tokens_are_flagged() -> None:
    """A look-alike of a control token stays and is flagged, also one that only cleaning completes."""
    cleaned = judged("done <|im_\u200bend|>")

    assert cleaned["text"] == "done <|im_end|>"
    assert cleaned["_prep"]["flags"] == ["remove_invisible", "special_tokens"]


def test_clean_text_has_no_flags() -> None:
    """Text without dirt is not flagged, whatever white space it has."""
    assert judged("plain  text\n")["_prep"]["flags"] == []


def test_secret_uncovered_by_cleaning() -> None:
    """What only cleaning makes whole is redacted, too, in every profile that cleans."""
    for profile in ("standard", "structured"):
        assert "jo@example.com" not in judged("jo@exam\x1b[0mple.com", {"sluice-profile": profile})["text"]
