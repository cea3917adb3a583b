"""The pages for people, seen from inside and from outside of the administrators' networks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from login.tests.conftest import log_in

PAGES = ["/admin/", "/admin/login/", "/login/", "/login/factors/", "/api/login/login/", "/docs", "/console/try/who/"]
INSIDE, OUTSIDE = "10.1.2.3", "192.0.2.1"


@pytest.fixture(autouse=True)
def networks(settings: Settings) -> None:
    settings.ADMIN_NETWORKS = ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("address", [OUTSIDE, "", "unix:", "::1", "10.0.0.1, 192.0.2.1"])
def test_outside_there_are_no_such_pages(client: Browser, db: None, path: str, address: str) -> None:
    assert client.get(path, REMOTE_ADDR=address).status_code == 404


@pytest.mark.parametrize("address", [INSIDE, "::ffff:10.1.2.3", "2001:db8::7"])
def test_inside_there_are(client: Browser, db: None, address: str) -> None:
    assert client.get("/login/", REMOTE_ADDR=address).status_code == 200


def test_the_api_is_open_but_not_to_logins(admin: User, browser: Browser) -> None:
    log_in(browser, REMOTE_ADDR=INSIDE)
    assert browser.get("/api/v1/people/", REMOTE_ADDR=INSIDE).status_code == 403  # a member of no client
    assert browser.get("/api/v1/people/", REMOTE_ADDR=OUTSIDE).status_code == 401


def test_behind_proxies_the_caller_counts(client: Browser, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rest_framework.settings.api_settings.NUM_PROXIES", 1)
    forged = {"REMOTE_ADDR": INSIDE, "HTTP_X_FORWARDED_FOR": f"{INSIDE}, {OUTSIDE}"}
    assert client.get("/login/", **forged).status_code == 404
    assert client.get("/login/", REMOTE_ADDR=OUTSIDE, HTTP_X_FORWARDED_FOR=INSIDE).status_code == 200
