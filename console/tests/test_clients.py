"""Clients, keys and members in the console: what managers may do for their client, and administrators for each."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Record
from clients.access import SESSION_KEY
from clients.authentication import ApiKeyAuthentication
from clients.models import ApiKey, Client, Membership, Role, Scope
from clients.quotas import Quota
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from console.clients.words import QUOTAS, ROLES, SCOPES
from console.tests.queries import MOST_QUERIES

pytestmark = pytest.mark.django_db
PASSWORD = "a long and new password"
KEY = re.compile(r"<code>(\w{8}\.\w{32})</code>")


@pytest.fixture
def manager(client_a: Client) -> Browser:
    return browser_of(make_member(client_a, Role.MANAGER, "mia"))


@pytest.fixture
def boss(client_a: Client, client_b: Client) -> Browser:
    """An administrator, who has chosen no client."""
    return browser_of(User.objects.create_superuser("boss", password=PASSWORD))


def url(name: str, *args: Any) -> str:
    return reverse(f"console:{name}", args=args)


def send(browser: Browser, page: str, client: Client, /, *args: Any, **fields: Any) -> Any:
    return browser.post(url(page, client.pk, *args), {"for_client": client.pk} | fields)


def last(action: str) -> tuple[int | None, list[str]]:
    row = Record.objects.filter(action=action).latest("pk")
    return row.client_id, row.objects_named


# ---- clients ----------------------------------------------------------------------------------------------------
def test_administrators_see_all_and_managers_their_own(
    manager: Browser, boss: Browser, client_a: Client, client_b: Client
) -> None:
    create_api_key(client_name="alice")
    page = boss.get(url("clients"))
    found = [(one.row.name, one.row.live_keys, one.members) for one in page.context["clients"]]
    assert found == [("alice", 1, 1), ("bob", 0, 0)]
    assert [one.row.name for one in boss.get(url("clients"), {"q": "BO"}).context["clients"]] == ["bob"]
    assert boss.get(url("clients"), {"q": "x\0", "page": "nonsense"}).status_code == 200
    assert manager.get(url("clients"))["Location"] == url("client", client_a.pk)
    for name in ("client", "client-keys", "client-key-new", "client-members"):
        assert manager.get(url(name, client_a.pk)).status_code == boss.get(url(name, client_b.pk)).status_code == 200
        assert manager.get(url(name, client_b.pk)).status_code == boss.get(url(name, 999)).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_see_none_of_it(client_a: Client, role: Role) -> None:
    browser = browser_of(make_member(client_a, role))
    key, _ = create_api_key(client_name="alice")
    for page in (url("clients"), *(url(one, client_a.pk) for one in ("client", "client-keys", "client-members"))):
        assert browser.get(page)["X-Problem"] == "auth.missing_role"
    assert send(browser, "client-key-revoke", client_a, key.prefix).status_code == 403
    assert send(browser, "client-members", client_a, who="mia", role="manager").status_code == 403


def test_what_is_for_administrators(manager: Browser, client_a: Client) -> None:
    for page in (url("client-new"), url("client-user-new", client_a.pk)):
        assert manager.get(page)["X-Problem"] == manager.post(page)["X-Problem"] == "auth.missing_role"
    fields = {"name": "renamed", "max_people": 10}
    assert send(manager, "client", client_a, **fields).status_code == 302
    client_a.refresh_from_db()
    assert (client_a.name, client_a.is_active, client_a.max_people) == ("alice", True, 10)
    answer = send(manager, "client", client_a, max_people=11)
    assert answer.status_code == 422 and "Only an administrator can raise this limit." in answer.content.decode()
    assert last("settings_changed") == (client_a.pk, [f"client:{client_a.pk}", "setting:max_people"])


def test_an_administrator_makes_and_changes_a_client(boss: Browser, client_b: Client) -> None:
    answer = boss.post(url("client-new"), {"for_client": "new", "name": "carol"})
    client = Client.objects.get(name="carol")
    assert answer["Location"] == url("client", client.pk)
    assert last("create") == (client.pk, [f"client:{client.pk}", "setting:name"])
    for name in ("carol", "no spaces", ""):
        assert boss.post(url("client-new"), {"for_client": "new", "name": name}).status_code == 422
    assert send(boss, "client", client, name="bob", is_active="on").status_code == 422
    assert send(boss, "client", client, name="carla", max_images_a_day=5).status_code == 302
    client.refresh_from_db()
    assert (client.name, client.is_active, client.max_images_a_day) == ("carla", False, 5)
    assert last("settings_changed")[1] == [
        f"client:{client.pk}", "setting:name", "setting:is_active", "setting:max_images_a_day",
    ]  # fmt: skip


def test_a_form_is_about_the_client_of_its_page(boss: Browser, client_a: Client, client_b: Client) -> None:
    answer = boss.post(url("client", client_a.pk), {"for_client": client_b.pk, "name": "stolen", "is_active": "on"})
    assert (answer.status_code, answer["X-Problem"]) == (409, "console.other_client")
    session = boss.session
    session[SESSION_KEY] = client_b.pk
    session.save()
    assert send(boss, "client", client_a, name="alice", is_active="on").status_code == 302


def test_what_is_used_is_shown_beside_the_limits(manager: Browser, client_a: Client) -> None:
    client_a.max_people, client_a.max_stored_mb = 2_000, 3
    client_a.save()
    meters = {meter.quota: meter for meter in manager.get(url("client", client_a.pk)).context["meters"]}
    assert (meters[Quota.PEOPLE].used, meters[Quota.PEOPLE].limit) == ("0", "2,000")
    assert meters[Quota.STORED_BYTES].limit == "2.9\xa0MB" and meters[Quota.TEMPLATES].limit is None


# ---- keys -------------------------------------------------------------------------------------------------------
def test_a_key_is_shown_once_and_works(manager: Browser, client_a: Client) -> None:
    day = timezone.localdate() + timedelta(days=30)
    fields = {"name": "gate <b>", "scopes": ["detect", "screen"], "networks": "10.1.0.0/16", "expiry_date": str(day)}
    answer = send(manager, "client-key-new", client_a, **fields)
    [key] = KEY.findall(answer.content.decode())
    row = ApiKeyAuthentication.find_key(key)
    assert (row.client, row.scopes, row.networks) == (client_a, ["detect", "screen"], ["10.1.0.0/16"])
    assert timezone.localtime(row.expiry_date).date() == day and answer["Cache-Control"] == "private, no-store"
    assert last("key_made") == (client_a.pk, [f"key:{row.prefix}"])
    page = manager.get(url("client-keys", client_a.pk)).content.decode()
    assert key not in page and "gate &lt;b&gt;" in page and "10.1.0.0/16" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scopes": []}, "Tick what the key may do."),
        ({"name": ""}, "required"),
        ({"networks": "10.0.0.0/99"}, "10.0.0.0/99"),
        ({"expiry_date": "2020-01-01"}, "Choose a time in the future"),
        ({"rate_limit": "often"}, "For example 60/min."),
        ({"scopes": ["everything"]}, "valid choice"),
    ],
)
def test_a_key_that_cannot_be_keeps_the_form(
    manager: Browser, client_a: Client, fields: dict[str, Any], said: str
) -> None:
    answer = send(manager, "client-key-new", client_a, **({"name": "gate", "scopes": ["detect"]} | fields))
    assert answer.status_code == 422 and said in answer.content.decode() and not ApiKey.objects.exists()


def test_sets_of_scopes_and_limits_of_requests(manager: Browser, client_a: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = "100/min"
    assert send(manager, "client-key-new", client_a, name="x", preset="read", rate_limit="101/min").status_code == 422
    assert send(manager, "client-key-new", client_a, name="x", preset="read", rate_limit="99/min").status_code == 200
    assert ApiKey.objects.get().scopes == ["blacklist:read", "people:read"]
    Client.objects.update(is_active=False)
    assert send(manager, "client-key-new", client_a, name="y", preset="read").status_code == 403  # no longer a member


def test_keys_are_replaced_and_revoked(manager: Browser, client_a: Client) -> None:
    row, old = create_api_key(client_name="alice")
    answer = send(manager, "client-key-rotate", client_a, row.prefix, hours=24)
    [new] = KEY.findall(answer.content.decode())
    row.refresh_from_db()
    assert row.is_valid(new) and row.is_previous(old) and last("key_rotated")[1] == [f"key:{row.prefix}"]
    assert send(manager, "client-key-rotate", client_a, row.prefix, hours=1).status_code == 422
    assert send(manager, "client-key-revoke", client_a, row.prefix).status_code == 302
    row.refresh_from_db()
    assert row.revoked and last("key_revoked")[1] == [f"key:{row.prefix}"]
    assert send(manager, "client-key-rotate", client_a, row.prefix, hours=0)["X-Problem"] == "key.revoked"
    assert (
        url("client-key-revoke", client_a.pk, row.prefix)
        not in manager.get(url("client-keys", client_a.pk)).content.decode()
    )


def test_requests_are_shown_beside_their_limit(manager: Browser, client_a: Client, settings: Settings) -> None:
    settings.RATE_LIMIT = ""
    for name, limit in (("busy", "9/day"), ("free", "")):
        row, key = create_api_key(client_name="alice", name=name)
        ApiKey.objects.filter(pk=row.pk).update(rate_limit=limit)
        for _ in range(3):
            assert Browser().get("/api/v1/usage/", headers={"X-API-Key": key}).status_code == 200
    answer = manager.get(url("client-keys", client_a.pk))
    assert {one.row.name: one.requests for one in answer.context["keys"]} == {"busy": 3, "free": None}
    assert "3 now, of 9/day" in answer.content.decode()


def test_keys_of_another_client_do_not_exist(
    manager: Browser, boss: Browser, client_a: Client, client_b: Client
) -> None:
    row, _ = create_api_key(client_name="bob")
    for browser in (manager, boss):
        assert send(browser, "client-key-revoke", client_a, row.prefix).status_code == 404
    assert send(manager, "client-key-revoke", client_b, row.prefix).status_code == 404
    assert send(manager, "client-key-revoke", client_a, "x\0y").status_code == 404
    assert not ApiKey.objects.get().revoked


# ---- members ----------------------------------------------------------------------------------------------------
def test_members_are_added_changed_and_removed(manager: Browser, client_a: Client, client_b: Client) -> None:
    user = User.objects.create_user("olga", email="Olga@example.org")
    assert send(manager, "client-members", client_a, who="olga@EXAMPLE.org", role="operator").status_code == 302
    row = Membership.objects.get(client=client_a, user=user)
    assert row.role == Role.OPERATOR and last("role_changed") == (client_a.pk, [f"user:{user.pk}", "role:operator"])
    assert send(manager, "client-members", client_a, who="olga", role="viewer").status_code == 422
    assert send(manager, "client-member-role", client_a, row.pk, role="manager").status_code == 302
    assert send(manager, "client-member-role", client_a, row.pk, role="king").status_code == 404
    row.refresh_from_db()
    assert row.role == Role.MANAGER
    make_member(client_b, Role.VIEWER, "olga")
    again = send(manager, "client-members", client_a, who="olga", role="viewer")
    assert "a member already" in again.content.decode()
    assert send(manager, "client-member-remove", client_a, row.pk).status_code == 302
    assert send(manager, "client-member-remove", client_a, row.pk).status_code == 404
    assert Record.objects.filter(action="role_changed").latest("pk").results == 0
    assert Membership.objects.filter(user=user).count() == 1  # that of the other client


def test_nobody_changes_the_own_role(manager: Browser, client_a: Client) -> None:
    own = Membership.objects.get(user__username="mia")
    for name, fields in (("client-member-role", {"role": "viewer"}), ("client-member-remove", {})):
        answer = send(manager, name, client_a, own.pk, **fields)
        assert answer.status_code == 403 and "Nobody changes the own role" in answer.content.decode()
    own.refresh_from_db()
    assert own.role == Role.MANAGER


def test_who_cannot_be_added(manager: Browser, boss: Browser, client_a: Client, client_b: Client) -> None:
    """By a manager, neither administrators nor who works for another client: it is not told that they exist."""
    User.objects.create_user("gone", is_active=False)
    make_member(client_b, Role.OPERATOR, "victor")
    for name in ("a", "b"):
        User.objects.create_user(name, email="both@example.org")
    nobody = "No active user whom you may add has exactly this name or address"
    for who, said in (
        ("nobody", nobody), ("gone", nobody), ("boss", nobody), ("ol", nobody), ("victor", nobody),
        ("both@example.org", "Several users"), ("", "required"),
    ):  # fmt: skip
        answer = send(manager, "client-members", client_a, who=who, role="viewer")
        assert answer.status_code == 422 and said in answer.content.decode(), who
    assert Membership.objects.filter(client=client_a).count() == 1
    for who in ("boss", "victor"):
        assert send(boss, "client-members", client_a, who=who, role="viewer").status_code == 302


def test_memberships_of_another_client_do_not_exist(manager: Browser, client_a: Client, client_b: Client) -> None:
    make_member(client_b, Role.VIEWER, "ben")
    row = Membership.objects.get(client=client_b)
    for client in (client_a, client_b):
        assert send(manager, "client-member-role", client, row.pk, role="manager").status_code == 404
        assert send(manager, "client-member-remove", client, row.pk).status_code == 404
    assert "ben" not in manager.get(url("client-members", client_a.pk)).content.decode()


def test_an_administrator_makes_a_user(boss: Browser, client_a: Client) -> None:
    fields = {"username": "nina", "email": "nina@example.org", "role": "operator", "usable_password": "true"}
    weak = send(boss, "client-user-new", client_a, **fields, password1="123", password2="123")
    assert weak.status_code == 422 and not User.objects.filter(username="nina").exists()
    assert 'value="123"' not in weak.content.decode()
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    assert send(boss, "client-user-new", client_a, **fields, **passwords).status_code == 302
    user = User.objects.get(username="nina")
    assert user.check_password(PASSWORD) and not (user.is_staff or user.is_superuser)
    assert Membership.objects.get(user=user).role == Role.OPERATOR
    told = Record.objects.filter(action="role_changed").order_by("pk").values_list("client_id", "objects_named")
    assert list(told) == [
        (None, [f"user:{user.pk}", "setting:username"]),
        (client_a.pk, [f"user:{user.pk}", "role:operator"]),
    ]
    again = send(boss, "client-user-new", client_a, **(fields | {"username": "NINA"}), **passwords)
    assert again.status_code == 422 and Browser().login(username="nina", password=PASSWORD)


# ---- all of them ------------------------------------------------------------------------------------------------
def test_what_gives_rights_asks_who_it_is(
    manager: Browser, boss: Browser, client_a: Client, settings: Settings
) -> None:
    """As the same pages of the admin do. Revoking is never held up."""
    settings.CONFIRM_SECONDS = 300
    row, _ = create_api_key(client_name="alice")
    login = reverse("account_login")
    for page in (url("client-key-new", client_a.pk), url("client-user-new", client_a.pk)):
        assert boss.get(page)["Location"].startswith(login)
    for name, args in (
        ("client", []), ("client-members", []), ("client-member-role", [1]), ("client-member-remove", [1]),
        ("client-key-rotate", [row.prefix]),
    ):  # fmt: skip
        assert send(manager, name, client_a, *args)["Location"].startswith(login), name
    assert boss.post(url("client-new"), {"for_client": "new", "name": "x"})["Location"].startswith(login)
    assert send(manager, "client-key-revoke", client_a, row.prefix)["Location"] == url("client-keys", client_a.pk)


def test_pages_ask_the_database_little(manager: Browser, boss: Browser, client_a: Client) -> None:
    Client.objects.bulk_create(Client(name=f"client-{number}") for number in range(60))
    for number in range(30):
        create_api_key(client_name="alice")
        make_member(client_a, Role.VIEWER, f"user {number}")
    pages = [(boss, url("clients")), *((manager, url(one, client_a.pk)) for one in ("client-keys", "client-members"))]
    for browser, page in [*pages, (manager, url("client", client_a.pk))]:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page).status_code == 200
        asked = [one["sql"] for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(asked) <= MOST_QUERIES + 4, asked  # of session, user, membership and whose rows are shown
    assert len(boss.get(url("clients"), {"page": 2}).context["clients"]) == 12


def test_everything_has_words() -> None:
    assert (set(SCOPES), set(ROLES), set(QUOTAS)) == (set(Scope), set(Role), set(Quota))
