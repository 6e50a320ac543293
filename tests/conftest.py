"""Settings and servers that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # the unit tests need none of it
    from ops.kafka.broker import ApacheKafka
    from ops.twin.supervisor import Supervisor

# `ci` finds the same examples every time and stays within seconds; `make fuzz` looks further, and anew each time.
settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    # In CI the same examples for the same code: a red run is the change's own doing.
    derandomize="CI" in os.environ,
    max_examples=2000,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def _no_twin_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests off a twin that somebody has running: they know of none but their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_TWIN", str(tmp_path_factory.getbasetemp() / "no-twin"))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-golden`, which writes what is kept anew before it is compared: look at the difference then."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew, then compare")


@pytest.fixture(scope="session")
def supervisor() -> Iterator[Supervisor]:
    """The keeper of the servers that this test run starts: they end with it."""
    from ops.twin.supervisor import Supervisor

    keeper = Supervisor()
    yield keeper
    keeper.close()


@pytest.fixture(scope="session")
def bootstrap_servers(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Kafka broker: the one in KAFKA_BOOTSTRAP_SERVERS, else the embedded one. Topics have to be created."""
    from ops.twin.broker import start_broker

    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    return given or start_broker(supervisor, tmp_path_factory.mktemp("broker"))


@pytest.fixture(scope="session")
def valkey_url(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of one server: the one in REDIS_URL, else the embedded one. It is shared: use keys of your own."""
    from ops.twin.cache import start_cache

    given = os.environ.get("REDIS_URL")
    return given or start_cache(supervisor, tmp_path_factory.mktemp("cache"), cluster=False)


@pytest.fixture(scope="session")
def valkey_cluster_url(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache in cluster mode, of one embedded node that has all slots."""
    from ops.twin.cache import start_cache

    return start_cache(supervisor, tmp_path_factory.mktemp("cluster"), cluster=True)


@pytest.fixture(scope="session")
def s3_endpoint(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An S3 endpoint (moto) without buckets."""
    from ops.twin.aws import start_aws

    return start_aws(supervisor, tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="module")
def apache_kafka() -> Iterator[ApacheKafka]:
    """An Apache Kafka of the module's own, to be killed and started again; for tests marked `kafka`."""
    from ops.kafka.broker import ApacheKafka

    with ApacheKafka() as broker:
        yield broker
