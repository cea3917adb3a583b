"""Keys as a part of the address: `/k/<token>/…` before the native API and every dialect."""

from __future__ import annotations

import logging
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients import services
from clients.exceptions import InactiveClient, RevokedKey
from clients.models import ApiKey, Client
from faceapp.middleware import ApiPathTokens
from vision.tests.drawing import RED, data_url, picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_flush")]
KEYS = "/admin/clients/apikey/"
CALLS: list[tuple[str, str, Any]] = [  # method, path, JSON body
    ("get", "/api/v1/people/", None),
    ("get", "/api/v1/blacklist", None),
    ("get", "/api/v1/albums/", None),
    ("post", "/api/v1/people/search", {"image": data_url(picture(RED))}),
    ("post", "/search", {"image": data_url(picture(RED))}),
    ("post", "/ekyc/search", {"image": data_url(picture(RED))}),
    ("post", "//search/", {"image": data_url(picture(RED))}),
    ("post", "/api/v2/search", {"images": []}),
    ("post", "/remove", {"people_id": "u1"}),
    ("get", "/open", None),
    ("get", "/nextcloud/open/", None),
    ("get", "/api/v1/images", None),
]
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")


@pytest.fixture
def row(client_a: Client) -> ApiKey:
    return services.create_api_key(client_name=client_a.name, scopes=["all", "nextcloud"])[0]


@pytest.fixture
def token(row: ApiKey) -> str:
    return services.make_path_token(key=row)


def send(call: tuple[str, str, Any], token: str, **headers: str) -> Any:
    method, path, body = call
    api = APIClient(headers=headers)
    address = f"http://testserver/k/{token}{path}"
    return api.get(address) if method == "get" else api.post(address, body, format="json")


# ---- what it opens ----------------------------------------------------------------------------------------------
@every_call
def test_a_token_opens_every_door_of_the_api(token: str, call: tuple[str, str, Any]) -> None:
    response = send(call, token)
    assert response.status_code == 200, response.content
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]


@every_call
def test_a_wrong_token_opens_nothing(row: ApiKey, token: str, call: tuple[str, str, Any]) -> None:
    row.refresh_from_db()
    for wrong in ("nonsense", "%00", "a" * 5000, "%ED%A0%80", token[:-1], row.prefix, row.path_token_hash):
        assert send(call, wrong).status_code == 401


def test_an_empty_token_is_none(client_a: Client) -> None:
    services.create_api_key(client_name=client_a.name)  # has no token, and so an empty hash
    for call in CALLS:
        answer = send(call, "")  # FaceHash, which is at the root, refuses with 200; the welcome needs no key
        said = answer.content.decode()
        assert answer.status_code in {401, 404} or "API_KEY is invalid" in said or "Welcome" in said


def test_a_wrong_token_is_not_rescued_by_a_key(client_a: Client) -> None:
    key = services.create_api_key(client_name=client_a.name)[1]
    for call in CALLS:
        assert send(call, "nonsense", **{"X-API-Key": key}).status_code == 401


def test_a_wrong_token_is_not_rescued_by_anonymous_access(settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "anybody"
    assert APIClient().get(CALLS[0][1]).status_code == 200
    assert send(CALLS[0], "nonsense").status_code == 401


def test_a_key_itself_is_no_token(client_a: Client) -> None:
    key = services.create_api_key(client_name=client_a.name)[1]
    assert send(CALLS[0], key).status_code == 401


def test_many_wrong_tokens_are_told_to_wait(token: str, settings: Settings) -> None:
    settings.FAILED_KEY_LIMIT = "2/day"
    people, search = CALLS[0], CALLS[4]
    assert [send(call, "nonsense").status_code for call in (people, search, search)] == [401, 401, 429]
    assert send(search, token).status_code == 200


def test_a_token_has_its_keys_scopes_and_client(client_a: Client, client_b: Client) -> None:
    row, _ = services.create_api_key(client_name=client_b.name, scopes=["people:search"])
    token = services.make_path_token(key=row)
    response = send(("get", "/api/v1/people/", None), token)
    assert (response.status_code, response.json()["code"]) == (403, "auth.missing_scope")
    assert send(("post", "/remove", {"people_id": "u1"}), token).status_code == 403
    assert send(("get", "/api/v1/images", None), token).status_code == 403
    assert send(("post", "/search", {"image": data_url(picture(RED))}), token).status_code == 200
    row.refresh_from_db()
    assert row.last_used_at is not None


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/healthz", "/docs", "/k/x/search", "/nowhere"])
def test_nothing_but_the_api_is_behind_it(token: str, path: str) -> None:
    assert Browser().get(f"/k/{token}{path}").status_code == 404


# ---- its life ---------------------------------------------------------------------------------------------------
def test_a_token_is_stored_hashed(row: ApiKey, token: str) -> None:
    stored = ApiKey.objects.values_list()[0]
    assert len(token) >= 43 and all(token not in str(value) for value in stored)
    assert not hasattr(row, "path_token")


def test_a_new_token_ends_the_earlier_one(row: ApiKey, token: str) -> None:
    second = services.make_path_token(key=row)
    assert [send(CALLS[0], text).status_code for text in (token, second)] == [401, 200]
    services.withdraw_path_token(key=row)
    assert send(CALLS[0], second).status_code == 401


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked": True}, "auth.revoked_key"),
        ({"expiry_date": timezone.now() - timedelta(seconds=1)}, "auth.expired_key"),
    ],
)
def test_a_token_ends_with_its_key(token: str, change: dict[str, Any], code: str) -> None:
    ApiKey.objects.update(**change)
    response = send(CALLS[0], token)
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert send(CALLS[4], token).json()["code"] == code


