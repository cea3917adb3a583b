"""The watch list in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.models import BlacklistEntry
from blacklist.services import create_entry
from clients.models import Client, Membership, Role
from console.tests.screened import screen
from console.tests.test_browser_console import MOST, check_page, weight_of
from faceapp.tests.browser import follow, log_in, shoot
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = "عبد الله <b>بن</b> عبد العزيز " * 3


@pytest.fixture
def listed(admin_user: User) -> Client:
    client = Client.objects.create(name="Gate")
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    notes = "Seen at the north gate.\n\nTold to leave."
    create_entry(client=client, name=NAME[:100], reason="fraud", severity="high", source="Case 7", notes=notes,
                 uploads=[Upload(picture(RED, side=120))])  # fmt: skip
    for number in range(40):
        BlacklistEntry.objects.create(client=client, name=f"Entry {number}")
    screen(client, RED)
    return client


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in {
        "two.png": picture(BLUE, GREEN, side=120),
        "red.png": picture(RED, side=120),
        "green.png": picture(GREEN, side=120),
        "notes.jpg": b"no image",
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_an_operator_lists_a_person(
    page: Page, live_server: LiveServer, admin_user: User, listed: Client, files: Path
) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:watchlist"))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    expect(page.locator(".tile")).to_have_count(40)
    check_page(page, "list")
    shoot(page, "watchlist")
    follow(page.get_by_role("link", name="List", exact=True))
    expect(page.locator("tbody tr")).to_have_count(40)
    check_page(page, "table")
    loaded.clear()
    follow(page.get_by_role("link", name="Add a person"))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    page.locator("#image").set_input_files([files / "two.png", files / "red.png", files / "notes.jpg"])
    page.get_by_label("Name").fill("Jane")
    expect(page.get_by_text("Who is meant?")).to_be_visible()
    expect(page.get_by_text("This face is listed already as")).to_be_visible()
    expect(page.get_by_text("This is not an image")).to_be_visible()
    check_page(page, "form")
    page.get_by_role("radio", name="Face 2").check()
    expect(page.get_by_text("Only this face is stored")).to_be_visible()
    page.get_by_role("button", name="Leave out red.png").click()
    page.locator("#image").set_input_files([files / "green.png"])
    expect(page.locator("[data-card]")).to_have_count(2)
    shoot(page, "watchlist-new")
    page.reload()
    expect(page.locator("[data-card]")).to_have_count(2)
    page.get_by_label("Name").fill("Jane")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("heading", name="Jane")).to_be_visible()
    expect(page.locator(".portraits li")).to_have_count(2)


def test_an_entry_is_read_changed_and_deleted(
    page: Page, live_server: LiveServer, admin_user: User, listed: Client, files: Path
) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:watchlist-entry", args=[1]))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    page.locator("#image").set_input_files([files / "green.png"])
    expect(page.get_by_text("does not look like the other photographs")).to_be_visible()
    check_page(page, "entry")
    shoot(page, "watchlist-entry")
    follow(page.get_by_role("button", name="Save the photographs"))
    expect(page.locator(".portraits li")).to_have_count(2)
    page.get_by_text("Remove…").last.click()
    follow(page.get_by_role("button", name="Remove", exact=True))
    expect(page.locator(".portraits li")).to_have_count(1)
    follow(page.get_by_role("link", name="Change", exact=True))
    check_page(page, "edit")
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_label("First day").fill("2020-01-02")
    follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("The entry ends before it begins.")).to_be_visible()
    page.get_by_label("First day").fill("2019-01-02")
    follow(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("set “until 1 Jan 2020”")).to_be_visible()
    follow(page.get_by_role("button", name="Switch off"))
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    page.get_by_text("Delete this entry…").click()
    follow(page.get_by_role("button", name="Delete for good"))
    expect(page.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
