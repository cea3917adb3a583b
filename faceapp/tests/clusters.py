"""An embedded PostgreSQL whose database is migrated already: made once in a run, and copied where one is needed.

To migrate a new database takes six seconds of a processor. `own_stack` (faceapp/tests/test_up.py) begins with nothing.
"""

import fcntl
import os
import subprocess
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from faceapp.embedded import places, postgres
from faceapp.tests.live_stack import running


def made_once() -> Path:
    """The folder, which the processes of a run share: the first one makes it."""
    run = Path(os.environ.get("FACEAPP_TEST_RUN") or settings.VAR)
    folder = run / f"cluster-{os.environ.get('PYTEST_XDIST_TESTRUNUID', '')}"
    run.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            subprocess.run(["mv", str(_make()), str(folder)], check=True)
    return folder


def put_in_place(cluster: Path, var: Path) -> None:
    """A copy of it below `var`, as `up` or `postgres.prepare` would make one there."""
    user = places.unprivileged_user()
    places.private_folder(user, var)
    home = places.owned_folder(user, var / "postgres")
    subprocess.run(["cp", "-Rp", f"{cluster}/.", str(home)], check=True)


def _make() -> Path:
    """In this process's own folder, from which it is moved away."""
    user, var = places.unprivileged_user(), settings.VAR
    places.private_folder(user, var)
    places.socket_folder(user, settings.RUN_DIR)
    server = postgres.prepare(var=var, run_dir=settings.RUN_DIR)
    with running(server.command(**postgres.UNSAFE), log=var / "cluster.log"):
        server.wait_until_ready()
        server.create_database(settings.DATABASES["default"]["NAME"])
        call_command("migrate", interactive=False, verbosity=0)
        connection.close()
    return server.data.parent
