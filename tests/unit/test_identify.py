"""Who and what: the identity, and the content's hash."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, strategies as st

from sluice.enrich import dropped_headers
from tests.unit.samples import GOOD, message, record_of

NESTED: dict[str, Any] = GOOD | {"more": {"b": [1, {"y": 0.5, "x": None}], "a": "é"}}


def content(value: bytes | dict[str, Any], *headers: tuple[str, bytes]) -> str:
    return record_of(message(value, headers)).content


def test_identity() -> None:
    """The cache key is agent and timestamp exactly as they were written."""
    record = record_of(message(agent_id="a:b #1", timestamp="2026-11-23t08:15:00.50z"))

    assert record.cache_key == "a:b #1:2026-11-23t08:15:00.50z"
    assert record.cache_key == f"{record.agent_id}:{record.timestamp}"


def test_content_is_known() -> None:
    """The content hash is 128 bits and does not change from one version of the code to the next."""
    assert content(GOOD) == "24a8c2c55c82807211ed2bb028e064fc"


@given(
    st.permutations(list(NESTED)), st.permutations(["a", "b"]), st.sampled_from([None, 0, 3]), st.booleans()
)
def test_content_ignores_the_form(
    names: list[str], inner: list[str], indent: int | None, escaped: bool
) -> None:
    """Neither the order of names, nor white space, nor escapes, nor a byte order mark change the content."""
    shuffled = {name: NESTED[name] for name in names}
    shuffled["more"] = {name: NESTED["more"][name] for name in inner}
    value = json.dumps(shuffled, indent=indent, ensure_ascii=escaped).encode()

    assert content(value) == content(b"\xef\xbb\xbf" + value) == content(NESTED)


def test_content_ignores_what_is_not_content() -> None:
    """An earlier run's `_prep`, the headers and the origin are no part of the content."""
    prepared = record_of(message(GOOD | {"_prep": {"origin": "t-0-0", "flags": ["x"]}}))

    assert prepared.content == content(GOOD)
    assert content(GOOD, ("traceparent", b"1"), ("sluice-schema", b"agent_output/1")) == content(GOOD)
    assert record_of(message(GOOD, offset=99)).content == content(GOOD)


def test_content_is_what_came_in() -> None:
    """The content is that of before cleaning: two texts that clean alike are two contents."""
    dirty, clean = record_of(message(text="a  b")), record_of(message(text="a b"))

    assert dirty.body["text"] == clean.body["text"]
    assert dirty.content != clean.content


def test_content_tells_apart() -> None:
    """Any other value, name or type is another content."""
    others = [
        GOOD | {"text": "All is well"},
        GOOD | {"agent_id": "planner-8"},
        GOOD | {"extra": None},
        GOOD | {"extra": []},
        GOOD | {"extra": 1},
        GOOD | {"extra": 1.0},
        GOOD | {"extra": "1"},
        GOOD | {"extra": True},
        GOOD | {"extra": [1]},
        GOOD,
    ]

    assert len({content(body) for body in others}) == len(others)


def test_headers_left_behind() -> None:
    """Headers that do not pass are counted, the schema's apart: the record gets its own."""
    headers = [("traceparent", b"a"), ("x", b"b"), ("x", b""), ("sluice-schema", b"agent_output/1")]

    assert dropped_headers(record_of(message(headers=tuple(headers)))) == 2
    assert dropped_headers(record_of(message())) == 0
