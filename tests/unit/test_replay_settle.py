"""What may be done with a letter, and how it reads afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.replay.letter import (
    FINAL,
    STATES,
    UnreadableError,
    claimed,
    identity,
    message_of,
    read_letters,
    write_letters,
)
from sluice.replay.report import outcome_of
from sluice.replay.settle import (
    BUSY,
    NOT_RUN,
    PARK,
    REPEAT,
    Outcome,
    Terms,
    claim,
    discard,
    recorded,
    repeat,
    settle,
    standing,
    standing_of_repeat,
    together,
)
from sluice.replay.sweep import is_done
from tests.fakes.replays import letter, message

NOW = "2026-11-24T10:00:00.000Z"
LATER = "2026-11-24T10:00:00.001Z"
MINE, PARKED = Terms("mine"), Terms("mine", "parked")


def held(by: str, until: str = LATER) -> dict[str, Any]:
    return {"claim": {"replay_id": by, "until": until}, "starts": 1}


@pytest.mark.parametrize(
    ("changes", "terms", "expected"),
    [
        ({}, MINE, None),
        ({"attempt": 2}, MINE, None),
        ({"attempt": 3}, MINE, PARK),
        ({"attempt": 3}, Terms("mine", max_attempts=4), None),
        ({"starts": 9}, MINE, None),
        ({"starts": 10}, MINE, PARK),
        (held("other"), MINE, BUSY),
        (held("other", NOW), MINE, None),
        (held("mine"), MINE, None),
        (held("other") | {"attempt": 3}, MINE, BUSY),
        ({"state": "recovered"}, MINE, BUSY),
        ({"state": "duplicate"}, MINE, BUSY),
        ({"state": "discarded"}, MINE, BUSY),
        ({"state": "parked"}, MINE, BUSY),
        ({"replay_id": "mine", "state": "recovered"}, MINE, Outcome("recovered")),
        ({"replay_id": "mine", "state": "duplicate"}, MINE, Outcome("duplicate")),
        ({"replay_id": "mine", "state": "parked"}, MINE, Outcome("parked")),
        ({"replay_id": "mine", "reason": "empty"}, MINE, Outcome("still_failing", "empty")),
        ({"replay_id": "mine", "state": "discarded"}, MINE, Outcome("still_failing", "not_json")),
        ({"replay_id": "mine", "attempt": 3}, MINE, Outcome("still_failing", "not_json")),
        ({"replay_id": "other"}, MINE, None),
        ({}, PARKED, BUSY),
        ({"state": "parked", "attempt": 3}, PARKED, None),
        ({"state": "parked", "starts": 10}, PARKED, PARK),
        ({"state": "parked", "moved": True}, PARKED, BUSY),
    ],
)
def test_standing(changes: dict[str, Any], terms: Terms, expected: Outcome | None) -> None:
    """A letter may be claimed when it waits, is not held by another replay, and has attempts and starts left."""
    assert standing(letter(1, **changes), terms, NOW) == expected


def test_claim() -> None:
    """A claim says who and until when, and counts one start; nothing else of the letter changes."""
    one = letter(1, attempt=2)
    taken = claim(one, MINE, LATER)

    assert taken == one | {"starts": 1, "claim": {"replay_id": "mine", "until": LATER}}
    assert claim(taken, MINE, LATER)["starts"] == 2
    assert (claimed(taken, NOW), claimed(taken, LATER), claimed(one, NOW)) == ("mine", "", "")


FAILED = (("stage", "validate"), ("reason", "schema_invalid"), ("failed_at", NOW))
FREE = {"starts": 0, "claim": None}
SETTLED = {**FREE, "replay_id": "mine", "settled_at": NOW}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("recovered", verdict=True), {**SETTLED, "state": "recovered", "attempt": 2}),
        (
            Outcome("duplicate", changes=(("original", "t-0-9"),), verdict=True),
            {**SETTLED, "state": "duplicate", "attempt": 2, "original": "t-0-9"},
        ),
        (
            Outcome("still_failing", "schema_invalid", FAILED, verdict=True),
            {**SETTLED, **dict(FAILED), "state": "open", "attempt": 2},
        ),
        (PARK, {**SETTLED, "state": "parked", "attempt": 1}),
        (NOT_RUN, {**FREE, "attempt": 1}),
    ],
)
def test_settle(outcome: Outcome, expected: dict[str, Any]) -> None:
    """A verdict is an attempt; parking and what was not run are none; each leaves the letter free."""
    one = letter(1, attempt=1)

    assert settle(claim(one, MINE, LATER), outcome, MINE, NOW) == one | expected


def test_parked_and_failing_again() -> None:
    """A parked letter that fails again stays parked, one attempt further, and is recorded so."""
    one = letter(1, state="parked", attempt=3)
    after = settle(claim(one, PARKED, LATER), Outcome("parked", changes=FAILED, verdict=True), PARKED, NOW)

    assert (after["state"], after["attempt"], after["reason"]) == ("parked", 4, "schema_invalid")
    assert recorded(after, PARKED) == Outcome("parked")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("recovered", verdict=True),
        Outcome("duplicate", verdict=True),
        Outcome("still_failing", "not_json", verdict=True),
        PARK,
    ],
)
def test_a_settled_letter_says_its_outcome(outcome: Outcome) -> None:
    """What was settled under a replay's name is found again by that name, and by no other."""
    after = settle(claim(letter(1), MINE, LATER), outcome, MINE, NOW)

    assert recorded(after, MINE) == Outcome(outcome.name, outcome.reason)
    assert recorded(after, Terms("other")) is None


