"""What every answer, log line and access says of a request, and what none may say."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from celery.app import trace
from celery.worker.consumer import consumer
from django.core.exceptions import PermissionDenied
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory
from django.utils.log import log_response
from gunicorn.config import Config
from pytest_django.fixtures import Settings

from clients.models import Client
from clients.services import create_api_key, make_path_token
from faceapp.access import FACTS, AccessLogger
from faceapp.log_lines import JsonFormatter, OriginFilter, TextFormatter
from faceapp.quiet_logs import KeyFilter, WithoutPayload
from telemetry.request_ids import request_id
from vision.tests.drawing import RED, data_url, picture

pytestmark = pytest.mark.django_db
EMBEDDING = "[0.123456, -0.654321"


def line(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """`record` as the console shows it."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter)
    for condition in (WithoutPayload(), KeyFilter(), OriginFilter()):
        handler.addFilter(condition)
    handler.handle(record)
    return str(handler.stream.getvalue())


def record(message: str, *args: Any, name: str = "a", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


# ---- the id -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/nowhere", "/api/v1/nowhere", "/api/v1/people/", "/admin/login/", "/search", "/static/x"]
)
def test_every_answer_has_the_id_of_its_request(path: str) -> None:
    assert Browser().get(path, headers={"X-Request-ID": "of-caller:1"}).headers["X-Request-ID"] == "of-caller:1"
    made = {Browser().get(path, headers={"X-Request-ID": "of caller"}).headers["X-Request-ID"] for _ in range(2)}
    assert len(made) == 2 and all(len(one) == 32 for one in made)


def test_refusals_before_any_view_have_it_too(settings: Settings) -> None:
    headers = {"X-Request-ID": "r1"}
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    too_large = Browser().post("/api/v1/detect/", b"x" * 100, "application/json", headers=headers)
    foreign = Browser().get("/healthz", headers=headers | {"Host": "scanner.example"})
    assert [(answer.status_code, answer["X-Request-ID"]) for answer in (too_large, foreign)] == [
        (413, "r1"),
        (400, "r1"),
    ]


def test_lines_of_a_request_have_its_id_and_later_ones_do_not() -> None:
    formatter, lines = JsonFormatter(), []
    handler = logging.Handler()
    handler.addFilter(OriginFilter())
    handler.emit = lambda one: lines.append(json.loads(formatter.format(one)))  # type: ignore[method-assign]
    logging.getLogger("django.request").addHandler(handler)
    try:
        Browser().get("/nowhere", headers={"X-Request-ID": "r2"})
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert [(one["message"], one["request_id"]) for one in lines] == [("Not Found: /nowhere", "r2")]
    assert request_id.get() == ""


# ---- lines ------------------------------------------------------------------------------------------------------
def test_a_line_of_json_has_what_is_known() -> None:
    token = request_id.set("r3")
    try:
        raise_here = record("A %s happened", "thing", name="people.health")
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            raise_here.exc_info = sys.exc_info()
        found = json.loads(line(raise_here, JsonFormatter()))
    finally:
        request_id.reset(token)
    assert datetime.fromisoformat(found.pop("time")).utcoffset() == timedelta(0)
    assert found.pop("exception").endswith("ZeroDivisionError: division by zero")
    assert found == {"level": "INFO", "logger": "people.health", "message": "A thing happened", "request_id": "r3"}


