"""The nouns: where a message came from, the message, and the record made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sluice.history.agent import History

_NOTHING: Mapping[str, Any] = MappingProxyType({})
JsonObject = dict[str, Any]
# As wide as the producer takes them; ours are always bytes.
Headers = list[tuple[str, str | bytes | None]]


class Origin(NamedTuple):
    """Name one message for ever: its topic, partition and offset."""

    topic: str
    partition: int
    offset: int

    @property
    def id(self) -> str:
        """Return `topic-partition-offset`, the name used in headers, letters and `_prep`."""
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def topic_partition(self) -> str:
        """Return `topic-partition`, the name the event source uses for a partition."""
        return f"{self.topic}-{self.partition}"


class Message(NamedTuple):
    """Hold one raw message as the broker stored it; `timestamp` is in epoch milliseconds."""

    origin: Origin
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Record:
    """Carry one message through the steps; each step fills the fields under its name."""

    __slots__ = (
        "aged",
        "agent_id",
        "body",
        "cache_key",
        "conflict",
        "content",
        "dropped_for",
        "features",
        "flags",
        "headers",
        "hidden",
        "history",
        "message",
        "notes",
        "origin_id",
        "redacted",
        "schema",
        "source",
        "stored_key",
        "timestamp",
        "value",
        "written",
    )

    # decode
    body: JsonObject
    # validate
    schema: str
    # fingerprint
    content: str
    # identify
    agent_id: str
    timestamp: str
    cache_key: str
    # the text as it was then, before cleaning
    written: str
    # measure
    features: JsonObject
    # enrich: what is cached and published, byte for byte
    value: bytes
    headers: Headers

    def __init__(self, message: Message, source: str) -> None:
        """Begin a record of `message`; `source` is the event source's 8 hex digits."""
        self.message = message
        self.source = source
        self.origin_id = message.origin.id
        self.schema = ""
        self.flags: list[str] = []
        # redact: how often something of a kind was replaced
        self.redacted: Mapping[str, int] = _NOTHING
        # clean: what the text said in characters that nobody sees
        self.hidden = ""
        # between measure and compare: what is known of the agent's earlier records, None for nothing
        self.history: History | None = None
        # compare: the origin id of the record that this one nearly repeats, if it is to be dropped for it
        self.dropped_for = ""
        # impute, compare: further entries of `_prep`
        self.notes: Mapping[str, Any] = _NOTHING
        # claim: the key that the record was stored under, and whether that is not its own
        self.stored_key = ""
        self.conflict = False
        # claim: the key held this very record already, so that it ends before what is stored now
        self.aged = False

    def note(self, name: str, value: Any) -> None:
        """Add an entry to `_prep`."""
        self.notes = {**self.notes, name: value}


Step = Callable[[Record], None]
"""Fill a record's next fields, or raise `Rejected`; order is a literal in pipeline.py."""
