"""What is sent, in which company and order, and when it is given up."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from sluice.publish import Report, publish
from sluice.record import Record
from tests.fakes.records import record
from tests.fakes.schedule import Clock
from tests.fakes.script import Answer, ScriptedTopic, deadline_of, everything, nothing

TOO_LARGE = "MSG_SIZE_TOO_LARGE"


def records(size: int) -> list[Record]:
    return [record(place) for place in range(size)]


def ids(*offsets: int) -> set[str]:
    return {f"agent_raw_output-0-{offset}" for offset in offsets}


def delivers(*offsets: int, fault: str = "") -> Answer:
    return lambda _: Report(ids(*offsets), {}, fault)


def refuses(*offsets: int, delivered: Collection[int] = (), fault: str = "") -> Answer:
    return lambda _: Report(ids(*delivered), dict.fromkeys(ids(*offsets), TOO_LARGE), fault)


def brokers(limit_of: Collection[int]) -> Answer:
    """Refuse all that comes in one send with a record among these."""

    def answer(names: list[str]) -> Report:
        bad = ids(*limit_of) & set(names)
        return Report(set(), dict.fromkeys(names, TOO_LARGE), "") if bad else everything(names)

    return answer


def sent(
    topic: ScriptedTopic, batch: Sequence[Record], seconds: float = 60.0
) -> tuple[list[str], list[str], str]:
    done = publish(batch, topic, deadline_of(Clock(seconds)))
    return sorted(done.delivered), sorted(done.refused), done.fault


def test_all_at_once() -> None:
    """What the broker takes goes in one send, for which there is all the time that is left."""
    topic = ScriptedTopic(everything)

    assert sent(topic, records(3)) == (sorted(ids(0, 1, 2)), [], "")
    assert topic.sends == [[0, 1, 2]]
    assert topic.timeouts == [55.0]


def test_nothing_to_send() -> None:
    """No records, no send."""
    topic = ScriptedTopic(everything)

    assert sent(topic, []) == ([], [], "")
    assert topic.sends == []


def test_only_what_is_missing_is_sent_again() -> None:
    """After a fault the rest is sent again, in its order, and the fault is remembered."""
    topic = ScriptedTopic(delivers(0, 2, fault="_TRANSPORT"), everything)

    assert sent(topic, records(4)) == (sorted(ids(0, 1, 2, 3)), [], "_TRANSPORT")
    assert topic.sends == [[0, 1, 2, 3], [1, 3]]


def test_a_missing_report_is_a_fault() -> None:
    """A record without a report is sent again, though nobody names a fault."""
    topic = ScriptedTopic(delivers(1), everything)

    assert sent(topic, records(2)) == (sorted(ids(0, 1)), [], "no delivery report")
    assert topic.sends == [[0, 1], [0]]


@pytest.mark.parametrize(
    ("bad", "sends"),
    [
        ({0}, [[0, 1, 2], [0], [1], [2]]),
        ({1}, [[0, 1, 2], [0], [1], [2]]),
        ({2}, [[0, 1, 2], [0], [1], [2]]),
        ({0, 1, 2}, [[0, 1, 2], [0], [1], [2]]),
    ],
)
def test_refused_in_company(bad: set[int], sends: list[list[int]]) -> None:
    """What is refused in company is sent alone, in its order; refused alone, it is not sent again."""
    topic = ScriptedTopic(brokers(bad))

    assert sent(topic, records(3)) == (sorted(ids(*{0, 1, 2} - bad)), sorted(ids(*bad)), "")
    assert topic.sends == sends


def test_refused_when_it_was_alone() -> None:
    """A batch of one that is refused is refused for good."""
    topic = ScriptedTopic(brokers({0}))
    done = publish(records(1), topic, deadline_of(Clock()))

    assert done.refused == dict.fromkeys(ids(0), TOO_LARGE)
    assert topic.sends == [[0]]


@pytest.mark.parametrize(
    "answer",
    [refuses(2, 4, delivered=[0], fault="_FATAL"), delivers(0, fault="_GAPLESS_GUARANTEE, _PURGE_QUEUE")],
)
def test_whatever_went_down_with_the_refused(answer: Answer) -> None:
    """A refusal fails what came with it for other reasons, too: all that is missing is sent alone, in its order."""
    topic = ScriptedTopic(answer, everything)

    assert sent(topic, records(5))[:2] == (sorted(ids(*range(5))), [])
    assert topic.sends == [[0, 1, 2, 3, 4], [1], [2], [3], [4]]
    assert topic.alone == [[1], [2], [3], [4]]


def test_long_ones_in_the_middle() -> None:
    """A suspect keeps its place: what precedes it goes first, what follows it goes after."""
    batch = [record(place, padding=20_000 if place in {2, 4} else 0) for place in range(6)]
    topic = ScriptedTopic(everything)

    assert sent(topic, batch)[:2] == (sorted(ids(*range(6))), [])
    assert topic.sends == [[0, 1], [2], [3], [4], [5]]
    assert topic.alone == [[2], [4]]


def test_long_records_go_alone() -> None:
    """What is very long is sent alone at once, in its place, and refused at once."""
    batch = [record(0), record(1, padding=20_000), record(2)]
    topic = ScriptedTopic(brokers({1}))

    assert sent(topic, batch) == (sorted(ids(0, 2)), sorted(ids(1)), "")
    assert topic.sends == [[0], [1], [2]]
    assert topic.alone == [[1]]


def test_a_suspect_stays_one() -> None:
    """A suspect whose lone send failed for another reason is sent alone again."""
    topic = ScriptedTopic(refuses(1), delivers(0), nothing, brokers({1}))

    assert sent(topic, records(3)) == (sorted(ids(0, 2)), sorted(ids(1)), "_TRANSPORT")
    assert topic.sends == [[0, 1, 2], [0], [1], [1], [2]]


def test_delivered_beside_refused() -> None:
    """What was delivered beside a refused record is not sent again."""
    topic = ScriptedTopic(refuses(1, delivered=[0]), brokers({1}))

    assert sent(topic, records(3)) == (sorted(ids(0, 2)), sorted(ids(1)), "")
    assert topic.sends == [[0, 1, 2], [1], [2]]


def test_gives_up_in_time() -> None:
    """Retries end when the time is up; what is missing then is neither delivered nor refused."""
    topic, clock = ScriptedTopic(nothing), Clock(20.0)
    done = publish(records(2), topic, deadline_of(clock))

    assert (done.delivered, done.refused, done.fault) == (set(), {}, "_TRANSPORT")
    assert 15.0 - 1.0 <= sum(clock.slept) < 15.0
    assert len(topic.sends) == len(clock.slept) + 1


def test_pauses_grow() -> None:
    """The pauses between failures double, and begin anew after a success."""
    clock = Clock()
    topic = ScriptedTopic(nothing, nothing, refuses(0), nothing, everything)
    publish(records(2), topic, deadline_of(clock))

    assert clock.slept == [0.05, 0.1, 0.05]


def test_no_lone_sends_after_the_time() -> None:
    """Suspects that are still to be sent alone wait for the next invocation when the time is up."""
    clock = Clock(20.0)

    def slow(names: list[str]) -> Report:
        clock.now += 6.0
        return brokers({0, 1, 2, 3, 4})(names)

    topic = ScriptedTopic(slow)
    done = publish(records(5), topic, deadline_of(clock))

    # 15 s less 6, less 6, less 6.
    assert topic.sends == [[0, 1, 2, 3, 4], [0], [1]]
    assert sorted(done.refused) == sorted(ids(0, 1))


@pytest.mark.parametrize(("seconds", "lone"), [(5.0, 2), (7.25, 2), (7.5, 1), (8.0, 1)])
def test_lone_sends_to_the_last_moment(seconds: float, lone: int) -> None:
    """Lone sends go on while there is any time left, and not when there is none."""
    clock = Clock(20.0)

    def slow(names: list[str]) -> Report:
        clock.now += seconds
        return brokers(range(5))(names)

    topic = ScriptedTopic(slow)
    publish(records(5), topic, deadline_of(clock))

    assert len(topic.sends) == 1 + lone


def test_each_send_has_a_time() -> None:
    """When the time is up already, there is still one short try."""
    topic = ScriptedTopic(nothing)
    clock = Clock(20.0)
    deadline = deadline_of(clock)
    clock.now += 18.0
    publish(records(1), topic, deadline)

    assert topic.sends == [[0]]
    assert topic.timeouts == [0.25]
