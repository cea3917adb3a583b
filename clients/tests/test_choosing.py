"""Who works for several clients says for which one, and a choice never turns into another client."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from clients.models import ApiKey, Client, Role
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from faceapp.tests.browser import follow, log_in, shoot

pytestmark = pytest.mark.django_db
CHOOSE, KEYS = "/choose-client/", "/admin/clients/apikey/"
NEW_KEY = {"name": "till", "scopes": ["detect"], "rate_limit": "", "expiry_date_0": "", "expiry_date_1": ""}


@pytest.fixture
def both(client_a: Client, client_b: Client) -> User:
    """A manager of alice and bob, each of whom has a key."""
    for client in (client_a, client_b):
        create_api_key(client_name=client.name, name=f"key of {client}")
        make_member(client, Role.MANAGER, "both")
    return User.objects.get(username="both")


def choose(browser: Browser, client: Client | str, **more: str) -> str:
    """Where the choice leads."""
    answer = browser.post(CHOOSE, {"client": client if isinstance(client, str) else client.pk, **more})
    return str(answer["Location"])


def names(browser: Browser) -> set[str]:
    """Whose keys the list shows."""
    page = browser.get(KEYS).content.decode()
    return {name for name in ("alice", "bob") if f"key of {name}" in page}


def test_nothing_is_shown_before_a_client_is_chosen(both: User) -> None:
    browser = browser_of(both)
    Client.objects.create(name="carol")
    for path in ("/admin/", KEYS, f"{KEYS}add/", "/admin/models/", "/admin/search/?s=a", "/admin/nowhere/"):
        answer = browser.get(path)
        page = answer.content.decode()
        assert answer.status_code == 403 and "alice" in page and "bob" in page and "carol" not in page
        assert f'name="next" value="{path}"' in page and "key of" not in page
    assert browser.post(f"{KEYS}add/", NEW_KEY | {"client": "1"}).status_code == 403
    assert ApiKey.objects.count() == 2


def test_the_choice_holds_on_every_page_and_can_be_changed(both: User, client_a: Client, client_b: Client) -> None:
    browser = browser_of(both)
    assert choose(browser, client_a, next=KEYS) == KEYS
    assert names(browser) == {"alice"}
    for path in ("/admin/", KEYS, f"{KEYS}add/", "/admin/models/", "/admin/password_change/"):
        page = browser.get(path).content.decode()
        assert "<strong>alice</strong>" in page and f'href="{CHOOSE}"' in page
    before = browser.session.session_key
    assert choose(browser, client_b) == "/admin/"
    assert names(browser) == {"bob"} and browser.session.session_key != before


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example"]
)
def test_a_choice_leads_to_no_other_site(both: User, client_a: Client, target: str) -> None:
    assert choose(browser_of(both), client_a, next=target) == "/admin/"


@pytest.mark.parametrize("sent", ["all", "", "x", "99", "-1", "9" * 30, "carol"])
def test_only_clients_of_the_user_can_be_chosen(both: User, client_a: Client, sent: str) -> None:
    carol, browser = Client.objects.create(name="carol"), browser_of(both)
    choose(browser, client_a)
    for wanted in (sent, str(carol.pk)):
        assert browser.post(CHOOSE, {"client": wanted}).status_code == 404
    assert names(browser) == {"alice"}


def test_a_choice_needs_a_login_a_post_and_a_token(both: User, client_a: Client) -> None:
    assert Browser().post(CHOOSE, {"client": client_a.pk}).url.startswith("/login/")  # type: ignore[attr-defined]
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(both)
    assert browser.post(CHOOSE, {"client": client_a.pk}).status_code == 403
    browser.get(CHOOSE, {"client": client_a.pk})
    assert browser.get(KEYS).status_code == 403


# ---- in the middle of a page ------------------------------------------------------------------------------------
def test_when_the_only_membership_moves_an_open_form_makes_nothing(client_a: Client, client_b: Client) -> None:
    user = make_member(client_a, Role.MANAGER)
    browser = browser_of(user)
    assert browser.get(f"{KEYS}add/").status_code == 200
    user.memberships.update(client=client_b)
    for client in (client_a, client_b):
        answer = browser.post(f"{KEYS}add/", NEW_KEY | {"client": client.pk})
        assert answer.status_code == 403 and "no longer work for the client" in answer.content.decode()
    assert not ApiKey.objects.exists()
    choose(browser, client_b)
    assert browser.post(f"{KEYS}add/", NEW_KEY | {"client": client_b.pk}).status_code == 302


def test_a_form_of_one_client_is_not_sent_to_the_other(both: User, client_a: Client, client_b: Client) -> None:
    """Two tabs: the list and forms in the first are alice's, bob was chosen in the second."""
    browser = browser_of(both)
    choose(browser, client_b)
    key_of_alice = ApiKey.objects.get(client=client_a)
    shown = {"action": "revoke", "_selected_action": [key_of_alice.pk], "confirmed": "yes"}
    assert browser.post(f"{KEYS}add/", NEW_KEY | {"client": client_a.pk}).status_code == 200  # no such choice
    assert browser.post(f"{KEYS}{key_of_alice.pk}/change/", NEW_KEY).status_code == 404
    assert browser.post(KEYS, shown | {"select_across": "1"}).status_code == 404
    browser.post(KEYS, shown)
    assert ApiKey.objects.filter(revoked=False).count() == 2


