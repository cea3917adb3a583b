"""Which process carries a call out, and whether it has ended."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def this_process() -> str:
    """Machine since its start, namespace, number and begin: no other process has the same. Empty except on Linux."""
    try:
        return f"{_home()} {os.getpid()} {_began(os.getpid())}"
    except OSError:
        return ""


def has_ended(process: str) -> bool:
    """Whether this process ran where we run, and has ended. False where that cannot be known."""
    home, _, number = process.rpartition(" ")[0].rpartition(" ")
    try:
        if not home or home != _home():
            return False
        return f"{home} {number} {_began(int(number))}" != process
    except OSError:  # there is no such process
        return True


def _home() -> str:
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {(PROC / 'self/ns/pid').readlink()}"


def _began(number: int) -> str:
    """In ticks since the machine was started; empty for a process that waits to be collected. See proc_pid_stat(5)."""
    state, *fields = (PROC / str(number) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
