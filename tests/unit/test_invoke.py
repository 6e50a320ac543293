"""Invoking by hand: when SAM is used, what it is told, what is printed."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from ops.invoke import sam
from ops.invoke.__main__ import lines
from ops.invoke.outcome import Outcome
from ops.twin.collect import Consumed, Letter

FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Handler": "preprocess.handler",
        "Architectures": [sam._HERE],
        "Environment": {"Variables": {"REDIS_URL": "theirs"}},
    },
}


def templates(folder: Path) -> Path:
    other = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "lookup.handler"}}
    data = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    pipeline = {"Resources": {"Lookup": other, "Preprocess": FUNCTION}}
    (folder / "a.template.json").write_bytes(orjson.dumps(data))
    (folder / "b.template.json").write_bytes(orjson.dumps(pipeline))
    return folder


def machine(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in programs else None)
    monkeypatch.setattr(sam, "_answers", lambda name: name in programs)


def test_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SAM, an engine that answers and a template, SAM is used, and the function found by its handler."""
    machine(monkeypatch, "sam", "finch")
    function = sam.Function(tmp_path / "b.template.json", "Preprocess", sam._HERE)

    assert sam.find("preprocess", templates(tmp_path)) == function


@pytest.mark.parametrize(
    ("programs", "function", "why"),
    [
        (["docker"], "preprocess", "sam is not installed"),
        (["sam"], "preprocess", "no container engine answers"),
        (["sam", "docker"], "other", "cdk.out does not hold it: `make synth` first"),
    ],
)
def test_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: list[str], function: str, why: str
) -> None:
    """Where one of them is missing, it is said which, and the runtime without a container is used."""
    machine(monkeypatch, *programs)

    assert sam.find(function, templates(tmp_path)) == why


def test_made_for_another_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template for another processor than this machine's is not used: its image would not run here."""
    machine(monkeypatch, "sam", "docker")
    monkeypatch.setattr(sam, "_HERE", "riscv")
    why = sam.find("lookup", templates(tmp_path))

    assert why == "cdk.out is made for x86_64: synthesise it with arch=riscv"


def test_an_engine_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of an engine whose server is not there does not count as one."""
    monkeypatch.setattr("shutil.which", lambda name: "/bin/false")
    monkeypatch.setattr(sam, "ENGINES", ("/bin/false",))

    assert not sam._answers("/bin/false")
    assert sam._answers("/bin/true")


def test_environment(tmp_path: Path) -> None:
    """The function gets the local servers' environment and nothing of the template's; the template stays as it was."""
    path = templates(tmp_path) / "b.template.json"
    before = path.read_bytes()
    changed = orjson.loads(sam.with_environment(before, "Preprocess", {"REDIS_URL": "ours", "NEW": "x"}))
    properties = changed["Resources"]["Preprocess"]["Properties"]

    assert properties["Environment"]["Variables"] == {"REDIS_URL": "ours", "NEW": "x"}
    assert properties["Handler"] == "preprocess.handler"
    assert path.read_bytes() == before


def test_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM is run on the host's network with the event; its last words are the answer; nothing is left behind."""
    asked = tmp_path / "asked"
    program = tmp_path / "sam"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {asked}\ncat "$7" >> {asked}\necho "\nREDIS=$REDIS_URL" >> {asked}\n'
        """echo '{"batchItemFailures": []}'\n"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("REDIS_URL", "redis://mine")
    folder = tmp_path / "run"
    folder.mkdir()
    function = sam.Function(templates(tmp_path) / "b.template.json", "Preprocess", sam._HERE)
    reply = sam.invoke(function, b'{"records": {}}', {"REDIS_URL": "ours"}, folder)
    words, event, shell = asked.read_text().splitlines()

    assert (reply.error, orjson.loads(reply.body)) == (None, {"batchItemFailures": []})
    assert words.startswith("local invoke Preprocess --template ")
    assert words.endswith("--docker-network host --region eu-central-1")
    assert event == '{"records": {}}'
    # SAM prefers the shell's variables to the template's.
    assert shell == "REDIS="
    assert not (tmp_path / "invoke.json").exists()


def test_run_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SAM that comes to nothing is told in a line."""
    program = tmp_path / "sam"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    function = sam.Function(templates(tmp_path) / "b.template.json", "Preprocess", sam._HERE)
    with pytest.raises(OSError, match=r"SAM failed \(exit code 3\)"):
        sam.invoke(function, b"{}", {}, tmp_path)


def test_lines() -> None:
    """Printed are how it ran, the answer, each cleaned record up to twenty, and the letters by reason."""
    cleaned = [Consumed(0, n, 0, b"a", b'{"text": "\\u001b[31m%d"}' % n, []) for n in range(22)]
    letters = [
        Letter(f"t-0-{n}", reason, b"", b"") for n, reason in enumerate(("empty", "not_json", "empty"))
    ]
    found = lines("preprocess", Outcome("a way", {"batchItemFailures": []}, None, cleaned, letters))

    assert found[0] == "preprocess ran in a way and answered:"
    assert orjson.loads(found[1]) == {"batchItemFailures": []}
    assert found[2:4] == ["cleaned records: 22", '  {"text": "\\u001b[31m0"}']
    assert found[-4:] == ["  … and 2 more", "dead letters: 3", "  empty: 2", "  not_json: 1"]


def test_lines_of_a_look_up() -> None:
    """What nothing came out of is its answer alone; a failure is called one."""
    found = lines("lookup", Outcome("a way", {"errorType": "E"}, "Unhandled", [], []))

    assert found == ["lookup ran in a way and failed (Unhandled):", '{\n  "errorType": "E"\n}']
