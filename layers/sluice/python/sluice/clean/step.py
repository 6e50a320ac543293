"""The cleaning step: a record's text through its chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sluice.clean import clean as run_chain
from sluice.clean.hidden_text import hidden_text
from sluice.clean.profiles import PROFILES, Chain, UrlMode, with_urls
from sluice.clean.remove_invisible import remove_invisible
from sluice.clean.special_tokens import has_special_tokens
from sluice.record import Record, Step
from sluice.redact.redactor import MAX_ROUNDS, RedactionDidNotSettle, Redactor
from sluice.redact.step import note
from sluice.validate import Schema

PROFILE_HEADER = "sluice-profile"

_DIGITS = b"0123456789"
# What white space alone can take apart are numbers, and no rule's number has fewer digits (a telephone's).
_FEWEST_DIGITS = 9


def cleaning(redactor: Redactor, schemas: Mapping[str, Schema], urls: UrlMode = "profile") -> Step:
    """Build the step that replaces a record's text by its cleaned form and flags the operators that changed it.

    The message's header sluice-profile names the chain, else its schema does. The step ends with the redaction of
    what cleaning uncovered.
    """
    chains = {name.encode(): with_urls(chain, urls) for name, chain in PROFILES.items()}
    by_schema = {name: chains[schema.profile.encode()] for name, schema in schemas.items()}

    def clean(record: Record) -> None:
        body = record.body
        raw = body["text"]
        chain = by_schema[record.schema]
        if record.message.headers:
            chain = _named(record, chains, chain)
        body["text"], flags = run_chain(raw, chain)
        if flags:
            record.flags.extend(flags)
        if remove_invisible.__name__ in flags or (not chain and not raw.isascii()):
            _note_hidden(record, raw, redactor)
        if body["text"] != raw and (flags or _digits(body["text"]) >= _FEWEST_DIGITS):
            _redact(record, redactor, chain)
        if has_special_tokens(body["text"]):
            record.flags.append("special_tokens")

    return clean


def _named(record: Record, chains: Mapping[bytes, Chain], otherwise: Chain) -> Chain:
    for header, value in record.message.headers:
        if header == PROFILE_HEADER:
            if value in chains:
                return chains[value]
            record.flags.append("profile_unknown")
    return otherwise


def _note_hidden(record: Record, raw: str, redactor: Redactor) -> None:
    if hidden := hidden_text(raw):
        record.flags.append("hidden_text")
        record.hidden, _ = redactor.redact(hidden)


def _digits(text: str) -> int:
    data = text.encode()
    return len(data) - len(data.translate(None, _DIGITS))


def _redact(record: Record, redactor: Redactor, chain: Chain) -> None:
    """Redact and wash in turns until there is nothing to redact: a fixed point of both."""
    for _ in range(MAX_ROUNDS):
        redacted, kinds = redactor.redact(record.body["text"])
        if not kinds:
            return
        note(record, Counter(kinds))
        record.body["text"], _ = run_chain(redacted, chain)
    raise RedactionDidNotSettle(f"cleaning still uncovered something in round {MAX_ROUNDS}")
