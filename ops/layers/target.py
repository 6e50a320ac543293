"""What a layer is built for: an architecture and a Python, as AWS Lambda names them."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# confluent-kafka and google-re2 have no older wheels for arm64 than manylinux_2_28, and jsonschema-rs none that is
# current. The runtimes from python3.12 on can load them (Amazon Linux 2023, glibc 2.34); that of python3.11 cannot
# (Amazon Linux 2, glibc 2.26), so a layer for it is for tests on machines that have no newer Python.
# The manylinux2014 tag brings the wheels of packages that still build on the old base.
PLATFORMS = ("manylinux_2_28", "manylinux2014")


class LayerError(Exception):
    """Say in one line why a layer cannot be built, and what to do."""


@dataclass(frozen=True)
class Target:
    """Name an architecture (`arm64`, `x86_64`) and a Python (`3.13`)."""

    architecture: str = "arm64"
    python: str = "3.13"

    def __post_init__(self) -> None:
        """Raise LayerError for an architecture that Lambda does not have."""
        if self.architecture not in MACHINES:
            raise LayerError(f"architecture is {self.architecture!r}, allowed are {', '.join(MACHINES)}")

    @property
    def machine(self) -> str:
        """Return the architecture as wheels name it."""
        return MACHINES[self.architecture]

    @property
    def platforms(self) -> tuple[str, ...]:
        """Return the platform tags that a wheel for this target may have, the best first."""
        return tuple(f"{base}_{self.machine}" for base in PLATFORMS)

    def markers(self) -> dict[str, str]:
        """Return the environment in which the lock's markers are read: the target's, not this machine's."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def __str__(self) -> str:
        return f"{self.architecture}-python{self.python}"


def host_target(python: str = "") -> Target:
    """Return the target that this machine runs by itself; by default with the running Python."""
    machine = platform.machine().lower()
    names = {**{wheel: name for name, wheel in MACHINES.items()}, "amd64": "x86_64", "arm64": "arm64"}
    if machine not in names:
        raise LayerError(f"this machine is a {machine}: AWS Lambda has {', '.join(MACHINES)}")
    return Target(names[machine], python or ".".join(map(str, sys.version_info[:2])))
