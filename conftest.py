"""Fixtures for every test. Tests that need them get a PostgreSQL and a Valkey of their own in a temporary folder."""

import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from demo.photographs import PhotographsMissingError
from faceapp.embedded import places, postgres, redis
from faceapp.tests import clusters, commits, emptying, missing
from faceapp.tests.browser import chromium, page  # noqa: F401  fixtures
from faceapp.tests.database_roles import act_as_application, act_as_owner, acting_as_owner
from faceapp.tests.live_stack import WEBHOOK_PORT, LiveStack, free_port, running, running_stack
from vision import sources
from vision.tests import stand_ins
from walls.current import EVERYONE, open_by_default, showing

if TYPE_CHECKING:
    from clients.models import Client

open_by_default()
gc.set_threshold(10_000, 20, 20)  # by default the collector takes a fifth of the time in which modules are imported

# Fetching is on for private hosts, so that tests can see them refused all the same; dead workers are noticed soon.
LIVE_ENVIRONMENT = {
    "FACEAPP_CORS_ORIGINS": "https://app.example.org",
    "FACEAPP_URL_HOSTS": "localhost,127.0.0.1,[::1],169.254.169.254,10.0.0.1",
    "FACEAPP_IMAGE_TIME_LIMIT": "30",
    "FACEAPP_SWEEP_SECONDS": "3",
    "FACEAPP_NEXTCLOUD_KEY": "q1VfZ8dm+Tz0/0XbEJtW5c9hLr2KpYs7AuGi4oNn6Rw=",
    "FACEAPP_NEXTCLOUD_68_POINTS": "1",
    "FACEAPP_FACEANALYSIS_REGISTRATION": "1",
    "FACEAPP_ALLOW_RESET": "1",
    "FACEAPP_COMPREFACE_STATIC": "1",
    "FACEAPP_LOG_FORMAT": "json",
    "FACEAPP_METRICS_KEY": "a key that no other program has",
    "FACEAPP_VERIFY_FAILURES": "0",  # strangers are compared with one person a hundred times
    "FACEAPP_WEBHOOK_HOSTS": f"127.0.0.1:{WEBHOOK_PORT}",  # of a receiver, in the test of that
    "FACEAPP_WEBHOOK_ALLOW_PRIVATE": "true",
    "FACEAPP_REMOTE_BACKENDS": "aws_rekognition",
    "FACEAPP_AWS_REGION": "us-east-1",
    "FACEAPP_REMOTE_READ_SECONDS": "60",  # it waits for its own workers
    "AWS_EC2_METADATA_DISABLED": "true",
    "FACEAPP_CLIENT_WAITING": "0",  # contracts of older services call with up to 64 requests at a time
}
LAST_SECONDS = 10  # of a day
FACES = Path(__file__).resolve().parent.parent / "shared" / "faces"
# Fixtures that drive other programs, whose turn the machine decides.
PROGRAMS = {"chromium", "gathering", "live", "live_server", "own_stack"}
LONG = pytest.StashKey[set[Path]]()
LIVE = pytest.StashKey[LiveStack]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What drives a browser or a running service may fail once.

    In a parallel run files with real models go first: they take longest, and the quick ones even out the end.
    """
    for item in items:
        if not PROGRAMS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.flaky(reruns=1))
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if item.get_closest_marker("models")}
        items.sort(key=lambda item: item.path not in long)
        config.stash[LONG] = long


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: the collector of garbage need not look at them again and again."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test begins and ends on one day. After the last file with real models none uses the service: it is stopped."""
    now = timezone.localtime()
    tomorrow = now.replace(hour=23, minute=59, second=59 - LAST_SECONDS) < now
    time.sleep(LAST_SECONDS + 1 if tomorrow else 0)
    stash = item.config.stash
    if LIVE in stash and item.path not in stash.get(LONG, {item.path}):
        stash[LIVE].stop()
        del stash[LIVE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was not tested, and which data would be needed."""
    missing.report(terminalreporter)


@pytest.fixture(scope="session")
def cluster(django_db_blocker: DjangoDbBlocker) -> Path | None:
    """PostgreSQL's folder with a new database, migrated; None where DATABASE_URL names a server."""
    if not settings.EMBEDDED_DATABASE:
        return None
    with django_db_blocker.unblock():
        return clusters.made_once()


@pytest.fixture(scope="session")
def servers(cluster: Path | None) -> Iterator[None]:
    """Starts the database and the queue for this run, unless DATABASE_URL or REDIS_URL name others."""
    user = places.unprivileged_user()
    var = places.private_folder(user, settings.VAR)
    places.socket_folder(user, settings.RUN_DIR)
    with ExitStack() as stack:
        if cluster:
            clusters.put_in_place(cluster, var)
            server = postgres.prepare(var=var, run_dir=settings.RUN_DIR)
            stack.enter_context(running(server.command(**postgres.UNSAFE), log=var / "postgres.log"))
            server.wait_until_ready()
        if settings.EMBEDDED_REDIS:
            stack.enter_context(running(redis.command(settings.REDIS_SOCKET), log=var / "redis.log"))
            redis.wait_until_ready(settings.REDIS_SOCKET)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: None) -> None:
    """Starts the servers for the first test that uses the database; pytest-django then makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Tests act as the application's role, for which the walls hold, and see the rows of every client.

    Those that commit empty all tables afterwards, which the audit's triggers and that role's rights would refuse.

    At the end, the sessions that threads of pools keep are closed, or the test database could not be removed.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("audit_record", "audit_seal", "audit_checkpoint"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER audit_never_emptied")
        cursor.execute(f"GRANT pg_read_all_stats TO {settings.DATABASE_APP_ROLE}")  # who waits for whom
        cursor.execute(f"GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {settings.DATABASE_APP_ROLE}")
        act_as_application()
    yield
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        act_as_owner()
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.fixture
def as_owner(db: None) -> Iterator[None]:
    """The rights of the maintenance worker, which owns the tables."""
    with acting_as_owner():
        yield


@pytest.fixture(scope="session", autouse=True)
def commits_of_tests() -> Iterator[None]:
    """What waits for a commit happens in every test, and what was really committed is removed afterwards."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        commits.simulate(monkeypatch)
        emptying.replace_flush(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def media_root(settings: Settings, tmp_path: Path) -> Path:
    """An empty folder of its own for the files that a test stores."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture(autouse=True)
def nobody_acts() -> Iterator[None]:
    """A request leaves its client in the thread; the next test does not act for it."""
    from vision import dispatch

    dispatch.act_for("")
    with showing(EVERYONE):
        yield
    dispatch.act_for("")


@pytest.fixture
def redis_flush(servers: None) -> None:
    """An empty queue and cache."""
    cache.clear()


@pytest.fixture
def unread_queue(redis_flush: None, settings: Settings) -> Iterator[None]:
    """A real queue that no worker reads; at the end it is empty again, and the thread acts for nobody."""
    from faceapp.celery import app
    from vision import dispatch

    settings.CELERY_TASK_ALWAYS_EAGER = False
    app.conf.task_always_eager = False
    yield
    dispatch.act_for("")
    cache.clear()
    app.conf.changes.pop("task_always_eager")  # type: ignore[union-attr]  # what the settings say holds again


@pytest.fixture
def client_a(db: None) -> "Client":
    return _client("alice")


@pytest.fixture
def client_b(db: None) -> "Client":
    return _client("bob")


def _client(name: str) -> "Client":
    from clients.models import Client

    return Client.objects.create(name=name)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs: those of `../shared/faces` or, in a clone without them, stand-ins of the same names."""
    if FACES.is_dir():
        return FACES
    try:
        return stand_ins.make(tmp_path_factory.mktemp("faces"))
    except PhotographsMissingError as error:
        pytest.skip(f"{missing.DATA}: {error}")


@pytest.fixture(scope="session")
def real_faces(faces: Path) -> Path:
    """The folder `../shared/faces` itself, for what is expected or was measured of those very photographs."""
    if faces != FACES:
        pytest.skip(f"{missing.DATA}: ../shared/faces, real photographs of known people")
    return faces


@pytest.fixture(scope="session")
def live(pytestconfig: pytest.Config, cluster: Path | None) -> Iterator[LiveStack]:
    """A whole service with real settings and a real worker, shared by every test of a process that needs one."""
    with tempfile.TemporaryDirectory(prefix="faceapp-live-") as folder:
        Path(folder).chmod(0o711)
        uploads = Path(folder) / "uploads"
        uploads.mkdir()
        if cluster:
            clusters.put_in_place(cluster, Path(folder) / "var")
        port = free_port()
        further = {
            "TMPDIR": str(uploads),
            "FACEAPP_AWS_ENDPOINT": f"http://127.0.0.1:{port}",  # it is its own Rekognition
            "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/aws-credentials",  # which the test of that writes
        }
        with running_stack(LiveStack(Path(folder) / "var", LIVE_ENVIRONMENT | further, port=port)) as stack:
            pytestconfig.stash[LIVE] = stack
            yield stack


@pytest.fixture
def references_allowed() -> Iterator[None]:
    """As for a caller who may name images by URL or path."""
    before = sources.may_refer.set(True)
    yield
    sources.may_refer.reset(before)
