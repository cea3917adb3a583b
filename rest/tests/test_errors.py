import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients import services
from clients.models import Client
from rest.tests.error_urls import SECRET

pytestmark = [pytest.mark.urls("rest.tests.error_urls")]
with_clients = pytest.mark.urls("clients.tests.urls")


@pytest.fixture
def api() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.fixture
def database_down(transactional_db: None) -> Iterator[None]:
    """A connection that finds no server."""
    connection.close()
    host = connection.settings_dict["HOST"]
    connection.settings_dict["HOST"] = "/nonexistent"
    yield
    connection.close()
    connection.settings_dict["HOST"] = host


@pytest.fixture
def redis_down(settings: Settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nonexistent/redis.sock"}}
    settings.RATE_LIMIT = "60/min"


@pytest.fixture
def redis_stuck(settings: Settings) -> Iterator[None]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        options = dict.fromkeys(settings.CACHES["default"]["OPTIONS"], 0.2)
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url, "OPTIONS": options}}
        settings.RATE_LIMIT = "60/min"
        yield


@pytest.mark.parametrize(
    ("kind", "status", "code", "detail"),
    [
        ("invalid", 400, "image.missing", "Send an image."),
        ("unprocessable", 422, "engine.unknown", "No such model."),
        ("missing", 404, "not_found", "No such entry."),
        ("conflict", 409, "conflict", "The name is taken."),
        ("unavailable", 503, "engine.timeout", "No worker answers."),
        ("http404", 404, "not_found", "Not found."),
        ("forbidden", 403, "permission_denied", "You do not have permission to do this."),
        ("drf403", 403, "permission_denied", "You do not have permission to perform this action."),
        ("suspicious", 400, "request.refused", "The request cannot be accepted."),
        ("throttled", 429, "rate_limited", "Request was throttled. Expected available in 7 seconds."),
        ("broker", 503, "queue.unavailable", "The queue does not answer. Try again shortly."),
        ("redis", 503, "queue.unavailable", "The queue does not answer. Try again shortly."),
        ("disk", 503, "storage.full", "The storage is full. Nothing was kept."),
        ("unnamed", 500, "internal", "Internal error."),
        ("bug", 500, "internal", "Internal error."),
    ],
)
def test_every_error_has_its_status_and_the_same_shape(
    api: APIClient, kind: str, status: int, code: str, detail: str
) -> None:
    response = api.get(f"/api/fail/{kind}/")
    assert (response.status_code, response.json()) == (status, {"detail": detail, "code": code})
    assert ("Retry-After" in response.headers) == (status in {429, 503})


def test_throttling_says_how_long_to_wait(api: APIClient) -> None:
    assert api.get("/api/fail/throttled/")["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("send", "status", "code"),
    [
        ({"method": "put", "path": "/api/entries/"}, 405, "method_not_allowed"),
        ({"method": "post", "path": "/api/entries/", "content_type": "text/csv"}, 415, "unsupported_media_type"),
        ({"method": "get", "path": "/api/entries/", "headers": {"Accept": "image/png"}}, 406, "not_acceptable"),
        ({"method": "get", "path": "/api/nothing/here"}, 404, "not_found"),
    ],
)
def test_requests_that_no_view_takes(api: APIClient, send: dict[str, Any], status: int, code: str) -> None:
    method, path = send.pop("method"), send.pop("path")
    response = getattr(api, method)(path, **({"data": "x"} if method == "post" else {}), **send)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert isinstance(response.json()["detail"], str)


# ---- validation -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("required", ["body", "name"], "This field is required.")]),
        ({"name": "whole"}, [("misfit", ["body"], "The whole does not fit.")]),
        (
            {"name": "toolong", "sizes": [1, "x", 2, None]},
            [
                ("max_length", ["body", "name"], "Ensure this field has no more than 5 characters."),
                ("invalid", ["body", "sizes", 1], "A valid integer is required."),
                ("null", ["body", "sizes", 3], "This field may not be null."),
            ],
        ),
        (
            {"name": "ok", "items": [{"name": "ok"}, {"name": "long"}, {}]},
            [
                ("max_length", ["body", "items", 1, "name"], "Ensure this field has no more than 3 characters."),
                ("required", ["body", "items", 2, "name"], "This field is required."),
            ],
        ),
        (
            {"name": "ok", "items": "x"},
            [("not_a_list", ["body", "items"], 'Expected a list of items but got type "str".')],
        ),
        ([], [("invalid", ["body"], "Invalid data. Expected a dictionary, but got list.")]),
    ],
)
def test_mistakes_are_listed_with_their_places(api: APIClient, body: Any, expected: list[tuple[Any, ...]]) -> None:
    response = api.post("/api/entries/", body, format="json")
    assert response.status_code == 422
    items = [dict(zip(("type", "loc", "msg"), item, strict=True)) for item in expected]
    assert response.json() == {"detail": items, "code": "validation_error"}


@pytest.mark.parametrize(("path", "loc"), [("", ["query", "limit"]), ("abc/", ["path", "number"])])
def test_mistakes_outside_the_body_say_where(api: APIClient, path: str, loc: list[str]) -> None:
    assert api.get(f"/api/entries/{path}").json()["detail"][0]["loc"] == loc