def test_a_line_is_one_line_and_keeps_to_itself_what_libraries_attach() -> None:
    shown = line(record("one\ntwo", request=RequestFactory().get("/x?name=Jane"), status_code=404), JsonFormatter())
    assert shown.count("\n") == 1 and shown.endswith("\n")
    assert set(json.loads(shown)) == {"time", "level", "logger", "message"}
    assert "Jane" not in shown


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_no_result_and_no_argument_of_a_task_is_logged(formatter: logging.Formatter) -> None:
    context = {
        "id": "t1",
        "name": "vision.tasks.analyse_image",
        "runtime": 0.5,
        "return_value": f"{{'faces': {EMBEDDING}]",
        "args": EMBEDDING,
        "kwargs": EMBEDDING,
    }
    shown = line(record(trace.LOG_SUCCESS, context, name="celery.app.trace", data=context), formatter)
    assert "Task vision.tasks.analyse_image[t1] succeeded in 0.5s" in shown and EMBEDDING not in shown
    for message, values in (
        (consumer.UNKNOWN_TASK_ERROR, ["a.task", *[EMBEDDING] * 3]),
        (consumer.UNKNOWN_FORMAT, [EMBEDDING]),
        (consumer.INVALID_TASK_ERROR, [EMBEDDING] * 2),
        (consumer.MESSAGE_DECODE_ERROR, [EMBEDDING] * 5),
    ):
        shown = line(record(message, *values), formatter)
        assert "discarded" in shown or "deleted" in shown
        assert EMBEDDING not in shown


def test_celery_itself_logs_results_by_these_very_messages() -> None:
    """If a version of Celery logs otherwise, the filter must follow."""
    assert "%(return_value)s" in trace.LOG_SUCCESS
    names = ("LOG_RECEIVED", "LOG_FAILURE", "LOG_INTERNAL_ERROR", "LOG_IGNORED", "LOG_REJECTED", "LOG_RETRY")
    assert not [name for name in names if "return_value" in getattr(trace, name) or "args" in getattr(trace, name)]


