from __future__ import annotations

import json

import pytest
from hypothesis import example, given, strategies as st

from sluice.clean import clean
from sluice.clean.operator import EVERYTHING
from sluice.clean.profiles import PROFILES, RAW, STANDARD, STRUCTURED, URL_MODES, Chain, with_urls
from sluice.clean.segment import KINDS
from tests.unit.clean.laws import C1, INVISIBLE, LINEAR, MOJIBAKE, growth, nasty_text
from tests.unit.clean.test_segment import structured

CHAINS = {f"{name}, {mode}": with_urls(chain, mode) for name, chain in PROFILES.items() for mode in URL_MODES}
PIECES = [
    "https://a.b/c?utm_a=1&id=2", "(", ")", "x\rab", "\x08", "a\na\na\na\na\n", "\x1b[31m", "\x1b[K", " \n", "    x = 1\n",
    "{", '"a": ', "}", "[", "]", '["b"]', "| a | b |\n|---|---|\n", "```\n", "\r\n", "\x85", "\u2028", "aB3x" * 300, "http",
]  # fmt: skip
dirty = st.lists(st.sampled_from(PIECES) | nasty_text | structured, max_size=8).map("".join)
CODE = [
    'def f(x: int) -> str:\n    # two  blanks\n    return  f"{x:>4}"\n\n\nprint(f(3))\n',
    "```python\nimport os\n\n\nURL = 'https://example.com/a?utm_source=b'\n\tx  =  1\n```\n",
    'int main(void) {\n\tprintf("%d\\n",  1);\n\treturn 0;\n}\n',
    "key:  value\nother:\n  - a\n  -   b\n",
    "SELECT  a,\n        b\nFROM    t;\n",
    "| a   | b |\n|-----|---|\n| x  y | https://a.b/c |\n",
    "NAME     READY   STATUS\nweb-1    1/1     Running\n",
    "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-  a\n+\tb\n",
    'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nValueError:  x\n',
    '{"name": "my_var_name",  "n": 1.50, "t": "a  b\\n\\tc"}',
]  # fmt: skip


@given(dirty, st.sampled_from(sorted(CHAINS)))
@example("foo\n    - bar\n\n    x = 1", "standard, profile")
def test_every_chain_is_idempotent(text: str, name: str) -> None:
    """What a chain washed it does not change, nor flag, again; the result is UTF-8 but for the raw profile."""
    chain = CHAINS[name]

    washed, _ = clean(text, chain)

    assert clean(washed, chain) == (washed, ())
    if chain:
        washed.encode()


soiled = st.lists(
    st.sampled_from([*INVISIBLE[:-2], *MOJIBAKE, *C1, *PIECES]) | st.text(max_size=5), max_size=6
).map("".join)
values = st.recursive(
    soiled | st.integers() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(soiled, inner),
    max_leaves=8,
)


@given(st.dictionaries(soiled, values, min_size=1), st.sampled_from(sorted(CHAINS)), st.booleans())
def test_json_stays_json(value: dict[str, object], name: str, escaped: bool) -> None:
    """Valid JSON in is valid JSON out, whatever its strings hold, escaped or not."""
    text = json.dumps(value, ensure_ascii=escaped)

    json.loads(clean(text, CHAINS[name])[0])


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii")),
        st.text(st.characters(codec="ascii")) | st.integers(),
        min_size=1,
    )
)
def test_json_without_dirt_is_kept(value: dict[str, object]) -> None:
    """JSON in ASCII that holds no address comes out byte for byte, in one line or indented, in prose or alone."""
    for text in (json.dumps(value).replace(":/", ":"), json.dumps(value, indent=2).replace(":/", ":")):
        for chain in PROFILES.values():
            assert clean(text, chain)[0] == text
            assert f"\n{text}\n" in clean(f"Call:\n{text}\nok then", chain)[0]


@pytest.mark.parametrize("text", CODE)
@pytest.mark.parametrize("name", PROFILES)
def test_structure_is_kept(text: str, name: str) -> None:
    """Code, tables, diffs, traces and JSON come out byte for byte, alone and between paragraphs."""
    assert clean(text, PROFILES[name]) == (text, ())
    assert text in clean(f"Here it is:\n\n{text}\nThat was it.", PROFILES[name])[0]


def test_prose_between_structure() -> None:
    """Around structure the standard profile collapses prose as ever, the structured one keeps its lines."""
    text = "Look  at\nthis:\n\n```\nx  = 1\n```\nand  then\n- a \n- b\n"

    assert clean(text, STANDARD)[0] == "Look at this:\n\n```\nx  = 1\n```\nand then - a - b"
    assert clean(text, STRUCTURED)[0] == "Look  at\nthis:\n\n```\nx  = 1\n```\nand  then\n- a\n- b"
    assert clean(text, RAW)[0] == text


@pytest.mark.parametrize("chain", PROFILES.values(), ids=PROFILES)
def test_whole_comes_first(chain: Chain) -> None:
    """What takes the text whole stands before what takes it by parts: segments are cut once a round."""
    whole = [operator.kinds is EVERYTHING for operator in chain]

    assert whole == sorted(whole, reverse=True)
    assert all(operator.kinds <= set(KINDS) for operator in chain)
    assert len({operator.name for operator in chain}) == len(chain)


@pytest.mark.parametrize(
    "unit", ["| a |\n", "same line\n", '{"a":"b"} ', "x\ry", "https://a?sig=1 ", "```\n\n", "    x\n\n"]
)
@pytest.mark.parametrize("name", ["standard", "structured"])
def test_is_linear(name: str, unit: str) -> None:
    """Ten times the text takes about ten times as long, through all rounds."""
    assert growth(lambda text: clean(text, PROFILES[name]), unit) < LINEAR
