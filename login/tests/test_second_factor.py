"""Administrators without a second factor are led to set one up, and reach nothing else."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from clients.models import Client, Role
from clients.services import create_api_key
from clients.tests.members import make_member
from login.tests.conftest import log_in

pytestmark = pytest.mark.usefixtures("redis_flush")


@pytest.fixture(autouse=True)
def required(settings: Settings) -> None:
    settings.REQUIRE_MFA = True


@pytest.mark.parametrize("path", ["/admin/", "/admin/clients/client/", "/docs", "/"])
def test_pages_lead_to_the_factors(admin: User, browser: Browser, path: str) -> None:
    log_in(browser)
    assert browser.get(path)["Location"] == "/login/factors/?required=1"
    assert browser.get("/login/factors/?required=1").status_code == 200
    assert browser.get("/login/factors/totp/activate/").status_code == 200


def test_the_api_says_what_is_missing(admin: User, browser: Browser) -> None:
    log_in(browser)
    answer = browser.get("/api/v1/people/")
    assert answer.status_code == 403 and answer.json()["code"] == "auth.second_factor_required"


def test_keys_are_not_concerned(admin: User, browser: Browser) -> None:
    log_in(browser)
    _, key = create_api_key(client_name="alice", name="x")
    assert browser.get("/api/v1/people/", HTTP_X_API_KEY=key).status_code == 200


@pytest.mark.parametrize("header", [{"HTTP_X_API_KEY": "x"}, {"HTTP_AUTHORIZATION": "Basic eA=="}])
def test_a_header_does_not_replace_a_factor(admin: User, browser: Browser, header: dict[str, str]) -> None:
    log_in(browser)
    assert browser.get("/admin/", **header).status_code == 302
    assert browser.get("/api/v1/people/", **header).json()["code"] in {
        "auth.second_factor_required", "auth.invalid_key"
    }  # fmt: skip
    assert browser.get("/k/x/api/v1/people/").json()["code"] == "auth.invalid_key"


def test_who_has_a_factor_is_asked_for_it(admin: User, browser: Browser) -> None:
    TOTP.activate(admin, generate_totp_secret())
    answer = log_in(browser)
    assert answer["Location"] == "/login/factors/authenticate/"
    assert browser.get("/admin/")["Location"].startswith("/admin/login/")
    code = RecoveryCodes.activate(admin).get_unused_codes()[0]
    assert browser.post("/login/factors/authenticate/", {"code": code}).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_codes_cannot_be_guessed(admin: User, browser: Browser) -> None:
    TOTP.activate(admin, generate_totp_secret())
    code = RecoveryCodes.activate(admin).get_unused_codes()[0]
    log_in(browser)
    for number in range(5):
        browser.post("/login/factors/authenticate/", {"code": f"{number:06}"})
    browser.post("/login/factors/authenticate/", {"code": code})
    assert "_auth_user_id" not in browser.session


def test_managers_need_one_too(client_a: Client, browser: Browser) -> None:
    browser.force_login(make_member(client_a, Role.MANAGER))
    assert browser.get("/admin/")["Location"] == "/login/factors/?required=1"
    assert browser.get("/api/v1/people/").json()["code"] == "auth.second_factor_required"


def test_others_need_none(db: None, browser: Browser) -> None:
    User.objects.create_user("eve", password="the right password")
    log_in(browser, name="eve")
    assert browser.get("/").status_code == 200


def test_a_lost_factor_is_taken_away(admin: User) -> None:
    TOTP.activate(admin, generate_totp_secret())
    call_command("reset_second_factor", "ada")
    assert not Authenticator.objects.exists()
