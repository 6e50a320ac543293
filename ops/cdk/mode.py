"""Keep a running event source and what the function believes of it together, while either changes.

A function that names what failed loses it where the event source takes no partial failures: there the whole answer
counts as a success. CloudFormation updates the function first and the event source afterwards, minutes apart.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ops.cdk.account import AccountError

_REPORTS = "ReportBatchItemFailures"


def target_of(stage: str) -> str:
    """Return what a stage's event source calls, by name: the CDK app names it so."""
    return f"sluice-{stage}-preprocess:live"


def check_deployment(lambda_: Any, target: str, *, provisioned: bool) -> None:
    """Refuse to give *target*, `function:alias`, partial failures while its event source runs without them.

    Raises AccountError, which says how to go about it.
    """
    for mapping in _mappings(lambda_, target):
        if provisioned and mapping["State"] != "Disabled" and _REPORTS not in _types(mapping):
            update = f"aws lambda update-event-source-mapping --uuid {mapping['UUID']}"
            raise AccountError(
                f"the event source of {target} runs on demand. Between the update of the function and its own, failures"
                f" would count as successes. Stop it first: `{update} --no-enabled`, wait until its State is Disabled,"
                f" deploy again, then start it: `{update} --enabled`"
            )


def check_rollback(lambda_: Any, function: str, alias: str, version: str) -> None:
    """Refuse a version of *function* that names what failed where the event source of *alias* does not take it.

    Raises AccountError.
    """
    configuration = lambda_.get_function_configuration(FunctionName=function, Qualifier=version)
    variables = configuration.get("Environment", {}).get("Variables", {})
    if variables.get("PARTIAL_FAILURES") != "true":
        return
    if any(_REPORTS not in _types(mapping) for mapping in _mappings(lambda_, f"{function}:{alias}")):
        raise AccountError(
            f"version {version} of {function} was made for provisioned pollers, and the event source runs on demand:"
            " its failures would count as successes. Deploy that release's code with this stage's configuration"
        )


def _types(mapping: dict[str, Any]) -> list[str]:
    return mapping.get("FunctionResponseTypes") or []


def _mappings(lambda_: Any, target: str) -> list[dict[str, Any]]:
    try:
        pages = lambda_.get_paginator("list_event_source_mappings").paginate(FunctionName=target)
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []
