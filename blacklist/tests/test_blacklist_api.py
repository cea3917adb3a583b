"""Curation over the API with the fake engine."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.test import APIClient

from blacklist.models import BlacklistEntry
from clients.models import Client, Role
from clients.services import create_api_key
from clients.tests.members import browser_of, make_member
from people.models import FaceTemplate, ReferenceImage
from vision.tests.drawing import BLUE, GREEN, RED, picture

pytestmark = pytest.mark.django_db
URL = "/api/v1/blacklist/"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    _, key = create_api_key(client_name=client_a.name)
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def file(data: bytes, name: str = "photo.jpg", content_type: str = "image/jpeg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type)


def post(api: APIClient, name: str = "Red", files: Sequence[Any] = (), **extra: Any) -> Any:
    return api.post(URL, {"name": name, "images": list(files) or [file(picture(RED))], **extra}, format="multipart")


def test_entry_gets_a_template_in_every_enabled_space(api: APIClient) -> None:
    record = post(api, reason="wanted").json()
    assert record["reason"] == "wanted"
    assert record["reference_image_dir"] == str(record["id"])
    assert record["errors"] == []
    assert sorted(FaceTemplate.objects.values_list("space", flat=True)) == ["fake-fake-4", "fake-fake8-8"]


def test_stored_file_is_the_upload_under_a_random_name(api: APIClient, media_root: Path) -> None:
    data = picture(RED)
    post(api, files=[file(data, "../../etc/x.png")])
    [stored] = media_root.rglob("*.png")
    assert "etc" not in str(stored.relative_to(media_root))
    image = ReferenceImage.objects.get()
    assert (image.image.read(), image.original_name) == (data, "x.png")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([file(b"just text", "a.txt", "text/plain")], "image.not_an_image"),
        ([file(picture())], "face.none"),
        ([file(picture(RED, GREEN))], "face.several"),
        ([file(b"")], "image.empty"),
        ([file(b"x"), file(picture())], "blacklist.no_usable_image"),
    ],
)
def test_without_a_usable_image_nothing_is_stored(
    api: APIClient, media_root: Path, files: list[Any], code: str
) -> None:
    response = post(api, files=files)
    assert response.status_code == 400
    assert response.json()["code"] == code
    assert not BlacklistEntry.objects.exists()
    assert not list(media_root.rglob("*.*"))
    for upload in files:
        upload.seek(0)
    assert post(api).status_code == 201


def test_several_faces_are_refused_with_their_number(api: APIClient) -> None:
    assert "3 faces" in post(api, files=[file(picture(RED, GREEN, BLUE))]).json()["detail"]


def test_entry_is_made_from_the_good_images_and_names_the_bad_ones(api: APIClient) -> None:
    body = post(api, files=[file(picture(RED)), file(b"no image", "bad.jpg"), file(picture(), "empty.jpg")]).json()
    assert len(body["errors"]) == 2
    assert body["errors"][0].startswith("bad.jpg: ")
    assert ReferenceImage.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"reason": "x" * 256},
        {"name": "nul\0"},
        {"valid_from": "2020-02-02", "valid_until": "2020-01-01"},
        {"valid_from": "soon"},
        {"is_active": "perhaps"},
    ],
)
def test_bad_fields_are_refused(api: APIClient, fields: dict[str, Any]) -> None:
    response = post(api, **fields)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][-1] in {*fields, "valid_until"}


def test_missing_name_or_images_is_refused(api: APIClient) -> None:
    assert api.post(URL, {"images": [file(picture(RED))]}, format="multipart").status_code == 422
    assert api.post(URL, {"name": "Red"}, format="multipart").status_code == 422
    assert api.post(URL, {"name": "Red", "images": ["text"]}, format="json").status_code == 422


def test_name_is_unique_within_a_client_only(api: APIClient, client_b: Client) -> None:
    assert post(api).status_code == 201
    conflict = post(api)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "blacklist.name_taken")
    _, key = create_api_key(client_name=client_b.name)
    assert post(APIClient(headers={"X-API-Key": key})).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_simultaneous_creations_with_one_name_leave_one(api: APIClient, media_root: Path) -> None:
    statuses: list[int] = []
    start = threading.Barrier(2)

    def create() -> None:
        start.wait()
        statuses.append(post(api).status_code)
        connection.close()

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 409]
    assert len(list(media_root.rglob("*.png"))) == 1


def test_put_replaces_and_an_omitted_reason_becomes_null(api: APIClient) -> None:
    url = f"{URL}{post(api, reason='old').json()['id']}/"
    post(api, name="Taken", files=[file(picture(GREEN))])
    assert api.put(url, {"name": "New", "reason": "why"}, format="json").json()["reason"] == "why"
    assert api.put(url, {"name": "New"}, format="json").json()["reason"] is None
    assert api.put(url, {"reason": "x"}, format="json").status_code == 422
    assert api.put(url, {"name": "Taken"}, format="json").status_code == 409
    assert api.put(f"{URL}999999/", {"name": "x"}, format="json").status_code == 404


def test_patch_cannot_put_dates_in_the_wrong_order(api: APIClient) -> None:
    url = f"{URL}{post(api, valid_from='2020-02-02').json()['id']}/"
    assert api.patch(url, {"valid_until": "2020-01-01"}, format="json").status_code == 422


@pytest.mark.parametrize("text", ["0", "-1", "abc", "1.5", "9" * 30, "\u0661"])
def test_ids_that_are_none_are_unprocessable(api: APIClient, text: str) -> None:
    assert api.get(f"{URL}{text}/").status_code == 422


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_paths_work_with_and_without_slash(api: APIClient, slash: str) -> None:
    identifier = post(api).json()["id"]
    assert api.get(f"{URL}{identifier}{slash}").status_code == 200
    assert api.get(f"/api/v1/blacklist{slash}").status_code == 200
    images = {"images": [file(picture(RED))]}
    assert api.post(f"{URL}{identifier}/images{slash}", images, format="multipart").status_code == 200


def test_adding_images_reports_the_bad_ones(api: APIClient) -> None:
    url = f"{URL}{post(api).json()['id']}/images"
    mixed = api.post(url, {"images": [file(picture(RED)), file(b"x", "bad.png")]}, format="multipart").json()
    assert mixed["message"]
    assert [error.partition(":")[0] for error in mixed["errors"]] == ["bad.png"]
    assert api.post(url, {"images": [file(b"x")]}, format="multipart").status_code == 400
    assert api.post(url, {}, format="multipart").status_code == 422
    assert api.post(f"{URL}99999/images", {"images": [file(picture(RED))]}, format="multipart").status_code == 404
    assert len(api.get(url).json()) == 2


def test_a_photograph_can_be_fetched_and_removed_but_not_the_last_one(api: APIClient, media_root: Path) -> None:
    url = f"{URL}{post(api).json()['id']}/images"
    api.post(url, {"images": [file(picture(RED, side=60))]}, format="multipart")
    first, second = api.get(url).json()
    response = api.get(first["url"])
    assert b"".join(response.streaming_content) == picture(RED)
    assert response["Content-Type"] == "image/png"
    assert api.delete(first["url"]).status_code == 204
    assert api.get(first["url"]).status_code == 404
    assert len(list(media_root.rglob("*.png"))) == 1
    assert api.delete(second["url"]).status_code == 409


def test_delete_answers_the_record_and_removes_everything(api: APIClient, media_root: Path) -> None:
    record = post(api).json()
    url = f"{URL}{record['id']}/"
    assert api.delete(url).json()["name"] == record["name"]
    assert api.delete(url).status_code == 404
    assert api.get(URL).json() == []
    assert not FaceTemplate.objects.exists()
    assert not list(media_root.rglob("*.png"))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """This process cannot write files beyond `size` bytes, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_store_that_is_full_leaves_nothing_behind(api: APIClient, media_root: Path) -> None:
    large = picture(RED, kind="BMP", side=200)
    with largest_file(100_000):
        response = post(api, files=[file(picture(RED)), file(large)])
    assert (response.status_code, response.json()["code"]) == (503, "storage.unavailable")
    assert response["Retry-After"]
    assert not BlacklistEntry.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]
    assert post(api, files=[file(large)]).status_code == 201


