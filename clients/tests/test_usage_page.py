"""The page that shows what a client uses, in the admin and in a real Chromium."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from clients.models import Client, Role
from clients.quotas import take_images
from clients.tests.members import browser_of, make_member
from faceapp.tests.browser import follow, log_in, shoot

NO_MEMBERS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def page_of(client: Client) -> str:
    return reverse("admin:clients_client_usage", args=[client.pk])


@pytest.mark.django_db
def test_limits_are_set_in_the_form_and_shown_beside_the_use(client_a: Client, servers: None) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root"))
    form = reverse("admin:clients_client_change", args=[client_a.pk])
    assert browser.post(
        form, {"name": "alice", "is_active": "on", "max_people": "0", "max_images_a_day": "4"} | NO_MEMBERS
    ).url  # type: ignore[attr-defined]
    client_a.refresh_from_db()
    assert (client_a.max_people, client_a.max_templates, client_a.max_images_a_day) == (0, None, 4)
    take_images(client_a, 3)
    page = browser.get(page_of(client_a)).content.decode()
    assert 'aria-valuenow="75"' in page and page.count("no limit") == 3
    assert page_of(client_a) in browser.get(form).content.decode()


@pytest.mark.django_db
def test_members_see_what_their_client_uses(client_a: Client, client_b: Client, servers: None) -> None:
    browser = browser_of(make_member(client_a, Role.VIEWER))
    assert browser.get(page_of(client_a)).status_code == 200
    assert browser.get(page_of(client_b)).status_code == 404


@pytest.mark.django_db
def test_managers_lower_limits_and_administrators_raise_them(client_a: Client, settings: Settings) -> None:
    settings.MAX_PEOPLE, form = 100, reverse("admin:clients_client_change", args=[client_a.pk])
    manager = browser_of(make_member(client_a, Role.MANAGER))
    for sent, stored in (("", None), ("101", None), ("0", None), ("50", 50), ("", 50), ("60", 50), ("40", 40)):
        manager.post(form, {"max_people": sent, "name": "mallory", "is_active": "", **NO_MEMBERS})
        client_a.refresh_from_db()
        assert client_a.max_people == stored, sent
    assert (client_a.name, client_a.is_active) == ("alice", True)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_page_on_screens_of_every_size(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client
) -> None:
    client_a.max_people, client_a.max_images_a_day, client_a.max_templates = 40, 10, 0
    client_a.max_stored_mb = 2_500
    client_a.save()
    take_images(client_a, 9)
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("admin:clients_client_change", args=[client_a.pk]))
    shoot(page, "client")
    follow(page.get_by_role("link", name="Show", exact=True))
    expect(page.get_by_role("progressbar", name="Images today")).to_have_attribute("aria-valuenow", "90")
    expect(page.get_by_role("progressbar")).to_have_count(3)
    expect(page.get_by_text("of 2,500.0 MB (0%)")).to_be_visible()
    shoot(page, "client-usage")
    page.evaluate("document.documentElement.classList.add('dark')")
    shoot(page, "client-usage-dark")
