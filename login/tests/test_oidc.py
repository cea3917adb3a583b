"""Logging in at a provider: who is let in, and as whom."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from login.tests.provider import Provider, running_provider

START = "/login/oidc/oidc/login/"


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    with running_provider() as provider:
        settings.OIDC_URL = provider.url
        app = {"provider_id": "oidc", "name": "Work account", "client_id": "faceapp", "secret": "s"}
        app |= {"settings": {"server_url": provider.url}}  # type: ignore[dict-item]
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        yield provider


def come_back(browser: Browser, query: str = ""):
    """To the provider, and back from it as somebody who has logged in there."""
    there = urlsplit(browser.post(START + query)["Location"])
    sent = parse_qs(there.query)
    assert sent["code_challenge_method"] == ["S256"]
    return browser.get(f"{START}callback/", {"code": "c", "state": sent["state"][0]})


def who(browser: Browser) -> User | None:
    return User.objects.filter(pk=browser.session.get("_auth_user_id")).first()


def test_its_button_is_on_the_login_page(client: Browser, db: None, provider: Provider) -> None:
    page = client.get("/login/").content.decode()
    assert "Work account" in page and START in page


def test_without_one_there_is_no_button(client: Browser, db: None) -> None:
    assert "oidc" not in client.get("/login/").content.decode()
    assert client.post(START).status_code == 404


def test_an_account_with_the_verified_address_is_found(browser: Browser, admin: User, provider: Provider) -> None:
    admin.email = "Ada@Example.org"
    admin.save()
    assert come_back(browser)["Location"] == "/admin/"
    assert who(browser) == admin
    admin.refresh_from_db()
    assert admin.check_password("the right password")
    provider.claims |= {"email": "ada.new@example.org"}  # the provider's number of the user stays
    again = Browser()
    come_back(again)
    assert who(again) == admin


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email": "someone@example.org"}, {"email": ""}, {"email_verified": None}]
)
def test_others_are_strangers(browser: Browser, admin: User, provider: Provider, claims: dict[str, object]) -> None:
    admin.email = "ada@example.org"
    admin.save()
    provider.claims |= claims
    assert "You have no account here" in come_back(browser).content.decode()
    assert who(browser) is None and User.objects.count() == 1


def test_an_allowed_domain_gets_accounts_without_rights(
    browser: Browser, db: None, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_DOMAINS = ["example.org"]
    assert come_back(browser)["Location"] == "/"
    user = who(browser)
    assert user and user.email == "ada@example.org"
    assert not user.is_staff and not user.is_superuser and not user.has_usable_password()


def test_an_unverified_address_of_an_allowed_domain_gets_none(
    browser: Browser, db: None, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_DOMAINS = ["example.org"]
    provider.claims |= {"email_verified": False}
    come_back(browser)
    assert not User.objects.exists()


def test_an_account_that_is_switched_off_stays_off(browser: Browser, admin: User, provider: Provider) -> None:
    admin.email, admin.is_active = "ada@example.org", False
    admin.save()
    come_back(browser)
    assert who(browser) is None


def test_nobody_adds_a_provider_to_an_account(browser: Browser, admin: User, provider: Provider) -> None:
    browser.force_login(admin)
    assert come_back(browser, "?process=connect").status_code == 401
    assert not SocialAccount.objects.exists()


def test_the_provider_has_asked_for_a_factor(
    browser: Browser, admin: User, provider: Provider, settings: Settings
) -> None:
    settings.REQUIRE_MFA = True
    admin.email = "ada@example.org"
    admin.save()
    come_back(browser)
    assert browser.get("/admin/").status_code == 200
