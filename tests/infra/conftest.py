"""What the tests of the infrastructure share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ops.cdk.node import find_node

if TYPE_CHECKING:  # most tests here deploy nothing
    from ops.twin.supervisor import Supervisor
    from tests.infra.bench import Bench
    from tests.infra.deployment import Account, Deployment

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


@pytest.fixture(scope="session")
def servers() -> Iterator[Supervisor]:
    """The keeper of what a deployment needs, apart from the servers of other tests."""
    from ops.twin.supervisor import Supervisor

    keeper = Supervisor()
    yield keeper
    keeper.close()


@pytest.fixture(scope="session")
def account(servers: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """An AWS account on this machine, bootstrapped for the CDK."""
    from tests.infra.deployment import start_account

    return start_account(servers, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="session")
def deployed(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The stage `dev` as it stands, but for the machine that its layers are for. Leave it as you found it."""
    from ops.layers.target import host_target
    from tests.infra.deployment import deploy

    return deploy(account, "dev", {"arch": host_target().architecture}, tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def bench(
    deployed: Deployment,
    servers: Supervisor,
    tmp_path_factory: pytest.TempPathFactory,
    say: Callable[[str], None],
) -> Bench:
    """Where the deployed functions run."""
    from tests.infra.bench import start_bench

    return start_bench(deployed, servers, tmp_path_factory.mktemp("bench"), say)
