"""Screened images in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.services import create_entry
from clients.models import Client, Membership, Role
from console.tests.screened import rows, screen
from console.tests.test_browser_console import MOST, check_page, weight_of
from faceapp.tests.browser import follow, log_in, shoot
from recognition.models import ProcessedImage
from vision.tests.drawing import BLUE, DIM, RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = "عبد الله <b>بن</b> عبد العزيز " * 3


@pytest.fixture
def images(admin_user: User) -> Client:
    client = Client.objects.create(name="Gate", keep_screened_embeddings=True)
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    create_entry(client=client, name=NAME[:100], reason="fraud", uploads=[Upload(picture(RED))])
    rows(client, 40, identifier="archive")
    for n, colours in enumerate(((RED, BLUE, DIM), (BLUE,), (), (RED,))):
        screen(client, *colours, name=f"camera-{n}-{'long' * 20}.png", side=160)
    screen(client, name="broken.png", data=b"no image")
    return client


def test_an_operator_finds_looks_and_erases(
    page: Page, live_server: LiveServer, admin_user: User, images: Client, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:images"))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    expect(page.locator(".tile")).to_have_count(40)
    check_page(page, "list")
    shoot(page, "images")
    follow(page.get_by_role("link", name="Older"))
    expect(page.locator(".tile")).to_have_count(5)
    follow(page.get_by_role("link", name="Newer"))
    page.get_by_label("Show").select_option("hits")
    follow(page.get_by_role("button", name="Show", exact=True))
    expect(page.locator(".tile")).to_have_count(2)
    follow(page.locator(".tile").last)
    check_image(page)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", level=1)).to_contain_text("camera-3")
    follow(page.get_by_role("link", name="All images"))
    expect(page.get_by_label("Show")).to_have_value("hits")
    follow(page.locator(".tile").first)
    page.get_by_text("Erase this image…").click()
    follow(page.get_by_role("button", name="Erase for good"))
    expect(page.get_by_role("status").filter(has_text="was erased")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(1)
    page.goto(live_server.url + reverse("console:images") + "?text=nothing+like+this")
    check_page(page, "empty list")


def check_image(page: Page) -> None:
    """Zoom, marks, and nothing serious for axe; then the zoom is gone again."""
    picture_of = page.locator(".viewer .picture")
    whole = picture_of.get_attribute("viewBox")
    check_page(page, "image")
    shoot(page, "image")
    expect(page.locator(".mark")).to_have_count(3)
    page.get_by_label("Mark the faces").uncheck()
    expect(page.locator(".mark").first).to_be_hidden()
    page.get_by_role("button", name="Zoom in").click()
    assert picture_of.get_attribute("viewBox") != whole
    page.get_by_role("button", name="Whole picture").click()
    expect(picture_of).to_have_attribute("viewBox", str(whole))
    picture_of.hover()
    page.mouse.wheel(0, -100)
    assert picture_of.get_attribute("viewBox") != whole
    page.keyboard.press("0")
    expect(picture_of).to_have_attribute("viewBox", str(whole))


def test_a_face_is_found_in_earlier_images(
    page: Page, live_server: LiveServer, admin_user: User, images: Client, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    image = ProcessedImage.objects.get(identifier__startswith="camera-3")
    page.goto(live_server.url + reverse("console:image", args=[image.number]))
    follow(page.get_by_role("button", name="Find face 1 in other images"))
    expect(page.get_by_text("1 face looks like this one.")).to_be_visible()
    expect(page.get_by_role("link", name="camera-0")).to_be_visible()
    check_page(page, "found")
    shoot(page, "images-found")
    (tmp_path / "red.png").write_bytes(picture(RED, side=120))
    page.goto(live_server.url + reverse("console:images-find"))
    check_page(page, "find")
    page.locator("#image").set_input_files(tmp_path / "red.png")
    expect(page.get_by_text("2 faces look like this one.")).to_be_visible()
    Client.objects.update(keep_screened_embeddings=False)
    page.goto(live_server.url + reverse("console:images-find"))
    expect(page.get_by_role("heading", name="Not possible for this client")).to_be_visible()
    check_page(page, "not kept")
