"""Reads and types the environment. Every variable is documented in `.env.example`; a test compares the two."""

import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")
env = environ.Env()

MAX_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes; the file name needs some of them


def path(name: str, default: Path) -> Path:
    """The absolute path in the variable `name`, or `default`."""
    return Path(env.str(name, default=str(default))).expanduser().absolute()


def secret(name: str, file: Path) -> str:
    """The secret in the variable `name`, else one generated once and kept in `file` (mode 0600)."""
    value: str = env.str(name, default="")
    if value:
        return value
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_once(file, secrets.token_urlsafe(50))
    return file.read_text()


def content_of(file: str) -> str:
    """The text of a file without blanks around, such as of a mounted secret; empty where no file is named."""
    return Path(file).read_text().strip() if file else ""


def _write_once(file: Path, text: str) -> None:
    """Create `file` with `text` in one step; a process that comes second finds the first one's text."""
    if file.exists():
        return
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def socket_directory(var: Path) -> Path:
    """The folder of the embedded servers' sockets: `var/run`, or a private one in /tmp when that path is too long."""
    directory = var / "run"
    if len(str(directory)) <= MAX_SOCKET_PATH - len("/.s.PGSQL.5432"):
        return directory
    digest = sha256(str(directory).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"faceapp-{os.getuid()}-{digest}"
