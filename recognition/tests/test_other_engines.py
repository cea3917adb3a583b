"""Requests of programs written for a DeepFace server: names of other models, and reference photographs of several."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from clients.models import Client
from clients.services import create_api_key
from vision.tests.drawing import BLUE, RED, data_url, picture

pytestmark = pytest.mark.django_db
EXAMPLE = {
    "images": [data_url(picture(RED))], "model_name": "VGG-Face", "distance_metric": "euclidean_l2", "threshold": 0.6,
}  # fmt: skip


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name)[1]})


def listed(api: APIClient) -> Any:
    images = [SimpleUploadedFile("two.png", picture(BLUE, RED, side=40)), SimpleUploadedFile("no.png", picture())]
    return api.post("/api/v1/blacklist/", {"name": "Red", "images": images}, format="multipart")


def test_a_model_that_is_not_enabled_is_refused_unless_the_client_ignores_it(api: APIClient, client_a: Client) -> None:
    assert api.post("/api/v1/process/process-images", EXAMPLE, format="json").status_code == 422
    Client.objects.filter(pk=client_a.pk).update(ignores_other_engines=True)
    [result] = api.post("/api/v1/process/process-images", EXAMPLE, format="json").json()
    assert result["ignored"] == {"model_name": "VGG-Face", "threshold": 0.6}
    assert result["threshold"] == 0.2  # the default model's
    [result] = api.get("/api/v1/processed-images/").json()["items"]
    assert result["ignored"] == {"model_name": "VGG-Face", "threshold": 0.6}
    answer = api.post("/api/v1/process/process-images?async=true", EXAMPLE | {"distance_metric": "L1"}, format="json")
    assert answer.json()["ignored"] == {"model_name": "VGG-Face", "distance_metric": "L1", "threshold": 0.6}


def test_what_is_enabled_holds_and_nothing_is_ignored(api: APIClient, client_a: Client) -> None:
    Client.objects.filter(pk=client_a.pk).update(ignores_other_engines=True)
    body = {"images": EXAMPLE["images"], "model_name": "Fake", "distance_metric": "cosine", "threshold": 0.01}
    [result] = api.post("/api/v1/process/process-images", body, format="json").json()
    assert (result["ignored"], result["threshold"]) == ({}, 0.01)
    body = {"images": EXAMPLE["images"], "detector_backend": "nope"}
    assert api.post("/api/v1/process/process-images", body, format="json").status_code == 422


def test_of_a_reference_with_several_people_the_largest_is_taken_if_the_client_wants(
    api: APIClient, client_a: Client
) -> None:
    refused = listed(api)
    assert refused.status_code == 400 and "2 faces" in refused.json()["detail"]
    Client.objects.filter(pk=client_a.pk).update(largest_reference_face=True)
    answer = listed(api)
    assert answer.status_code == 201 and len(answer.json()["errors"]) == 1


def test_points_are_whole_pixels(api: APIClient) -> None:
    [face] = api.post("/api/v1/detect/detect-face", {"image": EXAMPLE["images"][0]}, format="json").json()
    assert face["facial_area"]["left_eye"] == [49, 34] and isinstance(face["facial_area"]["left_eye"][0], int)
    [result] = api.post("/api/v1/process/process-images", {"images": EXAMPLE["images"]}, format="json").json()
    assert result["faces"][0]["facial_area"]["left_eye"] == [49, 34]
