"""Becomes another program that gets a signal when its parent dies, so that nothing is left running.

Run as a script, which imports neither Django nor the project:
`python launch.py [--user NAME] [--nice N] [--alone-in FOLDER] SIGNAL PROGRAM ARGUMENT…`
"""

import argparse
import contextlib
import ctypes
import os
import pwd
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def launched(command: list[str], *, signal_name: str, **options: object) -> list[str]:
    """The command line that runs `command` through this script; `signal_name` (INT…) is sent at the parent's death."""
    launcher = [sys.executable, "-SE", str(Path(__file__).resolve())]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value]
    return [*launcher, *flags, signal_name, *command]


def end_others_in(folder: Path) -> None:
    """End every process that works in the data folder of a PostgreSQL server, and forget the server's process number.

    After a server is killed, a busy backend lives on and keeps the next server from starting; the number in
    `postmaster.pid` may meanwhile be another program's. SIGQUIT is PostgreSQL's immediate shutdown, as safe as a crash.
    """
    for last_word in (signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + 3
        for process in working_in(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, last_word)
        while working_in(folder) and time.monotonic() < deadline:
            time.sleep(0.02)
    if Path("/proc/self/cwd").exists():
        (folder / "postmaster.pid").unlink(missing_ok=True)


def working_in(folder: Path) -> list[int]:
    """Process numbers of those whose working directory is `folder` (Linux)."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == folder:
                found.append(int(link.parent.name))
    return found


def become(user: str) -> None:
    """Drop to `user` for good."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user)


def die_with_parent(signal_name: str, parent: int) -> None:
    """Ask the kernel for `signal_name` at the parent's death (Linux only; a change of user clears this)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.Signals[f"SIG{signal_name}"])
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


def adopt_orphans() -> None:
    """From now on we are the parent of every descendant whose own parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--alone-in", type=Path)
    parser.add_argument("signal_name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    parent = os.getppid()
    os.nice(options.nice)
    if options.alone_in:
        end_others_in(options.alone_in)
    if options.user:
        become(options.user)
    die_with_parent(options.signal_name, parent)
    os.execv(options.command[0], options.command)  # noqa: S606


if __name__ == "__main__":
    main()
