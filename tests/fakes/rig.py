"""Sinks for one delivery, of which a test names those that misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from sluice.claim import Command, CommandError, Reply
from sluice.deliver import Delivery, Sinks, deliver
from sluice.outcome import DeadLetter
from sluice.publish import Report
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.fakes.records import WHEN
from tests.fakes.schedule import Clock
from tests.fakes.script import Answer, ScriptedTopic, deadline_of, everything

KEY = f"planner:{WHEN}"
Verdict = Record | DeadLetter


class Letters:
    """A bucket that refuses so many puts, then takes all."""

    def __init__(self, refusals: int = 0) -> None:
        self._refusals = refusals
        self.objects: dict[str, list[str]] = {}
        self.tries = 0

    def put(self, key: str, lines: bytes) -> bool:
        self.tries += 1
        if self.tries <= self._refusals:
            return False
        self.objects[key] = [orjson.loads(line)["id"] for line in lines.splitlines()]
        return True


class Rig:
    """Sinks of which a test names those that misbehave."""

    def __init__(
        self,
        *answers: Answer,
        cache: FakeCache | None = None,
        letters: Letters | None = None,
        seconds: float = 60.0,
    ) -> None:
        self.clock = Clock(seconds)
        self.cache = cache or FakeCache(clock=self.clock)
        self.topic = ScriptedTopic(*(answers or (everything,)))
        self.letters = letters or Letters()

    def deliver(self, *judged: Verdict) -> Delivery:
        sinks = Sinks(
            self.cache, self.topic, self.letters, 100, "test", lambda: datetime(2026, 11, 23, tzinfo=UTC)
        )
        return deliver([verdict.message for verdict in judged], judged, sinks, deadline_of(self.clock))


def kinds(delivery: Delivery) -> list[str]:
    return [type(outcome).__name__ for outcome in delivery.outcomes]


def failures(delivery: Delivery) -> list[tuple[str, int]]:
    items = [failure["itemIdentifier"] for failure in delivery.batch_item_failures()]
    return [(str(item["partition"]), int(item["offset"])) for item in items]


class BrokenCache(FakeCache):
    """A cache that refuses all commands on some keys, `times` times."""

    def __init__(self, *keys: str, times: int = 1_000_000) -> None:
        super().__init__()
        self._broken = keys
        self._times = times

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        replies = super().run([("GET", "nothing") if self._refuses(c) else c for c in commands], timeout)
        failed = [self._refuses(command) for command in commands]
        self._times -= any(failed)
        return [CommandError("OOM") if bad else reply for bad, reply in zip(failed, replies, strict=True)]

    def _refuses(self, command: Command) -> bool:
        key = command[3] if command[0] == "EVAL" else command[1]
        return self._times > 0 and key in self._broken


def refusing(*offsets: int) -> Answer:
    names = {f"agent_raw_output-0-{offset}" for offset in offsets}

    def answer(sent: list[str]) -> Report:
        return (
            Report(set(), dict.fromkeys(sent, "MSG_SIZE_TOO_LARGE"), "")
            if names & set(sent)
            else everything(sent)
        )

    return answer


class BrokenWithdrawal(FakeCache):
    """A cache that refuses so many withdrawals."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self._refusals = refusals
        self.withdrawals = 0

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        if commands[0][0] == "EVAL":
            self.withdrawals += 1
            if self.withdrawals <= self._refusals:
                return [CommandError("READONLY")]
        return super().run(commands, timeout)
