"""The app as the CDK's command line starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from aws_cdk import App, aws_s3 as s3

from infra import app as program
from infra.data_stack import DataStack
from infra.pipeline_stack import PipelineStack
from tests.infra.synthesis import ROOT, app


def test_rules_are_held() -> None:
    """The synth goes through both packs of cdk-nag and the CDK's own rules."""
    program.synth(app(stage="dev"))


def test_findings_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding that nobody answered ends the synth, so that it cannot be deployed."""
    plain = program.build

    def build(made: App) -> tuple[DataStack, PipelineStack]:
        data, pipeline = plain(made)
        s3.CfnBucket(data, "Planted")
        return data, pipeline

    monkeypatch.setattr(program, "build", build)
    with pytest.raises(RuntimeError, match=r"[Vv]alidation"):
        program.synth(app(stage="dev"))


def test_wrong_configuration_is_one_line() -> None:
    """A wrong value ends the app with one line that names the key, the value and what is allowed."""
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps({"stage": "staging"}),
        "PYTHONPATH": "layers/sluice/python",
    }
    command = [sys.executable, "-m", "infra.app"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "config: stage=staging is not allowed; allowed: dev, prod\n"
