"""The two buckets: dead letters, and whole batches that the event source gave up on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.stage import Stage

# How long a version that was replaced or deleted can still be brought back.
_UNDO: Final = Duration.days(30)
# The filter that the on-failure bucket counts its requests under, for the alarm: S3 counts none by itself.
REQUESTS: Final = "requests"


class Buckets(Construct):
    """Hold both buckets. No rule expires the current version of anything in them: what lies there is unsettled.

    Who settles a letter or an imported batch writes its state and moves it; rules for the places it goes to come with
    them. Every replaced version stays for 30 days.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.dead_letters = self._bucket("DeadLetters", stage, key)
        self.on_failure = self._bucket("OnFailure", stage, key, metrics=[s3.BucketMetrics(id=REQUESTS)])

    def _bucket(
        self, id_: str, stage: Stage, key: kms.IKey, metrics: Sequence[s3.BucketMetrics] = ()
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            id_,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            metrics=list(metrics),
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="replaced-versions",
                    noncurrent_version_expiration=_UNDO,
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Three roles of this app alone may read or write here; an audit of every access is"
                " CloudTrail's data events, which an account switches on for all its buckets in one place."
            },
        )
        return bucket
