"""The admin's pages for keys in a real browser."""

import re
import shutil
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from clients.models import ApiKey, Client

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of an administrator who has logged in; a script that fails on it fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps an event loop in this thread
    User.objects.create_superuser("root", password="root's password")
    failures: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(base_url=live_server.url)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto("/admin/login/?next=/admin/clients/apikey/add/")
        page.fill("#id_username", "root")
        page.fill("#id_password", "root's password")
        page.click("button[type=submit]")
        yield page
        browser.close()
    assert failures == []


def test_an_administrator_makes_a_key_and_revokes_it(page: Page) -> None:
    Client.objects.create(name="alice")
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
    page.wait_for_selector("text=Keys revoked: 1.")
    assert re.search("revoked", page.inner_text("tbody"), re.IGNORECASE) and ApiKey.objects.get().revoked
