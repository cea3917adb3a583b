"""The admin's pages for keys in a real browser."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from clients.models import ApiKey, Client
from faceapp.tests.browser import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_administrator_makes_a_key_and_revokes_it(page: Page, live_server: LiveServer) -> None:
    Client.objects.create(name="alice")
    log_in(page, live_server, User.objects.create_superuser("root", password="password"))
    page.goto(live_server.url + reverse("admin:clients_apikey_add"))
    page.click(".select2-selection")
    page.click(".select2-results__option:has-text('alice')")
    page.fill("#id_name", "till")
    page.check("text=Detect faces")
    page.click("[name=_save]")
    key = page.inner_text("text=The new key is >> code")
    row = ApiKey.objects.get()
    assert row.is_valid(key) and row.scopes == ["detect"]

    page.reload()
    assert key not in page.content() and row.prefix in page.content()
    page.check(f"tr:has-text('{row.prefix}') input[name=_selected_action]")
    page.select_option("select[name=action]", "revoke")
    page.click("button[name=index]")
    page.click("text=Revoke the keys")  # asks first
    page.wait_for_selector("text=Keys revoked: 1.")
    assert re.search("revoked", page.inner_text("tbody"), re.IGNORECASE) and ApiKey.objects.get().revoked
