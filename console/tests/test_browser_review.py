"""Review by keyboard in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.services import create_entry
from clients.models import Client, Membership, Role
from console.tests.test_browser_console import ARABIC, MOST, check_page, weight_of
from console.tests.test_review import screen
from faceapp.tests.browser import follow, log_in, shoot
from recognition.models import Match, Verdict
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def hits(admin_user: User) -> list[Match]:
    client = Client.objects.create(name="A client with a long name " * 3)
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    create_entry(client=client, name=ARABIC * 3, reason="fraud " * 30, uploads=[Upload(picture(RED, side=200))])
    return screen(client, 8)


def states() -> list[str]:
    return list(Match.objects.order_by("pk").values_list("state", flat=True))


def test_hits_are_judged_by_keyboard(page: Page, live_server: LiveServer, admin_user: User, hits: list[Match]) -> None:
    log_in(page, live_server, admin_user)
    loaded = []
    page.on("response", lambda answer: loaded.append(answer))
    page.goto(live_server.url + reverse("console:review"))
    page.wait_for_load_state("networkidle")
    check_page(page, "queue")
    shoot(page, "review-queue")
    loaded.clear()
    page.keyboard.press("j")
    expect(page.get_by_text("8 hits wait for you")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert weight_of(loaded) < MOST
    check_page(page, "hit")
    shoot(page, "review-hit")
    page.keyboard.press("n")
    page.keyboard.type("cd u")  # letters of a note are no verdicts
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.get_by_text("7 hits wait for you")).to_be_visible()
    assert (states()[0], Verdict.objects.get().note) == ("confirmed", "cd u")
    check_page(page, "hit, undoable")
    shoot(page, "review-undo")
    page.keyboard.press("z")
    expect(page.get_by_text("8 hits wait for you")).to_be_visible()
    assert states() == ["open"] * 8
    for key, left in (("d", 7), ("u", 6)):
        page.keyboard.press(key)
        expect(page.get_by_text(f"{left} hits wait for you")).to_be_visible()
    page.keyboard.press("j")
    expect(page).to_have_url(live_server.url + reverse("console:review-hit", args=[hits[3].pk]))
    page.keyboard.press("k")
    expect(page).to_have_url(live_server.url + reverse("console:review-hit", args=[hits[2].pk]))
    assert states() == ["dismissed", "unsure", *["open"] * 6]


def test_undo_ends_and_keys_can_be_switched_off(
    page: Page, live_server: LiveServer, admin_user: User, hits: list[Match]
) -> None:
    log_in(page, live_server, admin_user)
    page.clock.install()
    page.goto(live_server.url + reverse("console:review-hit", args=[hits[0].pk]))
    page.keyboard.press("d")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.clock.run_for(10_500)
    expect(undo).to_have_count(0)
    page.get_by_label("Keys:").uncheck()
    page.reload()
    page.keyboard.press("c")
    page.get_by_label("Zoom").fill("2")
    expect(page.locator("[data-zoomed] img").last).to_have_attribute(
        "style", "transform-origin: 50% 40%; transform: scale(2);"
    )
    assert states() == ["dismissed", *["open"] * 7]
    follow(page.get_by_role("link", name="Review").last)
    page.get_by_text("Dismiss them all…").click()
    follow(page.get_by_role("button", name="Dismiss 7 hits"))
    expect(page.get_by_text("You have dismissed 7 hits.")).to_be_visible()


def test_review_works_without_a_script(
    page: Page, live_server: LiveServer, admin_user: User, hits: list[Match]
) -> None:
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()  # type: ignore[union-attr]
    log_in(plain, live_server, admin_user)
    plain.goto(live_server.url + reverse("console:review-hit", args=[hits[0].pk]))
    plain.get_by_role("textbox", name="Note").fill("Not him.")
    follow(plain.get_by_role("button", name="Dismiss"))
    follow(plain.get_by_role("button", name="Undo"))
    expect(plain.get_by_text("8 hits wait for you")).to_be_visible()
    assert states() == ["open"] * 8
