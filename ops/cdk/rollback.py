"""Point each function's alias back to the version that was published before the one it points to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.cdk.account import AccountError


@dataclass(frozen=True)
class Step:
    """Move one alias from a version to another; `pipeline` is the version of the pipeline in each."""

    function: str
    alias: str
    old: str
    new: str
    old_pipeline: str
    new_pipeline: str
    revision: str


def plan(lambda_: Any, alias_arns: list[str], *, to: str = "") -> list[Step]:
    """Return one step for each alias, to the newest older version, or to that of the pipeline version *to*.

    An alias that is there already needs no step. Raises AccountError when a function has no such version: then
    nothing is moved, for half a release is worse than a bad one.
    """
    steps = [_step(lambda_, arn, to) for arn in alias_arns]
    return [step for step in steps if step.new != step.old]


def carry_out(lambda_: Any, steps: list[Step]) -> None:
    """Move the aliases; refused by AWS when somebody else moved one since it was looked at."""
    for step in steps:
        lambda_.update_alias(
            FunctionName=step.function, Name=step.alias, FunctionVersion=step.new, RevisionId=step.revision
        )


def _step(lambda_: Any, alias_arn: str, to: str) -> Step:
    function, name = alias_arn.rsplit(":", 2)[-2:]
    alias = lambda_.get_alias(FunctionName=function, Name=name)
    current = int(alias["FunctionVersion"])
    versions = _published(lambda_, function)
    wanted = [number for number, pipeline in versions.items() if (pipeline == to if to else number < current)]
    if not wanted:
        what = f"version of pipeline {to}" if to else f"version older than {current}"
        raise AccountError(f"{function} has no published {what}; nothing was changed")
    new = max(wanted)
    return Step(
        function=function,
        alias=name,
        old=str(current),
        new=str(new),
        old_pipeline=versions.get(current, ""),
        new_pipeline=versions[new],
        revision=alias["RevisionId"],
    )


def _published(lambda_: Any, function: str) -> dict[int, str]:
    """Return the published versions and the description of each: that of the pipeline."""
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    return {
        int(version["Version"]): version.get("Description", "")
        for page in pages
        for version in page["Versions"]
        if version["Version"].isdecimal()
    }
