from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from sluice.validate import IDENTITY, compile_schema
from sluice.validate_reference import reference_validator

ROOT = Path(__file__).parents[2]
SUITE = ROOT.parent / "shared/data/json-schema-suite/tests/draft2020-12/optional/format/date-time.json"
# Always run, whether the official suite is there or not.
OWN_CASES = {
    "2026-01-05T08:00:00Z": True,
    "2026-01-05t08:00:00z": True,
    "2026-01-05T08:00:00.123456789+01:00": True,
    "2026-01-05T08:00:00-23:59": True,
    "2024-02-29T00:00:00Z": True,
    "0000-01-01T00:00:00Z": True,
    "2016-12-31T23:59:60Z": True,
    "2017-01-01T00:59:60+01:00": True,
    "2016-12-31T23:58:60Z": False,
    "2016-12-31T23:59:61Z": False,
    "2026-01-05T08:00:00Z\n": False,
    " 2026-01-05T08:00:00Z": False,
    "2026-01-05T08:00:00": False,
    "2026-01-05 08:00:00Z": False,
    "2026-01-05": False,
    "2026-02-29T00:00:00Z": False,
    "2026-13-01T00:00:00Z": False,
    "2026-00-01T00:00:00Z": False,
    "2026-01-32T00:00:00Z": False,
    "2026-01-05T24:00:00Z": False,
    "2026-01-05T08:60:00Z": False,
    "2026-01-05T08:00:00+24:00": False,
    "2026-01-05T08:00:00+0100": False,
    "2026-01-05T08:00:00.Z": False,
    "26-01-05T08:00:00Z": False,
    "٢٠٢٦-01-05T08:00:00Z": False,
    # Engines that take eight digits at once have taken signs and dots for digits.
    "2026-01-0-T08:00:00Z": False,
    "+026-01-05T08:00:00Z": False,
    "2026-0*-05T08:00:00Z": False,
    "2026-01-05T08:0.:00Z": False,
    "2026-01-05T08:00:0/Z": False,
    "2026-01-05T08:00:00+0,:00": False,
    "": False,
}  # fmt: skip


def verdicts(schema: Any, instance: Any) -> tuple[bool, bool]:
    """Return what the fast and the reference validator say of an instance in the place of a message's text."""
    document = {"type": "object", "required": list(IDENTITY), "properties": {"text": schema}}
    body = {"agent_id": "a", "timestamp": "2026-01-05T08:00:00Z", "text": instance}
    return compile_schema("test/1", document).is_valid(body), reference_validator(document).is_valid(body)


@pytest.mark.parametrize(("text", "valid"), OWN_CASES.items())
def test_date_times(text: str, valid: bool) -> None:
    """Both validators hold the same strings for RFC 3339 date-times."""
    assert verdicts({"format": "date-time"}, text) == (valid, valid)


def test_date_times_of_the_official_suite() -> None:
    """Both validators agree with the JSON-Schema test suite on every date-time case."""
    if not SUITE.exists():
        pytest.skip(
            f"{SUITE.relative_to(ROOT.parent)} is missing: only the {len(OWN_CASES)} own cases were run"
        )
    cases = [
        (group["schema"], case["data"], case["valid"])
        for group in json.loads(SUITE.read_bytes())
        for case in group["tests"]
    ]

    assert len(cases) > 20
    assert [case for case in cases if verdicts(*case[:2]) != (case[2], case[2])] == []


digits = st.sampled_from("0123456789")


@given(
    st.one_of(
        st.sampled_from(sorted(OWN_CASES)).flatmap(
            lambda base: st.builds(
                lambda at, char: base[:at] + char + base[at + 1 :],
                st.integers(0, len(base)),
                st.sampled_from("0123456789-+:.TtZz \n٣") | st.characters(),
            )
        ),
        st.from_regex(
            r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:[0-6][0-9])\Z"
        ),
        st.from_regex(r"\A2016-12-31T[0-2][0-9]:[0-9]{2}:60(Z|[+-][0-2][0-9]:[0-5][0-9])\Z"),
    )
)
def test_date_times_near_the_edge(text: str) -> None:
    """Both validators agree on strings that are nearly date-times."""
    fast, reference = verdicts({"format": "date-time"}, text)

    assert fast == reference


LETTERS = "abZé0 9\n_-٣日\xa0\v\u2028\ufeff\u200b"
atoms = st.sampled_from(
    [
        "a",
        "b",
        "Z",
        "é",
        "日",
        "0",
        " ",
        "_",
        "-",
        "[a-z]",
        "[^a]",
        "[0-9é]",
        "[^\\n]",
        r"[\s_]",
        r"[^\S\n]",
        r"\d",
        r"\w",
        r"\s",
    ]
) | (
    st.sampled_from(
        [r"\D", r"\W", r"\S", r"\.", ".", r"\n", r"\p{L}", r"\p{Lu}", r"\P{L}", r"\x61", r"\u0061", r"\u{61}"]
    )
)
regexes = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}", "+?"])),
        st.builds("^{}$".format, inner),
    ),
    max_leaves=6,
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e300, 2.0**63])
    | st.text(LETTERS, max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=4),
    max_leaves=6,
)
bounds = st.integers(0, 3)
numbers = (
    st.integers(-3, 3) | st.floats(-3, 3, allow_nan=False) | st.sampled_from([2**53, 2**63, -(2**63), 1e300])
)
types = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def schemas_over(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return schemas whose parts come from `inner`."""
    by_name = st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
            "enum": st.lists(json_values, min_size=1, max_size=3),
            "const": json_values,
            "minimum": numbers,
            "maximum": numbers,
            "exclusiveMinimum": numbers,
            "exclusiveMaximum": numbers,
            "minLength": bounds,
            "maxLength": bounds,
            "pattern": regexes,
            "format": st.just("date-time"),
            "required": st.lists(st.text("ab", max_size=2), max_size=2, unique=True),
            "properties": by_name,
            "patternProperties": st.dictionaries(regexes, inner, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "minProperties": bounds,
            "maxProperties": bounds,
            "propertyNames": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": bounds,
            "maxItems": bounds,
            "uniqueItems": st.booleans(),
            "contains": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
        },
    )


schemas = st.recursive(st.booleans() | schemas_over(st.booleans()), schemas_over, max_leaves=6)


@given(schemas, st.lists(json_values, min_size=1, max_size=8))
@example({"pattern": "^a$"}, ["a\n", "a"])
@example({"enum": [1]}, [True, 1.0, 1])
def test_schemas_and_instances(schema: Any, instances: list[Any]) -> None:
    """Both validators reach the same verdict on any instance of any schema."""
    for instance in instances:
        fast, reference = verdicts(schema, instance)

        assert fast == reference


@given(regexes, st.lists(st.text(LETTERS, max_size=6), min_size=1, max_size=8))
def test_patterns(pattern: str, texts: list[str]) -> None:
    """Both validators' regex engines match the same strings."""
    for text in texts:
        fast, reference = verdicts({"pattern": pattern}, text)

        assert fast == reference
