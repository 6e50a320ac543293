"""Find what the rules name and put `<KIND:8 hex>` in its place.

The digits are those of an HMAC under the environment's key: equal secrets stay joinable, and nobody without
the key can try out who or what they stand for. Without a key the placeholder is `<KIND>` alone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

from sluice.redact.kinds import known_kinds
from sluice.redact.rules import Rule, load_rules
from sluice.redact.views import DISGUISE_TRIGGER, blanked, masked, undisguised

# 32 bits: enough to join on within an agent's records, too few to be a fingerprint that outlives the key.
_HASH_BYTES: Final = 4
# A placeholder may uncover a neighbour, whose find had run into what is gone. One more round finds it.
MAX_ROUNDS: Final = 8
# What a check sees on either side of a find, in bytes.
_CONTEXT: Final = 16
# Room for the DFA's states of all triggers at once. RE2 begins anew when it is full, and answers "no match" where
# not even a few states fit: so it is large.
_SET_BYTES: Final = 64 << 20
# In the JSON text of a whole record: an escape that may hide a letter or a slash, or a string within a string.
_ESCAPED: Final = r"\\[u/]|\\\\[nrtbf]"
_NUMBER: Final = re.compile(rb"-?[0-9.eE+-]+")
_BEGINS_VALUE: Final = re.compile(rb'(?:(\\*")\s*:|[\[,])\s*\Z')
_ENDS_VALUE: Final = re.compile(rb"\s*[],}]")
# Combining marks, which normalisation may merge with the ">" before them.
_MARKS: Final = re2.compile(r"\pM+")


class RedactionDidNotSettle(ValueError):  # noqa: N818
    """There was still something to replace in the last round; the record is better a dead letter than half clean."""


class Find(NamedTuple):
    """One thing to be replaced: from `start` to before `end` in bytes, by which rule, and its one spelling.

    `plain` says that it was found in the text as it stands, not in a view of it.
    """

    start: int
    end: int
    place: int
    spelling: bytes
    plain: bool = True


class Redactor:
    """Redact texts under one key; pure, and the same for every call."""

    def __init__(
        self, key: bytes = b"", keep: Collection[str] = (), rules: Sequence[Rule] | None = None
    ) -> None:
        """Compile the rules; kinds in `keep` stay readable.

        Raises ValueError for a kind that no rule has.
        """
        if unknown := set(keep) - known_kinds():
            msg = f"no rule finds {', '.join(sorted(unknown))}; known are {', '.join(sorted(known_kinds()))}"
            raise ValueError(msg)
        self._key = key
        self._rules = tuple(r for r in (load_rules() if rules is None else rules) if r.kind not in keep)
        kinds = "|".join(sorted(known_kinds()))
        self._placeholders = re.compile(rf"<(?:{kinds})(?::[0-9a-f]{{8}})?>".encode())
        options = _options()
        # Compiled when first needed: all at once they take longer than the rest of the set-up.
        self._patterns: dict[int, Any] = {}
        triggers = [rule.trigger for rule in self._rules]
        # By place: the rules' triggers, then the one that is no rule.
        self._disguise = len(triggers)
        self._text_set = _compiled([*triggers, DISGUISE_TRIGGER], options)
        self._record_set = _compiled([*triggers, DISGUISE_TRIGGER, _ESCAPED], options)

    def may_hold(self, value: bytes) -> bool:
        """Tell whether any string in a JSON text could hold a find; most records cannot, and need no more."""
        return bool(self._record_set.Match(value))

    def redact(self, text: str, prefix: str = "") -> tuple[str, tuple[str, ...]]:
        """Return the text with all finds replaced, and the kinds of these.

        `prefix` is what stands before the text (`password=`): it gives context and is not part of the result.
        Raises RedactionDidNotSettle after MAX_ROUNDS.
        """
        data, kinds = (prefix + text).encode(errors="surrogatepass"), list[str]()
        fixed = len(prefix.encode(errors="surrogatepass"))
        for _ in range(MAX_ROUNDS):
            finds = self._finds(data, fixed)
            if not finds:
                return (data[fixed:].decode(errors="surrogatepass") if kinds else text), tuple(kinds)
            kinds += (self._rules[find.place].kind for find in finds)
            data = self._replaced(data, finds)
        msg = f"there was still something to replace in round {MAX_ROUNDS}"
        raise RedactionDidNotSettle(msg)

    def text(self, text: str) -> str:
        """Return the text with all finds replaced."""
        return self.redact(text)[0]

    def finds(self, text: str, prefix: str = "") -> list[tuple[str, str]]:
        """Return what a first round finds, by rule's name, for those who measure rules."""
        data = (prefix + text).encode(errors="surrogatepass")
        found = self._finds(data, len(prefix.encode(errors="surrogatepass")))
        return [(self._rules[f.place].name, data[f.start : f.end].decode(errors="replace")) for f in found]

    def header(self, name: str, value: bytes) -> bytes:
        """Return a message header's value redacted; bytes that are not UTF-8 stay as they are."""
        redacted, kinds = self.redact(value.decode(errors="surrogateescape"), f"{name}=")
        return redacted.encode(errors="surrogateescape") if kinds else value

    def _finds(self, data: bytes, fixed: int) -> list[Find]:
        """Return what is to be replaced, in the order of the text, no two overlapping, none within the prefix."""
        plain = masked(self._without_placeholders(data))
        places = self._text_set.Match(plain)
        if not places:
            return []
        as_is = blanked(plain)
        found = [find for place in places if place < self._disguise for find in self._search(place, as_is)]
        if self._disguise in places:
            view = undisguised(plain)
            for place in self._text_set.Match(view.data) or ():
                if place < self._disguise:
                    for find in self._search(place, view.data):
                        start, end = view.original(find.start, find.end)
                        found.append(find._replace(start=start, end=end, plain=False))
        return _without_overlaps([find for find in found if find.start >= fixed], len(data))

    def _without_placeholders(self, data: bytes) -> bytes:
        """Return the text with placeholders blanked: `<PASSWORD:12345678>` names no password."""
        return self._placeholders.sub(lambda m: b"<" * len(m[0]), data) if b"<" in data else data

    def _search(self, place: int, data: bytes) -> Iterator[Find]:
        rule = self._rules[place]
        if place not in self._patterns:
            self._patterns[place] = re2.compile(rule.pattern, _options())
        at = 0
        while (match := self._patterns[place].search(data, at)) is not None:
            start, end = _span(match)
            find = data[start:end]
            find = find[: rule.trim(find)]
            end = start + len(find)
            if rule.check(find, data[max(0, start - _CONTEXT) : start], data[end : end + _CONTEXT]):
                yield Find(start, end, place, rule.canonical(find))
                at = end
            else:
                at = match.start() + 1 if rule.again else match.end()

    def _replaced(self, data: bytes, finds: Sequence[Find]) -> bytes:
        parts, at = list[bytes](), 0
        for find in finds:
            quote = _quote(data, find)
            parts += (data[at : find.start], quote, self._placeholder(find), quote)
            # A mark after the find would join the placeholder's last character.
            at = find.end + len(_marks(data, find.end))
        return b"".join((*parts, data[at:]))

    def _placeholder(self, find: Find) -> bytes:
        kind = self._rules[find.place].kind
        if not self._key:
            return f"<{kind}>".encode()
        digest = hmac.digest(self._key, find.spelling, "sha256")[:_HASH_BYTES]
        return f"<{kind}:{digest.hex()}>".encode()


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _SET_BYTES
    options.log_errors = False
    return options


