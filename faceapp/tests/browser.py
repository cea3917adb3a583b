"""Pages in a real Chromium.

`FACEAPP_SCREENSHOTS=<folder>` keeps a picture of each, wide and at the width of a phone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
             "--use-fake-ui-for-media-stream"]  # fmt: skip
SIZES = {"wide": (1440, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for the tests of a file: to start it takes a second of the processor."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as monkeypatch, sync_playwright() as playwright:
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright runs a loop in this thread
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that nobody has used. The test fails if a script or a request does, or if a page breaks its policy."""
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
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


def shoot(page: Page, name: str) -> None:
    """No page is wider than the screen, also on a phone; and a picture of it where one is wanted."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways ({size})"
        if folder := os.environ.get("FACEAPP_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{size}.png", full_page=size == "phone")
    page.set_viewport_size({"width": 1440, "height": 900})


def log_in(page: Page, server: LiveServer, user: User) -> None:
    page.goto(server.url + reverse("admin:index"))
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(server.url + reverse("admin:index"))
