"""What the runner's check accepts, and that it accepts nothing else."""

from __future__ import annotations

import pytest

from ops.twin.collect import GivenUp
from ops.twin.ledger import Ledger
from ops.twin.verify import Check
from tests.unit.run_rig import JUDGE, cleaned, honest, letter, sent, value


def kinds(check: Check) -> set[str]:
    return set(check.differences.count)


def test_all_in_its_place() -> None:
    """A run that put every record where the pipeline says has no difference and loses nothing."""
    values = [
        value("a", 0),
        value("b", 0),
        b"no json",
        None,
        value("a", 1),
        value("a", 1),
        value("a", 1, "other"),
    ]
    _, check = honest(values, dropped=[5])

    found = check.finish()

    assert not check.differences
    assert (found.received, found.cleaned, found.duplicates, found.conflicts, found.lost) == (7, 4, 1, 1, 0)
    assert found.dead_letters == {"not_json": 1, "empty": 1}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_record_is_lost(number: int) -> None:
    """A record that is in no place, good or bad, is lost."""
    _, check = honest([value("a", 0), value("a", 1), b"no json"], dropped=[number])

    assert check.finish().lost == 1
    assert kinds(check) == {"lost"}


def test_no_duplicate_without_an_original() -> None:
    """Two equal records of which neither is in any place are both lost: they do not prove each other."""
    _, check = honest([value("a", 0), value("a", 0)], dropped=[0, 1])

    assert check.finish().lost == 2


def test_same_identity_is_no_proof() -> None:
    """A missing record is not a duplicate of one with the same identity and another content."""
    _, check = honest([value("a", 0), value("a", 0, "other")], dropped=[1])

    assert check.finish().lost == 1


def test_a_bad_record_is_no_duplicate() -> None:
    """A bad record that is missing is lost even where an equal one has its letter."""
    bad = b'{"agent_id":"a","timestamp":"2026-01-01T00:00:00Z"}'
    _, check = honest([bad, bad], dropped=[1])

    assert check.finish().lost == 1


def test_repeats_are_counted() -> None:
    """A further copy of a cleaned record is a repeat, and no difference."""
    ledger, check = honest([value("a", 0)])

    check.cleaned([cleaned(ledger, 0)])

    assert check.finish().repeats == 1
    assert not check.differences


def test_a_cleaned_duplicate_is_counted() -> None:
    """Two cleaned origins of the same identity and content are counted as a duplicate that came through."""
    _, check = honest([value("a", 0), value("a", 0)])

    found = check.finish()

    assert (found.cleaned, found.came_through, found.conflicts) == (2, 1, 0)


def test_order_of_first_occurrences() -> None:
    """Of one raw partition and key, a later record before an earlier one is a difference; its repeat is none."""
    ledger = sent([value("a", 0), b"-", value("a", 1)])
    first, second = cleaned(ledger, 0), cleaned(ledger, 2)
    swapped, repeated = Check(ledger, JUDGE), Check(ledger, JUDGE)

    swapped.cleaned([second, first])
    repeated.cleaned([first, second, first])

    assert kinds(swapped) == {"first occurrence out of order"}
    assert not repeated.differences


def test_order_across_partitions_is_free() -> None:
    """Records of one key from two raw partitions may come in either order."""
    ledger = sent([value("a", 0), value("a", 1)])
    check = Check(ledger, JUDGE)

    check.cleaned([cleaned(ledger, 1), cleaned(ledger, 0)])

    assert not check.differences


def test_every_byte_counts() -> None:
    """A cleaned message with another value, key, header, or a further header differs from the pipeline's result."""
    ledger = sent([value("a", 0)])
    good = cleaned(ledger, 0)
    wrong = [
        good._replace(value=(good.value or b"").replace(b"plain", b"plein")),
        good._replace(key=b"b"),
        good._replace(headers=[*good.headers[:-1], ("sluice-pipeline", b"other")]),
        good._replace(headers=[*good.headers, ("more", b"")]),
        good._replace(value=None),
    ]
    check = Check(ledger, JUDGE)

    check.cleaned(wrong)

    assert check.differences.count == {
        "cleaned message differs from the pipeline's result": len(wrong) - 1,
        "cleaned by another version of the pipeline than the runner's": 1,
    }
    assert check.finish().lost == 1


