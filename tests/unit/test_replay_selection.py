"""What is selected, which of several letters of one message stands for it, and how it is cut into chunks."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, Literal

import pytest
from hypothesis import given, strategies as st

from sluice.replay.letter import Letter
from sluice.replay.paper import Plan, manifest, read_chunk, read_plan, write_plan
from sluice.replay.request import Filter, Source
from sluice.replay.selection import MAX_CHUNKS, Catalogue, Entry, Selection, agent_of, choosing, entry_of
from tests.fakes.replays import letter, value

State = Literal["open", "parked"]


def select(
    *objects: list[Letter], wanted: State = "open", limit: int = 1000, chosen: Any = lambda _: True
) -> Selection:
    catalogue = Catalogue(chosen, wanted)
    for number, letters in enumerate(objects):
        catalogue.add(f"k{number}", letters, meant=True)
    return catalogue.select(limit)


def entries(selection: Selection) -> list[Entry]:
    return [entry for chunk in selection.chunks for entry in chunk]


def test_takes_what_waits() -> None:
    """Open letters are selected, by the place they have in their object; settled and parked ones are not."""
    states = ("recovered", "open", "parked", "open", "discarded", "duplicate")
    letters = [letter(n, state=state) for n, state in enumerate(states)]

    assert entries(select(letters)) == [Entry("k0", run=(1, 3))]
    assert entries(select(letters, wanted="parked")) == [Entry("k0", run=(2,))]


def test_counts() -> None:
    """A selection knows how many letters of which reason it has, and the bytes of their messages."""
    selection = select([letter(1), letter(2, "too_deep"), letter(3)])

    assert (selection.selected, selection.reasons) == (3, {"not_json": 2, "too_deep": 1})
    assert selection.size == sum(len(value(f"agent-{n}")) for n in (1, 2, 3))


def test_belongs_to_the_smaller_key() -> None:
    """Of two open letters of one message the one in the smaller key is run, the other is its alias."""
    assert entries(select([letter(1)], [letter(2), letter(1)])) == [
        Entry("k0", run=(0,)),
        Entry("k1", run=(0,), aliases=((1, "k0", 0),)),
    ]


def test_attempts_never_decrease() -> None:
    """Of two letters of one message the one that was tried more often stands for it."""
    assert entries(select([letter(1)], [letter(1, attempt=2)])) == [
        Entry("k0", aliases=((0, "k1", 0),)),
        Entry("k1", run=(0,)),
    ]


@pytest.mark.parametrize("state", ["recovered", "duplicate", "discarded", "parked"])
def test_settled_elsewhere(state: str) -> None:
    """An open letter of a message that is settled, or parked, in another object is a repeat and not run."""
    assert entries(select([letter(1)], [letter(1, state=state)])) == [Entry("k0", copies=((0, "k1", 0),))]


def test_parked_and_open() -> None:
    """Asked for parked letters, an open repeat is the parked one's alias."""
    assert entries(select([letter(1)], [letter(1, state="parked")], wanted="parked")) == [
        Entry("k0", aliases=((0, "k1", 0),)),
        Entry("k1", run=(0,)),
    ]


def test_aliases_and_sealed_say_nothing() -> None:
    """A marked alias keeps no open letter from being run, nor does a parked letter that is in the archive."""
    marked = [letter(1, state="duplicate", alias_of="k1"), letter(2, state="parked", moved=True)]

    assert entries(select(marked, [letter(1), letter(2)])) == [Entry("k1", run=(0, 1))]


def test_of_what_is_swept_only_the_settled_count() -> None:
    """Letters of an object that is swept away make others repeats, the parked among them excepted."""
    catalogue = Catalogue(lambda _: True, "open")
    catalogue.add("k0", [letter(1, state="recovered"), letter(2, state="parked")], meant=True, swept=True)
    catalogue.add("k1", [letter(1), letter(2)], meant=True)

    assert entries(catalogue.select(10)) == [Entry("k1", run=(1,), copies=((0, "k0", 0),))]


def test_not_meant() -> None:
    """Letters of another source are not selected, yet their repeats are known as such."""
    catalogue = Catalogue(lambda _: True, "open")
    catalogue.add("k0", [letter(1), letter(2)], meant=False)
    catalogue.add("k1", [letter(1), letter(3)], meant=True)

    assert entries(catalogue.select(10)) == [Entry("k1", run=(1,))]


def test_limit() -> None:
    """The limit cuts in the order of keys and places, and an alias does not count."""
    objects = [letter(1), letter(2)], [letter(1), letter(3), letter(4)]

    assert entries(select(*objects, limit=3)) == [
        Entry("k0", run=(0, 1)),
        Entry("k1", run=(1,), aliases=((0, "k0", 0),)),
    ]
    assert entries(select(*objects, limit=1)) == [Entry("k0", run=(0,)), Entry("k1", aliases=((0, "k0", 0),))]


