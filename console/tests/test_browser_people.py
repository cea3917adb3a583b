"""People in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from clients.models import Client, Membership, Role
from console.tests.test_browser_console import MOST, check_page, weight_of
from faceapp.tests.browser import follow, log_in, shoot
from people.health import tend_health
from people.models import KeptApart, Person
from people.services import create_person
from people.tests.test_services import enrol
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = ("عبد الله <b>بن</b> عبد العزيز " * 4)[:100]
NEARLY_RED = (205, 30, 20)


@pytest.fixture
def people(admin_user: User) -> Client:
    client = Client.objects.create(name="Gate")
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    for number in range(40):
        create_person(client=client, name=f"Somebody {number}", external_id=f"long-{'x' * 60}-{number}")
    enrol(client, RED, "red", name=NAME, metadata={"floor": 1})
    enrol(client, NEARLY_RED, "twin", name="Twin", metadata={"desk": "long" * 30})
    tend_health()
    return client


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in {
        "green.png": picture(GREEN, side=120),
        "two.png": picture(BLUE, RED, side=120),
        "empty.png": picture(side=120),
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_people_are_looked_through_merged_and_erased(
    page: Page, live_server: LiveServer, admin_user: User, people: Client
) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:people"))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    expect(page.locator(".tile")).to_have_count(40)
    check_page(page, "people")
    shoot(page, "people")
    follow(page.get_by_role("link", name="Older"))
    expect(page.locator(".tile")).to_have_count(2)
    follow(page.get_by_role("link", name="Newer"))
    page.get_by_label("Name or external ID").fill("twin")
    follow(page.get_by_role("button", name="Search", exact=True))
    follow(page.locator(".tile"))
    check_page(page, "person")
    shoot(page, "person")
    follow(page.get_by_role("link", name="Merge…"))
    expect(page.get_by_text("One person with 2 photographs.")).to_be_visible()
    check_page(page, "merge")
    shoot(page, "people-merge")
    follow(page.get_by_role("button", name="Merge", exact=True))
    expect(page.get_by_role("status").filter(has_text="is part of this one now")).to_be_visible()
    follow(page.get_by_role("link", name="Some show somebody else…"))
    check_page(page, "split")
    page.get_by_label("Photograph 1").check()
    page.get_by_label("Name of the new person").fill("Split off")
    follow(page.get_by_role("button", name="Make them a person of their own"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Split off")
    page.get_by_text("Erase this person…").click()
    check_page(page, "erase")
    follow(page.get_by_role("button", name="Erase for good"))
    expect(page.get_by_role("status").filter(has_text="was erased")).to_be_visible()
    assert not Person.objects.filter(name="Split off").exists()


def test_somebody_is_added_with_photographs_one_by_one(
    page: Page, live_server: LiveServer, admin_user: User, people: Client, files: Path
) -> None:
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("console:person-new"))
    check_page(page, "new")
    page.get_by_label("Name").fill(" ")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Say what the person is called")
    page.get_by_label("Name").fill("Green")
    page.locator("#image").set_input_files([files / "green.png", files / "two.png"])
    page.locator("#image").set_input_files(files / "empty.png")
    expect(page.locator(".chosen li")).to_have_count(3)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Green was added.")).to_be_visible()
    expect(page.get_by_text("No face was found in this image.")).to_be_visible()
    expect(page.get_by_text("Added to the photographs of Green")).to_have_count(1)
    check_page(page, "judged")
    shoot(page, "people-judged")
    page.get_by_role("button", name="Add face 1").click()
    expect(page.get_by_text("Added to the photographs of Green")).to_have_count(2)
    page.get_by_role("link", name="To the person").click()
    expect(page.locator(".faces-grid .tile")).to_have_count(2)
    page.locator("#image").set_input_files(files / "green.png")
    page.get_by_role("link", name="Show them among the photographs").click()
    expect(page.locator(".faces-grid .tile")).to_have_count(3)


def test_pairs_and_photographs_are_compared(
    page: Page, live_server: LiveServer, admin_user: User, people: Client, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("console:people-same"))
    expect(page.locator(".pair-of")).to_have_count(1)
    check_page(page, "same")
    shoot(page, "people-same")
    page.get_by_role("button", name="Not the same").click()
    expect(page.get_by_role("heading", name="Nobody looks like anybody else")).to_be_visible()
    assert KeptApart.objects.count() == 1
    check_page(page, "no pairs")
    (tmp_path / "red.png").write_bytes(picture(RED, side=120))
    page.goto(live_server.url + reverse("console:people-find"))
    page.locator("#image").set_input_files(tmp_path / "red.png")
    expect(page.get_by_text("2 matches")).to_be_visible()
    check_page(page, "found people")
    shoot(page, "people-find")
    page.get_by_role("link", name="Twin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Twin")
    page.goto(live_server.url + reverse("console:people") + "?q=nobody")
    check_page(page, "nobody")
