"""The whole flow on one page.

    read_event → decode → validate → fingerprint → redact → identify → clean → measure   (this page: pure, in memory)
              → impute → compare → enrich               (the same, with the agents' history, read once for the batch)
              → claim and store → publish → dead letters                                 (deliver.py: the writes)

Every record leaves the first line as a `Record` that is ready to store and publish, or as a
`DeadLetter` with a reason from the closed list. Nothing here reads a clock, a socket or the
environment, so the same bytes give the same result (flags and imputed values, by the same history).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sluice.clean.profiles import UrlMode
from sluice.clean.step import cleaning
from sluice.decode import decoding
from sluice.enrich import enriching
from sluice.features import Group
from sluice.features.step import measuring
from sluice.fingerprint import fingerprinting
from sluice.history import NearPolicy
from sluice.history.compare import comparing
from sluice.identify import identify
from sluice.impute import imputing
from sluice.judge import STEP_ERRORS, Pipeline
from sluice.record import Step
from sluice.redact.redactor import Redactor
from sluice.redact.step import redacting
from sluice.validate import Schema, validating

# What runs the steps is part of the same story for whoever imports it.
__all__ = ["STEP_ERRORS", "Pipeline", "standard_steps"]


def standard_steps(
    max_message_bytes: int,
    max_cleaned_bytes: int,
    schemas: Mapping[str, Schema],
    version: str,
    passed_headers: Collection[str],
    *,
    redaction_key: bytes,
    kept_kinds: Collection[str],
    features: Collection[Group],
    urls: UrlMode,
    near: NearPolicy,
) -> tuple[Step, ...]:
    """Return the steps in their order; sizes in bytes."""
    redactor = Redactor(redaction_key, kept_kinds)
    return (
        decoding(max_message_bytes),
        validating(schemas),
        fingerprinting(redaction_key),
        redacting(redactor),
        identify,
        cleaning(redactor, schemas, urls),
        measuring(features),
        imputing({name: schema.impute for name, schema in schemas.items()}),
        comparing(near),
        enriching(version, max_cleaned_bytes, passed_headers, redactor),
    )
