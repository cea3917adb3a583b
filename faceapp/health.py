"""Whether the service is alive and whether it can work."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from django.conf import settings
from django.db import DatabaseError, Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clients.middleware import path_token_of
from console.views import start
from errors import FaceAppError, Unavailable
from faceapp import row_security
from telemetry.models import RecurringTask
from vault import master
from vision import inference
from vision.dispatch import queue_errors
from vision.engines import engines
from vision.engines.weights import missing_message
from vision.tasks import ping
from work.queues import INTERACTIVE, queue_length

PING_SECONDS = 3.0
STALE_SECONDS = 10.0  # longer than a probe takes

Report = dict[str, str]  # "ok" or what is wrong, by the name of the part; or times, by the name of the task


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A welcome: the console's first page for browsers, JSON for programs."""
    if "text/html" in request.headers.get("Accept", "") and path_token_of(request) is None:
        return start(request)
    title = settings.SPECTACULAR_SETTINGS["TITLE"]
    return JsonResponse({"message": f"Welcome to the {title} API", "docs": "/docs", "api": "/api/v1/"})


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The web process answers. Touches neither database nor queue."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Everything that screening needs is there; otherwise 503, and the body names what is missing.

    `last_purge` has no part in that: when each purge last ended well, empty if the database does not answer.
    """
    report = probe.report()
    is_ready = all(outcome == "ok" for outcome in report.values())
    last_purge = purges.report() if report["database"] == "ok" else {}
    body = {"status": "ready" if is_ready else "unavailable", "checks": report, "last_purge": last_purge}
    response = JsonResponse(body, status=200 if is_ready else 503)
    if not is_ready:
        response["Retry-After"] = "5"
    return response


class Probe:
    """Repeats the last report for `READY_SECONDS`, and makes a new one in one thread at a time.

    Anyone may call `/readyz`, and each probe sends a task to a worker and may take seconds. While one runs, other
    threads answer with the report before it, unless that is older than `STALE_SECONDS`; then they wait.
    """

    def __init__(self, make: Callable[[], Report]) -> None:
        self._make, self._running = make, Lock()
        self._made_at, self._last = -STALE_SECONDS, Report()

    def report(self) -> Report:
        if self._age() < settings.READY_SECONDS:
            return self._last
        if not self._running.acquire(blocking=self._age() >= STALE_SECONDS):
            return self._last
        try:
            if self._age() >= settings.READY_SECONDS:  # otherwise another thread made one while this one waited
                self._last = self._make()
                self._made_at = time.monotonic()
            return self._last
        finally:
            self._running.release()

    def _age(self) -> float:
        return time.monotonic() - self._made_at


def check_all() -> Report:
    report = {
        "database": _outcome(check_database),
        "queue": _outcome(check_queue),
        "master_key": _outcome(check_master_key),
        "weights": _outcome(check_weights),
    }
    # The worker is asked through the queue: a queue that hangs would hold this thread until the publisher gives up.
    report["worker"] = _outcome(check_worker) if report["queue"] == "ok" else "Cannot be asked without the queue."
    return report


def last_purges() -> Report:
    """The time (ISO 8601, UTC) of the last success of each purge, by the name of its task."""
    try:
        done = RecurringTask.objects.filter(name__endswith=".purge").exclude(succeeded_at=None)
        return {task.name: task.succeeded_at.isoformat(timespec="seconds") for task in done if task.succeeded_at}
    except Error:
        return {}


probe, purges = Probe(check_all), Probe(last_purges)


def readiness() -> Report:
    """What `/readyz` says of each part: "ok", or what is wrong."""
    return probe.report()


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except FaceAppError as error:
        return error.message
    return "ok"


def check_database() -> None:
    try:
        missing = row_security.gaps(connection)
    except DatabaseError as error:
        raise Unavailable("The database does not answer.") from error
    if missing:
        raise Unavailable("The database does not keep clients apart. Run: manage.py check --database default")


def check_master_key() -> None:
    try:
        master.require()
    except DatabaseError as error:
        raise Unavailable("Cannot be checked without the database.") from error


def check_queue() -> None:
    queue_length(INTERACTIVE)


def check_worker() -> None:
    """A worker takes a task and answers. A worker that is busy counts if it is done in time."""
    try:
        with queue_errors():
            ping.apply_async(expires=PING_SECONDS).get(timeout=PING_SECONDS)
    except inference.NO_ANSWER as error:
        raise Unavailable(f"No worker answered within {PING_SECONDS:.0f} seconds.") from error


def check_weights() -> None:
    missing = [name for alias in engines.aliases() for name in engines[alias].missing_weights()]
    if missing:
        raise Unavailable(missing_message(missing))
