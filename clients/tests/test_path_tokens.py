"""Keys as a part of the address: they open what the key opens, and nobody writes them down."""

from __future__ import annotations

import logging
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from django.test import RequestFactory
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients import services
from clients.exceptions import InactiveClient, RevokedKey
from clients.middleware import PathTokenMiddleware
from clients.models import ApiKey, Client
from faceapp.tests.live_stack import LiveStack

pytestmark = pytest.mark.django_db
LIST = "api/v1/people/"


@pytest.fixture
def row(client_a: Client) -> ApiKey:
    return services.create_api_key(client_name=client_a.name, scopes=["people:read"])[0]


@pytest.fixture
def token(row: ApiKey) -> str:
    return services.make_path_token(key=row)


def test_token_opens_what_its_key_opens(token: str, client_a: Client) -> None:
    api = APIClient()
    assert api.get(f"/k/{token}/{LIST}").status_code == 200
    assert api.get(f"/k//{token}//{LIST}").status_code == 200
    refused = api.post(f"/k/{token}/remove", {"people_id": "u1"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.missing_scope")
    assert api.get(f"/k/{token}/open").json()["code"] == "auth.missing_scope"


def test_every_dialect_takes_tokens(client_a: Client) -> None:
    token = services.make_path_token(key=services.create_api_key(client_name=client_a.name)[0])
    paths = ("api/v1/images", "open", "nextcloud/open", "api/v1/jobs/")
    statuses = [[APIClient().get(f"/k/{text}/{path}").status_code for path in paths] for text in (token, "wrong")]
    assert statuses == [[200] * 4, [401] * 4]
    for path in ("", "/", "/train"):  # FaceHash refuses with 200
        answers = [APIClient().post(f"/k/{text}{path}").json() for text in (token, "wrong")]
        assert ["API_KEY is invalid!" in answer.values() for answer in answers] == [False, True]


@pytest.mark.parametrize("wrong", ["", "x", "-", "é", "%00", "a" * 5000])
def test_wrong_token_is_a_wrong_key(wrong: str) -> None:
    response = APIClient().get(f"/k/{wrong}/{LIST}")
    expected = (404, "not_found") if not wrong else (401, "auth.invalid_key")
    assert (response.status_code, response.json()["code"]) == expected


def test_wrong_tokens_are_counted(settings: Settings, redis_flush: None) -> None:
    settings.FAILED_KEY_LIMIT = "2/h"
    api = APIClient()
    assert [api.get(f"/k/wrong/{LIST}").status_code for _ in range(3)] == [401, 401, 429]


def test_wrong_token_is_refused_where_requests_without_a_key_are_not(settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "anybody"
    assert APIClient().get(f"/{LIST}").status_code == 200
    assert APIClient().get(f"/k/wrong/{LIST}").status_code == 401


def test_token_ends_with_another_one_with_its_withdrawal_and_with_its_key(row: ApiKey, token: str) -> None:
    second = services.make_path_token(key=row)
    assert [APIClient().get(f"/k/{text}/{LIST}").status_code for text in (token, second)] == [401, 200]
    services.withdraw_path_token(key=row)
    assert APIClient().get(f"/k/{second}/{LIST}").status_code == 401
    third = services.make_path_token(key=row)
    services.revoke_api_key(key=row)
    assert APIClient().get(f"/k/{third}/{LIST}").json()["code"] == "auth.revoked_key"
    with pytest.raises(RevokedKey):
        services.make_path_token(key=row)


def test_inactive_clients_get_none(row: ApiKey, token: str) -> None:
    row.client.is_active = False
    row.client.save()
    assert APIClient().get(f"/k/{token}/{LIST}").json()["code"] == "auth.inactive_client"
    with pytest.raises(InactiveClient):
        services.make_path_token(key=row)


def test_only_a_hash_is_stored(row: ApiKey, token: str) -> None:
    stored = ApiKey.objects.values().get()
    assert token not in str(stored) and len(stored["path_token_hash"]) == 64


@pytest.mark.parametrize("path", ["admin/", "", "nothing", "api/v1/nothing", "docs", LIST])
def test_token_is_neither_logged_nor_sent_on(token: str, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        response = APIClient().get(f"/k/{token}/{path}", headers={"Referer": f"http://testserver/k/{token}/docs"})
    assert response.status_code == (200 if path == LIST else 404)
    assert response.headers["Referrer-Policy"] == "no-referrer"
    written = caplog.text + str(response.headers) + response.content.decode()
    assert token not in written


def test_servers_see_addresses_without_the_token() -> None:
    """gunicorn writes its access log from the dictionary that Django calls META."""
    seen = {"RAW_URI": "/%6b/secret/search?a=1", "REQUEST_URI": "/k/secret/search?a=1"}
    request = RequestFactory().post("/k/secret/search?a=1", headers={"Referer": "http://x/k/secret/a"}, **seen)
    PathTokenMiddleware(lambda request: __import__("django.http").http.HttpResponse())(request)
    assert request.META["RAW_URI"] == request.META["REQUEST_URI"] == "/k/-/search?a=1"
    assert request.path == request.path_info == "/search"
    assert "secret" not in str({name: value for name, value in request.META.items() if isinstance(value, str)})


def test_command_prints_key_and_path() -> None:
    out = StringIO()
    call_command("create_api_key", "shop", "--path-token", stdout=out, stderr=StringIO())
    key, path = out.getvalue().splitlines()
    assert APIClient().get(f"/{LIST}", headers={"X-API-Key": key}).status_code == 200
    assert APIClient().get(f"{path}/{LIST}").status_code == 200


def test_admin_makes_and_withdraws_tokens(row: ApiKey, client: Browser) -> None:
    client.force_login(User.objects.create_superuser("root", password="root's password"))
    url = reverse("admin:clients_apikey_changelist")

    def act(action: str) -> str:
        answer = client.post(url, {"action": action, "_selected_action": [row.pk]}, follow=True)
        return answer.content.decode()

    shown = act("make_path_token")
    path = shown.partition("<code>")[2].partition("</code>")[0]
    assert APIClient().get(f"{path}/{LIST}").status_code == 200
    assert "Path tokens withdrawn" in act("withdraw_path_token")
    assert APIClient().get(f"{path}/{LIST}").status_code == 401
    services.revoke_api_key(key=row)
    assert "has been revoked" in act("make_path_token")


@pytest.mark.models
def test_running_service_writes_no_token_down(live: LiveStack) -> None:
    """The access log shows the call, and not by which token it came."""
    import requests

    path = live.manage("create_api_key", "by-path", "--path-token").stdout.splitlines()[1]
    assert requests.post(f"{live.url}{path}/search", json={}, timeout=30).status_code == 400
    wrong = requests.post(f"{live.url}/k/not-a-token/search", json={}, timeout=30)
    assert (wrong.status_code, wrong.json()["status"]) == (401, "ERROR")
    written = "".join(file.read_text(errors="replace") for file in live.var.rglob("*.log")) + live.log.read_text()
    assert path not in written and path.removeprefix("/k/") not in written and "not-a-token" not in written
    assert '"POST /k/-/search' in written
