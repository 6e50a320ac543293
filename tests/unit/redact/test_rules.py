"""The rules: each finds what it names, in every disguise, and leaves alone what it must."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import re2
from hypothesis import given, strategies as st

from ops.redaction.disguises import DISGUISES, Disguise
from sluice.redact.checks import iban_lengths
from sluice.redact.redactor import Redactor
from sluice.redact.rules import Rule, load_rules

RULES = load_rules()
PLAIN = Redactor()
by_name = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def secret_of(rule: Rule) -> str:
    """Return the part of a rule's hit that is replaced."""
    before, _, after = rule.becomes.partition(f"<{rule.kind}>")
    return rule.hit[len(before) : len(rule.hit) - len(after)]


@by_name
def test_hit(rule: Rule) -> None:
    """A rule's own text is found, alone or in a sentence, and nothing of it is left."""
    assert PLAIN.text(rule.hit) == rule.becomes
    assert PLAIN.text(f"It says: {rule.hit} (twice)\n{rule.hit}") == (
        f"It says: {rule.becomes} (twice)\n{rule.becomes}"
    )
    assert f"<{rule.kind}>" in rule.becomes


@by_name
def test_miss(rule: Rule) -> None:
    """What only looks alike is left alone."""
    assert PLAIN.text(rule.miss) == rule.miss
    assert PLAIN.text(f"It says: {rule.miss}\n") == f"It says: {rule.miss}\n"


@by_name
@pytest.mark.parametrize(("name", "disguise"), DISGUISES.items(), ids=DISGUISES)
def test_disguises(rule: Rule, name: str, disguise: Disguise) -> None:
    """A secret is found under every disguise, and what held it is still JSON."""
    hidden = disguise(rule.hit)
    redacted = PLAIN.text(hidden)

    assert f"<{rule.kind}>" in redacted
    assert secret_of(rule) not in redacted
    if name.startswith("JSON"):
        unpacked = json.loads(redacted)
        assert set(unpacked if isinstance(unpacked, dict) else json.loads(unpacked)) == {"out"}


@by_name
def test_records_are_let_through_by_the_trigger(rule: Rule) -> None:
    """The trigger lets a record pass to the rule wherever the text stands in its JSON, however that is escaped."""
    for text in (rule.hit, f"\n{rule.hit}\t", f"x{rule.hit}", f"“{rule.hit}”"):
        for body in ({"text": text}, {text: 1}, {"a": [{"b": text}]}, {"text": json.dumps([text])}):
            for ascii_only in (True, False):
                assert PLAIN.may_hold(json.dumps(body, ensure_ascii=ascii_only).encode())


@given(rule=st.sampled_from(RULES), data=st.data())
def test_the_trigger_covers_the_pattern(rule: Rule, data: st.DataObject) -> None:
    """What the pattern finds has the trigger in it, as it stands and in JSON."""
    # Python's syntax, near enough: what RE2 does not take for a find after all is passed over.
    pattern = rule.pattern.replace("(?i)", "").replace(r"\z", r"\Z").replace(r"\p{Latin}", "é")
    pattern = pattern.replace(r"\p{Cyrillic}", "ж").replace(r"\p{Greek}", "λ")
    text = data.draw(st.from_regex(re.compile(pattern, re.IGNORECASE | re.ASCII)))
    trigger = re2.compile(rule.trigger)
    found = re2.compile(rule.pattern).search(text)
    if found is not None and rule.check(found[0].encode(), b"", b""):
        assert trigger.search(text) is not None
        assert PLAIN.may_hold(json.dumps(text).encode())


@by_name
def test_same_placeholder(rule: Rule) -> None:
    """A secret has one placeholder, however it is disguised: what is equal can be joined."""
    keyed = Redactor(b"k" * 32)
    pattern = rf"<{rule.kind}:[0-9a-f]{{8}}>"
    plain = re.findall(pattern, keyed.text(rule.hit))

    assert len(plain) == 1
    for name in ("zero-width space", "colour", "percent", "unicode escapes"):
        assert re.findall(pattern, keyed.text(DISGUISES[name](rule.hit))) == plain


def test_the_list() -> None:
    """Names are unique, kinds are capitals, every rule says where its form is documented."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", rule.kind)
        assert len(rule.source) > 20
        assert re2.compile(rule.pattern).search("") is None


def test_lengths_of_accounts() -> None:
    """Every country's account numbers have one length, between the shortest and the longest of the registry."""
    assert len(iban_lengths()) > 80
    assert {len(country) for country in iban_lengths()} == {2}
    assert (min(iban_lengths().values()), max(iban_lengths().values())) == (15, 33)


def rule_file(tmp_path: Path, **changed: Any) -> Path:
    fields = {"name": "x", "kind": "X", "source": "s", "trigger": "x", "pattern": "x", "hit": [], "miss": []}
    lines = [f"{name} = {json.dumps(value)}" for name, value in (fields | changed).items()]
    path = tmp_path / "rules.toml"
    path.write_text("[[rule]]\n" + "\n".join(lines))
    return path


def test_a_rule_of_ones_own(tmp_path: Path) -> None:
    """A file with a rule is all that another rule takes."""
    rules = load_rules(rule_file(tmp_path, trigger="badge-", pattern="badge-[0-9]{4}", kind="BADGE"))

    assert Redactor(rules=rules).text("badge-1234 and badge-12") == "<BADGE> and badge-12"


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"patern": "x"}, "unknown fields: patern"), ({"check": "luck"}, "luck"), ({"canonical": "c"}, "c")],
)
def test_a_file_that_is_not_right(tmp_path: Path, changed: dict[str, str], error: str) -> None:
    """A field, check or spelling that does not exist is refused when the rules are read."""
    with pytest.raises((ValueError, KeyError), match=error):
        load_rules(rule_file(tmp_path, **changed))
