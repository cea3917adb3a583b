"""Whether the service lives and whether it can work."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from errors import FaceAppError, Unavailable
from vision import inference
from vision.engines import engines
from vision.engines.weights import missing_message
from vision.tasks import ping

PING_SECONDS = 3.0


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """A welcome: JSON for programs, a page with the way to everything for browsers."""
    title = settings.SPECTACULAR_SETTINGS["TITLE"]
    if "text/html" in request.headers.get("Accept", ""):
        return render(request, "home.html", {"title": title})
    return JsonResponse({"message": f"Welcome to the {title} API", "docs": "/docs", "api": "/api/v1/"})


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The web process answers. Touches neither database nor queue."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Everything that screening needs is there; 503 names what is missing."""
    checks: dict[str, Callable[[], None]] = {
        "database": check_database,
        "queue": check_queue,
        "weights": check_weights,
    }
    report = {name: _outcome(check) for name, check in checks.items()}
    # Asked through the queue: one that hangs would hold this thread for as long as a publisher has patience.
    report["worker"] = _outcome(check_worker) if report["queue"] == "ok" else "Cannot be asked without the queue."
    is_ready = all(outcome == "ok" for outcome in report.values())
    body = {"status": "ready" if is_ready else "unavailable", "checks": report}
    response = JsonResponse(body, status=200 if is_ready else 503)
    if not is_ready:
        response["Retry-After"] = "5"
    return response


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except FaceAppError as error:
        return error.message
    return "ok"


def check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise Unavailable("The database does not answer.") from error


def check_queue() -> None:
    inference.queue_length("interactive")


def check_worker() -> None:
    """A worker takes a task and answers; one that is busy with a long image counts as soon as it is done."""
    try:
        with inference.queue_errors():
            ping.apply_async(expires=PING_SECONDS).get(timeout=PING_SECONDS)
    except inference.NO_ANSWER as error:
        raise Unavailable(f"No worker answered within {PING_SECONDS:.0f} seconds.") from error


def check_weights() -> None:
    missing = [name for alias in engines.aliases() for name in engines[alias].missing_weights()]
    if missing:
        raise Unavailable(missing_message(missing))
