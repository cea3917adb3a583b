"""The API's description, and its pages for people."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator
from pytest_django.fixtures import Settings

from blacklist.models import BlacklistEntry
from clients.models import Client, Membership, Role
from environment import BASE_DIR
from vision.tests.drawing import RED, data_url, picture

SNAPSHOT = BASE_DIR / "docs" / "openapi.yml"
PAGES = ["/api/v1/", "/api/v1/blacklist/", "/api/v1/jobs/", "/api/v1/processed-images/", "/api/v1/people/"]


def test_schema_is_valid_and_as_published() -> None:
    """After a wanted change: python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yml"""
    from drf_spectacular.validation import validate_schema  # takes seconds, and every process collects this file

    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert yaml.safe_load(SNAPSHOT.read_text()) == yaml.safe_load(yaml.safe_dump(plain(schema)))


def operations() -> Iterator[tuple[str, Any]]:
    """Every operation with its method and path."""
    for path, methods in yaml.safe_load(SNAPSHOT.read_text())["paths"].items():
        yield from ((f"{method} {path}", operation) for method, operation in methods.items())


def test_every_operation_says_what_it_does_in_a_line() -> None:
    verbs = {"List", "Return", "Add", "Create", "Change", "Replace", "Rename", "Name", "Erase", "Delete", "Remove",
             "Find", "Verify", "Compare", "Detect", "Screen", "Score", "Start", "Submit", "Cancel", "Queue", "Merge",
             "Make", "Move", "Report", "Take", "Train", "Use", "Stop", "Export", "Send"}  # fmt: skip
    for name, operation in operations():
        assert operation["summary"].split()[0] in verbs, name
        assert len(operation["summary"]) <= 75, name


def test_every_tag_is_described() -> None:
    described = [tag["name"] for tag in yaml.safe_load(SNAPSHOT.read_text())["tags"]]
    assert sorted(described) == sorted({tag for _, operation in operations() for tag in operation["tags"]})


def test_photographs_are_files_of_the_first_form() -> None:
    """Wherever a body has one, as text of JSON too."""
    seen = set()
    for name, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        examples = content.get("application/json", {}).get("examples", {})
        takes = [body for one in examples.values() for body in one["value"].values() if "data:image" in str(body)]
        if not takes and "multipart/form-data" not in list(content)[:1]:
            continue
        assert next(iter(content)) == "multipart/form-data", name
        form = content["multipart/form-data"]["schema"]
        if "properties" in form:
            first = next(iter(form["properties"].values()))
            assert first.get("items", first)["format"] == "binary", name
            seen.add(operation["operationId"])
    assert {"people_search_create", "people_create", "people_verify_create", "compare_create",
            "detect_detect_face_create", "process_process_images_create", "anti_spoof_create",
            "liveness_sessions_frames_create", "albums_images_create"} <= seen  # fmt: skip


def test_every_json_body_has_an_example() -> None:
    for name, operation in operations():
        if json := operation.get("requestBody", {}).get("content", {}).get("application/json"):
            assert json["examples"], name


def plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def test_schema_and_docs_are_open_and_use_local_assets(client: Browser, db: None) -> None:
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/docs").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page


@pytest.fixture
def browser(client_a: Client) -> Browser:
    """A member of the client, logged in."""
    user = get_user_model().objects.create_user("alice", password="x")
    Membership.objects.create(user=user, client=client_a, role=Role.MANAGER)
    browser = Browser(enforce_csrf_checks=False, headers={"Accept": "text/html"})
    browser.force_login(user)
    return browser


def test_browsable_pages_answer_html(browser: Browser) -> None:
    for path in PAGES:
        response = browser.get(path)
        assert response.status_code == 200, path
        assert response["Content-Type"].startswith("text/html")


def test_forms_of_the_browsable_api_offer_files_and_work(browser: Browser) -> None:
    page = browser.get("/api/v1/blacklist/").content.decode()
    assert 'type="file"' in page
    assert "multiple" in page
    upload = SimpleUploadedFile("a.png", picture(RED))
    created = browser.post("/api/v1/blacklist/", {"name": "Red", "reason": "", "images": [upload]})
    assert created.status_code == 201
    entry = BlacklistEntry.objects.get()
    assert entry.is_active
    assert 'type="file"' in browser.get(f"/api/v1/blacklist/{entry.pk}/images").content.decode()


@pytest.mark.parametrize("path", ["/api/v1/detect/detect-face", "/api/v1/process/process-images"])
def test_verbs_can_be_tried_in_the_browser(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 405  # DRF renders the form beside the answer
    assert 'type="file"' in page.content.decode()
    field = "image" if "detect" in path else "images"
    answered = browser.post(path, {field: SimpleUploadedFile("a.png", picture(RED))})
    assert answered.status_code == 200
    assert "facial_area" in answered.content.decode()
    text = browser.post(path, {field: data_url(picture(RED))}, headers={"Accept": "application/json"})
    assert text.status_code == 200


def fields_of(page: str) -> dict[str, str]:
    """What a browser sends of the first form of a page if nothing is typed; files are left out."""
    form = page[page.index("<form action") : page.index("</form>", page.index("<form action"))]
    texts = re.findall(r'<input id="[^"]*" name="(\w+)" type="(?:text|number|date)" value="([^"]*)"', form)
    ticked = re.findall(r'name="(\w+)" type="checkbox" value="(true)" checked', form)
    areas = re.findall(r'<textarea id="[^"]*" name="(\w+)" rows="\d+">([^<]*)', form)
    choices = re.findall(r'<select id="[^"]*" name="(\w+)">\s*<option value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in texts + ticked + areas + choices}


def test_a_form_that_is_sent_as_it_is_shown_leaves_the_choices_to_the_service(
    browser: Browser, settings: Settings
) -> None:
    settings.QUALITY_GATE = "strict"
    shown = fields_of(browser.get("/api/v1/people/").content.decode())
    assert {"name", "metadata", "quality_gate", "face_choice", "on_existing"} <= set(shown)
    blurred = SimpleUploadedFile("a.png", picture(RED, side=20))
    answered = browser.post("/api/v1/people/", shown | {"name": "Red", "image": blurred})
    assert answered.status_code == 400
    assert "quality." in answered.content.decode()
    assert browser.post("/api/v1/people/", shown | {"name": "Red"}).status_code == 201


def test_the_form_of_a_request_stays_below_its_answer(browser: Browser) -> None:
    path = "/api/v1/people/search/"
    answered = browser.post(path, {"image": SimpleUploadedFile("a.png", picture(RED)), "limit": "7"})
    assert answered.status_code == 200
    page = answered.content.decode()
    assert re.search(r'name="image" type="file"', page)
    assert fields_of(page)["limit"] == "7"
    assert "data:image/jpeg;base64" in page  # the body to start from, as JSON
    refused = browser.post("/api/v1/people/", {"name": "Ada", "metadata": "[]"}).content.decode()
    assert fields_of(refused)["name"] == "Ada"
    assert fields_of(refused)["metadata"] == "[]"
    assert re.search(r'id="error-metadata-1">A JSON object is required', refused)


def test_the_root_lists_what_is_done_with_photographs(browser: Browser) -> None:
    listed = browser.get("/api/v1/", headers={"Accept": "application/json"}).json()
    assert list(listed)[:4] == ["people/search", "compare", "detect/detect-face", "process/process-images"]
    for name, url in listed.items():
        page = browser.get(url)
        assert page.status_code in (200, 403, 405), name
        assert '<html lang="en">' in page.content.decode()


def test_the_pages_say_what_to_do_before_the_login(client: Browser, db: None) -> None:
    page = client.get("/api/v1/", headers={"Accept": "text/html"})
    assert page.status_code == 401
    assert 'href="/login/?next=/api/v1/"' in page.content.decode()
    assert "Log in to use these pages." in page.content.decode()


@pytest.mark.django_db
def test_home_is_a_page_for_people_and_json_for_programs(client: Browser) -> None:
    assert b"<h1>" in client.get("/", headers={"Accept": "text/html"}).content
    assert client.get("/").json()["message"]
