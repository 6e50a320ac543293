"""What the runner's check demands of the cache."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ops.twin.cache_reader import Held, Life
from ops.twin.collect import GivenUp
from ops.twin.differences import Differences
from ops.twin.verify import Check
from ops.twin.verify_cache import CacheCheck
from sluice.record import Record
from tests.unit.run_rig import JUDGE, SOURCE, cleaned, sent, value

TTL = 3600
FRESH = TTL * 1000 - 500
KEY = "a:2026-01-01T00:00:00Z"
NOTHING = Held(None, -2)


class Case:
    """A run that cleaned all its records, and a cache to tamper with."""

    def __init__(self, *values: bytes) -> None:
        ledger = sent(values)
        self.check = Check(ledger, JUDGE)
        self.records: Sequence[Record] = self.check.cleaned(
            [cleaned(ledger, number) for number in range(len(values))]
        )
        self.stored: dict[str, Held] = {}
        self.differences = Differences()
        self.age = 10.0

    def store(self, number: int, suffix: str = "", ttl_ms: int = FRESH) -> None:
        record = self.records[number]
        self.stored[record.cache_key + suffix] = Held(record.value, ttl_ms)

    def missing(self, *, forgot: bool = False) -> int:
        checked = CacheCheck(
            lambda keys: [self.stored.get(key, NOTHING) for key in keys],
            TTL,
            lambda: self.age,
            self.differences,
        )
        checked.cleaned(self.records)
        return checked.finish(self.check.cacheable, forgot=forgot)

    def kinds(self) -> set[str]:
        return set(self.differences.count)


def short(record: Record) -> str:
    return f"#{record.content[:8]}"


def test_all_is_there() -> None:
    """Records under their own keys, and conflicts under theirs, are what was published."""
    case = Case(value("a", 0), value("a", 1), value("a", 0, "second"), value("a", 0, "third"))
    case.store(0)
    case.store(1)
    case.store(2, short(case.records[2]))
    case.store(3, f"#{case.records[3].content}-{SOURCE}")

    assert case.missing() == 0
    assert not case.differences


def test_whoever_comes_first_has_the_key() -> None:
    """Which of two contents took the identity's own key is open, and so is why it is free by now."""
    case = Case(value("a", 0), value("a", 0, "second"))
    case.store(1)
    case.store(0, short(case.records[0]))
    assert case.missing() == 0

    del case.stored[KEY]
    case.store(1, short(case.records[1]))

    assert case.missing() == 0
    assert not case.differences


@pytest.mark.parametrize("held", [NOTHING, Held(b"theirs", FRESH), Held(b"", FRESH), Held(b"[1]", FRESH)])
def test_a_record_that_is_not_there(held: Held) -> None:
    """A cleaned record is missed, whether its key holds nothing or what is no record of this run."""
    case = Case(value("a", 0))
    case.stored[KEY] = held

    assert case.missing() == 1
    assert case.kinds() == {"cleaned, but not in the cache"}


def test_a_cache_that_forgot() -> None:
    """Where the cache could forget, what is not there is counted; other bytes are a difference all the same."""
    case = Case(value("a", 0), value("a", 1))
    case.store(1)
    assert case.missing(forgot=True) == 1
    assert not case.differences

    case.stored[KEY] = Held(case.records[0].value.replace(b"plain", b"plein"), FRESH)

    assert case.missing(forgot=True) == 0
    assert case.kinds() == {"cached with other bytes than were published"}


@pytest.mark.parametrize("suffix", ["", "#"])
def test_every_byte_counts(suffix: str) -> None:
    """One other byte, under the own key or that of a conflict, is a difference."""
    case = Case(value("a", 0), value("a", 0, "second plain"))
    case.store(0)
    key = KEY + (suffix and short(case.records[1]))
    case.stored[key] = Held(case.records[1].value.replace(b"plain", b"plein"), FRESH)
    if not suffix:
        case.store(0, short(case.records[0]))

    assert case.missing() == 0
    assert "cached with other bytes than were published" in case.kinds()


def test_another_identitys_record() -> None:
    """A key that holds another record's value, one that was never published, hides its own record."""
    case = Case(value("a", 0), value("a", 1))
    case.store(1)
    stray = case.records[1].value.replace(b"plain", b"plein")
    case.stored[KEY] = Held(stray, FRESH)

    assert case.missing() == 1
    assert case.kinds() == {"cleaned, but not in the cache", "in the cache, yet not what was published"}


@pytest.mark.parametrize(
    ("given_up", "kinds"), [(False, {"in the cache, yet not what was published"}), (True, set())]
)
def test_a_claim_of_what_was_not_published(given_up: bool, kinds: set[str]) -> None:
    """A claim of a record that is not in the topic is a difference, unless its batch was given up half-way."""
    values = [value("a", 0), value("a", 0, "second")]
    case = Case(*values)
    ledger = sent(values)
    case.check = Check(ledger, JUDGE)
    case.check.cleaned([cleaned(ledger, 1)])
    case.store(0)
    case.store(1, short(case.records[1]))
    case.records = case.records[1:]
    if given_up:
        case.check.given_up([GivenUp("raw-0a-0-0", values[0])])

    assert case.missing() == 0
    assert case.kinds() == kinds


@pytest.mark.parametrize(
    ("ttl_ms", "kinds"),
    [
        (TTL * 1000, set()),
        (TTL * 1000 - 10_900, set()),
        (-1, {"cached without a time to live"}),
        (TTL * 1000 + 1, {"cached longer than the 3600 s of RECORD_TTL_SECONDS"}),
        (TTL * 1000 - 11_100, {"cached for less time than the 3600 s of RECORD_TTL_SECONDS"}),
    ],
)
def test_time_to_live(ttl_ms: int, kinds: set[str]) -> None:
    """A record lives neither for ever nor longer than the setting, and lost no more of it than the run's age."""
    case = Case(value("a", 0))
    case.store(0, ttl_ms=ttl_ms)

    assert case.missing() == 0
    assert case.kinds() == kinds


def test_a_short_time_to_live() -> None:
    """Where the run is older than a record gets, whatever is left of its time is right."""
    case = Case(value("a", 0))
    case.age = TTL + 5.0
    case.store(0, ttl_ms=1)

    assert case.missing() == 0
    assert not case.differences


def test_why_a_cache_forgot() -> None:
    """A cache forgets by restarting, by evicting and by the passing of time; else it has to know everything."""
    born = Life("1,2", 7)

    assert born.forgot(Life("1,2", 7), 10, TTL) == []
    assert born.forgot(Life("1,3", 0), 10, TTL) == ["the cache was restarted, empty, during the run"]
    assert born.forgot(Life("1,2", 9), 10, TTL) == ["the cache evicted 2 keys during the run: it is full"]
    assert born.forgot(Life("1,2", 7), TTL, TTL) == [
        "the run took longer than a record stays in the cache (3600 s)"
    ]