def _compiled(patterns: Sequence[str], options: Any) -> Any:
    compiled = re2.Set.SearchSet(options)
    for pattern in patterns:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled


def _span(match: Any) -> tuple[int, int]:
    """Return the span of the group that matched, of the whole where there is none."""
    for group in range(1, match.re.groups + 1):
        start, end = match.span(group)
        if start >= 0:
            return start, end
    start, end = match.span()
    return start, end


def _without_overlaps(found: Sequence[Find], length: int) -> list[Find]:
    """Return the finds that stand, in order: an earlier rule wins, of one rule what a view shows, then the longer."""
    if len(found) < 2:
        return list(found)
    kept, taken = list[Find](), bytearray(length)
    for find in sorted(found, key=lambda find: (find.place, find.plain, find.start - find.end, find.start)):
        if taken.find(1, find.start, find.end) < 0:
            taken[find.start : find.end] = b"\1" * (find.end - find.start)
            kept.append(find)
    return sorted(kept)


def _quote(data: bytes, find: Find) -> bytes:
    """Return the quotation mark that a number of a JSON text needs when it becomes a placeholder."""
    if _NUMBER.fullmatch(data, find.start, find.end) is None or _ENDS_VALUE.match(data, find.end) is None:
        return b""
    before = data[max(0, find.start - _CONTEXT) : find.start]
    # In JSON within JSON the quotation marks have backslashes: as many as those of the member's name.
    begun = _BEGINS_VALUE.search(before)
    return b"" if begun is None else begun[1] or b'"'


def _marks(data: bytes, at: int) -> bytes:
    match = _MARKS.match(data, at)
    return b"" if match is None else match[0]
