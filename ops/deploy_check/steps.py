"""The steps, in their order; each returns what it found and raises CheckError when that is not right."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ops.deploy_check.place import CheckError, Place

_AGENT: Final = "deploy-check"
_TEXT: Final = "Deployed."
_FUNCTIONS: Final = ("preprocess", "lookup")
_COMPLETE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


class Step(NamedTuple):
    """Name a step and what it proves when it passes."""

    name: str
    proves: str
    run: Callable[[Place], str]


def stacks(place: Place) -> str:
    """Both stacks are complete."""
    cloudformation = place.client("cloudformation")
    for name in (place.stage.data_stack, place.stage.pipeline_stack):
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status not in _COMPLETE:
            raise CheckError(f"{name} is {status}: see its events in CloudFormation, then deploy again")
    return f"{place.stage.data_stack}, {place.stage.pipeline_stack}"


def release(place: Place) -> str:
    """All functions run the same version of the pipeline."""
    found = {name: place.settings(name)["PIPELINE_VERSION"] for name in _FUNCTIONS}
    if len(set(found.values())) != 1:
        raise CheckError(
            f"the functions run different versions, {found}: deploy again, or roll all of them back"
        )
    return found["preprocess"]


def brokers(place: Place) -> str:
    """The cluster is active and offers the authentication that the functions use."""
    kafka, cluster = place.client("kafka"), place.event_source["EventSourceArn"]
    state = kafka.describe_cluster_v2(ClusterArn=cluster)["ClusterInfo"]["State"]
    if state != "ACTIVE":
        raise CheckError(f"the cluster is {state}: wait until it is ACTIVE")
    return _bootstrap(place)


def event_source(place: Place) -> str:
    """The event source polls, and its last batch did not end in a problem."""
    mapping = place.event_source
    result = mapping.get("LastProcessingResult") or "no batch yet"
    if mapping["State"] != "Enabled" or result.upper().startswith("PROBLEM"):
        raise CheckError(
            f"the event source is {mapping['State']}, its last result {result!r}: PROBLEM names the network or the right"
            " that is missing (docs/runbook.md)"
        )
    return f"{mapping['State']}, last result: {result}"


def batch(place: Place) -> str:
    """One good and one bad record go through the deployed function: cache, topic and bucket take its writes."""
    answer = place.invoke("preprocess", _event(place))
    if answer != {"batchItemFailures": []}:
        raise CheckError(
            f"the function wants records again, so a write failed: its log names which: {answer}"
        )
    return "one record cleaned, one dead letter"


def letter(place: Place) -> str:
    """The bad record's letter lies in the bucket; it is removed again, its version stays as long as any other."""
    s3, bucket = place.client("s3"), place.settings("preprocess")["DEAD_LETTER_BUCKET"]
    hour = datetime.fromtimestamp(place.now_ms / 1000, UTC)
    prefix = f"dead-letters/reason=not_json/dt={hour:%Y-%m-%d}/hh={hour:%H}/{_AGENT}-0-{place.now_ms + 1}-"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    if len(keys) != 1:
        raise CheckError(f"s3://{bucket}/{prefix}* has {len(keys)} objects instead of one")
    s3.delete_object(Bucket=bucket, Key=keys[0])
    return f"s3://{bucket}/{keys[0]} (removed)"


def lookup(place: Place) -> str:
    """The other function, with the read-only user, finds what the first one stored."""
    answer = place.invoke("lookup", {"agent_id": _AGENT, "timestamp": _moment(place)})
    record = answer.get("record") or {}
    if record.get("text") != _TEXT:
        raise CheckError(f"the record is not in the cache: {answer}")
    return str(record["_prep"]["origin"])


def alarms(place: Place) -> str:
    """No alarm of the stage is on."""
    found = place.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"sluice-{place.stage.name}-", MaxRecords=100
    )
    states = {each["AlarmName"]: each["StateValue"] for each in found["MetricAlarms"]}
    on = sorted(name for name, state in states.items() if state == "ALARM")
    if on or not states:
        raise CheckError(f"in alarm: {', '.join(on)} (docs/runbook.md)" if on else "there is no alarm at all")
    return f"{len(states)} alarms, none on"


# The order is that of the data: a later step needs what an earlier one proved or wrote.
STEPS: Final = (
    Step("stacks", "CloudFormation took every property of every resource", stacks),
    Step("release", "the aliases point to one release", release),
    Step("brokers", "the brokers are up, with the authentication that is configured", brokers),
    Step("event source", "Lambda's pollers reach the brokers and may read topic and group", event_source),
    Step("batch", "the function reaches cache, brokers, S3 and KMS, and its role lets it write there", batch),
    Step("letter", "a bad record ends in the bucket", letter),
    Step("lookup", "the read-only user may log in and read, and finds what was written", lookup),
    Step("alarms", "the alarms are there and off", alarms),
)


def _bootstrap(place: Place) -> str:
    kind = "Iam" if place.settings("preprocess")["KAFKA_AUTH"] == "iam" else "Scram"
    found = place.client("kafka").get_bootstrap_brokers(ClusterArn=place.event_source["EventSourceArn"])
    servers = str(found.get(f"BootstrapBrokerStringSasl{kind}", ""))
    if not servers:
        raise CheckError(
            f"the cluster offers no SASL/{kind.upper()}: turn it on, or set what the functions use"
        )
    return servers


def _moment(place: Place) -> str:
    return (
        datetime.fromtimestamp(place.now_ms / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _event(place: Place) -> dict[str, Any]:
    """Return an event as the event source sends it; topic and agent are names that nobody else uses."""
    good = json.dumps({"agent_id": _AGENT, "timestamp": _moment(place), "text": _TEXT}).encode()
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": place.event_source["EventSourceArn"],
        "bootstrapServers": _bootstrap(place),
        "records": {
            f"{_AGENT}-0": [
                {
                    "topic": _AGENT,
                    "partition": 0,
                    "offset": place.now_ms + number,
                    "timestamp": place.now_ms,
                    "timestampType": "CREATE_TIME",
                    "value": base64.b64encode(value).decode(),
                    "headers": [],
                }
                for number, value in enumerate((good, b"no JSON"))
            ]
        },
    }
