"""What the tests of the infrastructure share."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from ops.cdk.node import find_node

# Before anything imports the CDK, which starts Node.js then: the machine's own may be too old.
os.environ["JSII_NODE"] = str(find_node().program)


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a function that tells whoever reads the run what was found on this machine, also when all is well."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            pytestconfig.get_terminal_writer().line(f"\n  {text}")

    return line
