"""No moment in which a function names failures to an event source that takes them for successes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.cdk.account import AccountError
from ops.cdk.cli import profile_of
from ops.cdk.mode import check_deployment, check_rollback, target_of
from tests.infra.synthesis import STAGES, synthesised

TARGET = "sluice-dev-preprocess:live"


class Lambda:
    """The three calls of boto3's client, answered out of memory; moto has no event sources of MSK."""

    def __init__(self, *mappings: dict[str, Any], error: str = "", partial: str = "true") -> None:
        self.mappings, self.error, self.partial = mappings, error, partial

    def get_paginator(self, name: str) -> Lambda:
        assert name == "list_event_source_mappings"
        return self

    def paginate(self, *, FunctionName: str) -> Iterator[dict[str, Any]]:  # noqa: N803  boto3's name
        assert FunctionName == TARGET
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": ""}}, "ListEventSourceMappings")
        for mapping in self.mappings:
            yield {"EventSourceMappings": [mapping]}

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, Qualifier) == ("sluice-dev-preprocess", "7")
        return {"Environment": {"Variables": {"PARTIAL_FAILURES": self.partial}}} if self.partial else {}


def mapping(state: str = "Enabled", *types: str) -> dict[str, Any]:
    return {"UUID": "0b1c2d3e", "State": state, "FunctionResponseTypes": list(types)}


ON_DEMAND = mapping()
STOPPED = mapping("Disabled")
PROVISIONED = mapping("Enabled", "ReportBatchItemFailures")


@pytest.mark.parametrize("state", ["Enabled", "Enabling", "Updating", "Disabling", "Creating"])
def test_a_running_source_is_not_switched(state: str) -> None:
    """To provisioned pollers an event source is switched only while it stands still, and the error says how."""
    with pytest.raises(AccountError, match=r"update-event-source-mapping --uuid 0b1c2d3e --no-enabled"):
        check_deployment(Lambda(mapping(state)), TARGET, provisioned=True)


@pytest.mark.parametrize(
    ("client", "provisioned"),
    [
        (Lambda(), True),
        (Lambda(error="ResourceNotFoundException"), True),
        (Lambda(STOPPED), True),
        (Lambda(PROVISIONED), True),
        (Lambda(PROVISIONED), False),
        (Lambda(ON_DEMAND), False),
    ],
    ids=["no source", "no function", "stopped", "as before", "back to on demand", "on demand as before"],
)
def test_everything_else_is_deployed(client: Lambda, provisioned: bool) -> None:
    """Whatever leaves no moment between the two is not held up: a function that raises is right in either mode."""
    check_deployment(client, TARGET, provisioned=provisioned)


def test_other_errors_are_told() -> None:
    """What AWS refuses for another reason is not taken for a missing function."""
    with pytest.raises(ClientError, match="AccessDeniedException"):
        check_deployment(Lambda(error="AccessDeniedException"), TARGET, provisioned=True)


def test_no_rollback_across_modes() -> None:
    """A version that names failures is not rolled back to under an event source that does not take them."""
    with pytest.raises(
        AccountError, match="version 7 of sluice-dev-preprocess was made for provisioned pollers"
    ):
        check_rollback(Lambda(ON_DEMAND), "sluice-dev-preprocess", "live", "7")


@pytest.mark.parametrize(
    "client",
    [Lambda(PROVISIONED), Lambda(), Lambda(ON_DEMAND, partial="false"), Lambda(ON_DEMAND, partial="")],
    ids=["provisioned", "no source", "raises", "no environment"],
)
def test_rollback_within_a_mode(client: Lambda) -> None:
    """Every other version is rolled back to."""
    check_rollback(client, "sluice-dev-preprocess", "live", "7")


@pytest.mark.parametrize("stage", STAGES)
def test_target(stage: str) -> None:
    """What is looked at is the alias that the stage's event source calls."""
    assert target_of(stage) == synthesised(stage).pipeline["Outputs"]["PreprocessAlias"]["Value"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], None), (["--profile", "ops", "-v"], "ops"), (["-v", "--profile=ops"], "ops"), (["--profile"], "")],
)
def test_profile(options: list[str], expected: str | None) -> None:
    """Our own calls use the profile that is named to the CDK."""
    assert profile_of(options) == expected
