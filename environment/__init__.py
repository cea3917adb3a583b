"""The environment that the service runs in: variables, and files that stand for them."""

from environment.files import content_of, secret, socket_directory
from environment.regular import open_regular, read_regular
from environment.variables import BASE_DIR, choice, env, path, time_zone

__all__ = [
    "BASE_DIR", "choice", "content_of", "env", "open_regular", "path", "read_regular", "secret", "socket_directory",
    "time_zone",
]  # fmt: skip