def test_no_token_for_keys_that_open_nothing(row: ApiKey) -> None:
    earlier = services.make_path_token(key=row)
    Client.objects.update(is_active=False)
    assert send(CALLS[0], earlier).json()["code"] == "auth.inactive_client"
    with pytest.raises(InactiveClient):
        services.make_path_token(key=ApiKey.objects.get())
    services.revoke_api_key(key=row)
    with pytest.raises(RevokedKey):
        services.make_path_token(key=row)


# ---- where it is shown, and where not ---------------------------------------------------------------------------
def test_the_command_shows_it_once_on_a_line_of_its_own() -> None:
    out, err = StringIO(), StringIO()
    call_command("create_api_key", "shop", "--scopes", "all", "--path-token", stdout=out, stderr=err)
    key, path = out.getvalue().splitlines()
    assert ApiKey.objects.get().is_valid(key) and path.startswith("/k/")
    assert path not in err.getvalue()
    assert APIClient().get(f"{path}/api/v1/people/").status_code == 200


def test_the_command_makes_no_token_for_nobody() -> None:
    Client.objects.create(name="shop", is_active=False)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("create_api_key", "shop", "--scopes", "all", "--path-token", stdout=out, stderr=StringIO())
    assert out.getvalue() == "" and not ApiKey.objects.exists()


def act(browser: Browser, action: str) -> str:
    """The page after an action on every key."""
    chosen = [str(pk) for pk in ApiKey.objects.values_list("pk", flat=True)]
    sent = {"action": action, "_selected_action": chosen, "confirmed": "yes"}
    return browser.post(KEYS, sent, follow=True).content.decode()


def test_the_admin_shows_it_once(row: ApiKey) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    token = act(browser, "make_path_token").partition(">/k/")[2].partition("</code>")[0]
    assert send(CALLS[0], token).status_code == 200
    row.refresh_from_db()
    for path in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}{row.pk}/history/"):
        later = browser.get(path, follow=True).content.decode()
        assert token not in later and row.path_token_hash not in later
    assert "withdrawn" in act(browser, "withdraw_path_token")
    assert send(CALLS[0], token).status_code == 401
    services.revoke_api_key(key=row)
    assert "The key has been revoked." in act(browser, "make_path_token")


def test_no_log_of_django_has_it(token: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in ("/nowhere", "/admin/", "/api/v1/people/999999/", "/api/v1/nowhere", "/search"):
        Browser().get(f"/k/{token}{path}", headers={"Host": "testserver"})
        Browser().get(f"/k/{token}{path}", headers={"Host": "elsewhere.example"})
        answer = Browser().get(f"/k/{token}{path}", headers={"Referer": f"http://testserver/k/{token}/docs"})
        assert token not in answer.content.decode() + str(answer.headers)
    Browser(raise_request_exception=False).get(f"/k/wrong-{token}/api/v1/people/")
    assert "/k/-/nowhere" in caplog.text and token not in caplog.text
    assert not any(token in str(vars(record).get("args")) for record in caplog.records)


@pytest.mark.parametrize("prefix", ["/k/", "//k//", "/%6B/"])
def test_the_access_log_gets_the_address_without_it(prefix: str) -> None:
    environment = {"RAW_URI": f"{prefix}secret/search?q=1", "HTTP_REFERER": "http://x/k/secret/docs"}
    request = RequestFactory().get(f"http://testserver{prefix}secret/search", {"q": "1"}, **environment)  # type: ignore[arg-type]

    def view(request: HttpRequest) -> HttpResponse:
        assert (request.path_info, request.path) == ("/search", "/search")
        return HttpResponse()

    ApiPathTokens(view)(request)
    assert request.environ["RAW_URI"] == "/k/-/search?q=1"  # type: ignore[attr-defined]
    assert not any("secret" in str(value) for value in request.environ.values())  # type: ignore[attr-defined]


def test_the_welcome_is_served_behind_a_token_and_is_no_page(client_a: Client) -> None:
    token = services.make_path_token(key=services.create_api_key(client_name=client_a.name)[0])
    for path in (f"/k/{token}/", f"/k/{token}"):
        for accept in ("*/*", "text/html"):
            answer = Browser().get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()["api"]) == (200, "/api/v1/")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
