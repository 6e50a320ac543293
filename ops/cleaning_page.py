"""Make docs/cleaning.md from the operators and profiles in the code; a test holds them together."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from unicodedata import combining

from sluice.clean import clean, hidden_text, special_tokens
from sluice.clean.operator import EVERYTHING, Operator
from sluice.clean.profiles import PROFILES, URL_MODES, with_urls
from sluice.clean.segment import KINDS

CLEANING = Path(__file__).parent.parent / "docs" / "cleaning.md"
# One text for each operator; what becomes of it is computed.
EXAMPLES: Final = {
    "render_overwrites": "10 %\r100 %",
    "strip_terminal_escapes": "\x1b]8;;https://a.example\x1b\\docs\x1b]8;;\x1b\\ \x1b[31mred\x1b[0m",
    "fix_mojibake": "donâ€™t",
    "remove_invisible": "sk-\u200babc 👩\u200d🚀",
    "normalise_unicode": "cafe\u0301",
    "unify_line_ends": "one\r\ntwo",
    "remove_urls": "[docs](https://a.example/b) and (see https://a.example).",
    "strip_url_parameters": "https://u:p@a.example/?utm_source=x&id=7",
    "keep_url_hosts": "https://a.example:8080/b?c=1",
    "replace_blobs": "iVBORw0KGgo+Ab9/" * 63 + "CdEfGhJkLmNpQrSt",
    "collapse_repeats": "wait\nwait\nwait\nwait",
    "collapse_whitespace": "one  two\n\tthree",
    "tidy_lines": "one  \n\n\n\ntwo",
}
EVERYTHING_AT_ONCE: Final = (
    "\x1b[1mResult\x1b[0m  for  caf\u00c3\u00a9:\r\n"
    "10 %\r100 %\n"
    "see (https://a.example/b?utm_source=x&id=7)\n\n"
    "```python\ndef f(x):\n    return  x\u200b\n```\n\n"
    '{"q": "a  b", "u": "https://a.example"}\n\n'
    "| a  | b |\n|----|---|\n| 1  | 2 |\n\n"
    "wait\nwait\nwait\nwait\n"
)
_INTRODUCTION: Final = (
    "A message's profile is named by its header `sluice-profile`, else by its schema (`x-sluice-profile`), else it is"
    " `standard`; a name that there is not is flagged `profile_unknown`. A chain is repeated until it changes nothing,"
    " so cleaning what is clean changes nothing. Redaction comes before it and, where it uncovered something, once"
    " more after it, in every profile."
)
# Of a closed list: a comment of one or more lines above the name.
_MEMBER = re.compile(r'((?:^    # .+\n)+)^    "(\w+)",$', re.MULTILINE)
# Of an operator's file: its public constants are its defaults, the comment above says where they come from.
_DEFAULT = re.compile(r"((?:^# .+\n)+)^([A-Z]\w*)(?:: \w+)? = (.+)$", re.MULTILINE)


def operators() -> dict[str, Operator]:
    """Return every operator of every profile and URL mode by its name, in the order of the chains."""
    chains = [with_urls(chain, mode) for chain in PROFILES.values() for mode in URL_MODES]
    found = {operator.name: operator for chain in chains for operator in chain}
    return {name: found[name] for name in EXAMPLES if name in found} | found


def render() -> str:
    """Return the page: profiles, kinds, operators, URL modes, flags and an example."""
    parts = [
        "# Cleaning",
        "Made from the code by `make docs`; do not edit.",
        _INTRODUCTION,
        "## Profiles",
        "An operator with ● gets the text whole, one with ○ only the kinds in the last column.",
        _profiles(),
        "## Kinds of text",
        "A text is cut along its lines, and JSON inside of prose within them. Joined, the parts are the text again.",
        _table(("kind", "what it is"), _members("sluice.clean.segment", KINDS)),
        "## Operators",
        *[_operator(operator) for operator in operators().values()],
        "## URL modes",
        "`URL_MODE` replaces what a profile does with web addresses.",
        _table(("mode", "what stays"), _members("sluice.clean.profiles", URL_MODES)),
        "## Seen and left",
        f"- `hidden_text`: {_first_line(hidden_text.hidden_text)} `_prep.features.hidden_text` holds it, redacted.",
        f"- `special_tokens`: {_first_line(special_tokens.has_special_tokens)}",
        "## A text that has everything in it",
        _fenced("as it came", EVERYTHING_AT_ONCE),
        *[_fenced(name, *clean(EVERYTHING_AT_ONCE, chain)) for name, chain in PROFILES.items()],
    ]
    return "\n\n".join(parts) + "\n"


def _profiles() -> str:
    rows = []
    for name, operator in operators().items():
        marks = [_mark(operator) if operator in chain else "" for chain in PROFILES.values()]
        kinds = "" if operator.kinds is EVERYTHING else ", ".join(k for k in KINDS if k in operator.kinds)
        rows.append((f"`{name}`", *marks, kinds))
    return _table(("operator", *(f"`{name}`" for name in PROFILES), "kinds"), rows)


def _mark(operator: Operator) -> str:
    return "●" if operator.kinds is EVERYTHING else "○"


def _operator(operator: Operator) -> str:
    module = sys.modules[operator.wash.__module__]
    lines = [
        f"### {operator.name}",
        f"{(module.__doc__ or '').strip()} {inspect.getdoc(operator.wash)}".replace("\n\n", " ").replace(
            "\n", " "
        ),
        f"{_shown(EXAMPLES[operator.name])} → {_shown(operator.wash(EXAMPLES[operator.name]))}",
    ]
    defaults = [
        f"- `{name}`{_value(value)}: {_joined(comment)}"
        for comment, name, value in _DEFAULT.findall(inspect.getsource(module))
    ]
    if operator.silent:
        defaults.append("- Not flagged: nearly every text has something for it.")
    return "\n\n".join([*lines, "\n".join(defaults)] if defaults else lines)


def _value(source: str) -> str:
    return f" = {source}" if re.fullmatch(r"[\d_]+", source) else ""


def _members(module: str, names: Iterable[str]) -> list[tuple[str, str]]:
    found = {
        name: _joined(comment) for comment, name in _MEMBER.findall(inspect.getsource(sys.modules[module]))
    }
    return [(f"`{name}`", found[name]) for name in names]


def _joined(comment: str) -> str:
    return " ".join(line.strip().removeprefix("# ") for line in comment.splitlines())


def _first_line(function: object) -> str:
    return (inspect.getdoc(function) or "").split("\n")[0]


def _shown(text: str) -> str:
    """Show a text as JSON, invisible characters escaped, long ones cut."""
    escaped = _shown_line(json.dumps(text, ensure_ascii=False))
    return f"`{escaped if len(escaped) <= 120 else escaped[:40] + ' … ' + escaped[-40:]}`"


def _fenced(name: str, text: str, flags: tuple[str, ...] = ()) -> str:
    lines = [_shown_line(line) for line in text.split("\n")]
    head = f"**{name}**" + (f", flags: {', '.join(f'`{flag}`' for flag in flags)}" if flags else "")
    return "\n".join([head, "", "~~~text", *lines, "~~~"])


def _shown_line(line: str) -> str:
    seen = (char.isprintable() and not combining(char) for char in line)
    return "".join(
        char if is_seen else json.dumps(char)[1:-1] for char, is_seen in zip(line, seen, strict=True)
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