def test_cleaned_although_bad() -> None:
    """A cleaned message for a record that the pipeline refuses is a difference."""
    ledger = sent([value("a", 0), b"no json"])
    stray = cleaned(ledger, 0)
    stray = stray._replace(headers=[("sluice-origin", b"raw-0a-1-0"), *stray.headers[1:]])
    check = Check(ledger, JUDGE)

    check.cleaned([stray])

    assert kinds(check) == {"cleaned, but the pipeline refuses it as not_json"}


def test_one_key_one_partition() -> None:
    """Messages of one key in two partitions of the cleaned topic are a difference."""
    ledger = sent([value("a", 0), value("a", 1)])
    check = Check(ledger, JUDGE)

    check.cleaned([cleaned(ledger, 0), cleaned(ledger, 1)._replace(partition=7)])

    assert kinds(check) == {"one key in two partitions of the cleaned topic"}


@pytest.mark.parametrize(
    "origin", [b"raw-0a-0-5", b"raw-0a-9-0", b"raw-1b-0-0", b"raw-0a-0--1", b"\xff", b""]
)
def test_never_sent(origin: bytes) -> None:
    """A message, a letter or an on-failure record of an origin that was never sent is a difference."""
    ledger = sent([value("a", 0), b"no json"])
    check = Check(ledger, JUDGE)
    name = origin.decode(errors="replace")

    check.cleaned([cleaned(ledger, 0)._replace(headers=[("sluice-origin", origin)])])
    check.letters([letter(ledger, 1)._replace(id=name)])
    check.given_up([GivenUp(name, b"no json")])

    assert kinds(check) == {
        "never sent, but in the cleaned topic",
        "never sent, but in the dead letters",
        "never sent, but in the on-failure objects",
    }


def test_a_message_without_origin() -> None:
    """A cleaned message that does not say where it comes from is a difference."""
    ledger = sent([value("a", 0)])
    check = Check(ledger, JUDGE)

    check.cleaned([cleaned(ledger, 0)._replace(headers=[])])

    assert kinds(check) == {"never sent, but in the cleaned topic"}


def test_a_letter_holds_the_bytes_sent() -> None:
    """A letter with other bytes does not count as the record's place."""
    ledger = sent([b"no json"])
    check = Check(ledger, JUDGE)

    check.letters([letter(ledger, 0)._replace(value=b"no jsom")])

    assert check.finish().lost == 1
    assert kinds(check) == {"dead letter without the bytes that were sent", "lost"}


def test_a_tombstone_is_not_an_empty_value() -> None:
    """A letter of a tombstone holds no value; an empty one is not the bytes that were sent."""
    ledger = sent([None])
    check = Check(ledger, JUDGE)

    check.letters([letter(ledger, 0)._replace(value=b"")])

    assert kinds(check) == {"dead letter without the bytes that were sent"}


def test_a_letter_has_the_pipelines_reason() -> None:
    """A letter with another reason than the pipeline's is a difference, and so is one for a good record."""
    ledger = sent([b"no json", value("a", 0)])
    check = Check(ledger, JUDGE)

    check.letters([letter(ledger, 0)._replace(reason="not_utf8")])
    check.letters([letter(ledger, 0)._replace(id="raw-0a-1-0", value=value("a", 0))])

    assert kinds(check) == {
        "dead letter as not_utf8, the pipeline says not_json",
        "dead letter as not_json, the pipeline says nothing: it is sound and not too large",
    }


def test_what_the_topic_takes_is_not_refused() -> None:
    """A sound record that the topic has room for is a difference when its letter says the broker refused it."""
    ledger = sent([value("a", 0)])
    check = Check(ledger, JUDGE)

    check.letters([letter(sent([b"-"]), 0)._replace(reason="refused_by_broker", value=ledger.values[0])])

    assert check.finish().lost == 1
    assert (
        "dead letter as refused_by_broker, the pipeline says nothing: it is sound and not too large"
        in kinds(check)
    )


