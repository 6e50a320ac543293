"""Every event that ships, in the real Lambda runtime, between real servers."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson
import pytest

from ops.events.build import full_event
from ops.invoke.outcome import Outcome, invoke
from ops.twin.config import REPOSITORY, TwinError
from tests.fakes.events import EVENTS, LOOKUPS, MSK, place

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _no_sam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without a container, whatever this machine has."""
    monkeypatch.setattr("ops.invoke.sam.find", lambda function: "not asked")


def texts(outcome: Outcome) -> dict[str, str]:
    records = [orjson.loads(message.value or b"") for message in outcome.cleaned]
    return {place(record["_prep"]["origin"]): record["text"] for record in records}


@pytest.mark.parametrize("name", MSK)
def test_msk(name: str) -> None:
    """A batch is acknowledged whole, and its records come out as the table says."""
    outcome = invoke("preprocess", (EVENTS / "msk" / f"{name}.json").read_bytes())
    letters = {place(letter.id): letter.reason for letter in outcome.letters}

    assert (outcome.answer, outcome.error) == ({"batchItemFailures": []}, None)
    assert texts(outcome) == MSK[name].cleaned
    assert letters == MSK[name].letters
    assert len(outcome.cleaned) == len(texts(outcome))


def test_full() -> None:
    """An event of 6 MB goes through in one call, every record of it."""
    event = full_event()
    (records,) = orjson.loads(event)["records"].values()
    outcome = invoke("preprocess", event)

    assert (outcome.answer, outcome.error) == ({"batchItemFailures": []}, None)
    assert texts(outcome).keys() == {f"0-{record['offset']}" for record in records}
    assert outcome.letters == []


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookup(name: str) -> None:
    """A look-up finds what the mixed event left."""
    outcome = invoke("lookup", (EVENTS / "lookup" / f"{name}.json").read_bytes())
    status, found = LOOKUPS[name]
    records = outcome.answer.get("records") or [outcome.answer.get("record")]

    assert (outcome.answer["statusCode"], outcome.error) == (status, None)
    assert {record["text"] for record in records if record} == found
    assert (outcome.cleaned, outcome.letters) == ([], [])


def test_replay_plan() -> None:
    """A dry run counts the letters that it is asked for, and writes nothing."""
    outcome = invoke("replay_plan", (EVENTS / "replay" / "plan.json").read_bytes())

    assert outcome.error is None
    assert (outcome.answer["dry_run"], outcome.answer["selected"]) == (True, 0)


def test_replay_report() -> None:
    """A report on a replay that nobody planned is one clear failure."""
    outcome = invoke("replay_report", (EVENTS / "replay" / "report.json").read_bytes())

    assert outcome.answer["errorType"] == "NoPlanError"


def test_what_cannot_be_invoked() -> None:
    """A function that is not there, an event that is no JSON or too large: told before a server is started."""
    with pytest.raises(TwinError, match="there is no function 'wash': lookup, preprocess, replay_batch"):
        invoke("wash", b"{}")
    with pytest.raises(TwinError, match="the event is not JSON"):
        invoke("lookup", b"{")
    with pytest.raises(TwinError, match=r"the event has 7000002 bytes; AWS Lambda takes 6291556"):
        invoke("lookup", b'"' + b"x" * 7_000_000 + b'"')


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.invoke", *arguments],
        cwd=REPOSITORY,
        # No SAM: neither it nor an engine is on this path.
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command() -> None:
    """The command says how the function ran, and prints the answer and what came out; its exit code is 0."""
    done = run("preprocess", "events/msk/mixed.json")

    assert done.returncode == 0, done.stderr
    assert "without a container (sam is not installed) and answered" in done.stdout.splitlines()[0]
    assert '"batchItemFailures": []' in done.stdout
    assert "cleaned records: 3" in done.stdout
    assert "dead letters: 2\n  empty: 1\n  not_json: 1" in done.stdout


def test_a_function_that_fails() -> None:
    """A function that raises is told as such; its exit code is 1."""
    done = run("preprocess", "events/lookup/hit.json")

    assert done.returncode == 1
    assert "NotAKafkaEventError" in done.stdout


def test_an_event_that_is_missing() -> None:
    """An event that is not there is told in one line; its exit code is 2."""
    done = run("preprocess", "events/msk/none.json")

    assert done.returncode == 2
    assert done.stderr.startswith("sluice: ")
    assert done.stderr.count("\n") == 1
