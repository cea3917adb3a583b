"""Becomes another program that gets a signal when its parent dies, optionally as another user and with less priority.

Run as a script, so that starting a server imports neither Django nor the project:
`python launch.py [--user NAME] [--nice N] SIGNAL PROGRAM ARGUMENT…`
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def launched(command: list[str], *, signal_name: str, user: str | None = None, nice: int = 0) -> list[str]:
    """The command line that runs `command` through this script; `signal_name` (INT…) is sent at the parent's death."""
    launcher = [sys.executable, "-SE", str(Path(__file__).resolve())]
    options = [*(["--user", user] if user else []), *(["--nice", str(nice)] if nice else [])]
    return [*launcher, *options, signal_name, *command]


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("signal_name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    parent = os.getppid()
    os.nice(options.nice)
    if options.user:
        become(options.user)
    die_with_parent(options.signal_name, parent)
    os.execv(options.command[0], options.command)  # noqa: S606


if __name__ == "__main__":
    main()
