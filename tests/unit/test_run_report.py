"""What a run prints and writes."""

from __future__ import annotations

import io
import time
from array import array
from collections import Counter
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from ops.twin.collect import Consumed, Letter
from ops.twin.differences import Differences
from ops.twin.outputs import Outputs
from ops.twin.progress import Display
from ops.twin.report import percentile, show, summarise
from ops.twin.verify import Findings, Sample

FOUND = Findings(
    received=10,
    cleaned=6,
    repeats=2,
    duplicates=1,
    conflicts=1,
    dead_letters=Counter(not_json=2, empty=1),
    freshness=array("d", [5.0, 1.0, 3.0]),
)


def test_summary() -> None:
    """The summary has exactly the promised members, and its outcomes add up to what was received."""
    summary = summarise(FOUND, retried=4, seconds=2.5)

    assert summary == {
        "received": 10,
        "cleaned": 6,
        "repeats": 2,
        "duplicates": 1,
        "conflicts": 1,
        "dead_letters": {"empty": 1, "not_json": 2},
        "retried": 4,
        "lost": 0,
        "seconds": 2.5,
        "records_per_second": 4.0,
    }


def test_summary_of_nothing() -> None:
    """A run of no records in no time has a throughput of zero."""
    assert summarise(Findings(), 0, 0.0)["records_per_second"] == 0.0


def test_summary_with_on_failure() -> None:
    """What the event source gave up on is a member of its own, so that the outcomes still add up."""
    assert summarise(Findings(received=3, given_up=3, given_up_alone=2), 0, 1.0)["on_failure"] == 2


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 99.0), (0.0, 0.0)])
def test_percentile(share: float, expected: float) -> None:
    """A percentile is one of the values, whatever their order."""
    assert percentile(array("d", reversed(range(100))), share) == expected


def test_percentile_of_nothing() -> None:
    """Without values every percentile is zero."""
    assert percentile(array("d"), 0.99) == 0.0


def test_table() -> None:
    """The table names every outcome and reason with its count."""
    out = io.StringIO()

    show(Console(file=out, width=120), summarise(FOUND, 4, 2.5), FOUND, 0.1)

    rows = [line.split() for line in out.getvalue().splitlines()]
    for name, count in (
        ("received", "10"),
        ("cleaned", "6"),
        ("not_json", "2"),
        ("retried", "4"),
        ("lost", "0"),
    ):
        assert any(name in row and count in row for row in rows)


def test_the_sample_cannot_drive_the_terminal() -> None:
    """A record is shown with everything escaped that a terminal or a markup would act on."""
    out = io.StringIO()
    before = orjson.dumps({"text": "\x1b]0;title\x07[red]\u202e"})
    found = Findings(sample=Sample(before, b'{"text":"x"}', 1))

    show(Console(file=out, width=200), summarise(found, 0, 1.0), found, 0.1)

    assert r'{"text": "\u001b]0;title\u0007[red]\u202e"}' in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_output_files(tmp_path: Path) -> None:
    """The files hold what was read back: values as the very JSON they are, a letter of two objects once."""
    value = b'{"b" : 1.0, "a":"\\u00e9"}'
    message = Consumed(1, 7, 5, b"agent", value, [("sluice-origin", b"raw-0-1")])
    letter = Letter("raw-0-2", "empty", None, b'{"id":"raw-0-2"}')

    with Outputs(tmp_path / "new" / "out") as outputs:
        outputs.cleaned([message, message._replace(offset=8, key=None, value=None, headers=[])])
        outputs.cleaned([message._replace(offset=9, value=b"\xffnot json")])
        outputs.letters([letter])
        outputs.letters([letter])
        outputs.summary({"lost": 0})

    folder = tmp_path / "new" / "out"
    lines = (folder / "cleaned.jsonl").read_bytes().splitlines()
    assert value in lines[0]
    assert orjson.loads(lines[0]) == {
        "partition": 1,
        "offset": 7,
        "key": "agent",
        "headers": {"sluice-origin": "raw-0-1"},
        "value": {"b": 1.0, "a": "é"},
    }
    assert [orjson.loads(line)["value"] for line in lines[1:]] == [None, "\\xffnot json"]
    assert (folder / "dead_letters.jsonl").read_bytes() == b'{"id":"raw-0-2"}\n'
    assert orjson.loads((folder / "summary.json").read_bytes()) == {"lost": 0}


def test_a_run_that_breaks_off_leaves_the_last_one(tmp_path: Path) -> None:
    """Files get their names together, with the summary: until then an earlier run's stay, whole."""
    with Outputs(tmp_path) as outputs:
        outputs.part("cache.jsonl").write_bytes(b"{}\n")
        outputs.summary({"lost": 0})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def break_off() -> None:
        with Outputs(tmp_path) as outputs:
            outputs.letters([Letter("raw-0-2", "empty", None, b'{"id":"raw-0-2"}')])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert before.keys() == {"cleaned.jsonl", "dead_letters.jsonl", "cache.jsonl", "summary.json"}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_differences_are_grouped() -> None:
    """A difference is one line a kind, with its number and no more than a few examples."""
    differences = Differences()
    assert not differences

    for number in range(5):
        differences.add("lost", f"raw-0-{number}")
    differences.add("once", "x")
    differences.add("plain")
    differences.add("counted", times=7)

    assert differences
    assert differences.lines() == [
        "lost (5 times): raw-0-0, raw-0-1, raw-0-2, …",
        "once: x",
        "plain",
        "counted (7 times)",
    ]


def test_progress_off_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no terminal is, progress is a plain line every two seconds at most."""
    out, now = io.StringIO(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    with Display(1000, Console(file=out, width=100)) as display:
        for step in range(48):
            now[0] += 0.125
            display.update("sent", step)

    assert out.getvalue() == (
        "sluice: 15 sent, 0 settled, 0 checked of 1,000\nsluice: 31 sent, 0 settled, 0 checked of 1,000\n"
        "sluice: 47 sent, 0 settled, 0 checked of 1,000\n"
    )


def test_progress_on_a_terminal() -> None:
    """On a terminal there is a bar for each stage."""
    out = io.StringIO()

    with Display(1000, Console(file=out, width=100, force_terminal=True)) as display:
        display.update("settled", 512)

    assert all(stage in out.getvalue() for stage in ("sent", "settled", "checked"))
    assert "512/1000" in out.getvalue()
