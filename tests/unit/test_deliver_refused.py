"""What the broker refuses for its own sake: a dead letter first, and only then no claim."""

from __future__ import annotations

from sluice.outcome import DeadLetter, Duplicate
from sluice.publish import Report
from tests.fakes.cache import FakeCache
from tests.fakes.records import record
from tests.fakes.rig import (
    KEY,
    BrokenWithdrawal,
    Letters,
    Rig,
    kinds,
    refusing,
)
from tests.fakes.script import everything, nothing

A, B = "a" * 32, "b" * 32


def test_refused() -> None:
    """What the broker refuses alone becomes a dead letter that says why and how long it is; its claim is gone."""
    rig = Rig(refusing(2))
    long = record(2, B, padding=50)
    delivery = rig.deliver(record(1), long, record(3, agent="a"))

    assert kinds(delivery) == ["Cleaned", "DeadLetter", "Cleaned"]
    outcome = delivery.outcomes[1]
    assert isinstance(outcome, DeadLetter)
    assert outcome[1:] == (
        "publish",
        "refused_by_broker",
        f"MSG_SIZE_TOO_LARGE: {len(long.value)} bytes",
        long.schema,
        long.source,
    )
    assert rig.cache.value(f"{KEY}#{B[:8]}") is None
    assert rig.cache.value(KEY) == record(1).value
    assert list(rig.letters.objects.values()) == [["agent_raw_output-0-2"]]


def test_refused_and_letter_not_written() -> None:
    """The claim of a refused record stands until its letter is written."""
    rig = Rig(refusing(1), letters=Letters(refusals=1_000_000))

    assert kinds(rig.deliver(record(1))) == ["Retry"]
    assert rig.cache.value(KEY) == record(1).value


def test_refused_and_claim_not_withdrawn() -> None:
    """A refused record whose claim cannot be withdrawn is retried, or lookups would find what is dead."""
    broken = BrokenWithdrawal(1_000_000)
    rig = Rig(refusing(1), cache=broken)

    delivery = rig.deliver(record(1), record(2, agent="a"))

    assert kinds(delivery) == ["Retry", "Retry"]
    assert delivery.faults == {"cache": "not written in time"}
    assert broken.withdrawals > 2


def test_withdrawal_recovers() -> None:
    """A withdrawal that fails at first is tried again within the invocation."""
    cache = BrokenWithdrawal(2)
    rig = Rig(refusing(1), cache=cache)

    assert kinds(rig.deliver(record(1))) == ["DeadLetter"]
    assert cache.withdrawals == 3
    assert cache.value(KEY) is None


def all_refused(names: list[str]) -> Report:
    return Report(set(), dict.fromkeys(names, "INVALID_RECORD"), "")


def test_refused_never_lost_to_its_own_duplicates() -> None:
    """A refused record is never dropped as the duplicate of a record that was dropped as its duplicate."""
    cache, letters = FakeCache(), Letters()
    early, late = record(1, B), record(1, B, partition=2)
    # The early one finds its key taken, so it claims the second; the broker is away, so it comes again.
    cache.put(KEY, record(7, A, partition=5).value, 100)
    assert kinds(Rig(nothing, cache=cache).deliver(early)) == ["Retry"]
    # The holder's claim ends; a late one of the same content takes the key, and S3 takes no letter.
    cache.run([("DEL", KEY)], 1.0)
    broken = Letters(refusals=1_000_000)
    assert kinds(Rig(all_refused, cache=cache, letters=broken).deliver(late)) == ["Retry"]
    # The early one comes again and is dropped on the strength of the late one's claim.
    dropped = Rig(everything, cache=cache).deliver(record(1, B)).outcomes[0]
    assert isinstance(dropped, Duplicate)
    assert dropped.original == late.origin_id
    # Somebody else tries for the key; the late one comes again and must not be dropped in turn.
    Rig(nothing, cache=cache).deliver(record(8, A, partition=5))
    rig = Rig(all_refused, cache=cache, letters=letters)

    assert kinds(rig.deliver(record(1, B, partition=2))) == ["DeadLetter"]
    assert list(letters.objects.values()) == [[late.origin_id]]
