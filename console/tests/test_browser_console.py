"""The console in a real Chromium, at two widths, light and dark."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from blacklist.services import create_entry
from clients.access import SESSION_KEY
from clients.models import Client, Membership, Role
from console.state import KEY, SECONDS
from faceapp.tests.browser import SIZES, assert_fits, log_in, undisturbed
from liveness.models import LivenessSession
from people.models import Person
from people.services import enrol_face
from people.types import Whom
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST = 100_000  # bytes of a page before its pictures, compressed as they are sent
ARABIC = "عبد الله بن عبد العزيز"


@pytest.fixture
def client_a(admin_user: User) -> Client:
    client = Client.objects.create(name="A client with a long name " * 3)
    Membership.objects.create(user=admin_user, client=client, role=Role.MANAGER)
    return client


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, data in {
        "two.png": picture(RED, BLUE, side=120),
        "red.png": picture(RED, side=120),
        "empty.png": picture(side=120),
        "notes.jpg": b"no image",
    }.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, admin_user: User, client_a: Client) -> Page:
    log_in(page, live_server, admin_user)
    return page


def show(page: Page, live_server: LiveServer, tool: str, *chosen: Path) -> None:
    page.goto(live_server.url + reverse(f"console:try-{tool}"))
    if chosen:
        page.locator("#image").set_input_files(list(chosen))


def answers(page: Page) -> Iterator[str]:
    expect(page.locator("article:not(.pending)").first).to_be_visible()
    expect(page.locator("article.pending")).to_have_count(0)
    for article in page.locator("article").all():
        yield " ".join(article.inner_text().split())


def weight_of(loaded: list[Response]) -> int:
    """Bytes of a page, its styles and its scripts, compressed as the service sends them."""
    return sum(len(gzip.compress(one.body())) for one in loaded if one.ok and one.request.resource_type != "image")


def check_page(page: Page, name: str) -> None:
    """Nothing serious for axe, and no scrolling sideways: wide and light, narrow and dark."""
    for (width, height), colours in zip(SIZES.values(), ("light", "dark"), strict=True):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        found = undisturbed(page, lambda: Axe().run(page).response["violations"])
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert not serious, (name, width)
        assert_fits(page, width, name)


def test_pages_are_light_and_open_to_everybody(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client, files: Path
) -> None:
    enrol_face(client=client_a, upload=Upload(picture(RED)), whom=Whom(name=ARABIC))
    create_entry(client=client_a, name="Mallory", reason="fraud", uploads=[Upload(picture(RED))])
    page.goto(live_server.url + "/")
    expect(page.get_by_role("heading", name="Everything is working")).to_be_visible()
    check_page(page, "welcome")
    log_in(page, live_server, admin_user)
    loaded: list[Response] = []
    page.on("response", lambda answer: loaded.append(answer))
    for name in ("home", "console:try-who", "console:try-compare", "console:try-detect", "console:try-screen",
                 "console:try-liveness"):  # fmt: skip
        loaded.clear()
        page.goto(live_server.url + reverse(name))
        page.wait_for_load_state("networkidle")
        weight = weight_of(loaded)
        assert weight < MOST, (name, weight)
        check_page(page, name)
    cache.set(KEY, {"database": "ok", "queue": "ok", "worker": "No worker answered.", "weights": "ok"}, SECONDS)
    page.goto(live_server.url + "/")
    expect(page.get_by_role("status")).to_have_text("Workers: down")
    check_page(page, "not working")
    show(page, live_server, "screen", files / "two.png")
    assert "1 hit" in next(answers(page))
    show(page, live_server, "who", files / "two.png", files / "notes.jpg")
    said = sorted(answers(page))
    assert said[0].startswith("notes.jpg This is not an image.")
    assert ARABIC in said[1] and "2 faces, 1 recognised" in said[1]
    for details in page.locator("main details").all():
        details.evaluate("node => node.open = true")
    check_page(page, "who, answered")


def test_an_ended_login_keeps_the_files(at_work: Page, live_server: LiveServer, admin_user: User, files: Path) -> None:
    page = at_work
    show(page, live_server, "who")
    page.context.clear_cookies()
    page.locator("#image").set_input_files(files / "red.png")
    expect(page.get_by_text("Your session is over. Your files are still here:")).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="log in in a new tab").click()
    opened.value.get_by_label("Username").fill(admin_user.username)
    opened.value.get_by_label("Password").fill("password")
    opened.value.get_by_role("button", name="Log in", exact=True).click()
    expect(opened.value.get_by_role("heading", name="Today")).to_be_visible()
    opened.value.close()
    page.get_by_role("button", name="Try again").click()
    assert "1 face, 0 recognised" in next(answers(page))


def test_a_lost_connection_keeps_the_files(at_work: Page, live_server: LiveServer, files: Path) -> None:
    page = at_work
    show(page, live_server, "detect")
    page.route("**/console/try/detect/", lambda route: route.abort())
    page.locator("#image").set_input_files(files / "red.png")
    expect(page.get_by_text("The connection was lost. Your file is still here.")).to_be_visible()
    page.unroute("**/console/try/detect/")
    page.get_by_role("button", name="Try again").click()
    assert "1 face" in next(answers(page))


GIVE = """(node, [kind, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], `${kind}.png`));
    const options = { bubbles: true, cancelable: true };
    node.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...options, dataTransfer: files })
        : new ClipboardEvent("paste", { ...options, clipboardData: files }));
}"""


def test_photographs_are_dropped_and_pasted(at_work: Page, live_server: LiveServer) -> None:
    page = at_work
    show(page, live_server, "detect")
    text = base64.b64encode(picture(RED, side=120)).decode()
    for place, kind in (("[data-drop]", "drop"), ("body", "paste")):
        page.locator(place).first.evaluate(GIVE, [kind, text])
        expect(page.locator("article:not(.pending)").filter(has_text=f"{kind}.png")).to_contain_text("1 face")


def test_a_face_that_was_found_is_enrolled_and_recognised(
    at_work: Page, live_server: LiveServer, client_a: Client, files: Path
) -> None:
    page = at_work
    show(page, live_server, "who", files / "two.png")
    second = page.locator(".face").nth(1)
    second.get_by_text("Enrol…").click()
    second.get_by_label("Name").first.fill("Blue Person")
    second.get_by_role("button", name="Enrol as a new person").click()
    expect(page.get_by_text("Blue Person is enrolled.")).to_be_visible()
    first = page.locator(".face").first
    first.get_by_text("Put on the watch list…").click()
    first.get_by_label("Name").last.fill("Mallory")
    first.get_by_role("button", name="Put on the watch list").click()
    expect(page.get_by_text("Mallory is on the watch list.")).to_be_visible()
    assert set(Person.objects.values_list("name", flat=True)) == {"Blue Person", "Mallory"}
    page.locator("#image").set_input_files(files / "two.png")
    assert "2 faces, 1 recognised" in next(answers(page))


def test_a_page_of_another_client_enrols_nobody(
    at_work: Page, live_server: LiveServer, admin_user: User, client_a: Client, files: Path
) -> None:
    page, other = at_work, Client.objects.create(name="bob")
    show(page, live_server, "who", files / "red.png")
    assert "Unknown" in next(answers(page))
    [cookie] = [one for one in page.context.cookies() if one["name"] == "sessionid"]
    session = SessionStore(cookie["value"])
    session[SESSION_KEY] = other.pk
    session.save()
    page.get_by_text("Enrol…").click()
    page.get_by_label("Name").first.fill("Red")
    page.get_by_role("button", name="Enrol as a new person").click()
    expect(page.get_by_text("Another client has been chosen in another tab.")).to_be_visible()
    assert not Person.objects.exists()


def test_the_camera_takes_photographs_and_follows_a_challenge(at_work: Page, live_server: LiveServer) -> None:
    page = at_work
    show(page, live_server, "who")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    assert next(answers(page)).startswith("camera.jpg 1 face, 0 recognised")
    page.clock.install()
    show(page, live_server, "liveness")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Look straight ahead").first).to_be_visible()
    while not page.locator(".outcome p").count():
        page.clock.run_for(400)
    expect(page.get_by_text("Not passed. The head did not move.")).to_be_visible()  # Chromium's camera shows a pattern
    session = LivenessSession.objects.get()
    assert (session.purpose, session.last_code) == ("console", "liveness.no_movement")


def test_a_camera_that_is_refused_is_explained(at_work: Page, live_server: LiveServer) -> None:
    page = at_work
    page.add_init_script("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('refused'))")
    show(page, live_server, "liveness")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("The camera cannot be used.")).to_be_visible()
    show(page, live_server, "detect")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_text("The camera cannot be used.")).to_be_visible()


def test_it_works_without_a_script(
    page: Page, live_server: LiveServer, admin_user: User, client_a: Client, files: Path
) -> None:
    plain = page.context.browser.new_context(java_script_enabled=False).new_page()  # type: ignore[union-attr]
    log_in(plain, live_server, admin_user)
    show(plain, live_server, "compare", files / "red.png")
    plain.locator("#images").set_input_files([files / "red.png", files / "empty.png"])
    plain.get_by_role("button", name="Compare", exact=True).click()
    expect(plain.get_by_text("The same person", exact=True)).to_be_visible()
    expect(plain.get_by_text("No face was found in this image.", exact=True)).to_be_visible()
