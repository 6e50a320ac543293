"""Read every place back and show it to the check: the topics, the cache, the dead letters, the on-failure objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.twin.collect import RawTopics, read_given_up, read_letters
from ops.twin.ledger import Ledger
from ops.twin.outputs import Outputs
from ops.twin.progress import Display
from ops.twin.twin import Twin
from ops.twin.verify import Check, Findings, origin_of
from ops.twin.verify_cache import CacheCheck


@dataclass(frozen=True)
class Audit:
    """Lead one pass over what a run left behind, once nothing writes any more.

    `before` says where the cleaned topic ended when the run began, by partition; not `alone`, it looks only at what
    came from the run's own raw topic.
    """

    twin: Twin
    ledger: Ledger
    check: Check
    cached: CacheCheck
    outputs: Outputs | None
    display: Display
    before: Mapping[int, int]
    alone: bool

    def run(self, topics: RawTopics) -> Findings:
        """Read it all; the outputs get what is read. Raises CollectError and what the clients raise."""
        self._cleaned(topics)
        self._raw(topics)
        s3 = self.twin.s3()
        for stored in read_letters(s3, self.twin.dead_letter_bucket):
            letters = [letter for letter in stored if self._ours(letter.id)]
            self.check.letters(letters)
            if self.outputs is not None:
                self.outputs.letters(letters)
        given_up = read_given_up(s3, self.twin.on_failure_bucket)
        self.check.given_up(one for one in given_up if self._ours(one.id))
        findings = self.check.finish()
        self.display.update("checked", findings.received - findings.lost)
        return findings

    def _ours(self, origin: str) -> bool:
        return self.alone or origin.startswith(f"{self.twin.raw_topic}-")

    def _cleaned(self, topics: RawTopics) -> None:
        for everything in topics.read(self.twin.cleaned_topic, self.twin.config.partitions, self.before):
            chunk = [message for message in everything if self._ours(origin_of(message))]
            self.cached.cleaned(self.check.cleaned(chunk))
            if self.outputs is not None:
                self.outputs.cleaned(chunk)
            self.display.update("checked", self.check.findings.cleaned)

    def _raw(self, topics: RawTopics) -> None:
        """Look for raw messages that nobody knows of: what becomes of them would stay unseen."""
        for partition, promised in self.ledger.next_offsets().items():
            more = topics.end_offset(self.twin.raw_topic, partition) - promised
            if more > 0:
                self.check.differences.add("raw messages that no delivery report names", times=more)
