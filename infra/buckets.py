"""The two buckets: dead letters, and whole batches that the event source gave up on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_kms as kms, aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.stage import Stage
from sluice.reasons import REASONS

# How long a version that was replaced or deleted can still be brought back.
_UNDO: Final = Duration.days(30)
# The filter that the on-failure bucket counts its requests under, for the alarm: S3 counts none by itself.
REQUESTS: Final = "requests"
# Where a replay empties objects and leaves them: a late retry of the event source finds its letters written. Not
# where batches are imported that were given up. Their originals never expire, and that an import is there, emptied
# or not, is all that says a batch was imported; without it the next replay would take it up again. A rule of S3 knows
# no exception, so there is one for each reason.
_EMPTIED: Final = (
    "parked/",
    *(f"dead-letters/reason={reason}/" for reason in REASONS if reason != "undelivered"),
)


class Buckets(Construct):
    """Hold both buckets. What waits for somebody expires never: open letters, parked ones, batches that were given up.

    What a replay is done with goes after `settled_days`: its archive, the emptied object that it came from, its plan
    and report. The emptied object of a batch that was given up stays. Every replaced version stays for 30 days.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.dead_letters = self._bucket("DeadLetters", stage, key)
        settled = Duration.days(stage.settled_days)
        for prefix in ("replayed/", "replays/"):
            self.dead_letters.add_lifecycle_rule(id=prefix.strip("/"), prefix=prefix, expiration=settled)
        for prefix in _EMPTIED:
            name = prefix.strip("/").rpartition("=")[2]
            self.dead_letters.add_lifecycle_rule(
                id=f"emptied-{name}", prefix=prefix, object_size_less_than=1, expiration=settled
            )
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
