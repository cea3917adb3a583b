"""The language of pages in a real Chromium, and the bar of small screens with longer words."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.services import create_entry
from clients.models import Client, Membership, Role
from console.navigation import SECTIONS
from console.tests.screened import screen
from console.tests.test_browser_console import check_page
from faceapp.tests.browser import assert_fits, follow
from recognition.models import Match
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload

NARROW = 390
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_german_works_in_german_until_english_is_chosen(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    Membership.objects.create(user=admin_user, client=client_a, role=Role.MANAGER)
    create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(picture(RED))])
    screen(client_a, RED, BLUE)
    page.context.set_extra_http_headers({"Accept-Language": "de-DE,de;q=0.9"})
    page.goto(live_server.url + "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gesichtserkennung auf Ihrem eigenen Server")
    check_page(page, "start")
    page.set_viewport_size({"width": NARROW, "height": 844})
    page.goto(live_server.url + reverse("account_login") + "?next=/")
    page.get_by_label("Benutzername").fill(admin_user.username)
    page.get_by_label("Passwort").fill("password")
    follow(page.get_by_role("button", name="Anmelden", exact=True))
    page.wait_for_url(live_server.url + "/")
    hit = Match.objects.get()
    for address in [
        *(reverse(section.url_name) for section in SECTIONS),
        reverse("console:review-hit", args=[hit.pk]),
        reverse("console:image", args=[hit.face.image.number]),
        reverse("console:try-compare"),
    ]:
        page.goto(live_server.url + address)
        assert_fits(page, NARROW, address)

    page.goto(live_server.url + "/")
    bar = page.locator("nav.menu")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")
    assert bar.evaluate("bar => [...bar.querySelectorAll('span')].every(word => word.scrollWidth <= word.clientWidth)")
    page.get_by_role("button", name="Mehr").click()
    expect(bar.get_by_role("link", name="System")).to_be_visible()
    page.keyboard.press("Escape")
    expect(bar.get_by_role("link", name="System")).to_be_hidden()
    page.get_by_role("button", name="Mehr").click()
    follow(bar.get_by_role("link", name="System"))
    expect(page.locator(".more.current")).to_have_text("Mehr")

    page.locator(".account summary").click()
    follow(page.get_by_role("button", name="English"))
    expect(page.get_by_role("heading", level=1)).to_have_text("System")
    expect(page.locator("html")).to_have_attribute("lang", "en")
