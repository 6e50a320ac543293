"""What a plan takes in, and what it refuses to say."""

from __future__ import annotations

import pytest

from sluice.deliver import ConservationError
from sluice.replay import plan, report
from sluice.replay.paper import totals
from sluice.replay.settle import BUSY
from sluice.replay.store import StorageError
from tests.fakes.replays import Replays, key_of, letter, message, on_failure


def test_counts_that_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run or a report whose counts do not add up fails instead of answering."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    for module in (plan, report):
        monkeypatch.setattr(module, "totals", lambda outcomes: totals([*outcomes, BUSY]))
    world.plan("r1", {})

    with pytest.raises(ConservationError, match="1 letters selected"):
        world.dry_run({})
    with pytest.raises(ConservationError, match="1 letters selected"):
        world.report("r1")


def test_a_plan_that_is_gone_at_once() -> None:
    """A plan that was there when it was to be written, and is not when it is read, fails for another try."""
    world = Replays()
    world.s3.refuse = "PreconditionFailed"

    with pytest.raises(StorageError, match="was there and is not"):
        world.plan("r1", {})


def test_an_original_that_is_gone_at_once() -> None:
    """An on-failure object whose time ends between listing and reading is nobody's letter."""
    world = Replays()
    world.failed.write("x", on_failure(message(1)))
    gone = world.failed.list_objects_v2(Prefix="")
    world.failed.objects.clear()
    world.failed.list_objects_v2 = lambda **_: gone  # type: ignore[method-assign]

    assert world.dry_run({})["selected"] == world.plan("r1", {})["selected"] == 0


def test_imports_take_their_place_among_the_keys() -> None:
    """A dry run takes what it would import in the order of the keys, as the replay does: the limit cuts alike."""
    world = Replays()
    world.failed.write("x", on_failure(message(1)))
    for name, offset in (("dt=2000-01-01/a", 2), ("dt=2999-01-01/z", 3)):
        world.put(f"dead-letters/reason=undelivered/{name}", letter(offset))
    taken = [[sample["id"][-1] for sample in world.dry_run({"limit": n})["samples"]] for n in (1, 2, 3)]

    assert taken == [["2"], ["2", "1"], ["2", "1", "3"]]
    assert [sample["id"][-1] for sample in world.plan("r1", {})["samples"]] == ["2", "1", "3"]


def test_sources() -> None:
    """Each source takes its own letters, `all` takes both, and parked ones are taken by name alone."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    world.put(key_of("b", "undelivered"), letter(2, "undelivered"))
    world.put("parked/reason=x/c", letter(3, state="parked"))
    world.failed.write("x", on_failure(message(4)))
    taken = {
        source: sorted(
            sample["id"][-1] for sample in world.dry_run({"filter": {"source": source}})["samples"]
        )
        for source in ("dead_letters", "failed_batches", "all", "parked")
    }

    assert taken == {
        "dead_letters": ["1"],
        "failed_batches": ["2", "4"],
        "all": ["1", "2", "4"],
        "parked": ["3"],
    }
