from __future__ import annotations

import json

import pytest
from hypothesis import example, given, strategies as st

from sluice.clean.json_spans import is_json
from sluice.clean.segment import may_hold_structure, segment
from tests.unit.clean.laws import LINEAR, growth, nasty_text

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nValueError: x'
TABLE = {
    "empty": ("", []),
    "one line": ("plain text", ["prose"]),
    "paragraphs": ("one\ntwo\n\nthree", ["prose"]),
    "nested list": ("1. a\n   - b\n     - c\n\n2. d", ["prose"]),
    "headings and bold": ("## Plan\n**Next**: ask\n- one\n- two\n", ["prose"]),
    "footnotes": ('"so [1] it is" [2]', ["prose"]),
    "fence between prose": ("See:\n```python\nx  = 1\n```\nok", ["prose", "code", "prose"]),
    "fence of tildes, back-ticks inside": ("~~~\n```\n~~~\nok", ["code", "prose"]),
    "fence that is never closed": ("ok\n```sh\nls\n\nls -l", ["prose", "code"]),
    "fence inside of a list": ("- a\n    ```\n    x\n    ```\n- b", ["prose", "code", "prose"]),
    "back-ticks inside of a line": ("use ``` here\nand ```x``` there", ["prose"]),
    "indented by four": ("Run\n\n    make test\n\nthen", ["prose", "code", "prose"]),
    "Python": ("def f():\n    return 1\n\n\nmain()\n", ["code"]),
    "tabs": ("if x:\n\treturn 1\n", ["code"]),
    "imports first": ("import os\n\n\ndef f():\n    pass\n", ["code"]),
    "SQL": ("SELECT a\nFROM b\nWHERE c", ["code"]),
    "C": ("int main() {\n  return 0;\n}\n", ["code"]),
    "YAML": ("key: 1\nother:\n  - a\n  - b\n", ["code"]),
    "shell": ("$ cd src\n$ make\n", ["code"]),
    "JSON": ('{"a": [1, 2]}', ["json"]),
    "JSON of several lines": ('{\n  "a": 1\n}\n\nText', ["json", "prose"]),
    "JSON in a line": ('Action: {"a":  "b"} then\nok', ["prose", "json", "prose"]),
    "JSON after a label, several lines": ('Input: {\n  "a": 1\n}\nok', ["prose", "json", "prose"]),
    "JSON lines": ('{"a": 1}\n{"a": 2}', ["json", "prose", "json"]),
    "JSON, double-encoded": (json.dumps('{"a": 1}'), ["json"]),
    "a sentence in quotes is no JSON": ('"He said: no"', ["prose"]),
    "JSON cut short": ('{"name": "search", "arguments": {"q": "fli', ["prose"]),
    "JSON cut short, several lines": ('{\n  "name": "search",\n  "q": "fli', ["code"]),
    "JSON inside of a fence": ('```json\n{"a": 1}\n```', ["code"]),
    "not JSON, then JSON": ('[{x}] {"a": 1}', ["prose", "json"]),
    "Markdown table": ("| a | b |\n|---|---|\n| 1 | 2 |\n\nafter", ["table", "prose"]),
    "table of psql": (" a | b\n---+---\n 1 | 2\n", ["table"]),
    "table without a ruler": ("| a | b |\n| 1 | 2 |", ["table"]),
    "tab-separated": ("a\tb\n1\t2\n", ["table"]),
    "comma-separated": ("a,b,c\n1,2,3\n4,5,6", ["table"]),
    "aligned": ("NAME   READY\nweb-1  1/1\n", ["table"]),
    "aligned to the right": ("item      1\nother    22\n", ["table"]),
    "two blanks here and there": ("See  this\nand  go\n", ["prose"]),
    "two blanks after a full stop": ("One.  Two.\nThree.  Four.", ["prose"]),
    "a bar in prose": ("a | b is the union\nof both", ["prose"]),
    "diff": ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\n c\n\nDone.", ["diff", "prose"]),
    "log": ("2026-01-05 08:00:00,1 INFO x\n2026-01-05 08:00:01,1 INFO y\n", ["log"]),
    "levels": ("INFO up\n[ERROR] down\n", ["log"]),
    "one date is no log": ("2026-01-05 we met.\nThen we left.", ["prose"]),
    "trace": (TRACE, ["trace"]),
    "trace of Java": ("java.lang.Error: x\n\tat a.B.c(B.java:1)\n", ["trace"]),
}


@pytest.mark.parametrize(("text", "kinds"), TABLE.values(), ids=TABLE)
def test_table(text: str, kinds: list[str]) -> None:
    """Each structure is told from prose and from the others, blank lines go where they belong."""
    parts = segment(text)

    assert [part.kind for part in parts] == kinds
    assert "".join(part.text for part in parts) == text


structured = st.lists(
    st.sampled_from([text for text, _ in TABLE.values()] + ["\n", "\n\n", " ", "```", "{", '["', "\r\n", "|"])
    | st.text(max_size=5),
    max_size=8,
).map("".join)


@given(nasty_text | structured)
@example('x {"a": 1}\n\n{"b": 2} y')
def test_nothing_is_lost(text: str) -> None:
    """The parts, joined, are the text; none is empty; what is called JSON is JSON."""
    parts = segment(text)

    assert "".join(part.text for part in parts) == text
    assert all(part.text for part in parts)
    assert all(is_json(part.text) for part in parts if part.kind == "json")


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.dictionaries(st.text(), inner, min_size=1)
    )
)
def test_json_is_found_whole(value: object) -> None:
    """An object is one part, wherever in prose it stands."""
    text = json.dumps({"k": value}, indent=1)

    assert [(part.kind, part.text) for part in segment(f"Action: {text}\nok")] == [
        ("prose", "Action: "),
        ("json", text),
        ("prose", "\nok"),
    ]


@pytest.mark.parametrize(
    "text",
    ["Plain, and short.", "One.\n\nTwo: more; and (some)\n- a\n   - b\n", "1. A\n\n2. B = b? No.", "Ж\nЖ"],
)
def test_prose_is_known_at_a_look(text: str) -> None:
    """Prose, lists among it, does not pay for the search for structure."""
    assert not may_hold_structure(text)


@pytest.mark.parametrize(
    "unit",
    ["[", '["', '{"a":', '["a ', "| a ", "a  b\n", "x = \n", "```\n", "\n    x", "a(a(", '["a\\"', '[["a"]x', ",a\n",
     '{"a":[1]} {', "f(\n\n", ":     ", 'x {"a":1} ', 'x {"a":1}\n\n', '{"a":1}\n', "\t\n", "--- a\n\n", "if x ", "- \n"],
)  # fmt: skip
def test_is_linear(unit: str) -> None:
    """Ten times the text takes about ten times as long, however it is broken."""
    assert growth(segment, unit) < LINEAR
