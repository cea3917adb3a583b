"""Requests that no honest program sends: each is refused with a clear answer, and none with an internal error."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from recognition.models import Job
from vision import fetching
from vision.tests.picture_server import NAME, Server, serving

pytestmark = pytest.mark.django_db
PROCESS = "/api/v1/process/process-images"
DETECT = "/api/v1/detect/detect-face"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    _, key = create_api_key(client_name=client_a.name, scopes=["all", "references"])
    return APIClient(headers={"X-API-Key": key})


@pytest.mark.parametrize("path", [PROCESS, DETECT, "/api/v1/blacklist/"])
def test_json_nested_too_deeply_is_refused(api: APIClient, path: str) -> None:
    body = '{"images":' + "[" * 100_000 + "]" * 100_000 + "}"
    response = api.post(path, body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (422, "bad_body")


@pytest.mark.parametrize("start", ["data:image/png,", "data:image/png;base64,", "data:image/png;base64,%41", ""])
def test_half_a_surrogate_pair_is_no_image(api: APIClient, start: str) -> None:
    body = f'{{"images": ["{start}\\ud800"]}}'
    response = api.post(PROCESS, body, content_type="application/json")
    assert response.status_code == 200
    assert response.json()[0]["error_code"] in {"image.not_an_image", "image.bad_base64"}


@pytest.mark.parametrize("value", ["true", "false", '"true"', "[1]", "-1", "1e999", "NaN"])
def test_threshold_is_a_number(api: APIClient, value: str) -> None:
    """`true` would count as 1, a distance at which strangers match."""
    body = f'{{"images": ["x"], "threshold": {value}}}'
    assert api.post(PROCESS, body, content_type="application/json").status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize("value", ["maybe", "2", "%00", "tru"])
def test_filter_that_is_neither_true_nor_false_is_refused(api: APIClient, value: str) -> None:
    """Listing everything instead would show images without a match to somebody who asked for matches."""
    response = api.get(f"/api/v1/processed-images/?has_match={value}")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "has_match"]


@pytest.mark.parametrize("value", ["true", "False", "1", "0", ""])
def test_filter_takes_the_usual_words(api: APIClient, value: str) -> None:
    assert api.get(f"/api/v1/processed-images/?has_match={value}").status_code == 200


def test_images_to_fetch_share_the_time_of_the_call(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "resolve", lambda host, port: ["127.0.0.1"])
    with serving(Server()) as server:
        settings.URL_HOSTS = [f"{NAME}:{server.port}"]
        settings.URL_ALLOW_PRIVATE = True
        settings.FACEAPP_WAIT_SECONDS = 0.5
        urls = [server.url("slow_body")] * 20
        results = api.post(PROCESS + "?async=true", {"images": urls}, format="json")
        assert len(server.seen) < 3  # the others were not even asked for
    assert results.status_code == 202
    errors = api.get("/api/v1/processed-images/?limit=100").json()["items"]
    assert [error["error_code"] for error in errors] == ["image.url_timeout"] * 20


@pytest.mark.parametrize("path", ["blacklist/", "processed-images/", "jobs/", "jobs/x/", "nothing-here"])
def test_no_cache_keeps_what_belongs_to_one_client(api: APIClient, path: str) -> None:
    assert api.get(f"/api/v1/{path}").headers["Cache-Control"] == "private, no-store"
