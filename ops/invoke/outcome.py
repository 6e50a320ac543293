"""Invoke between the twin's own servers, and read back what the call left there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ops.invoke import sam
from ops.twin.collect import Consumed, Letter, RawTopics, read_letters
from ops.twin.config import INVOKE_LIMIT_BYTES, REPOSITORY, TwinConfig, TwinError
from ops.twin.twin import Twin

# What a look-up finds was put there by this event.
SEED = REPOSITORY / "events" / "msk" / "mixed.json"


@dataclass(frozen=True)
class Outcome:
    """Hold how the function ran, what it answered (`error` is set when it failed), and what the call left."""

    how: str
    answer: Any
    error: str | None
    cleaned: list[Consumed]
    letters: list[Letter]


def invoke(function: str, event: bytes) -> Outcome:
    """Start the servers, let `preprocess` fill them for whatever reads, and run the event.

    Raises TwinError for what cannot be invoked, OSError when SAM cannot be run.
    """
    config = TwinConfig()
    if not (function.isidentifier() and (config.functions / f"{function}.py").is_file()):
        known = ", ".join(sorted(path.stem for path in config.functions.glob("[!_]*.py")))
        raise TwinError(f"there is no function {function!r}: {known}")
    if len(event) > INVOKE_LIMIT_BYTES:
        raise TwinError(f"the event has {len(event)} bytes; AWS Lambda takes {INVOKE_LIMIT_BYTES}")
    writes = _is_batch(event)
    by_sam = sam.find(function)
    with Twin(config) as twin:
        if not writes:
            seeded = twin.invoke("preprocess", orjson.loads(SEED.read_bytes()))
            if seeded.error is not None:
                raise TwinError(f"preprocess failed on {SEED.name}: {seeded.payload}")
        how, answer, error = _run(twin, by_sam, function, event)
        cleaned, letters = _left(twin) if writes else ([], [])
        return Outcome(how, answer, error, cleaned, letters)


def _is_batch(event: bytes) -> bool:
    try:
        read = orjson.loads(event)
    except orjson.JSONDecodeError as error:
        raise TwinError(f"the event is not JSON: {error}") from error
    return isinstance(read, dict) and "records" in read


def _run(twin: Twin, by_sam: sam.Function | str, function: str, event: bytes) -> tuple[str, Any, str | None]:
    if isinstance(by_sam, str):
        result = twin.invoke(function, orjson.loads(event))
        return f"the Lambda runtime, without a container ({by_sam})", result.payload, result.error
    folder = Path(twin.run_dir)
    # The SDK in the container refuses to call the twin's S3 without any credentials.
    local = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    reply = sam.invoke(by_sam, event, twin.function_environment() | local, folder)
    return "sam local invoke", orjson.loads(reply.body), reply.error


def _left(twin: Twin) -> tuple[list[Consumed], list[Letter]]:
    topics = RawTopics(twin.bootstrap, {})
    try:
        chunks = topics.read(twin.cleaned_topic, twin.config.partitions)
        cleaned = [message for chunk in chunks for message in chunk]
    finally:
        topics.close()
    letters = [letter for group in read_letters(twin.s3(), twin.dead_letter_bucket) for letter in group]
    return cleaned, letters
