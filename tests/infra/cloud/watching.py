"""Alarms and subscriptions: moto has their API, yet not their CloudFormation."""

from __future__ import annotations

from typing import Any

from tests.infra.cloud.adaptor import Created, arn, register, through_api


def _alarm(operation: str) -> Any:
    def create(name: str, properties: dict[str, Any], account: str) -> Created:
        given = {"AlarmName": name, **properties}
        through_api("cloudwatch", operation)(given)
        return given["AlarmName"], {"Arn": arn("cloudwatch", account, f"alarm:{given['AlarmName']}")}

    return create


def _subscription(_name: str, properties: dict[str, Any], _account: str) -> Created:
    made = through_api("sns", "Subscribe", rename={"Region": ""})(properties)["SubscriptionArn"]
    return made, {"Arn": made}


def teach() -> None:
    """Register the types."""
    register("AWS::CloudWatch::Alarm", _alarm("PutMetricAlarm"), "AlarmName", ("Arn",))
    register("AWS::CloudWatch::CompositeAlarm", _alarm("PutCompositeAlarm"), "AlarmName", ("Arn",))
    register("AWS::SNS::Subscription", _subscription, "", ("Arn",))
