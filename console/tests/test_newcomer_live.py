"""A newcomer's first answer: from the first page of the running service to a name in a real photograph."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from faceapp.tests.browser import SIZES
from faceapp.tests.live_stack import LiveStack
from recognition.tests.photographs import reduced

pytestmark = [pytest.mark.models, pytest.mark.browser]
CLIENT = "newcomers"


@pytest.fixture
def key(live: LiveStack, real_faces: Path) -> str:
    """Of a client that knows two people."""
    key = live.manage("create_api_key", CLIENT, "--scopes", "all").stdout.strip()
    for name, photograph in {"Barack Obama": "obama_1.jpg", "Rose Leslie": "rose_1.jpg"}.items():
        files = {"image": (photograph, reduced(real_faces / photograph))}
        url, headers = f"{live.url}/api/v1/people/", {"X-API-Key": key}
        answer = requests.post(url, data={"name": name}, files=files, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
    return key


def test_who_is_this_from_the_first_page(page: Page, live: LiveStack, key: str, real_faces: Path) -> None:
    page.goto(f"{live.url}/")
    page.get_by_role("link", name="Try it with a photograph").click()
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(live.admin_password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/console/try/who/")
    page.goto(f"{live.url}/choose-client/?search={CLIENT}&next=/console/try/who/")  # the test's own people
    page.get_by_role("button", name=CLIENT).click()
    for width, height in SIZES.values():
        for colours in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            page.goto(f"{live.url}/console/try/who/")
            page.locator("#image").set_input_files(real_faces / "obama_and_biden.jpg")
            check_answer(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    for tool in ("who", "compare", "detect", "screen", "liveness"):
        check_code(page, f"{live.url}/console/try/{tool}/", key, real_faces)


def check_answer(page: Page) -> None:
    answer = page.locator("article")
    expect(answer.get_by_text("3 faces, 1 recognised")).to_be_visible(timeout=60_000)
    match = answer.locator(".face.good")
    expect(match.get_by_role("heading")).to_contain_text("Barack Obama")
    expect(match.get_by_text("A stranger would come this near")).to_be_visible()
    expect(match.get_by_role("img", name="Photograph of Barack Obama")).not_to_have_js_property("naturalWidth", 0)
    answer.get_by_text("The same in code").click()
    for language, text in {"curl": "/api/v1/people/search/", "JSON": '"decision": "match"'}.items():
        answer.get_by_label(language, exact=True).first.check()
        expect(answer.locator("pre:visible")).to_contain_text(text)


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
