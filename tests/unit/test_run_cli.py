"""The runner's command line: bad arguments end with one line and exit code 2."""

from __future__ import annotations

import pytest

import ops.twin.run
from ops.twin.cli import BAD_ARGUMENTS, DIFFERENT, INTERRUPTED, OK, main
from ops.twin.config import TwinError
from ops.twin.counters import Totals
from ops.twin.inputs import InputError
from ops.twin.options import SAMPLE, RunOptions
from ops.twin.report import summarise
from ops.twin.run import Result, RunError
from ops.twin.verify import Findings
from sluice.settings import DOCUMENTED


def result(differences: list[str]) -> Result:
    return Result(summarise(Findings(), 0, 1.0), Findings(), Totals(), differences, ["a note"], 0.1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["run", "--batch-size", "0"],
        ["run", "--pollers", "x"],
        ["run", "--window-seconds", "x"],
        ["run", "--inp", "x"],
    ],
)
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the command line does not know ends with one line on standard error and exit code 2."""
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == BAD_ARGUMENTS
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("sluice: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("in.jsonl: bad\nline"), BAD_ARGUMENTS),
        (TwinError("no broker"), BAD_ARGUMENTS),
        (PermissionError(13, "Permission denied", "out"), BAD_ARGUMENTS),
        (RunError("the run broke off"), DIFFERENT),
        (KeyboardInterrupt(), INTERRUPTED),
    ],
)
def test_failures_have_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each way to fail has its exit code and at most one line on standard error."""

    def fail(_: RunOptions) -> Result:
        raise error

    monkeypatch.setattr(ops.twin.run, "run", fail)

    assert main(["run"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == (code != INTERRUPTED)


@pytest.mark.parametrize(("differences", "code"), [([], OK), (["lost: x"], DIFFERENT)])
def test_the_last_line_is_json(
    differences: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run ends with the summary as one line of JSON; any difference is printed before it and makes exit code 1."""
    monkeypatch.setattr(ops.twin.run, "run", lambda _: result(differences))

    assert main(["run"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith('{"received":0,')
    assert [line for line in lines if line.startswith("DIFFERENCE")] == [
        f"DIFFERENCE: {x}" for x in differences
    ]


def test_servers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given servers are named by environment variables; an empty one is none."""
    seen: list[RunOptions] = []

    def note(options: RunOptions) -> Result:
        seen.append(options)
        return result([])

    monkeypatch.setattr(ops.twin.run, "run", note)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.delenv("REDIS_MODE", raising=False)

    main(["run", "--batch-size", "7"])

    assert (seen[0].kafka, seen[0].redis, seen[0].redis_mode) == ("broker:9092", None, "standalone")
    assert seen[0].event_source.batch_size == 7


def test_the_limits_of_the_sample() -> None:
    """The sample runs with its own limits, any other input with the package's defaults, unless one is given."""
    options = [RunOptions(), RunOptions(source="-"), RunOptions(source=str(SAMPLE), max_message_bytes=5)]

    assert [option.limits() for option in options] == [
        (65_536, 131_072),
        (1_048_576, 1_000_000),
        (5, 131_072),
    ]


def test_the_default_limits_are_the_functions_own() -> None:
    """The runner judges by the very limits that a function without settings has."""
    defaults = {setting.name: setting.default for setting in DOCUMENTED}

    assert RunOptions(source="-").limits() == (
        int(defaults["MAX_MESSAGE_BYTES"] or 0),
        int(defaults["MAX_CLEANED_BYTES"] or 0),
    )


def test_mode_of_the_cache(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A mode that there is not is a bad argument, told before anything starts."""
    monkeypatch.setenv("REDIS_MODE", "foo")

    assert main(["run"]) == 2
    assert capsys.readouterr().err == "sluice: REDIS_MODE is 'foo', allowed are standalone, cluster\n"


@pytest.mark.parametrize("url", ["redis://u:secret@127.0.0.1:99999", "redis://u:secret@[bad/0", "nonsense"])
def test_address_of_the_cache(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address that is none is one line, without the password."""
    monkeypatch.setenv("REDIS_URL", url)

    assert main(["run"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("sluice: no cache answers at ")
    assert told.count("\n") == 1
    assert "secret" not in told
