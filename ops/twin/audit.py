"""Read every place back and show it to the check: the topics, the cache, the dead letters, the on-failure objects."""

from __future__ import annotations

from dataclasses import dataclass

from ops.twin.collect import RawTopics, read_given_up, read_letters
from ops.twin.ledger import Ledger
from ops.twin.outputs import Outputs
from ops.twin.progress import Display
from ops.twin.twin import Twin
from ops.twin.verify import Check, Findings
from ops.twin.verify_cache import CacheCheck


@dataclass(frozen=True)
class Audit:
    """Lead one pass over what a run left behind, once nothing writes any more."""

    twin: Twin
    ledger: Ledger
    check: Check
    cached: CacheCheck
    outputs: Outputs | None
    display: Display

    def run(self, topics: RawTopics) -> Findings:
        """Read it all; the outputs get what is read. Raises CollectError and what the clients raise."""
        self._cleaned(topics)
        self._raw(topics)
        s3 = self.twin.s3()
        for letters in read_letters(s3, self.twin.dead_letter_bucket):
            self.check.letters(letters)
            if self.outputs is not None:
                self.outputs.letters(letters)
        self.check.given_up(read_given_up(s3, self.twin.on_failure_bucket))
        findings = self.check.finish()
        self.display.update("checked", findings.received - findings.lost)
        return findings

    def _cleaned(self, topics: RawTopics) -> None:
        for chunk in topics.read(self.twin.cleaned_topic, self.twin.config.partitions):
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
