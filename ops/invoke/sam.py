"""`sam local invoke`: where a container engine answers, SAM is there, and the stacks have been synthesised."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from ops.twin.answers import Reply
from ops.twin.config import REPOSITORY
from ops.twin.runtime_replies import read_runtime_reply

TEMPLATES: Final = REPOSITORY / "cdk.out"
ENGINES: Final = ("docker", "finch", "podman")
# The processor of this machine, as AWS Lambda calls it.
_HERE: Final = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
_ENGINE_SECONDS: Final = 10.0
# The first time SAM fetches the runtime's image.
_SAM_SECONDS: Final = 900.0


class Function(NamedTuple):
    """Where a function stands: the template's file, its logical id in there, and what it is made for."""

    template: Path
    logical_id: str
    architecture: str


def find(function: str, templates: Path = TEMPLATES) -> Function | str:
    """Return where SAM finds the function, or in a few words why it is not used."""
    if shutil.which("sam") is None:
        return "sam is not installed"
    if not any(map(_answers, ENGINES)):
        return "no container engine answers"
    found = find_function(function, templates)
    if found is None:
        return "cdk.out does not hold it: `make synth` first"
    if found.architecture != _HERE:
        return f"cdk.out is made for {found.architecture}: synthesise it with arch={_HERE}"
    return found


def _answers(engine: str) -> bool:
    if shutil.which(engine) is None:
        return False
    try:
        done = subprocess.run([engine, "info"], capture_output=True, check=False, timeout=_ENGINE_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def find_function(function: str, templates: Path) -> Function | None:
    """Look for the function by its handler in the templates of `cdk synth`."""
    for path in sorted(templates.glob("*.template.json")):
        resources: Mapping[str, Any] = orjson.loads(path.read_bytes()).get("Resources", {})
        for logical_id, resource in resources.items():
            properties = resource.get("Properties", {})
            if (
                resource.get("Type") == "AWS::Lambda::Function"
                and properties.get("Handler") == f"{function}.handler"
            ):
                return Function(path, logical_id, properties.get("Architectures", ["x86_64"])[0])
    return None


def with_environment(template: bytes, logical_id: str, environment: Mapping[str, str]) -> bytes:
    """Return the template with the function's environment replaced: SAM alone overrides declared variables only."""
    changed = orjson.loads(template)
    changed["Resources"][logical_id]["Properties"]["Environment"] = {"Variables": dict(environment)}
    return orjson.dumps(changed)


def command(template: Path, logical_id: str, event: Path, config: Path) -> list[str]:
    """Return SAM's command line; the container shares the host's network, where the servers are."""
    options = {"--template": template, "--event": event, "--config-file": config}
    words = [word for name, value in options.items() for word in (name, str(value))]
    return [
        "sam",
        "local",
        "invoke",
        logical_id,
        *words,
        "--docker-network",
        "host",
        "--region",
        "eu-central-1",
    ]


def invoke(function: Function, event: bytes, environment: Mapping[str, str], folder: Path) -> Reply:
    """Run one event by SAM, the function's output on standard error; raises OSError when SAM cannot be run."""
    # Beside the other: the assets' paths in it are relative.
    template = function.template.with_name("invoke.json")
    event_file, config = folder / "event.json", folder / "samconfig.toml"
    template.write_bytes(with_environment(function.template.read_bytes(), function.logical_id, environment))
    event_file.write_bytes(event)
    config.write_text("version = 0.1\n")  # else SAM takes one that lies beside the template
    words: Sequence[str] = command(template, function.logical_id, event_file, config)
    # SAM prefers a variable of the shell's to the template's, and the user's own cache is not meant here.
    shell = {name: value for name, value in os.environ.items() if name not in environment}
    try:
        done = subprocess.run(words, env=shell, stdout=subprocess.PIPE, check=False, timeout=_SAM_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"SAM did not come to an end within {_SAM_SECONDS:.0f} s") from error
    finally:
        template.unlink()
    if done.returncode and not done.stdout.strip():
        raise OSError(f"SAM failed (exit code {done.returncode}): see its words above")
    return read_runtime_reply(200, done.stdout.strip() or b"null")[0]