# ---- accesses ---------------------------------------------------------------------------------------------------
@pytest.fixture
def access(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sends a request through the application as gunicorn does; returns its line of the access log."""
    from faceapp.wsgi import application

    settings.LOG_FORMAT = "json"
    config, output = Config(), io.StringIO()
    config.set("accesslog", "-")
    monkeypatch.setattr(sys, "stdout", output)
    logger = AccessLogger(config)

    def send(method: str, path: str, **options: Any) -> dict[str, Any]:
        environ = RequestFactory(raise_request_exception=False).generic(method, path, **options).environ  # type: ignore[attr-defined]
        environ["RAW_URI"] = path
        answer = SimpleNamespace(status="", sent=0, headers=[])

        def start(status: str, headers: Any, exc: Any = None) -> None:
            answer.status = status

        parts = application(environ, start)
        answer.sent = len(b"".join(parts))
        output.truncate(output.seek(0))
        logger.access(answer, SimpleNamespace(headers=[]), environ, timedelta(milliseconds=12.34))
        return dict(json.loads(output.getvalue()))

    signals = (request_started, request_finished)  # which would end the transaction of the test
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield send
    for signal in signals:
        signal.connect(close_old_connections)


def test_an_access_names_route_key_and_client_by_number(access: Any, client_a: Client) -> None:
    row, key = create_api_key(client_name=client_a.name)
    headers = {"X-API-Key": key, "X-Request-ID": "r4", "Referer": "http://x/?name=Jane", "User-Agent": "Jane's"}
    found = access("GET", "/api/v1/people/?search=Jane", headers=headers)
    assert datetime.fromisoformat(found.pop("time")) <= datetime.now(UTC)
    assert found.pop("bytes") > 0
    assert found == {
        "level": "INFO",
        "logger": "gunicorn.access",
        "message": "GET /api/v1/people/ 200",
        "request_id": "r4",
        "method": "GET",
        "path": "/api/v1/people/",
        "route": "people-list",
        "status": 200,
        "milliseconds": 12.3,
        "address": "127.0.0.1",
        "key": row.prefix,
        "client": client_a.pk,
    }


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/v1/galleries/Müller/", "/api/v1/galleries/-/"),
        ("/api/v1/galleries/Jane Doe/health", "/api/v1/galleries/-/health"),
        ("/api/v1/people/17/", "/api/v1/people/17/"),
        ("/api/v1/nowhere%0a2026 forged", "/api/v1/nowhere\\n2026 forged"),
        ("/api/v1/jobs/0e8f9c1e-5f64-4d7e-8b8e-2b6f6d6a7c11/", "/api/v1/jobs/0e8f9c1e-5f64-4d7e-8b8e-2b6f6d6a7c11/"),
    ],
)
def test_names_in_paths_are_hidden(access: Any, client_a: Client, path: str, shown: str) -> None:
    key = create_api_key(client_name=client_a.name)[1]
    assert access("GET", path, headers={"X-API-Key": key})["path"] == shown


@pytest.mark.parametrize("name", ["Jane", "Jane Doe", "Müller"])
def test_names_in_the_paths_that_django_logs_are_hidden(name: str, caplog: pytest.LogCaptureFixture) -> None:
    Browser().get(f"/api/v1/galleries/{quote(name)}/")
    [one] = [one for one in caplog.records if one.name == "django.request"]
    assert "Unauthorized: /api/v1/galleries/-/" in line(one, TextFormatter())


def test_a_path_token_is_hidden(access: Any, client_a: Client) -> None:
    row = create_api_key(client_name=client_a.name)[0]
    token = make_path_token(key=row)
    body = json.dumps({"image": data_url(picture(RED))})
    found = access("POST", f"/k/{token}/search", data=body, content_type="application/json")
    assert (found["path"], found["key"], found["client"]) == ("/k/-/search", row.prefix, client_a.pk)
    assert token not in str(found)
    assert token not in str(access("GET", f"/k/{token}/nowhere"))


def test_an_error_of_the_server_itself_is_logged_without_the_query() -> None:
    logger = AccessLogger(Config())
    shown: list[logging.LogRecord] = []
    logger.error_log.addFilter(lambda one: bool(shown.append(one)) or True)
    try:
        logger.exception("Error handling request %s %s", "GET", "/api/v1/people/?search=Jane")
    finally:
        logger.error_log.filters.clear()
    assert shown[0].getMessage() == "Error handling request GET /api/v1/people/"


def test_a_request_that_did_not_reach_the_application_is_logged(settings: Settings) -> None:
    config = Config()
    config.set("accesslog", "-")
    logger = AccessLogger(config)
    shown: list[logging.LogRecord] = []
    logger.access_log.addFilter(lambda one: bool(shown.append(one)) or True)
    try:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/k/secret/x", "REMOTE_ADDR": "10.0.0.1"}
        logger.access(SimpleNamespace(status="400 Bad Request"), None, environ, timedelta())
    finally:
        logger.access_log.filters.clear()
    text = line(shown[0], TextFormatter())
    assert "GET /k/-/x 400" in text and "address=10.0.0.1" in text and "secret" not in text


# ---- what is not worth a line -----------------------------------------------------------------------------------
def test_a_refused_page_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise PermissionDenied

    for status, has_traceback in ((403, False), (500, True)):
        try:
            refuse()
        except PermissionDenied as error:
            answer, request = HttpResponse(status=status), RequestFactory().get("/admin/people/person/")
            log_response("An answer: %s", request.path, response=answer, request=request, exception=error)
        assert bool(caplog.records[-1].exc_info) is has_traceback


def test_a_service_that_is_not_ready_says_so_to_whoever_asks_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceapp.health.probe", SimpleNamespace(report=lambda: {"database": "down", "queue": "ok"}))
    assert Browser().get("/readyz").status_code == 503
    assert [one for one in caplog.records if one.name == "django.request"] == []


def test_static_files_are_logged_only_if_they_are_missing() -> None:
    config = Config()
    config.set("accesslog", "-")
    logger = AccessLogger(config)
    shown: list[logging.LogRecord] = []
    logger.access_log.addFilter(lambda one: bool(shown.append(one)) or True)
    try:
        for status in ("200 OK", "304 Not Modified", "404 Not Found"):
            environ = {"REQUEST_METHOD": "GET", FACTS: {"path": "/static/x.css", "route": "static"}}
            logger.access(SimpleNamespace(status=status), None, environ, timedelta())
    finally:
        logger.access_log.filters.clear()
    assert [one.getMessage() for one in shown] == ["GET /static/x.css 404"]