def wanted(**changes: Any) -> Filter:
    source: Source = "all"
    return Filter(**({"reasons": (), "since": "", "until": "", "agents": (), "source": source} | changes))


@pytest.mark.parametrize(
    ("changes", "takes"),
    [
        ({}, True),
        ({"reasons": ("not_json", "empty")}, True),
        ({"reasons": ("empty",)}, False),
        ({"since": "2026-11-23T09:00:00.000Z"}, True),
        ({"since": "2026-11-23T09:00:00.001Z"}, False),
        ({"until": "2026-11-23T09:00:00.001Z"}, True),
        ({"until": "2026-11-23T09:00:00.000Z"}, False),
        ({"agents": ("agent-1", "x")}, True),
        ({"agents": ("x",)}, False),
        ({"reasons": ("not_json",), "agents": ("x",)}, False),
    ],
)
def test_filter(changes: dict[str, Any], takes: bool) -> None:
    """A letter is chosen by its reason, the time of its first failure (until excluded) and its agent."""
    assert choosing(wanted(**changes))(letter(1)) == takes


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b'{"agent_id":7}', b"{}", b"\xff"])
def test_no_agent(raw: bytes) -> None:
    """A message that cannot be read, or names no agent, has none."""
    assert agent_of(letter(1, raw=raw)) is None


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=40),
    st.integers(0, 30),
)
def test_chunks_are_whole(sizes: list[int], shared: int) -> None:
    """Each object is in one chunk, and objects that share a letter are in the same one."""
    objects: list[list[Letter]] = []
    offset = 0
    for number, size in enumerate(sizes):
        common = [letter(10_000)] if number % 7 == shared % 7 else []
        objects.append([letter(offset + n) for n in range(size)] + common)
        offset += size
    selection = select(*objects)
    keys = [entry.key for entry in entries(selection)]

    assert len(set(keys)) == len(keys) == len(sizes)
    together = {n for n, chunk in enumerate(selection.chunks) for entry in chunk if entry.aliases}
    assert len(together) <= 1


@pytest.mark.parametrize("objects", [1, 899, 901, 4_000])
def test_at_most_900_chunks(objects: int) -> None:
    """However many objects there are, there are at most 900 chunks, none of them empty, each letter in one."""
    catalogue = Catalogue(lambda _: True, "open")
    one = letter(0)
    for number in range(objects):
        letters = [one | {"id": f"t-0-{100 * number + n}"} for n in range(100 if objects < 900 else 10)]
        catalogue.add(f"k{number:05}", letters, meant=True)
    selection = catalogue.select(1_000_000)

    assert 1 <= len(selection.chunks) <= MAX_CHUNKS
    assert all(selection.chunks)
    assert sum(len(entry.run) for entry in entries(selection)) == selection.selected


def test_no_bodies_are_held() -> None:
    """What is kept of a letter does not grow with its message, and stays below 600 bytes."""
    per_letter = []
    for size in (100, 20_000):
        raw = value(text="x" * size)
        tracemalloc.start()
        catalogue = Catalogue(lambda _: True, "open")
        for number in range(100):
            catalogue.add(f"k{number}", [letter(20 * number + n, raw=raw) for n in range(20)], meant=True)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        per_letter.append(kept / 2_000)

    assert max(per_letter) < 600
    assert abs(per_letter[0] - per_letter[1]) < 50


def test_plan_file() -> None:
    """A plan reads back as it was written, and its manifest says where each chunk lies."""
    chunks = [[Entry("k0", run=(0, 2), copies=((1, "k9", 3),))], [Entry("k1", aliases=((0, "k0", 0),))]]
    plan = Plan({"dry_run": False}, {"selected": 3}, chunks)
    body = write_plan(plan)

    assert read_plan(body) == plan
    for number, (item, chunk) in enumerate(zip(json.loads(manifest(body)), chunks, strict=True), start=1):
        assert item["number"] == number
        assert read_chunk(body[item["start"] :][: item["length"]]) == chunk
        assert read_plan(body[: item["head"]]) == plan._replace(chunks=[])


def test_entry_counts() -> None:
    """Letters to run and repeats of settled ones count as selected, aliases do not."""
    entry = Entry("k", (1, 2), ((3, "k0", 0),), ((4, "k0", 1),))

    assert (entry.counted, entry.weight) == ((1, 2, 3), 4)
    assert entry_of(["k", [1, 2], [[3, "k0", 0]], [[4, "k0", 1]]]) == entry
