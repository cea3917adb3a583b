"""Workers that hang, as the page of the running service tells it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from faceapp.tests.live_stack import LiveStack

pytestmark = [pytest.mark.models, pytest.mark.browser]
PATIENCE = 90_000  # milliseconds: the answer that is known holds for ten, the next takes three, the page asks each five


def test_a_dead_worker_is_seen_without_reloading(page: Page, live: LiveStack) -> None:
    name = "watched"
    live.manage("create_api_key", name, "--scopes", "all")
    page.goto(f"{live.url}/choose-client/?search={name}&next=/console/system/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(live.admin_password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("heading", name="Everything is working")).to_be_visible(timeout=PATIENCE)
    with live.suspended_workers():
        expect(page.get_by_text("No worker answered within 3 seconds.")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("A worker last answered")).to_be_visible()
        expect(page.locator("#state")).to_have_text("Workers: down", timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Everything is working")).to_be_visible(timeout=PATIENCE)