def test_what_was_not_run_says_nothing() -> None:
    """A letter that was not run is no replay's: it may be claimed again at once."""
    after = settle(claim(letter(1), MINE, LATER), NOT_RUN, MINE, NOW)

    assert recorded(after, MINE) is None
    assert standing(after, MINE, NOW) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"state": "parked"}, None),
        ({"state": "parked", "moved": True}, BUSY),
        (held("other"), BUSY),
        (held("mine"), None),
        (held("other", NOW), None),
        ({"state": "recovered"}, BUSY),
        ({"state": "recovered", "replay_id": "mine"}, BUSY),
        ({"state": "duplicate", "alias_of": "k"}, REPEAT),
    ],
)
def test_standing_of_repeats(changes: dict[str, Any], expected: Outcome | None) -> None:
    """A repeat may be marked while it waits and no other replay holds it; marked already, it is what it is."""
    assert standing_of_repeat([letter(1, **changes)], 0, MINE, NOW) == expected
    assert standing_of_repeat([letter(1, **changes)], 1, MINE, NOW) == BUSY


def test_repeat() -> None:
    """A repeat says whose it is, and is no attempt."""
    assert repeat(letter(1, attempt=1), "k0", MINE, NOW) == letter(1, attempt=1) | SETTLED | {
        "state": "duplicate",
        "alias_of": "k0",
    }


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ([], []),
        ([0, 1, 0], [0, 1, 2]),
        ([0, 2, 1], [0, 2]),
        ([5, 2, 3], [1]),
    ],
)
def test_together(starts: list[int], expected: list[int]) -> None:
    """Letters that were begun and not settled more than once run after the others, each alone, the least begun first."""
    letters = [letter(n, starts=number) for n, number in enumerate(starts)]

    assert together(letters, range(len(letters))) == expected


def test_discard() -> None:
    """A discarded letter says who decided so, why and when, and keeps its bytes."""
    one = letter(1, attempt=2)

    assert discard(one, "ada", "test data", NOW) == one | FREE | {
        "state": "discarded",
        "discarded_by": "ada",
        "discarded_why": "test data",
        "settled_at": NOW,
    }
    assert discard(letter(1, state="parked"), "ada", "x", NOW) is not None


