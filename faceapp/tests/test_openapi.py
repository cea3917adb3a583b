"""The API's description, and its pages for people."""

from __future__ import annotations

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from blacklist.models import BlacklistEntry
from clients.models import Client, Membership, Role
from environment import BASE_DIR
from vision.tests.drawing import RED, data_url, picture

SNAPSHOT = BASE_DIR / "docs" / "openapi.yml"
PAGES = ["/api/v1/", "/api/v1/blacklist/", "/api/v1/jobs/", "/api/v1/processed-images/", "/api/v1/people/"]


def test_schema_is_valid_and_as_published() -> None:
    """After a wanted change: python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yml"""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    assert yaml.safe_load(SNAPSHOT.read_text()) == yaml.safe_load(yaml.safe_dump(plain(schema)))


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


@pytest.mark.django_db
def test_home_is_a_page_for_people_and_json_for_programs(client: Browser) -> None:
    assert b"<h1>" in client.get("/", headers={"Accept": "text/html"}).content
    assert client.get("/").json()["message"]
