"""What holds for each page of the console, present and future: pages are found by routes and links (`walk`)."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from albums.models import Album
from albums.services import add_images, create_album, queue_image
from blacklist.models import BlacklistEntry
from blacklist.services import check_photograph
from clients.access import SESSION_KEY
from clients.models import Client, Role
from clients.tests.members import browser_of, make_member
from console import state
from console.tests.queries import MOST_QUERIES, own_queries
from console.tests.screened import screen
from console.tests.walk import HTML, Visit, pages_that_say, routes, walk
from faceapp.tests.test_isolation import owned  # noqa: F401  a fixture
from people.models import Person
from people.services import enrol_face
from people.types import GalleryKind, Whom
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db

MANY = 12  # more than queries are allowed: one for each row of a list is too many
MOST_BYTES = 100_000  # of a page with its styles and scripts, compressed as they are sent
# Routes to which no page of this test links, and why.
ELSEWHERE = {
    "console:portrait": "a picture that opens in a window",
    "console:review-export": "only of confirmed hits",
    "console:album-zip": "only of albums that keep their pictures",
}
INLINE = re.compile(
    r"""<style|\sstyle=|\son[a-z]+=["']|href="javascript:"""
    r"""|<script(?![^>]*\ssrc=)(?![^>]*type="application/json")""",
    re.IGNORECASE,
)
LOADED = re.compile(r'<(?:link[^>]+rel="(?:stylesheet|modulepreload)"[^>]+href|script[^>]+src)="([^"?#]+)')
IMPORTED = re.compile(rb"""(?:import|from)\s*\(?["'](\.[^"']+)["']""")


@pytest.fixture
def visits(owned: dict[str, str], client_a: Client, redis_flush: None) -> list[tuple[Browser, Visit]]:  # noqa: F811
    """Each route once, as a manager sees it; what only administrators see, as one of them. Lists have many rows."""
    for number in range(MANY):
        BlacklistEntry.objects.create(client=client_a, name=f"entry {number}")
        Person.objects.create(client=client_a, name=f"person {number}")
        Album.objects.create(client=client_a, name=f"album {number}", metric="euclidean", threshold=1)
        screen(client_a, RED)
    cache.set(state.KEY, {"database": "ok", "queue": "ok", "worker": "ok", "weights": "ok"}, 60)
    for person in Person.objects.of_kind(GalleryKind.PEOPLE).of_client(client_a):
        for _ in range(2):
            enrol_face(client=client_a, upload=Upload(picture(RED), "a.png"), whom=Whom(person=person))
    album = create_album(client=client_a, name="photographs", keep_images=True)
    for image in add_images(album=album, submissions=[read_submission(Upload(picture(RED, BLUE), "a.png"))]):
        queue_image(image=image)
    member = make_member(client_a, Role.MANAGER)
    for entry in BlacklistEntry.objects.of_client(client_a):
        check_photograph(client=client_a, user=member, upload=Upload(picture(RED), "a.png"), entry=entry)
    manager, administrator = browser_of(member), browser_of(_root())
    session = administrator.session
    session[SESSION_KEY] = client_a.pk
    session.save()
    found: dict[str, tuple[Browser, Visit]] = {}
    for browser in (manager, administrator):
        for visit in walk(browser):
            if visit.name not in found or (visit.is_page and not found[visit.name][1].is_page):
                found[visit.name] = browser, visit
    return list(found.values())


def _root() -> User:
    return User.objects.create_superuser("root")


def test_every_page(visits: list[tuple[Browser, Visit]]) -> None:
    missed = routes(shown=True) - {visit.name for _, visit in visits}
    unlinked = sorted(missed - ELSEWHERE.keys())
    assert "\n".join(unlinked) == "", "Link to these pages, or say where they are reached from."
    pages = [(browser, visit) for browser, visit in visits if visit.is_page]
    assert len(pages) >= 16
    wrong = [fault for browser, visit in pages for fault in faults(browser, visit)]
    wrong += [f"{one.name}: {one.answer.status_code}" for _, one in visits if one.answer.status_code >= 500]
    assert "\n".join(wrong) == ""


def faults(browser: Browser, visit: Visit) -> Iterator[str]:
    """What is wrong with a page, in words."""
    with own_queries() as own:
        html = browser.get(visit.url, headers=HTML).content.decode()
    if len(own) > MOST_QUERIES:
        yield f"{visit.name}: {len(own)} queries"
    if inline := INLINE.search(html):
        yield f"{visit.name}: {inline.group()} in the page itself"
    weight = sum(len(gzip.compress(part)) for part in (html.encode(), *files_of(html).values()))
    if weight > MOST_BYTES:
        yield f"{visit.name}: {weight:,} bytes"


def files_of(html: str) -> dict[str, bytes]:
    """The styles and scripts that a page loads, by their names."""
    waiting = [name.removeprefix(settings.STATIC_URL) for name in LOADED.findall(html)]
    files: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name not in files:
            files[name] = content_of(name)
            waiting += [urljoin(name, other.decode()) for other in IMPORTED.findall(files[name])]
    return files


def content_of(name: str) -> bytes:
    path: Any = finders.find(name)
    assert path, f"there is no file {name}"
    with open(path, "rb") as file:  # noqa: PTH123  what the finder found
        return file.read()


def test_head_says_no_more_than_get_and_options_nothing(client_a: Client, settings: Settings) -> None:
    viewer, member = browser_of(make_member(client_a, Role.VIEWER)), make_member(client_a, Role.MANAGER)
    for_managers = list(pages_that_say("for_managers"))
    assert len(for_managers) >= 8
    for address in for_managers:
        assert [viewer.get(address).status_code, viewer.head(address).status_code] == [403, 403], address
        assert viewer.options(address).status_code in {403, 405}, address
    settings.CONFIRM_SECONDS = 300
    for browser in (browser_of(member), browser_of(_root())):  # logged in by a test: never confirmed
        for address in pages_that_say("to_confirm"):
            assert "/login/" in browser.head(address).headers.get("Location", ""), address


def test_faults_are_found(client_a: Client) -> None:
    """The test above can fail."""
    for html in ("<p style='x'>", "<style>", '<a onclick="x">', "<script>alert()</script>", '<script type="module">'):
        assert INLINE.search(html), html
    for html in ('<script src="/a.js">', '<script id="x" type="application/json">', "<p data-style=1>"):
        assert not INLINE.search(html), html
    loaded = files_of('<script type="module" src="/static/console/try.js"></script>')
    assert {"console/try.js", "console/requests.js"} <= loaded.keys()