@pytest.mark.parametrize("body", ["{", "", "[" * 60_000, b"\xff\xfe", '{"name": NaN}', "1" * 5000])
def test_a_body_that_is_not_json_is_unprocessable(api: APIClient, body: str | bytes) -> None:
    response = api.post("/api/entries/", body, content_type="application/json")
    assert response.status_code == 422
    if body != "":
        assert response.json()["code"] == "bad_body"
        assert response.json()["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize("name", ["nul\0", "\ud800"])
def test_characters_that_no_database_stores_are_mistakes(api: APIClient, name: str) -> None:
    response = api.post("/api/entries/", json.dumps({"name": name}), content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")


def test_a_broken_upload_is_unprocessable(api: APIClient) -> None:
    response = api.post("/api/entries/", b"--x\r\nbroken", content_type="multipart/form-data")
    assert (response.status_code, response.json()["code"]) == (422, "bad_body")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_above_the_limit_is_refused_unread(api: APIClient, settings: Settings, content_type: str) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = api.post("/api/entries/", b"{" + b" " * 100, content_type=content_type)
    assert (response.status_code, response.json()["code"]) == (413, "request.too_large")


def test_too_many_files_are_refused(api: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    files = [SimpleUploadedFile(f"{number}.jpg", b"x") for number in range(2)]
    response = api.post("/api/entries/", {"name": "x", "images": files}, format="multipart")
    assert (response.status_code, response.json()["code"]) == (413, "request.too_many_files")


# ---- parts that do not answer -----------------------------------------------------------------------------------
def test_a_database_that_is_down(api: APIClient, database_down: None) -> None:
    response = api.get("/api/fail/database/")
    assert (response.status_code, response.json()["code"]) == (503, "database.unavailable")
    assert response["Retry-After"] == "5"


@with_clients
def test_a_database_that_is_down_while_a_key_is_read(api: APIClient, database_down: None) -> None:
    response = api.get("/api/notes/", headers={"X-API-Key": "abcdefgh.x"})
    assert (response.status_code, response.json()["code"]) == (503, "database.unavailable")


@pytest.mark.parametrize("path", ["/api/who/", "/who/"])
def test_a_database_that_is_down_while_a_session_is_read(transactional_db: None, api: APIClient, path: str) -> None:
    api.force_login(User.objects.create_user("ann"))
    assert api.get(path).content == b"ann"
    host = connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict["HOST"] = "/nonexistent"
    try:
        response = api.get(path)
    finally:
        connection.close()
        connection.settings_dict["HOST"] = host
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert b"The database does not answer" in response.content and b"nonexistent" not in response.content


@with_clients
@pytest.mark.django_db
@pytest.mark.parametrize("outage", ["redis_down", "redis_stuck"])
def test_what_needs_no_queue_is_answered_while_redis_is_away(
    api: APIClient, client_a: Client, outage: str, request: pytest.FixtureRequest
) -> None:
    _, key = services.create_api_key(client_name=client_a.name)
    request.getfixturevalue(outage)
    assert api.get("/api/notes/", headers={"X-API-Key": key}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["disk", "bug", "unavailable"])
def test_an_error_inside_a_transaction_takes_it_back(api: APIClient, kind: str, settings: Settings) -> None:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert api.post(f"/api/store/{kind}/").status_code >= 500
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert not Client.objects.exists()


# ---- mistakes of ours -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/api/fail/bug/", "/api/fail/unnamed/"])
def test_an_unexpected_error_is_logged_without_what_the_caller_sent(
    api: APIClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    api.get(path)
    assert "error_urls.py" in caplog.text and ("KeyError" in caplog.text or "FaceAppError" in caplog.text)
    assert SECRET not in caplog.text


def test_an_unexpected_error_reaches_the_tests_of_others() -> None:
    with pytest.raises(KeyError):
        APIClient().get("/api/fail/bug/")


def test_errors_outside_the_rest_framework_are_json_below_api_only(api: APIClient) -> None:
    response = api.get("/api/plain/bug/")
    assert (response.status_code, response.json()) == (500, {"detail": "Internal error.", "code": "internal"})
    page = api.get("/plain/bug/")
    assert page.status_code == 500 and page["Content-Type"].startswith("text/html")
    assert SECRET not in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("http404", 404, "not_found"),
        ("forbidden", 403, "permission_denied"),
        ("suspicious", 400, "request.refused"),
        ("broker", 503, "queue.unavailable"),
        ("disk", 503, "storage.full"),
        ("conflict", 409, "conflict"),
    ],
)
def test_plain_views_below_api_answer_alike(api: APIClient, kind: str, status: int, code: str) -> None:
    response = api.get(f"/api/plain/{kind}/")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert SECRET not in response.content.decode()
    assert api.get(f"/plain/{kind}/").headers["Content-Type"].startswith("text/")


def test_a_foreign_host_is_refused_in_json_below_api(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["faces.test"]
    response = Browser().get("/api/who/", headers={"Host": "evil.test"})
    assert (response.status_code, response.json()["code"]) == (400, "request.refused")
    assert "evil" not in response.content.decode()


def test_the_cache_gives_up_on_redis_after_seconds(settings: Settings) -> None:
    connection_options = cache._cache.get_client().connection_pool.connection_kwargs
    assert connection_options["socket_timeout"] == connection_options["socket_connect_timeout"] == 3
