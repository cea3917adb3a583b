"""Secrets kept in files, and the folder of the embedded servers' sockets."""

import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from environment.variables import env

MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes; the file name needs some of them


def secret(name: str, file: Path) -> str:
    """The secret in the variable `name`; without one, a random secret that is generated once and `kept_in` the file."""
    if value := str(env.str(name, default="")):
        return value
    return kept_in(file, secrets.token_urlsafe(50))


def kept_in(file: Path, draft: str) -> str:
    """The text of `file`, which is made with `draft` and mode 0600 unless it exists.

    Of several processes or threads that start at once, all read the text of the first.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        drafted = file.with_name(f"{file.name}.{secrets.token_hex(8)}")  # of this call: threads start at once, too
        with os.fdopen(os.open(drafted, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(draft)
        try:
            os.link(drafted, file)  # unlike a rename, this fails if another process was faster
        except FileExistsError:
            pass
        finally:
            drafted.unlink()
    return file.read_text()


def content_of(file: str) -> str:
    """The stripped text of a file, such as a mounted secret; empty if `file` is empty."""
    return Path(file).read_text().strip() if file else ""


def socket_directory(var: Path) -> Path:
    """The folder of the embedded servers' sockets: `var/run`, or a private one in /tmp if that path is too long."""
    directory = var / "run"
    if len(str(directory)) <= MAX_SOCKET_PATH - len("/.s.PGSQL.5432"):
        return directory
    digest = sha256(str(directory).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"faceapp-{os.getuid()}-{digest}"
