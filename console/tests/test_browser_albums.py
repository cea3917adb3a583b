"""Albums in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery._state import _set_task_join_will_block
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from albums.models import Album, FaceGroup
from albums.services import add_images, create_album
from clients.models import Client, Membership, Role
from console.state import KEY
from console.tests.test_browser_console import MOST, check_page, weight_of
from faceapp.tests.browser import follow, log_in, shoot
from people.models import Person
from vision.tests.drawing import BLUE, DIM, GREEN, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAME = "عبد الله <b>بن</b> عبد العزيز " * 3
NEAR_RED = (RED[0] - 43, *RED[1:])  # 0.17 from red; a match up to 0.2


@pytest.fixture(autouse=True)
def _two_at_once() -> Iterator[None]:
    """Photographs that are added at once are processed in threads of this process, each of which tells Celery that no
    task may wait for another, until it remembers that forever. So the state is known, and Celery forgets it.
    """
    cache.set(KEY, {"database": "ok", "queue": "ok", "worker": "ok", "weights": "ok"}, 600)
    yield
    _set_task_join_will_block(False)
    cache.delete(KEY)


@pytest.fixture
def album(admin_user: User) -> Album:
    client = Client.objects.create(name="Archive")
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    made = create_album(client=client, name=NAME[:100], keep_images=True, threshold=0.1)
    for number, colours in enumerate(((RED, BLUE), (RED,), (RED, GREEN, DIM), (NEAR_RED,), ())):
        upload = Upload(picture(*colours, side=160), f"camera-{number}-{'long' * 20}.png")
        add_images(album=made, submissions=[read_submission(upload)], process=True)
    add_images(album=made, submissions=[read_submission(Upload(b"no image", "broken.png"))], process=True)
    return made


def test_an_album_is_filled(
    page: Page, live_server: LiveServer, admin_user: User, album: Album, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("console:albums"))
    expect(page.locator(".tile")).to_contain_text("6 photographs · 4 groups")
    check_page(page, "albums")
    shoot(page, "albums")
    page.get_by_text("New album…").click()
    page.get_by_label("Name", exact=True).fill("Summer party")
    follow(page.get_by_role("button", name="Create the album"))
    expect(page.locator("main .success")).to_contain_text("has been created")
    check_page(page, "empty album")
    for name, data in (("one.png", picture(RED)), ("two.png", picture(RED, BLUE)), ("notes.jpg", b"no image")):
        (tmp_path / name).write_bytes(data)
    page.locator("#image").set_input_files([tmp_path / name for name in ("one.png", "two.png", "notes.jpg")])
    expect(page.locator("#answers article:not(.pending)")).to_have_count(3)
    expect(page.locator("#answers [role=alert]")).to_have_count(1)
    follow(page.get_by_role("link", name="Show what is new"))
    expect(page.locator(".tile")).to_have_count(3)
    follow(page.get_by_role("link", name="Groups"))
    expect(page.locator(".tile")).to_have_count(2)
    follow(page.get_by_role("link", name="Settings"))
    check_page(page, "settings")
    page.get_by_text("Erase this album…").click()
    follow(page.get_by_role("button", name="Erase the album for good"))
    expect(page.locator("main .success").filter(has_text="has been erased")).to_be_visible()
    assert Album.objects.get() == album


def test_groups_are_put_in_order(page: Page, live_server: LiveServer, admin_user: User, album: Album) -> None:
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:album", args=[album.number]))
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    check_page(page, "groups")
    shoot(page, "album-groups")
    follow(page.locator(".tile").first)
    expect(page.locator(".suggestions li")).to_have_count(1)
    check_page(page, "group")
    shoot(page, "album-group")
    page.get_by_text("Who is this? Give the group a name…").click()
    page.get_by_label("Name", exact=True).fill(NAME[:100])
    follow(page.get_by_role("button", name="Save the name"))
    expect(page.locator("main .success")).to_contain_text("person of the gallery")
    page.locator("[name=face]").first.check()
    follow(page.get_by_role("button", name="Move them to a group…"))
    check_page(page, "move")
    follow(page.get_by_role("button", name="Move to Group").first)
    expect(page.locator("main .success")).to_contain_text("have been moved")
    assert Person.objects.get().name == NAME[:100].strip()
    page.goto(live_server.url + reverse("console:album-same", args=[album.number]))
    expect(page.locator(".suggestions li").first).to_be_visible()
    check_page(page, "same person")
    shoot(page, "album-same")
    follow(page.get_by_role("link", name="Look at both, and merge…").first)
    check_page(page, "merging")
    shoot(page, "album-merging")
    before = FaceGroup.objects.count()
    follow(page.get_by_role("button", name="Merge them"))
    expect(page.locator("main .success")).to_contain_text("have been merged")
    assert FaceGroup.objects.count() == before - 1


def test_photographs_are_shown_and_searched_for(
    page: Page, live_server: LiveServer, admin_user: User, album: Album, tmp_path: Path
) -> None:
    log_in(page, live_server, admin_user)
    page.goto(live_server.url + reverse("console:album-photographs", args=[album.number]))
    expect(page.locator(".tile")).to_have_count(6)
    check_page(page, "photographs")
    shoot(page, "album-photographs")
    follow(page.get_by_role("link", name="Show why"))
    expect(page.locator(".failures li")).to_have_count(1)
    check_page(page, "failed")
    page.goto(live_server.url + reverse("console:album-photograph", args=[album.number, 3]))
    expect(page.locator(".mark")).to_have_count(3)
    check_page(page, "photograph")
    shoot(page, "album-photograph")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("camera-3")
    (tmp_path / "probe.png").write_bytes(picture(RED, DIM, side=120))
    page.goto(live_server.url + reverse("console:album-find", args=[album.number]))
    check_page(page, "find")
    page.locator("#image").set_input_files(tmp_path / "probe.png")
    expect(page.get_by_text("2 faces, 1 in this album")).to_be_visible()
    check_page(page, "found")
    shoot(page, "album-find")
