from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients import services
from clients.models import ApiKey, Client, Membership, Role

pytestmark = [pytest.mark.django_db, pytest.mark.urls("clients.tests.urls")]
NOTES = "/api/notes/"


@pytest.fixture
def api() -> APIClient:
    return APIClient(enforce_csrf_checks=True)


@pytest.mark.parametrize(
    "header", [{"Authorization": "Api-Key {}"}, {"Authorization": "api-key {}"}, {"X-API-Key": "{}"}]
)
def test_a_key_says_which_client_calls(api: APIClient, key_a: str, header: dict[str, str]) -> None:
    response = api.get(NOTES, headers={name: value.format(key_a) for name, value in header.items()})
    assert (response.status_code, response.json()) == (200, {"client": "alice", "user": "alice"})


def test_two_live_keys_serve_one_client_until_one_is_revoked(api: APIClient, client_a: Client) -> None:
    (old_row, old), (_, new) = [services.create_api_key(client_name=client_a.name) for _ in range(2)]
    assert [api.get(NOTES, headers={"X-API-Key": key}).status_code for key in (old, new)] == [200, 200]
    services.revoke_api_key(key=old_row)
    assert [api.get(NOTES, headers={"X-API-Key": key}).status_code for key in (old, new)] == [401, 200]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        ".",
        "nope.nope",
        "nul\0.x",
        "ÿ.ÿ",
        "' OR 1=1 --",
        "a" * 9000,
        "{key}x",
        "{prefix}",
        "{prefix}.",
        "{prefix}.{hash}",
    ],
)
def test_a_wrong_key_is_refused(api: APIClient, key_a: str, sent: str) -> None:
    row = ApiKey.objects.get()
    text = sent.format(key=key_a, prefix=row.prefix, hash=row.hashed_key)
    for headers in ({"X-API-Key": text}, {"Authorization": f"Api-Key {text}"}):
        response = api.get(NOTES, headers=headers)
        assert response.status_code == 401
        assert response.json() == {"detail": "This API key is not known.", "code": "auth.invalid_key"}
        assert response["WWW-Authenticate"] == "Api-Key"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked": True}, "auth.revoked_key"),
        ({"expiry_date": timezone.now() - timedelta(seconds=1)}, "auth.expired_key"),
    ],
)
def test_a_key_out_of_use_is_refused(api: APIClient, key_a: str, change: dict[str, object], code: str) -> None:
    ApiKey.objects.update(**change)
    response = api.get(NOTES, headers={"X-API-Key": key_a})
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert ApiKey.objects.get().last_used_at is None


def test_a_key_of_an_inactive_client_is_refused(api: APIClient, key_a: str) -> None:
    Client.objects.update(is_active=False)
    response = api.get(NOTES, headers={"X-API-Key": key_a})
    assert (response.status_code, response.json()["code"]) == (401, "auth.inactive_client")


def test_a_wrong_key_is_not_rescued_by_a_session_or_by_anonymous_access(
    api: APIClient, member: User, settings: Settings
) -> None:
    settings.ANONYMOUS_CLIENT = "alice"
    api.force_login(member)
    response = api.get(NOTES, headers={"X-API-Key": "nope.nope"})
    assert (response.status_code, response.json()["code"]) == (401, "auth.invalid_key")


def test_without_credentials_a_key_is_asked_for(api: APIClient) -> None:
    response = api.get(NOTES)
    assert (response.status_code, response.json()["code"]) == (401, "auth.required")
    assert response["WWW-Authenticate"] == "Api-Key"


def test_other_authorization_schemes_are_not_keys(api: APIClient, key_a: str) -> None:
    assert api.get(NOTES, headers={"Authorization": f"Bearer {key_a}"}).json()["code"] == "auth.required"


def test_use_of_a_key_is_recorded(api: APIClient, key_a: str) -> None:
    api.get(NOTES, headers={"X-API-Key": key_a})
    assert ApiKey.objects.get().last_used_at is not None