@pytest.mark.parametrize(
    "changes",
    [{"state": state} for state in sorted(FINAL)] + [held("other"), {"state": "parked", "moved": True}],
)
def test_not_discarded(changes: dict[str, Any]) -> None:
    """What is settled, sealed or held by a replay is not discarded."""
    assert discard(letter(1, **changes), "ada", "x", NOW) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, NOT_RUN),
        (held("mine"), BUSY),
        (held("other"), BUSY),
        (held("other", NOW), NOT_RUN),
        ({"state": "recovered", "replay_id": "other"}, BUSY),
        ({"state": "recovered", "replay_id": "mine"}, Outcome("recovered")),
    ],
)
def test_reported(changes: dict[str, Any], expected: Outcome) -> None:
    """A letter that this replay did not settle is busy while somebody has it, or had it, and else was not run."""
    assert outcome_of(letter(1, **changes), MINE, NOW) == expected


@pytest.mark.parametrize(
    ("key", "changes", "done"),
    [
        ("dead-letters/a", {}, False),
        ("dead-letters/a", {"state": "recovered"}, True),
        ("dead-letters/a", {"state": "discarded"}, True),
        ("dead-letters/a", {"state": "parked"}, True),
        ("dead-letters/a", {"state": "parked"} | held("other"), False),
        ("dead-letters/a", {"state": "parked"} | held("other", NOW), True),
        ("parked/a", {"state": "parked"}, False),
        ("parked/a", {"state": "recovered"}, True),
    ],
)
def test_is_done(key: str, changes: dict[str, Any], done: bool) -> None:
    """An object is done when none of its letters is open, held, or parked where parked letters are kept."""
    settled = letter(2, state="recovered")

    assert is_done(key, [settled, letter(1, **changes)], NOW) == done
    assert not is_done(key, [], NOW)


def test_letters_read_back() -> None:
    """Letters are read as they were written, unknown fields too, and the same letters make the same bytes."""
    letters = [letter(1, note={"x": 1}), letter(2, raw=b"\xff\n")]

    assert read_letters(write_letters(letters)) == letters
    assert write_letters(letters) == write_letters(letters)
    assert read_letters(b"") == []
    assert message_of(letters[1]) == message(2, b"\xff\n")


BROKEN: list[dict[str, Any]] = [
    {"id": 7},
    {"state": "lost"},
    {"state": ["open"]},
    {"attempt": "1"},
    {"attempt": True},
    {"reason": None},
    {"first_failed_at": None},
    {"starts": None},
    {"claim": {"replay_id": "x"}},
    {"claim": {"replay_id": "x", "until": 7}},
    {"claim": "x"},
    {"value_b64": "%"},
    {"value_b64": 7},
    {"origin": {}},
    {"origin": None},
    {"origin": letter(2)["origin"] | {"headers": [[["x"], "YQ=="]]}},
    {"origin": letter(2)["origin"] | {"headers": [[None, "YQ=="]]}},
    {"origin": letter(2)["origin"] | {"headers": [["x"]]}},
]


@pytest.mark.parametrize("changes", BROKEN)
def test_no_letter(changes: dict[str, Any]) -> None:
    """An object with a line that is no letter is not read at all, and the line is named."""
    with pytest.raises(UnreadableError, match="line 2 is not a letter"):
        read_letters(write_letters([letter(1), letter(2, **changes)]))


@pytest.mark.parametrize("body", [b"x", write_letters([letter(1)])[:-9]])
def test_no_object_of_letters(body: bytes) -> None:
    """What is no gzip of JSON lines is unreadable."""
    with pytest.raises(UnreadableError, match="not gzip of JSON lines"):
        read_letters(body)


def test_identity() -> None:
    """A message is known by its id, its event source and its bytes; what was done to the letter does not matter."""
    one = letter(1)
    others = [letter(2), letter(1, raw=b"{"), one | {"source": "0badcafe"}, one | {"source": ""}]

    assert len({identity(each) for each in (one, *others)}) == 5
    assert identity(one | {"state": "parked", "attempt": 7, "reason": "empty"}) == identity(one)
    assert identity({**one, "source": ""}) == identity({k: v for k, v in one.items() if k != "source"})
    assert len(identity(one)) == 16


def test_states() -> None:
    """The states are those of the contract."""
    assert {"open", "recovered", "duplicate", "parked", "discarded"} == STATES
    assert {"open", "parked"} == STATES - FINAL
