"""A poller whose partitions are taken away, and given back, while it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Message, TopicPartition

from ops.twin import poller as poller_module, subscription as subscription_module
from ops.twin.answers import Reply
from ops.twin.config import EventSource
from ops.twin.poller import Poller
from ops.twin.poller_config import PollerConfig
from ops.twin.subscription import Subscription

TOPIC = "raw"
PATIENCE = 5


class PlayedConsumer:
    """Do in each call of `consume` what the script says; once it is over, find nothing, and not for ever."""

    script: list[Callable[[PlayedConsumer], None]]

    def __init__(self, _properties: object) -> None:
        self.found: list[Message] = []
        self.calls_in_vain = 0

    def subscribe(self, _topics: object, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.tell_assigned, self.tell_revoked, self.tell_lost = on_assign, on_revoke, on_lost

    def consume(self, _at_most: int, _seconds: float) -> list[Message]:
        self.found = []
        if self.script:
            self.script.pop(0)(self)
        else:
            self.calls_in_vain += 1
            assert self.calls_in_vain < PATIENCE, "waited in vain for a record that was found before"
        return self.found

    def nothing(self, *_: object, **__: object) -> None:
        pass

    pause = resume = commit = close = nothing


Step = Callable[[PlayedConsumer], None]


def places(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition(TOPIC, partition) for partition in partitions]


def assign(*partitions: int) -> Step:
    return lambda consumer: consumer.tell_assigned(consumer, places(*partitions))


def revoke(*partitions: int) -> Step:
    return lambda consumer: consumer.tell_revoked(consumer, places(*partitions))


def find(partition: int, *offsets: int) -> Step:
    return lambda consumer: consumer.found.extend(
        Message(topic=TOPIC, partition=partition, offset=offset, value=b"v", timestamp=(1, 0))
        for offset in offsets
    )


def in_one_call(*steps: Step) -> Step:
    def play(consumer: PlayedConsumer) -> None:
        for step in steps:
            step(consumer)

    return play


@pytest.fixture
def config(tmp_path: Path) -> PollerConfig:
    return PollerConfig(
        bootstrap="nowhere:9092",
        kafka_properties={},
        topic=TOPIC,
        group="group",
        source=EventSource(window_seconds=0),
        event_source_arn="arn",
        mapping_id="mapping",
        lambda_port=1,
        function_name="played",
        function_timeout_seconds=1,
        s3_endpoint="http://nowhere",
        on_failure_bucket="bucket",
        run_dir=str(tmp_path),
    )


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Step]], None]:
    """Say what the consumer does, one step a call."""

    def play(steps: Sequence[Step]) -> None:
        monkeypatch.setattr(PlayedConsumer, "script", list(steps), raising=False)
        monkeypatch.setattr(subscription_module, "Consumer", PlayedConsumer)

    return play


class TakeAll:
    """Play a function that succeeds; the poller stops after its first call."""

    def __init__(self, _config: PollerConfig) -> None:
        self.offsets: list[int] = []
        self.poller: Poller | None = None

    def invoke(self, event: bytes) -> Reply:
        assert self.poller is not None
        self.poller.stop()
        self.offsets += [r["offset"] for group in orjson.loads(event)["records"].values() for r in group]
        return Reply(200, None, b'{"batchItemFailures":[]}')


@pytest.fixture
def delivered(
    config: PollerConfig, play: Callable[[Sequence[Step]], None], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Sequence[Step]], list[int]]:
    """Run a poller on a script until its first call; return the offsets that came to the function."""

    def run(steps: Sequence[Step]) -> list[int]:
        play(steps)
        function = TakeAll(config)
        monkeypatch.setattr(poller_module, "Invoker", lambda _config: function)
        monkeypatch.setattr(poller_module, "Destination", lambda *_: None)
        function.poller = Poller(config, 0)
        function.poller.run()
        return function.offsets

    return run


@pytest.mark.parametrize("found", [[0], [0, 1, 2]])
def test_the_first_records_of_a_new_term(
    found: list[int], delivered: Callable[[Sequence[Step]], list[int]]
) -> None:
    """A record that comes in the very call which takes partitions away and gives them anew is delivered."""
    rebalance = in_one_call(revoke(0, 1), assign(0), find(0, *found))

    assert delivered([assign(0, 1), rebalance]) == found


def test_a_rebalance_while_a_batch_fills(delivered: Callable[[Sequence[Step]], list[int]]) -> None:
    """What waited before a rebalance is dropped, and what the same call brings of the new term is delivered."""
    rebalance = in_one_call(revoke(0), assign(0), find(0, 0, 1))

    assert delivered([assign(0), find(0, 0), rebalance]) == [0, 1]


def test_held_back_records_of_a_lost_partition(
    config: PollerConfig, play: Callable[[Sequence[Step]], None]
) -> None:
    """Records held back while idle do not outlive their partition: a commit past them could skip others."""
    lost: list[set[str]] = []
    play([assign(0, 1), in_one_call(find(0, 5), find(1, 7)), in_one_call(revoke(0), assign(0), find(0, 0))])
    subscription = Subscription(config, 0, lambda slots: lost.append(set(slots)))

    subscription.idle(1.0, lambda: not PlayedConsumer.script)

    assert [(record.partition, record.offset) for record in subscription.fetch(10, 0)] == [(1, 7), (0, 0)]
    assert lost == [{f"{TOPIC}-0"}]


def test_a_partition_taken_away_in_the_call_that_read_it(
    config: PollerConfig, play: Callable[[Sequence[Step]], None]
) -> None:
    """Records picked up before their partition went, in the same call, are the next owner's."""
    play([assign(0, 1), in_one_call(find(0, 3), find(1, 4), revoke(0))])
    subscription = Subscription(config, 0, lambda _slots: None)

    assert subscription.fetch(10, 0) == []
    assert [(record.partition, record.offset) for record in subscription.fetch(10, 0)] == [(1, 4)]