@pytest.mark.parametrize("end", ["membership", "client"])
def test_a_choice_ends_with_the_membership(both: User, client_a: Client, end: str) -> None:
    browser = browser_of(both)
    choose(browser, client_a)
    if end == "membership":
        both.memberships.filter(client=client_a).delete()
    else:
        Client.objects.filter(pk=client_a.pk).update(is_active=False)
    for _ in range(2):  # bob, the only one left, does not take its place
        answer = browser.get(KEYS)
        assert answer.status_code == 403 and "key of" not in answer.content.decode()


def test_a_role_that_changes_counts_at_once(client_a: Client) -> None:
    user = make_member(client_a, Role.MANAGER)
    browser = browser_of(user)
    assert browser.get(KEYS).status_code == 200
    user.memberships.update(role=Role.OPERATOR)
    assert browser.get(KEYS).status_code == 403


# ---- administrators and others ----------------------------------------------------------------------------------
def test_an_administrator_sees_all_clients_or_one(both: User, client_a: Client, client_b: Client) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    assert (
        names(browser) == {"alice", "bob"} and "<strong>All clients</strong>" in browser.get("/admin/").content.decode()
    )
    choose(browser, client_b)
    assert names(browser) == {"bob"}
    key_of_alice = ApiKey.objects.get(client=client_a)
    assert browser.get(f"{KEYS}{key_of_alice.pk}/change/").status_code == 404
    choose(browser, "all")
    assert names(browser) == {"alice", "bob"}
    choose(browser, client_b)
    client_b.delete()
    assert browser.get(KEYS).status_code == 403


def test_who_may_not_enter_the_admin_chooses_for_the_api(both: User, client_b: Client) -> None:
    User.objects.update(is_staff=False)
    browser = browser_of(both)
    assert "alice" in browser.get(CHOOSE).content.decode()
    assert choose(browser, client_b) == "/"
    page = browser.get("/api/v1/usage/", headers={"Accept": "text/html"})
    assert page.status_code == 200 and "Client bob</a>" in page.content.decode()
    assert browser.get("/admin/", follow=True).redirect_chain[0][0].startswith("/admin/login/")


def test_a_user_without_a_client_is_told_whom_to_ask() -> None:
    browser = browser_of(User.objects.create_user("eve", is_staff=True))
    answer = browser.get("/admin/")
    assert answer.status_code == 403 and "An administrator can add you to one" in answer.content.decode()
    assert browser.post("/admin/logout/", follow=True).status_code == 200


def test_many_clients_are_searched_and_paged(both: User) -> None:
    browser = browser_of(User.objects.create_superuser("root"))
    Client.objects.bulk_create(Client(name=f"shop{number:02}") for number in range(30))
    first, second = (browser.get(CHOOSE, {"page": page}).content.decode() for page in (1, 2))
    assert "shop00" in first and "shop29" not in first and "shop29" in second and "Page 1 of 2" in first
    found = browser.get(CHOOSE, {"search": "shop2\0"}).content.decode()
    assert "shop21" in found and "shop11" not in found
    assert "No client has this" in browser.get(CHOOSE, {"search": "<b>"}).content.decode()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_on_screens_of_every_size(page: Page, live_server: LiveServer, admin_user: User, both: User) -> None:
    Client.objects.create(
        name="a-client-with-a-name-that-is-as-long-as-names-of-clients-may-possibly-be.in.this.deployment-x"
    )
    log_in(page, live_server, admin_user)
    shoot(page, "roles-all")
    follow(page.get_by_role("link", name="All clients"))
    shoot(page, "roles-choose")
    page.evaluate("document.documentElement.classList.add('dark')")
    shoot(page, "roles-choose-dark")
    follow(page.get_by_role("button", name="a-client-with"))
    expect(page.locator(".fa-client strong")).to_contain_text("a-client-with")
    shoot(page, "roles-long")
    page.goto(f"{live_server.url}/admin/clients/apikey/add/")
    shoot(page, "roles-form")
    page.goto(f"{live_server.url}/admin/auth/user/{both.pk}/change/")
    shoot(page, "roles-user")


def form_of(page: Any) -> dict[str, Any]:
    """What a browser would send of an unchanged page of the admin."""
    form = page.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    for inline in page.context["inline_admin_formsets"]:
        management = inline.formset.management_form
        sent |= {management.add_prefix(name): management[name].value() for name in management.fields}
    return {name: "" if value is None else value for name, value in sent.items() if value is not False}


@pytest.fixture
def for_alice(client_a: Client, client_b: Client) -> Browser:
    """An administrator who has chosen one of several clients."""
    browser = browser_of(User.objects.create_superuser("root"))
    choose(browser, client_a)
    return browser


def test_an_administrator_makes_clients_whichever_is_chosen(for_alice: Browser) -> None:
    add = "/admin/clients/client/add/"
    form = form_of(for_alice.get(add))
    assert for_alice.post(add, form | {"name": "carol"}).status_code == 302
    assert Client.objects.filter(name="carol").exists()
    assert "already exists" in for_alice.post(add, form | {"name": "bob"}).content.decode()


def test_a_client_is_not_renamed_to_one_that_is_not_chosen(for_alice: Browser, client_a: Client) -> None:
    page = f"/admin/clients/client/{client_a.pk}/change/"
    assert "already exists" in for_alice.post(page, form_of(for_alice.get(page)) | {"name": "bob"}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_deleted_user_leaves_every_client(for_alice: Browser, client_b: Client) -> None:
    user = make_member(client_b, Role.VIEWER)
    assert for_alice.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