def test_listing_takes_a_fixed_number_of_queries(api: APIClient, django_assert_max_num_queries: Any) -> None:
    for index in range(5):
        post(api, name=f"Person {index}")
    with django_assert_max_num_queries(4):
        assert len(api.get(URL).json()) == 5


def test_the_case_is_kept_by_put_and_changed_by_patch(api: APIClient) -> None:
    made = post(api, severity="high", source="Case 7", notes="tall").json()
    case = {"severity": "high", "source": "Case 7", "notes": "tall", "created_by": None, "changed_by": None}
    assert case.items() <= made.items()
    url = f"{URL}{made['id']}/"
    assert case.items() <= api.put(url, {"name": "Red", "reason": "other"}, format="json").json().items()
    changed = api.patch(url, {"severity": "low", "notes": ""}, format="json").json()
    assert (changed["severity"], changed["source"], changed["notes"]) == ("low", "Case 7", "")
    for wrong in ({"severity": "urgent"}, {"source": "x" * 101}, {"notes": "x" * 10_001}):
        assert api.patch(url, wrong, format="json").status_code == 422
    plain = post(api, name="Blue", files=[file(picture(BLUE))]).json()
    assert (plain["severity"], plain["source"], plain["notes"]) == ("normal", "", "")


def test_users_are_named_as_authors(client_a: Client) -> None:
    browser = browser_of(make_member(client_a, Role.OPERATOR, "anna"))
    made = browser.post(URL, {"name": "Red", "images": file(picture(RED))}).json()
    assert browser.patch(f"{URL}{made['id']}/", {"source": "x"}, content_type="application/json").status_code == 200
    record = browser.get(f"{URL}{made['id']}/").json()
    assert (record["created_by"], record["changed_by"]) == ("anna", "anna")