def test_a_letter_is_known_by_its_id() -> None:
    """The same letter in two objects is one letter."""
    ledger, check = honest([b"no json"])

    check.letters([letter(ledger, 0)])

    assert check.finish().dead_letters == {"not_json": 1}
    assert not check.differences


def test_two_places_are_a_difference() -> None:
    """A record that is both cleaned and a dead letter is a difference, whatever the letter's reason."""
    ledger, check = honest([value("a", 0)])
    check._topic_bytes = 100
    message = ledger.message(0)

    check.letters([letter(sent([b"-"]), 0)._replace(reason="refused_by_broker", value=message.value)])

    assert kinds(check) == {"both cleaned and a dead letter"}


def test_a_refused_original_proves_its_duplicate() -> None:
    """A record that the broker refused lives in its letter, so that an equal one may be dropped."""
    ledger = sent([value("a", 0), value("a", 0)])
    check = Check(ledger, JUDGE, topic_bytes=100)
    refused = letter(sent([b"-"]), 0)._replace(reason="refused_by_broker", value=ledger.values[0])

    check.letters([refused])
    found = check.finish()

    assert (found.duplicates, found.lost) == (1, 0)
    assert not check.differences


def test_given_up_is_a_place() -> None:
    """A record in an on-failure object is not lost and proves its duplicates; with other bytes it is neither."""
    values = [value("a", 0), value("a", 0), value("a", 1)]
    ledger = sent(values)
    check = Check(ledger, JUDGE)

    check.given_up([GivenUp("raw-0a-0-0", values[0]), GivenUp("raw-0a-0-1", b"{}")])
    found = check.finish()

    assert (found.given_up, found.given_up_alone, found.duplicates, found.lost) == (1, 1, 1, 1)
    assert kinds(check) == {"on-failure object without the bytes that were sent", "lost"}


def test_given_up_after_it_was_done() -> None:
    """A record that was published before its batch was given up is in two places, and no difference."""
    ledger, check = honest([value("a", 0)])

    check.given_up([GivenUp("raw-0a-0-0", ledger.values[0])])
    found = check.finish()

    assert (found.cleaned, found.given_up, found.given_up_alone) == (1, 1, 0)
    assert not check.differences


def test_a_forgetful_broker() -> None:
    """Where the broker gives an offset to two records, the first one is lost."""
    ledger = Ledger("raw-0a", 1, [value("a", 0), value("a", 1)])
    check = Check(ledger, JUDGE)

    ledger.note(0, 0, 0, 1)
    ledger.note(1, 0, 0, 2)
    check.cleaned([cleaned(ledger, 1)])
    found = check.finish()

    assert (found.received, found.lost) == (2, 1)
    assert kinds(check) == {"the broker gave one offset to two records"}


def test_conflicts_with_foreign_values() -> None:
    """Under a key that another's value occupies, every cleaned record is a conflict."""
    ledger = sent([value("a", 0), value("a", 0, "other"), value("b", 0)])
    check = Check(ledger, JUDGE, foreign=["a:2026-01-01T00:00:00Z", "c:never"])

    check.cleaned([cleaned(ledger, number) for number in range(3)])

    assert check.finish().conflicts == 2


def test_freshness_is_measured_by_the_brokers_stamps() -> None:
    """Freshness is the time between raw and cleaned message, once for each record."""
    ledger, check = honest([value("a", 0), value("a", 1)])

    check.cleaned([cleaned(ledger, 0)])

    assert list(check.finish().freshness) == [500.0, 499.0]


def test_the_dirtiest_record_is_shown() -> None:
    """The sample is a record on which most cleaning steps had something to do."""
    dirty = value("a", 1, "see\x1b[31m  https://example.org \u200b now")
    _, check = honest([value("a", 0), dirty, value("a", 2)])

    sample = check.finish().sample

    assert sample is not None
    assert sample.before == dirty
    assert b"example" not in sample.after
