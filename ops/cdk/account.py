"""What is deployed: the outputs of a stage's stacks, its functions' versions, its buckets' content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

_BATCH = 1000  # S3 lists and deletes at most so many a call


class AccountError(Exception):
    """Say in one line why the account does not allow what was asked, and what to do."""


@dataclass(frozen=True)
class Output:
    """Hold one output of a stack."""

    name: str
    value: str
    meaning: str


def outputs(cloudformation: Any, stack: str) -> list[Output]:
    """Return the outputs of *stack*; raises AccountError when there is no such stack."""
    described = _described(cloudformation, stack)
    return sorted(
        (
            Output(each["OutputKey"], each["OutputValue"], each.get("Description", ""))
            for each in described.get("Outputs", [])
            if not each["OutputKey"].startswith("ExportsOutput")
        ),
        key=lambda output: output.name,
    )


def resources(cloudformation: Any, stack: str, kind: str) -> list[str]:
    """Return the physical ids of the resources of type *kind* in *stack*; raises AccountError without one."""
    _described(cloudformation, stack)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    summaries = (each for page in pages for each in page["StackResourceSummaries"])
    return sorted(each["PhysicalResourceId"] for each in summaries if each["ResourceType"] == kind)


def _described(cloudformation: Any, stack: str) -> dict[str, Any]:
    try:
        described: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise AccountError(f"there is no stack {stack} in this account and region: `make deploy`") from None
    return described


def gone(cloudformation: Any, stack: str) -> bool:
    """Tell whether there is no *stack*, whatever somebody's exit code says."""
    try:
        return str(_described(cloudformation, stack)["StackStatus"]) == "DELETE_COMPLETE"
    except AccountError:
        return True


def count_objects(s3: Any, bucket: str) -> int:
    """Count the current objects of *bucket*."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(page.get("KeyCount", 0) for page in pages)


def empty(s3: Any, bucket: str) -> int:
    """Delete every version of every object of *bucket*; return how many. Raises AccountError when one stays."""
    deleted = 0
    while versions := _some_versions(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise AccountError(f"{bucket}: cannot delete {first['Key']}: {first['Message']}")
        deleted += len(versions)
    return deleted


def _some_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket, MaxKeys=_BATCH)
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]
