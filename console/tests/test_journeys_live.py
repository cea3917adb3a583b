"""What people come for, in the running service with real photographs: wide and on a phone, light and dark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from faceapp.tests.browser import SIZES, assert_fits, follow
from faceapp.tests.live_stack import WEBHOOK_PORT, LiveStack, eventually
from notifications.tests.receiver import receiving

pytestmark = [pytest.mark.models, pytest.mark.browser]
MOST_CLICKS = 10  # of a newcomer, until there is a name in the answer
SECONDS = 60_000  # milliseconds: models are loaded for the first photograph
PORTRAITS = ["obama_1.jpg", "obama_2.jpg", "obama_3.jpg", "obama_4.jpg", "obama_1080p.jpg", "obama_240p.jpg",
             "obama_2_rgba.png", "obama_and_biden.jpg", "obama_and_biden_2.jpg", "obama_partial.jpg"]  # fmt: skip
NUMBERS = count(100)  # of clients, which have other names when a test is run again
COUNT_CLICKS = "addEventListener('click', event => event.isTrusted && countClick(), true)"
PEOPLE = """
from django.contrib.auth.models import User
from clients.models import Client, Membership
from clients.services import create_api_key
from walls.current import EVERYONE, showing
with showing(EVERYONE):
    create_api_key(client_name="{client}", scopes=["all"])
    client = Client.objects.get(name="{client}")
    Client.objects.filter(pk=client.pk).update(keep_screened_embeddings=True)
    user = User.objects.create_user("{client}", password="a password of tests")
    Membership.objects.create(user=user, client=client, role="operator")
"""
LAST_WEEK = """
from datetime import timedelta
from django.utils import timezone
from recognition.models import ProcessedImage
from walls.current import EVERYONE, showing
with showing(EVERYONE):
    image = ProcessedImage.objects.filter(client__name="{client}").earliest("number")
    ProcessedImage.objects.filter(pk=image.pk).update(created_at=timezone.now() - timedelta(days=7))
