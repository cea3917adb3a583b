"""Opens files whose names come from outside: only regular files. A pipe would make the program wait for its writer."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(file: Path, *, flags: int = 0) -> BinaryIO:
    """A regular file, opened for reading; `flags` are further ones of `os.open`. Raises `OSError`, never waits."""
    _require_regular(file.stat())  # to open a device may do something
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | flags)
    try:
        _require_regular(os.fstat(descriptor))  # it may have been replaced since
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(file: Path) -> bytes:
    """The content of a regular file. Raises `OSError`, never waits."""
    with open_regular(file) as handle:
        return handle.read()


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
