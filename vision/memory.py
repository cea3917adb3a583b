"""The ceiling on what a worker child takes for the images that it works on.

One image must not take the memory of all others. Beyond the ceiling an allocation fails: the image is refused, or the
child ends, where a library does not bear that, and Celery starts another one.
"""

from __future__ import annotations

import resource
from pathlib import Path

from django.conf import settings

STATUS = Path("/proc/self/status")  # Linux only: elsewhere there is no ceiling
SIGNS = ("bad_alloc", "bad allocation", "allocate memory", "insufficient memory", "out of memory")


def set_ceiling() -> None:
    """Let this process take `WORKER_MEMORY_MB` beyond what it has taken so far; 0 sets no ceiling."""
    if settings.WORKER_MEMORY_MB <= 0 or not STATUS.exists():
        return
    taken = next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith("VmData"))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    ceiling = taken + settings.WORKER_MEMORY_MB * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling if most == resource.RLIM_INFINITY else min(ceiling, most), most))


def is_short(error: BaseException) -> bool:
    """Whether memory did not suffice: libraries in C++ say so in words only."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in SIGNS)
