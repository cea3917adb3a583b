"""Only one `up` runs in a data folder at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from faceapp.embedded.supervision import StackError

STOPPING_SECONDS = 15.0  # how long the programs of an earlier run may take to end


@contextmanager
def held(file: Path) -> Iterator[TextIO]:
    """The open lock file. It stays locked until every process that inherited it has ended."""
    deadline = time.monotonic() + STOPPING_SECONDS
    with file.open("a+") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                handle.seek(0)
                holder = handle.read()
                if _is_alive(holder) or time.monotonic() > deadline:
                    hint = "Stop it, or set FACEAPP_VAR and FACEAPP_PORT to start a second one."
                    raise StackError(f"The service already runs in this folder (process {holder}). {hint}") from error
                time.sleep(0.1)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield handle


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
