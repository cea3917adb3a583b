"""Screening over the API with the fake engine: coloured squares are faces."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from calibration.tests.measured import measured as measured  # a fixture
from clients.models import Client
from clients.services import create_api_key
from people.models import FaceTemplate
from recognition.models import Job, Match, ProcessedImage
from recognition.services import process, screening_options, submit_images
from vectors.stored import to_store
from vision.tests.drawing import BLUE, DIM, GREEN, RED, YELLOW, data_url, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db
PROCESS = "/api/v1/process/process-images"


def api_of(client: Client) -> APIClient:
    _, key = create_api_key(client_name=client.name, name="test")
    return APIClient(headers={"X-API-Key": key})


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return api_of(client_a)


def enlist(api: APIClient, name: str, *pictures: bytes) -> dict[str, Any]:
    files = [SimpleUploadedFile(f"{i}.png", data, "image/png") for i, data in enumerate(pictures)]
    response = api.post("/api/v1/blacklist/", {"name": name, "images": files}, format="multipart")
    assert response.status_code == 201, response.data
    return dict(response.data)


def screen(api: APIClient, *pictures: bytes | str, **extra: Any) -> Any:
    images = [data_url(p) if isinstance(p, bytes) else p for p in pictures]
    return api.post(PROCESS, {"images": images, **extra}, format="json")


def test_every_face_is_searched_and_matches_stand_at_their_face(api: APIClient) -> None:
    entry = enlist(api, "Red", picture(RED))
    [result] = screen(api, picture(GREEN, BLUE, RED)).json()
    assert [face["face_index"] for face in result["faces"]] == [0, 1, 2]
    assert [len(face["blacklist_matches"]) for face in result["faces"]] == [0, 0, 1]
    match = result["faces"][2]["blacklist_matches"][0]
    assert match["identity"].startswith(f"blacklist_db/{entry['id']}/")
    assert match["distance"] <= match["threshold"]
    assert result["has_blacklist_match"] is True
    assert result["error"] is None


def test_a_bad_image_fails_alone(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    response = screen(api, picture(RED), "data:image/png;base64,AAAA", picture(), picture(GREEN))
    results = response.json()
    assert response.status_code == 200
    assert [bool(result["error"]) for result in results] == [False, True, False, False]
    assert results[1]["error_code"].startswith("image.")
    assert [len(result["faces"]) for result in results] == [1, 0, 0, 1]
    assert [result["has_blacklist_match"] for result in results] == [True, False, False, False]


def test_truncated_image_is_an_error_of_that_image(api: APIClient) -> None:
    whole = picture(RED)
    [result] = screen(api, whole[: len(whole) // 2]).json()
    assert result["status"] == "failed"
    assert result["error_code"] == "image.truncated"


def test_evidence_is_stored_unaltered_and_can_be_fetched(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    sent = picture(RED, GREEN)
    [result] = screen(api, sent).json()
    assert b"".join(api.get(result["image_url"]).streaming_content) == sent


def test_multipart_files_and_text_give_the_same_result(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    upload = SimpleUploadedFile("probe.png", picture(RED), "application/octet-stream")
    by_file = api.post(PROCESS, {"images": [upload]}, format="multipart").json()
    by_text = screen(api, picture(RED)).json()
    bare = screen(api, base64.b64encode(picture(RED)).decode()).json()
    distances = [r[0]["faces"][0]["blacklist_matches"][0]["distance"] for r in (by_file, by_text, bare)]
    assert len(set(distances)) == 1
    assert by_file[0]["image_path_or_identifier"] == "probe.png"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"images": []}, 400),
        ({}, 422),
        ({"images": "text"}, 422),
        ({"images": [1]}, 422),
        ({"images": ["x"], "threshold": "nan"}, 422),
        ({"images": ["x"], "threshold": -1}, 422),
        ({"images": ["x"], "model_name": "Nonsense"}, 422),
        ({"images": ["x"], "detector_backend": "Nonsense"}, 422),
        ({"images": ["x"], "distance_metric": "manhattan"}, 422),
        ({"images": ["x"], "model_name": "ArcFace"}, 422),
        ({"images": ["x"] * 1000}, 422),
        ([], 422),
    ],
)
def test_bad_calls_are_refused_and_store_nothing(api: APIClient, body: Any, status: int) -> None:
    response = api.post(PROCESS, body, format="json")
    assert response.status_code == status, response.content
    assert response.json()["code"]
    assert not Job.objects.exists()


def test_known_but_disabled_model_names_the_enabled_ones(api: APIClient) -> None:
    body = screen(api, picture(RED), model_name="ArcFace").json()
    assert body["code"] == "engine.disabled"
    assert "Fake" in body["detail"]


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "euclidean_l2", "angular"])
@pytest.mark.parametrize("model", ["Fake", "Fake8"])
def test_metric_and_model_are_honoured(api: APIClient, metric: str, model: str) -> None:
    enlist(api, "Red", picture(RED))
    enlist(api, "Green", picture(GREEN))
    [result] = screen(api, picture(RED), distance_metric=metric, model_name=model).json()
    [match] = result["faces"][0]["blacklist_matches"]
    assert (match["entry_name"], match["model"], match["similarity_metric"]) == ("Red", model, metric)
    assert match["distance"] == pytest.approx(0, abs=5e-3)


def test_threshold_decides_and_zero_means_the_calibrated_one(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    probe = picture((205, 35, 20))
    assert screen(api, probe, threshold=0.0001).json()[0]["has_blacklist_match"] is False
    assert screen(api, probe, threshold=2.0).json()[0]["has_blacklist_match"] is True
    zero = screen(api, probe, threshold=0).json()[0]["faces"][0]["blacklist_matches"][0]
    assert zero["threshold"] == 0.2


def test_results_are_ordered_by_distance_with_the_best_template_of_each_person(api: APIClient) -> None:
    near = enlist(api, "Near", picture((210, 30, 20)), picture(RED))
    far = enlist(api, "Far", picture((200, 40, 30)))
    [result] = screen(api, picture(RED)).json()
    matches = result["faces"][0]["blacklist_matches"]
    assert [match["entry_id"] for match in matches] == [near["id"], far["id"]]
    assert matches[0]["distance"] == pytest.approx(0, abs=5e-3)


def test_many_matching_templates_do_not_hide_other_people(api: APIClient, client_a: Client) -> None:
    enlist(api, "Crowd", *[picture(RED) for _ in range(60)])
    enlist(api, "Other", picture((212, 28, 20)))
    [result] = screen(api, picture(RED)).json()
    assert [match["entry_name"] for match in result["faces"][0]["blacklist_matches"]] == ["Crowd", "Other"]


def test_inactive_and_expired_entries_are_not_searched(api: APIClient) -> None:
    entry = enlist(api, "Red", picture(RED))
    url = f"/api/v1/blacklist/{entry['id']}/"
    for change, expected in [
        ({"is_active": False}, False),
        ({"is_active": True}, True),
        ({"valid_until": "2001-01-01"}, False),
        ({"valid_until": None, "valid_from": "2999-01-01"}, False),
        ({"valid_from": None}, True),
    ]:
        assert api.patch(url, change, format="json").status_code == 200
        assert screen(api, picture(RED)).json()[0]["has_blacklist_match"] is expected, change


def test_deleting_an_entry_removes_its_matches_everywhere(api: APIClient, media_root: Path) -> None:
    entry = enlist(api, "Red", picture(RED))
    screen(api, picture(RED))
    assert Match.objects.count() == 1
    assert api.delete(f"/api/v1/blacklist/{entry['id']}/").json()["name"] == "Red"
    assert Match.objects.count() == 0
    assert api.get("/api/v1/processed-images/").json()["items"][0]["has_blacklist_match"] is False
    assert not list(media_root.glob("references/*/*"))


def test_asynchronous_call_answers_a_job_with_progress_and_results(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    response = api.post(
        PROCESS, {"images": [data_url(picture(RED)), "junk"]}, format="json", headers={"Prefer": "respond-async"}
    )
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    job = api.get(response.headers["Location"]).json()
    assert (job["status"], job["total"], job["done"], job["failed"]) == ("done", 2, 2, 1)
    results = api.get(job["results_url"]).json()
    assert results["total_items"] == 2
    assert [item["status"] for item in results["items"]] == ["done", "failed"]
    assert api.get("/api/v1/jobs/").json()["items"][0]["id"] == job["id"]
    assert api.post(f"/api/v1/jobs/{job['id']}/cancel/").status_code == 409
    assert api.get("/api/v1/jobs/nonsense/").status_code == 404


def test_cancel_keeps_finished_results_and_drops_the_rest(api: APIClient, client_a: Client) -> None:
    job = Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)
    for position, status in enumerate(["done", "pending", "processing"]):
        ProcessedImage.objects.create(client=client_a, job=job, position=position, identifier="x", status=status)
    body = api.post(f"/api/v1/jobs/{job.pk}/cancel/").json()
    assert (body["status"], body["done"]) == ("cancelled", 3)
    assert sorted(job.images.values_list("status", flat=True)) == ["cancelled", "cancelled", "done"]


def test_stored_results_are_paged_newest_first(api: APIClient) -> None:
    for colour in (RED, GREEN, BLUE, YELLOW):
        screen(api, picture(colour))
    body = api.get("/api/v1/processed-images/?limit=2&offset=1").json()
    ids = [item["db_id"] for item in body["items"]]
    assert (body["total_items"], body["limit"], body["offset"]) == (4, 2, 1)
    assert ids == sorted(ids, reverse=True)
    assert api.get("/api/v1/processed-images/").json()["limit"] == 20
    for bad in ("limit=0", "limit=101", "offset=-1", "limit=x"):
        assert api.get(f"/api/v1/processed-images/?{bad}").status_code == 422


def test_results_can_be_filtered_by_match(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    screen(api, picture(RED), picture(GREEN))
    for value, count in (("true", 1), ("false", 1)):
        assert api.get(f"/api/v1/processed-images/?has_match={value}").json()["total_items"] == count


def test_erasing_a_result_removes_its_file_and_empty_job(api: APIClient, media_root: Path) -> None:
    [result] = screen(api, picture(RED)).json()
    assert api.delete(f"/api/v1/processed-images/{result['db_id']}/").status_code == 204
    assert api.get(f"/api/v1/processed-images/{result['db_id']}/").status_code == 404
    assert not list(media_root.glob("processed/*/*"))
    assert not Job.objects.exists()


def test_detection_reports_boxes_and_points_from_left_to_right(api: APIClient) -> None:
    body = api.post("/api/v1/detect/detect-face", {"image": data_url(picture(RED, GREEN))}, format="json").json()
    assert [set(face) for face in body] == [{"facial_area", "confidence", "quality", "liveness", "turn"}] * 2
    area = body[0]["facial_area"]
    assert area["left_eye"][0] > area["right_eye"][0]
    assert area["nose"] is None
    assert body[0]["facial_area"]["x"] < body[1]["facial_area"]["x"]
    assert ProcessedImage.objects.count() == 0


def test_detection_of_no_face_bad_input_and_unknown_detector(api: APIClient) -> None:
    url = "/api/v1/detect/detect-face/"
    assert api.post(url, {"image": data_url(picture())}, format="json").json() == []
    assert api.post(url, {"image": "%%%"}, format="json").status_code == 400
    assert api.post(url, {"image": data_url(picture()), "detector_backend": "x"}, format="json").status_code == 422
    assert api.post(url, {}, format="json").status_code == 422


def test_listing_results_takes_a_fixed_number_of_queries(api: APIClient, django_assert_max_num_queries: Any) -> None:
    enlist(api, "Red", picture(RED))
    screen(api, *[picture(RED, GREEN, RED)] * 8)
    with django_assert_max_num_queries(10):
        assert len(api.get("/api/v1/processed-images/").json()["items"]) == 8


def test_a_face_that_cannot_be_recognised_stays_with_its_mark(api: APIClient) -> None:
    enlist(api, "Red", picture(RED))
    dim = np.array([*(value / 255 for value in DIM), 1], np.float32)
    for template in FaceTemplate.objects.all():
        template.embedding = to_store(dim, client_id=template.client_id, space=template.space)
        template.save()
    [result] = screen(api, picture(DIM, RED)).json()
    dim, red = result["faces"]
    assert (dim["decision"], dim["blacklist_matches"]) == ("not_recognisable", [])
    assert dim["quality"]["recognisability_reason"] == "blurred"
    assert (red["decision"], result["has_blacklist_match"]) == ("no_match", False)


def test_an_answer_says_what_decided(api: APIClient, measured: Path) -> None:
    for number in range(3):
        enlist(api, f"Red {number}", picture(RED))
    [result] = screen(api, picture(RED)).json()
    assert (result["people"], result["false_match_rate"], result["false_alarm_rate"]) == (3, 1e-4, 3e-4)
    assert result["threshold"] == result["faces"][0]["blacklist_matches"][0]["threshold"] == 0.2
    [asked] = screen(api, picture(RED), threshold=0.3).json()
    assert (asked["threshold"], asked["false_match_rate"]) == (0.3, 0.01)


def test_the_threshold_is_that_of_the_moment_of_the_search(
    api: APIClient, client_a: Client, measured: Path, settings: Settings
) -> None:
    """The blacklist grows between submission and search."""
    options = screening_options(client=client_a)
    assert options.threshold == pytest.approx(0.2)
    submissions = [read_submission(Upload(picture(RED)))]
    enlist(api, "Red", picture(RED))
    settings.FPIR_PER_THOUSAND = 0.001
    job = submit_images(client=client_a, submissions=submissions, options=options)
    image = job.images.get()
    process(image_ids=[image.pk], task_id="a")
    image.refresh_from_db()
    assert image.threshold == pytest.approx(0.1) and image.people == 1


def test_entries_near_the_threshold_are_for_review(
    api: APIClient, client_a: Client, measured: Path, settings: Settings
) -> None:
    entry = enlist(api, "Red", picture(RED))
    settings.REVIEW_FPIR_PER_THOUSAND = 1000 * 0.999  # a hundred times as many
    [result] = screen(api, picture((RED[0] - 60, *RED[1:]))).json()
    [face] = result["faces"]
    assert (face["decision"], face["blacklist_matches"]) == ("review", [])
    assert [match["entry_id"] for match in face["review_matches"]] == [entry["id"]]
    assert result["has_blacklist_match"] is False
    assert api.get("/api/v1/processed-images/?has_match=true").json()["items"] == []
