"""The programs that make up the service on one machine, and when they are ready."""

import http.client
import secrets
import socket
import sys
import time
from collections.abc import Sequence

from django.conf import settings

from environment import BASE_DIR, env
from faceapp.embedded import postgres, redis
from faceapp.embedded.launch import launched
from faceapp.embedded.supervision import Program, StackError, Supervisor
from vision import gathering_worker
from vision.engines.devices import PROCESSOR, DeviceError, ask, listed

READY_SECONDS = 300.0  # the first worker loads the models
AS_OWNER = {"FACEAPP_DATABASE_ROLE": "owner"}
# No banners: each line is one of the log. No system checks: `up` has made them, and they load every page.
CELERY = [sys.executable, "-m", "celery", "--app=faceapp", "--quiet", "--skip-checks"]


def programs(database: postgres.Postgres | None, *, devices: Sequence[str]) -> list[Program]:
    """Every program of the service, without Redis if REDIS_URL names another. `devices`: where networks run."""
    stores = []
    if database:
        stores.append(Program("postgres", "stores", database.command(), stop_signal="INT", stop_seconds=10))
    if settings.EMBEDDED_REDIS:
        stores.append(Program("redis", "stores", redis.command(settings.REDIS_SOCKET), stop_signal="TERM"))
    trainer = _celery_worker("trainer", ["training"], "--concurrency=1", "--pool=threads")
    maintenance = _celery_worker("maintenance", ["maintenance"], "--concurrency=3", "--pool=threads")
    beat = [*CELERY, "beat", f"--schedule={settings.VAR / 'beat-schedule'}", "--pidfile="]
    host = f"[{settings.WEB_BIND}]" if ":" in settings.WEB_BIND else settings.WEB_BIND
    web = [
        *[sys.executable, "-m", "gunicorn", "faceapp.wsgi", f"--bind={host}:{settings.WEB_PORT}"],
        *[f"--config=file:{BASE_DIR / 'faceapp' / 'web_server.py'}", "--preload", "--graceful-timeout=1"],
    ]
    return [
        *stores,
        *_workers(devices),
        # It erases, and makes search indexes: as the owner of the tables.
        Program("maintenance", "app", launched(maintenance, signal_name="QUIT", nice=5), "QUIT", environment=AS_OWNER),
        # The trainer runs one training at a time, each in a process of its own; it holds no models.
        Program("trainer", "app", launched(trainer, signal_name="QUIT", nice=10), stop_signal="QUIT"),
        Program("beat", "app", launched(beat, signal_name="TERM"), stop_signal="TERM"),
        Program("web", "app", launched(web, signal_name="TERM"), "TERM", environment=_turns(devices)),
    ]


def _workers(devices: Sequence[str]) -> list[Program]:
    """Worker children on the processor or, where images are gathered, one process of threads for each device.

    Workers have a lower priority than the web server, which has to answer under load. Where several children work on
    bulk images at a lower one, another is kept for callers who wait: a process cannot raise its priority again. On QUIT
    they give images back.
    """
    if _gathers(devices):
        return [_gathering_worker(device, number, devices) for number, device in enumerate(devices, start=1)]
    children = settings.WORKER_CHILDREN
    worker = _celery_worker("worker", settings.WORKER_QUEUES, f"--concurrency={children}")
    if children == 1:
        return [Program("worker", "app", launched(worker, signal_name="QUIT", nice=5), "QUIT")]
    express = _celery_worker("express", settings.EXPRESS_QUEUES, "--concurrency=1")
    return [
        Program("worker", "app", launched(worker, signal_name="QUIT", nice=10), "QUIT"),
        Program("express", "app", launched(express, signal_name="QUIT", nice=5), "QUIT"),
    ]


def _gathers(devices: Sequence[str]) -> bool:
    return bool(settings.BATCH_IMAGES) or devices[0] != PROCESSOR


def _turns(devices: Sequence[str]) -> dict[str, str]:
    """So many messages of one client that it can fill the batches, unless the environment says how many."""
    if not _gathers(devices) or env.int("FACEAPP_CLIENT_AT_ONCE", default=0):
        return {}
    return {"FACEAPP_CLIENT_AT_ONCE": str(2 * gathering_worker.threads() * len(devices))}


def _gathering_worker(device: str, number: int, devices: Sequence[str]) -> Program:
    name = "worker" if number == 1 else f"worker-{number}"
    options = [f"--concurrency={gathering_worker.threads()}", "--pool=threads"]
    command = launched(_celery_worker(name, settings.WORKER_QUEUES, *options), signal_name="QUIT", nice=5)
    return Program(name, "app", command, "QUIT", environment={"FACEAPP_DEVICE": device} | _turns(devices))


def _celery_worker(name: str, queues: list[str], *options: str) -> list[str]:
    return [
        *[*CELERY, "worker", f"--queues={','.join(queues)}", f"--hostname={name}-{secrets.token_hex(4)}@%h", *options],
        *["--without-gossip", "--without-mingle", "--without-heartbeat"],
    ]


def find_devices() -> list[str]:
    """The devices that DEVICE names, each tried. Raises StackError, which says what is wrong with one."""
    try:
        return [ask(name) for name in listed(settings.DEVICE)]
    except DeviceError as error:
        raise StackError(str(error)) from error


def address() -> str:
    """The URL of the service on this machine: by name, because passkeys belong to names and not to addresses."""
    local = {"127.0.0.1", "0.0.0.0", "::1", "::"}  # noqa: S104
    host = "localhost" if settings.WEB_BIND in local else settings.WEB_BIND
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.WEB_PORT}/"


def check_port_is_free() -> None:
    """Raise StackError if another program listens on the web server's port."""
    family = socket.AF_INET6 if ":" in settings.WEB_BIND else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.WEB_BIND, settings.WEB_PORT))
        except OSError as error:
            hint = f"Stop what uses it, or choose another, for example FACEAPP_PORT={settings.WEB_PORT + 1}."
            raise StackError(f"Port {settings.WEB_PORT} cannot be used: {error.strerror}. {hint}") from error


def wait_until_ready(supervisor: Supervisor) -> None:
    """Return when the web server reports that every part answers. Raises StackError if one fails or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        supervisor.check()
        status, answer = _ask_readiness()
        if status == http.client.OK:
            return
        if time.monotonic() > deadline:
            raise StackError(f"The service did not become ready: {answer}" + supervisor.tail("worker"))
        time.sleep(0.1)


def _ask_readiness() -> tuple[int, str]:
    """Status and text of /readyz; status 0 if nothing listens yet."""
    host = next((name for name in settings.ALLOWED_HOSTS if "*" not in name), "localhost").lstrip(".")
    url = address().removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(url, timeout=30)
    try:
        connection.request("GET", "/readyz", headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read(2000).decode(errors="replace")
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()
