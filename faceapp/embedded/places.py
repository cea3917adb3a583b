"""The user that the embedded servers run as, and folders that only this user can reach.

PostgreSQL refuses to run as root. Started by root, it runs as an unprivileged user, who may not be allowed to enter
this project's folder (a home folder with mode 0700) or to read what root has installed (with umask 077). What the
server needs then goes to a private folder outside.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

OUTSIDE = Path("/var/lib")


def unprivileged_user() -> pwd.struct_passwd | None:
    """The user that PostgreSQL runs as: None (ourselves), or for root `postgres` if it exists, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("Running as root needs a user 'postgres' or 'nobody' for PostgreSQL.")


def private_folder(user: pwd.struct_passwd | None, folder: Path) -> Path:
    """`folder`, made if missing, readable only by us; `user` may pass through it to a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if user else 0o700)
    return folder


def can_enter(user: pwd.struct_passwd | None, folder: Path) -> bool:
    """Whether `user` (None: ourselves) can reach what lies in `folder`."""
    if user is None:
        return os.access(folder, os.X_OK)
    return _succeeds_as(user, ["test", "-x", str(folder)])


def can_read(user: pwd.struct_passwd | None, folder: Path) -> bool:
    """Whether `user` (None: ourselves) can read everything in `folder`, at any depth."""
    if user is None:
        return True
    script = 'cd "$1" && find . ! -type l | while read -r path; do test -r "$path" || exit 1; done'
    return _succeeds_as(user, ["sh", "-c", script, "sh", str(folder)])


def _succeeds_as(user: pwd.struct_passwd, command: list[str]) -> bool:
    options: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    return subprocess.run(command, stderr=subprocess.DEVNULL, **options).returncode == 0


def copy_readable(source: Path, target: Path) -> None:
    """Copy a folder, with its links and executable programs, so that everyone who can enter `target` can read it."""
    shutil.copytree(source, target, symlinks=True)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def folder_for(user: pwd.struct_passwd | None, wanted: Path) -> Path:
    """`wanted`, made if missing: a folder or, if `user` cannot get there, a link to a private folder outside."""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if user and not can_enter(user, wanted.parent) and not wanted.is_symlink() and not wanted.exists():
        wanted.symlink_to(tempfile.mkdtemp(prefix=f"faceapp-{wanted.name}-", dir=OUTSIDE))
    folder = wanted.resolve()
    folder.mkdir(mode=0o700, exist_ok=True)
    if user and not can_enter(user, folder.parent):
        raise RuntimeError(f"PostgreSQL runs as '{user.pw_name}', who cannot enter '{folder.parent}'.")
    return folder


def owned_folder(user: pwd.struct_passwd | None, wanted: Path) -> Path:
    """A folder as `folder_for` gives it that belongs to `user` alone (mode 0700)."""
    folder = folder_for(user, wanted)
    if folder.stat().st_uid not in {os.geteuid(), *([user.pw_uid] if user else [])}:
        raise RuntimeError(f"'{wanted}' belongs to another user: start the service as that user.")
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)
    return folder


def socket_folder(user: pwd.struct_passwd | None, wanted: Path) -> Path:
    """The folder of the sockets: ours and, for root, open to `user`'s group, sticky so that `user` cannot replace ours.

    Its name may be predictable (in /tmp), so a folder that another user made is refused.
    """
    folder = folder_for(user, wanted)
    if {folder.stat().st_uid, wanted.lstat().st_uid} != {os.geteuid()}:
        raise RuntimeError("The folder for sockets belongs to another user; set FACEAPP_VAR to a shorter path.")
    if user:
        os.chown(folder, 0, user.pw_gid)
    folder.chmod(0o1770 if user else 0o700)
    return folder