def test_a_key_costs_one_query(api: APIClient, key_a: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    api.get(NOTES, headers={"X-API-Key": key_a})  # records the use
    with django_assert_num_queries(1):
        api.get(NOTES, headers={"X-API-Key": key_a})


# ---- sessions ---------------------------------------------------------------------------------------------------
def test_a_member_of_one_active_client_acts_as_that(api: APIClient, member: User) -> None:
    retired = Client.objects.create(name="retired", is_active=False)
    Membership.objects.create(user=member, client=retired, role=Role.MANAGER)
    api.force_login(member)
    assert api.get(NOTES).json() == {"client": "alice", "user": "ann"}


def test_a_member_of_several_clients_says_which_one_is_meant(api: APIClient, member: User, client_b: Client) -> None:
    Membership.objects.create(user=member, client=client_b)
    api.force_login(member)
    response = api.get(NOTES)
    assert (response.status_code, response.json()["code"]) == (403, "auth.client_not_chosen")
    assert [api.get(NOTES, headers={"X-Client": name}).json()["client"] for name in ("bob", "alice")] == [
        "bob",
        "alice",
    ]
    api.post("/choose-client/", {"client": client_b.pk}, format="multipart")
    assert api.get(NOTES).json()["code"] == "auth.client_not_chosen"  # without the token nothing was chosen


@pytest.mark.parametrize("name", ["bob", "nobody", "", "retired", "alice\0"])
def test_nobody_names_a_client_of_others(api: APIClient, member: User, client_b: Client, name: str) -> None:
    retired = Client.objects.create(name="retired", is_active=False)
    Membership.objects.create(user=member, client=retired, role=Role.MANAGER)
    api.force_login(member)
    response = api.get(NOTES, headers={"X-Client": name})
    assert (response.status_code, response.json()["code"]) == (403, "auth.not_a_member")


def test_when_the_membership_ends_no_other_client_takes_its_place(
    api: APIClient, member: User, client_a: Client, client_b: Client
) -> None:
    api.force_login(member)
    assert api.get(NOTES).json()["client"] == "alice"
    member.memberships.update(client=client_b)
    for _ in range(2):
        assert api.get(NOTES).json()["code"] == "auth.client_not_chosen"
    assert api.get(NOTES, headers={"X-Client": "bob"}).json()["client"] == "bob"


def test_when_the_client_is_switched_off_its_members_are_refused(api: APIClient, member: User) -> None:
    api.force_login(member)
    assert api.get(NOTES).json()["client"] == "alice"
    Client.objects.update(is_active=False)
    assert api.get(NOTES).json()["code"] == "auth.no_client"


def test_a_user_without_a_client_is_told_so(api: APIClient, client_a: Client) -> None:
    api.force_login(User.objects.create_user("eve", is_staff=True))
    response = api.get(NOTES)
    assert (response.status_code, response.json()["code"]) == (403, "auth.no_client")


def test_an_administrator_acts_as_a_client_that_was_named_or_is_the_only_membership(
    api: APIClient, client_a: Client, client_b: Client
) -> None:
    root = User.objects.create_superuser("root")
    api.force_login(root)
    assert api.get(NOTES).json()["code"] == "auth.client_not_chosen"
    assert api.get(NOTES, headers={"X-Client": "bob"}).json()["client"] == "bob"
    Membership.objects.create(user=root, client=client_a)
    assert api.get(NOTES).json()["client"] == "alice"


def test_a_session_needs_a_csrf_token_to_write(api: APIClient, member: User) -> None:
    api.force_login(member)
    response = api.post(NOTES, {"text": "x"})
    assert (response.status_code, response.json()["code"]) == (403, "auth.csrf_failed")


def test_the_browsable_api_shows_forms_to_members_that_work(api: APIClient, member: User) -> None:
    api.login(username="ann", password="ann's password")
    page = api.get(NOTES, headers={"Accept": "text/html"})
    assert page.status_code == 200 and b"csrfmiddlewaretoken" in page.content and b"ann" in page.content
    token = api.cookies["csrftoken"].value
    assert api.post(NOTES, {"text": "x"}, headers={"X-CSRFToken": token}).json()["client"] == "alice"


def test_the_browsable_api_renders_for_keys_and_refusals(api: APIClient, key_a: str) -> None:
    html = {"Accept": "text/html"}
    assert b"alice" in api.get(NOTES, headers=html | {"X-API-Key": key_a}).content
    assert api.get(NOTES, headers=html).status_code == 401


# ---- without a key ----------------------------------------------------------------------------------------------
def test_requests_without_a_key_act_as_the_anonymous_client(api: APIClient, settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "legacy"
    assert api.post(NOTES, {"text": "x"}).json()["client"] == "legacy"
    assert api.get(NOTES).json()["client"] == "legacy"
    assert Client.objects.get().name == "legacy"


def test_an_inactive_anonymous_client_is_refused(api: APIClient, client_a: Client, settings: Settings) -> None:
    settings.ANONYMOUS_CLIENT = "alice"
    Client.objects.update(is_active=False)
    response = api.get(NOTES)
    assert (response.status_code, response.json()["code"]) == (401, "auth.inactive_client")


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://testserver", 200), ("https://console.test", 200), ("https://evil.test", 401), ("null", 401)],
)
def test_pages_of_other_sites_are_not_anonymous_callers(
    api: APIClient, settings: Settings, origin: str, status: int
) -> None:
    settings.ANONYMOUS_CLIENT = "legacy"
    settings.CORS_ALLOWED_ORIGINS = ["https://console.test"]
    assert api.post(NOTES, {"text": "x"}, format="multipart", headers={"Origin": origin}).status_code == status
