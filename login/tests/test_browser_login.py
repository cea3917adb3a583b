"""Second factors in a real Chromium: an authenticator app, and passkeys of a virtual authenticator."""

from __future__ import annotations

import time

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from clients.models import Client
from faceapp.tests.browser import follow, log_in, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_flush")]


@pytest.fixture(autouse=True)
def required(settings: Settings) -> None:
    settings.REQUIRE_MFA, settings.CONFIRM_SECONDS = True, 600


def begin(page: Page, server: LiveServer, user: User) -> None:
    """Log in with the password alone."""
    page.goto(f"{server.url}/admin/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill("password")
    follow(page.get_by_role("button", name="Log in", exact=True))


def log_out(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.url}/login/logout/")
    follow(page.get_by_role("button", name="Log out"))
    page.wait_for_url(f"{server.url}/login/")


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def grow_old(page: Page) -> None:
    """As if the last proof of who it is had been eleven minutes ago."""
    session = SessionStore(next(one["value"] for one in page.context.cookies() if one["name"] == "sessionid"))
    session[AUTHENTICATION_METHODS_SESSION_KEY][0]["at"] -= 660
    session.save()


def test_an_app_is_set_up_and_asked_for(page: Page, live_server: LiveServer, admin_user: User) -> None:
    page.goto(f"{live_server.url}/admin/")
    shoot(page, "login")
    begin(page, live_server, admin_user)
    page.get_by_text("Your account needs a second factor").wait_for()
    shoot(page, "factors-needed")
    follow(page.get_by_role("link", name="Set up the app"))
    shoot(page, "factors-app")
    secret = page.get_by_label("Secret").input_value()
    page.get_by_label("Code", exact=True).fill(code(secret))
    follow(page.get_by_role("button", name="Set up"))
    recovery = page.get_by_label("Recovery codes").input_value().split()
    assert len(recovery) == 10
    shoot(page, "factors-recovery")
    follow(page.get_by_role("link", name="I have kept them"))
    page.wait_for_url(f"{live_server.url}/admin/")
    log_out(page, live_server)
    begin(page, live_server, admin_user)
    shoot(page, "login-factor")
    page.get_by_label("Code of your app").fill(recovery[0])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")
    page.goto(f"{live_server.url}/login/factors/")
    page.get_by_text("9 codes left").wait_for()
    shoot(page, "factors")


def test_a_passkey_is_added_and_opens_the_admin(page: Page, live_server: LiveServer, admin_user: User) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    begin(page, live_server, admin_user)
    follow(page.get_by_role("link", name="Add a passkey"))
    shoot(page, "passkey-add")
    page.get_by_label("Name").fill("My telephone")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Recovery codes").wait_for()
    assert Authenticator.objects.get(type="webauthn").wrap().name == "My telephone"
    page.goto(f"{live_server.url}/login/factors/webauthn/")
    shoot(page, "passkeys")
    log_out(page, live_server)
    page.goto(f"{live_server.url}/admin/clients/client/")
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"{live_server.url}/admin/clients/client/")
    log_out(page, live_server)
    begin(page, live_server, admin_user)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{live_server.url}/admin/")


def test_passkeys_are_not_offered_under_an_address(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url.replace("localhost", "127.0.0.1") + "/login/")
    assert page.get_by_role("button", name="Log in", exact=True).is_visible()
    assert page.get_by_role("button", name="Log in with a passkey").is_hidden()


def test_a_key_is_made_after_a_confirmation(
    page: Page, live_server: LiveServer, admin_user: User, settings: Settings
) -> None:
    settings.REQUIRE_MFA = False
    log_in(page, live_server, admin_user)
    grow_old(page)
    page.goto(f"{live_server.url}/admin/clients/apikey/add/")
    shoot(page, "confirm")
    page.get_by_label("Password of admin").fill("password")
    follow(page.get_by_role("button", name="Confirm"))
    page.wait_for_url(f"{live_server.url}/admin/clients/apikey/add/")


def test_a_deletion_goes_on_where_it_was_asked_for(
    page: Page, live_server: LiveServer, admin_user: User, settings: Settings
) -> None:
    settings.REQUIRE_MFA = False
    Client.objects.create(name="to be erased")
    log_in(page, live_server, admin_user)
    page.goto(f"{live_server.url}/admin/clients/client/")
    grow_old(page)
    page.locator("[name=_selected_action]").first.check()
    page.locator("select[name=action]").first.select_option("delete_selected")
    follow(page.get_by_role("button", name="Run").first)
    page.get_by_label("Password of admin").fill("password")
    follow(page.get_by_role("button", name="Confirm"))
    page.wait_for_url(f"{live_server.url}/admin/clients/client/")
    follow(page.get_by_role("button", name="Yes"))
    page.get_by_text("Successfully deleted 1").wait_for()
    assert not Client.objects.exists()
