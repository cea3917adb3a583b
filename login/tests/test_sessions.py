"""How long a login lasts, what it is kept in, and what becomes of a form that is sent too late."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clients.services import create_api_key
from login.sessions import LOGGED_IN_AT, SEEN_AT
from login.tests.conftest import log_in


def age(browser: Browser, **seconds: int) -> None:
    """As if the session had begun, or had last been used, so many seconds ago."""
    session = browser.session
    for name, value in seconds.items():
        session[name] = int(time.time()) - value
    session.save()


@pytest.mark.parametrize(
    ("name", "seconds", "status"),
    [(SEEN_AT, 29 * 60, 200), (SEEN_AT, 31 * 60, 302), (LOGGED_IN_AT, 7 * 3600, 200), (LOGGED_IN_AT, 9 * 3600, 302)],
)
def test_a_login_ends_when_idle_and_when_old(
    admin: User, browser: Browser, name: str, seconds: int, status: int
) -> None:
    log_in(browser)
    age(browser, **{name: seconds})
    assert browser.get("/admin/").status_code == status


def test_use_keeps_a_login(admin: User, browser: Browser) -> None:
    log_in(browser)
    age(browser, **{SEEN_AT: 29 * 60})
    browser.get("/admin/")
    assert time.time() - browser.session[SEEN_AT] < 60


def test_an_old_login_does_not_open_the_api(admin: User, browser: Browser) -> None:
    log_in(browser)
    assert browser.get("/api/v1/people/").status_code == 403  # a member of no client
    age(browser, **{SEEN_AT: 31 * 60})
    assert browser.get("/api/v1/people/").status_code == 401


def test_health_is_asked_without_the_database(admin: User, browser: Browser) -> None:
    log_in(browser)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/healthz").status_code == 200
    assert not queries.captured_queries


def test_each_login_has_a_new_key_in_a_guarded_cookie(admin: User, browser: Browser) -> None:
    browser.get("/login/")
    session = browser.session
    session["x"] = 1
    session.save()
    before = session.session_key
    log_in(browser)
    cookie = browser.cookies["sessionid"]
    assert cookie.value != before
    assert browser.cookies["csrftoken"]["httponly"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["max-age"]


def test_a_form_sent_too_late_is_shown_again(admin: User, browser: Browser) -> None:
    log_in(browser)
    age(browser, **{SEEN_AT: 31 * 60})
    form = {"name": "A <long> name", "password1": "unseen", "csrfmiddlewaretoken": "x", "note": ""}
    answer = browser.post("/admin/clients/client/add/", form)
    page = answer.content.decode()
    assert answer.status_code == 403 and "Nothing was saved" in page
    assert "A &lt;long&gt; name" in page and "unseen" not in page
    assert "/login/?next=%2Fadmin%2Fclients%2Fclient%2Fadd%2F" in page


def test_forms_of_other_sites_are_not_repeated(admin: User) -> None:
    answer = Browser(enforce_csrf_checks=True).post(
        "/admin/clients/client/add/", {"name": "call this number"}, HTTP_ORIGIN="https://evil.example"
    )
    assert answer.status_code == 403 and "call this number" not in answer.content.decode()


def test_who_may_not_see_the_admin_is_told_so(db: None, browser: Browser) -> None:
    User.objects.create_user("eve", password="the right password")
    log_in(browser, name="eve")
    assert browser.get("/admin/", follow=True).status_code == 403
    assert browser.get("/api/login/login/").status_code == 403


@pytest.mark.parametrize("path", ["/admin/login/", "/api/login/login/"])
def test_every_login_leads_to_one_page(client: Browser, path: str) -> None:
    answer = client.get(path, {"next": "/admin/clients/client/"})
    assert answer["Location"] == f"{reverse('account_login')}?next=/admin/clients/client/"
    assert client.get(path, {"next": "https://evil.example/"})["Location"] == reverse("account_login")


def test_nobody_signs_up(client: Browser) -> None:
    assert client.get("/login/signup/").status_code == 404


def test_new_keys_do_not_travel_in_cookies(admin: User, browser: Browser) -> None:
    log_in(browser)
    row, _ = create_api_key(client_name="alice", name="x")
    answer = browser.post("/admin/clients/apikey/", {"action": "make_path_token", "_selected_action": row.pk})
    assert answer.status_code == 302 and set(answer.cookies) <= {"sessionid", "csrftoken"}
    assert "/k/" in browser.get("/admin/clients/apikey/").content.decode()
