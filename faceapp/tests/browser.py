"""Pages in a real Chromium.

`FACEAPP_SCREENSHOTS=<folder>` keeps a picture of each, wide and at the width of a phone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Locator, Page
    from pytest_django.live_server_helper import LiveServer

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
             "--use-fake-ui-for-media-stream"]  # fmt: skip
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
PATIENCE = 60_000  # milliseconds, for whatever is awaited: a busy machine fails no test
LEFT = ("because of a navigation", "context was destroyed", "Cannot find context", "Frame was detached")  # for the next
WIDTH = "document.readyState === 'complete' && document.documentElement?.scrollWidth"
T = TypeVar("T")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for the tests of a file: to start it takes a second of the processor."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as monkeypatch, sync_playwright() as playwright:
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright runs a loop in this thread
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that nobody has used. The test fails if a script or a request does, or if a page breaks its policy."""
    with chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("response", lambda answer: errors.append(f"{answer.status} {answer.url}") if _failed(answer) else None)
        yield page
    assert not errors


def _failed(answer: object) -> bool:
    """Refused photographs are answered with 400, on purpose; and the console names what it refuses."""
    is_refusal = answer.url.endswith("/check/") or "x-problem" in answer.headers  # type: ignore[attr-defined]
    return answer.status >= 400 and not is_refusal  # type: ignore[attr-defined]


def follow(link: Locator) -> None:
    """Clicks on what leads to another page, which has loaded afterwards.

    What comes after a mere click may still meet the page that is left, or interrupt the way to the next.
    """
    with link.page.expect_navigation():
        link.click()


def undisturbed(page: Page, look: Callable[[], T]) -> T:
    """What `look` returns for a page that has loaded: one that is left meanwhile is not it, but the next."""
    from playwright.sync_api import Error

    for _ in range(10):
        page.wait_for_load_state("load")
        try:
            return look()
        except Error as error:
            if not any(text in error.message for text in LEFT):
                raise
    return look()


def assert_fits(page: Page, width: int, what: object = "") -> None:
    """The page that has loaded does not scroll sideways."""
    from faceapp.tests.live_stack import eventually

    found = 0

    def loaded() -> bool:
        nonlocal found
        found = undisturbed(page, lambda: page.evaluate(WIDTH)) or 0
        return found > 0

    assert eventually(loaded), page.url
    assert found <= width, (what or page.url, found, width)


def shoot(page: Page, name: str) -> None:
    """No page is wider than the screen, also on a phone; and a picture of it where one is wanted."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_load_state("networkidle")
        assert_fits(page, width, name)
        if folder := os.environ.get("FACEAPP_SCREENSHOTS"):
            path = Path(folder) / f"{name}-{size}.png"
            undisturbed(page, lambda: page.screenshot(path=path, full_page=size == "phone"))  # noqa: B023
    page.set_viewport_size({"width": 1440, "height": 900})


def log_in(page: Page, server: LiveServer, user: User) -> None:
    page.goto(server.url + reverse("admin:index"))
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill("password")
    follow(page.get_by_role("button", name="Log in", exact=True))
    page.wait_for_url(server.url + reverse("admin:index"))