"""


@dataclass
class Visitor:
    """Somebody in front of a screen. Every page that is named to `look` fits its width, light and dark."""

    page: Page
    live: LiveStack
    width: int
    clicks: list[int] = field(default_factory=list)

    def log_in(self, name: str, password: str) -> None:
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        follow(self.page.get_by_role("button", name="Log in", exact=True))

    def choose(self, client: str) -> None:
        """Administrators work for one client at a time."""
        self.page.goto(f"{self.live.url}/choose-client/?search={client}&next=/")
        follow(self.page.get_by_role("button", name=client))

    def open(self, section: str) -> None:
        """By the menu, part of which is behind a button on a phone."""
        link = self.page.get_by_label("Sections").get_by_role("link", name=section)
        if not link.is_visible():
            self.page.get_by_role("button", name="More").click()
        follow(link)
        self.look()

    def look(self) -> None:
        for colours in ("light", "dark"):
            self.page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            assert_fits(self.page, self.width)


@pytest.fixture(params=SIZES)
def visitor(request: pytest.FixtureRequest, page: Page, live: LiveStack) -> Iterator[Visitor]:
    width, height = SIZES[request.param]
    page.set_viewport_size({"width": width, "height": height})
    visitor = Visitor(page, live, width)
    page.expose_binding("countClick", lambda source: visitor.clicks.append(1))
    page.add_init_script(COUNT_CLICKS)
    page.goto(f"{live.url}/")
    yield visitor


def test_a_newcomer_asks_who_this_is(visitor: Visitor, real_faces: Path) -> None:
    page, client = visitor.page, f"newcomer-{next(NUMBERS)}"
    key = visitor.live.manage("create_api_key", client, "--scopes", "all").stdout.strip()
    follow(page.get_by_role("link", name="Try it with a photograph"))
    visitor.log_in("admin", visitor.live.admin_password)
    page.wait_for_url("**/console/try/who/")
    visitor.choose(client)  # the only one after a first start, so that nobody is asked; here other tests have theirs
    follow(page.get_by_role("link", name="Who is this?"))
    page.locator("#image").set_input_files(real_faces / "obama_1.jpg")
    page.get_by_text("Enrol…").click(timeout=SECONDS)
    page.locator("details[open]").get_by_label("Name").fill("Barack Obama")
    page.get_by_role("button", name="Enrol as a new person").click()
    expect(page.get_by_text("Barack Obama is enrolled.")).to_be_visible(timeout=SECONDS)
    page.locator("#image").set_input_files(real_faces / "obama_and_biden.jpg")
    answer = page.locator("article:not(.pending)").filter(has_text="3 faces")
    expect(answer.get_by_text("3 faces, 1 recognised")).to_be_visible(timeout=SECONDS)
    match = answer.locator(".face.good")
    expect(match.get_by_role("heading")).to_contain_text("Barack Obama")
    expect(match.get_by_text("A stranger would come this near")).to_be_visible()
    expect(match.get_by_role("img", name="Photograph of Barack Obama")).not_to_have_js_property("naturalWidth", 0)
    assert len(visitor.clicks) + 2 <= MOST_CLICKS  # and one for each photograph that was chosen
    visitor.look()
    answer.get_by_text("The same in code").click()
    for language, text in {"curl": "/api/v1/people/search/", "JSON": '"decision": "match"'}.items():
        answer.get_by_label(language, exact=True).first.check()
        expect(answer.locator("pre:visible")).to_contain_text(text)
    if visitor.width == SIZES["wide"][0]:
        for tool in ("who", "compare", "detect", "screen", "liveness"):
            check_code(page, f"{visitor.live.url}/console/try/{tool}/", key, real_faces)


def check_code(page: Page, url: str, key: str, folder: Path) -> None:
    """What is shown to be copied runs as it stands, once the key is filled in."""
    page.goto(url)
    page.locator("#image").set_input_files(folder / "obama_1.jpg")
    if page.locator("#images").count():
        page.locator("#images").set_input_files([folder / "obama_2.jpg", folder / "biden_1.jpg"])
        page.get_by_role("button", name="Compare", exact=True).click()
    answer = page.locator("article:not(.pending)")
    expect(answer).to_be_visible(timeout=60_000)
    programs = {"python": [sys.executable, "-c"], "faceapp": ["bash", "-ec"]}
    if shutil.which("curl"):
        programs["curl"] = ["bash", "-ec"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for language, program in programs.items():
        for text in answer.locator(f".{language} code").all_text_contents():
            text = text.replace("paste-the-key", key).replace("curl ", "curl -sSf ")
            done = subprocess.run(
                [*program, text],
                cwd=folder,
                env=os.environ | {"PATH": path, "FACEAPP_API_KEY": key},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0 and done.stdout, (url, language, done.stderr)


def test_an_operator_lists_screens_decides_and_finds(visitor: Visitor, real_faces: Path) -> None:
    page, client = visitor.page, f"operator-{next(NUMBERS)}"
    visitor.live.manage("shell", "--no-imports", "-c", PEOPLE.format(client=client))
    follow(page.get_by_role("link", name="Log in").first)
    visitor.log_in(client, "a password of tests")
    visitor.open("Watch list")
    follow(page.get_by_role("link", name="Add a person").first)
    page.locator("#image").set_input_files(real_faces / "obama_1.jpg")
    expect(page.locator("[data-card]")).to_have_count(1, timeout=SECONDS)
    page.get_by_label("Name").fill("Barack Obama")
    page.get_by_label("Reason").fill("Not to enter")
    follow(page.get_by_role("button", name="Put on the watch list"))
    expect(page.get_by_role("heading", name="Barack Obama")).to_be_visible(timeout=SECONDS)
    visitor.look()
    visitor.open("Jobs")
    page.get_by_label("Photographs").set_input_files([real_faces / name for name in PORTRAITS])
    page.get_by_role("button", name="Screen").click()
    expect(page.get_by_text("10 of 10 images are finished.")).to_be_visible(timeout=SECONDS)
    visitor.live.manage("shell", "--no-imports", "-c", LAST_WEEK.format(client=client))
    visitor.open("Review")
    expect(page.get_by_text("10 hits wait for you").or_(page.get_by_text("Barack Obama")).first).to_be_visible()
    page.keyboard.press("j")
    for left, key in zip(range(10, 0, -1), "cducdcccuc", strict=True):
        expect(page.get_by_text(f"{left} hit{'s' * (left > 1)} wait{'s' * (left == 1)} for you")).to_be_visible()
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Nothing to judge")).to_be_visible()
    visitor.open("Screened images")
    follow(page.get_by_role("link", name="Search by face"))
    page.locator("#image").set_input_files(real_faces / "obama_3.jpg")
    expect(page.get_by_text("10 faces look like this one.")).to_be_visible(timeout=SECONDS)
    follow(page.get_by_role("link", name=PORTRAITS[0]))
    expect(page.get_by_role("heading", name=PORTRAITS[0])).to_be_visible()
    visitor.look()


def test_an_administrator_opens_watches_and_erases(visitor: Visitor, real_faces: Path) -> None:
    page, client = visitor.page, f"administrator-{next(NUMBERS)}"
    follow(page.get_by_role("link", name="Log in").first)
    visitor.log_in("admin", visitor.live.admin_password)
    page.goto(f"{visitor.live.url}/console/clients/")
    follow(page.get_by_role("link", name="New client"))
    page.get_by_label("Name", exact=True).fill(client)
    follow(page.get_by_role("button", name="Make the client"))
    visitor.look()
    follow(page.get_by_role("link", name="Keys", exact=True))
    follow(page.get_by_role("link", name="New key"))
    page.get_by_label("Name", exact=True).fill("camera")
    page.get_by_label("Screen images and read results").check()
    follow(page.get_by_role("button", name="Make the key"))
    expect(page.locator(".secret code")).not_to_be_empty()
    visitor.look()
    follow(page.get_by_role("link", name="I have stored it"))
    follow(page.get_by_role("link", name="Members"))
    follow(page.get_by_role("link", name="Make a new user"))
    page.get_by_label("User name").fill(client)
    page.get_by_label("Role").select_option("operator")
    for label in ("Password", "Password confirmation"):
        page.get_by_label(label, exact=True).fill("a long and new password")
    follow(page.get_by_role("button", name="Make the user"))
    expect(page.get_by_role("heading", name=client).first).to_be_visible()
    visitor.choose(client)
    with receiving(WEBHOOK_PORT) as receiver:
        add_webhook(visitor, receiver.url)
        assert eventually(lambda: any(headers["Faceapp-Event"] == "test" for headers, _ in receiver.got))
        expect(page.get_by_text("arrived")).to_be_visible(timeout=SECONDS)
    see_a_dead_worker(visitor)
    visitor.open("People")
    follow(page.get_by_role("link", name="Add a person").first)
    page.get_by_label("Name", exact=True).fill("Rose Leslie")
    page.locator("#image").set_input_files(real_faces / "rose_1.jpg")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Rose Leslie was added.")).to_be_visible(timeout=SECONDS)
    visitor.open("People")
    page.get_by_role("link", name="Rose Leslie").click(timeout=SECONDS)
    page.get_by_text("Erase this person…").click()
    visitor.look()
    follow(page.get_by_role("button", name="Erase for good"))
    expect(page.get_by_role("heading", name="Nobody is known yet")).to_be_visible()


def add_webhook(visitor: Visitor, url: str) -> None:
    page = visitor.page
    visitor.open("System")
    follow(page.get_by_role("link", name="Webhooks and e-mail"))
    follow(page.get_by_role("link", name="Add", exact=True))
    page.get_by_label("Name", exact=True).fill("Door")
    page.get_by_label("Address").fill(url)
    page.get_by_label("A hit is confirmed").check()
    follow(page.get_by_role("button", name="Add"))
    expect(page.locator(".secret code")).to_contain_text("whsec_")
    visitor.look()
    follow(page.get_by_role("link", name="I have stored it"))
    follow(page.get_by_role("button", name="Send a test message"))


def see_a_dead_worker(visitor: Visitor) -> None:
    """Without reloading the page."""
    page = visitor.page
    visitor.open("System")
    expect(page.get_by_role("heading", name="Everything is working")).to_be_visible(timeout=SECONDS)
    if visitor.width != SIZES["wide"][0]:
        return  # it takes half a minute
    with visitor.live.suspended_workers():
        expect(page.get_by_text("No worker answered within 3 seconds.")).to_be_visible(timeout=SECONDS)
        expect(page.get_by_text("A worker last answered")).to_be_visible()
        expect(page.locator("#state")).to_have_text("Workers: down", timeout=SECONDS)
        visitor.look()
    expect(page.get_by_role("heading", name="Everything is working")).to_be_visible(timeout=SECONDS)
