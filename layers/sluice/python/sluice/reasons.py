"""The closed list of reasons for which a record becomes a dead letter."""

from __future__ import annotations

from typing import Final, Literal, get_args

Reason = Literal[
    # decode: the message has no value (a tombstone)
    "empty",
    # decode: the value is longer than MAX_MESSAGE_BYTES
    "too_large",
    # decode: the value is not UTF-8
    "not_utf8",
    # decode: the value is not one JSON text (a lone surrogate escape is not, either)
    "not_json",
    # decode: the JSON text is not an object
    "not_object",
    # decode: arrays and objects nest deeper than 64 levels
    "too_deep",
    # decode: an integer beyond 64 bits or a float beyond double range
    "number_out_of_range",
    # validate: the message names a schema that the registry does not hold
    "schema_unknown",
    # validate: the message breaks its schema
    "schema_invalid",
    # enrich: the cleaned record with its key and headers is longer than MAX_CLEANED_BYTES
    "cleaned_too_large",
    # publish: the broker refuses this record even when it is sent alone
    "refused_by_broker",
    # any step: our own code failed on this record
    "step_failed",
    # replay: imported from the event source's on-failure bucket
    "undelivered",
]

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
