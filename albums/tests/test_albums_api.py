"""`/api/v1/albums/` from the first call to the last."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from albums import services
from albums.models import Album, AlbumFace, AlbumImage
from albums.tests.conftest import Add
from clients.models import Client
from clients.services import create_api_key
from people.models import FaceTemplate, Person
from storage.files import delete_due_files
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture

pytestmark = pytest.mark.django_db
ALBUMS = "/api/v1/albums/"


def key_of(client: Client, *scopes: str) -> str:
    return create_api_key(client_name=client.name, scopes=scopes or ["all"])[1]


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": key_of(client_a, "albums", "people:write")})


@pytest.fixture
def url(api: APIClient) -> str:
    """Of an album."""
    answer = api.post(ALBUMS, {"name": "holiday"})
    assert answer.status_code == 201, answer.content
    return f"{ALBUMS}{answer.json()['id']}/"


def part(*colours: tuple[int, int, int]) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.png", picture(*colours))


def add(api: APIClient, url: str, *pictures: Any) -> list[int]:
    answer = api.post(f"{url}images/?process=true", {"images": pictures}, format="multipart")
    assert answer.status_code == 201, answer.content
    return [image["id"] for image in answer.json()]


def test_files_that_an_album_does_not_keep_go_when_the_store_answers(
    api: APIClient, url: str, media_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", away)
        add(api, url, part(RED))
    assert AlbumFace.objects.count() == 1
    assert delete_due_files() == 1
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_album_is_made_changed_listed_and_erased(api: APIClient, url: str) -> None:
    album = api.get(url).json()
    assert (album["name"], album["keep_images"], album["threshold"], album["total"]) == ("holiday", False, 0.2, 0)
    assert api.patch(url, {"threshold": 0.1, "keep_images": True}).json()["threshold"] == 0.1
    assert api.patch(url, {"name": "trip"}, format="multipart").json()["keep_images"] is True
    assert [item["name"] for item in api.get(ALBUMS).json()["items"]] == ["trip"]
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_error"),
        ({"name": ""}, 422, "validation_error"),
        ({"name": "x" * 101}, 422, "validation_error"),
        ({"name": "x", "threshold": -1}, 422, "validation_error"),
        ({"name": "x", "threshold": True}, 422, "validation_error"),
        ({"name": "holiday"}, 409, "album.name_taken"),
        ({"name": "a\0b"}, 422, "validation_error"),
    ],
)
def test_bad_albums_are_refused(api: APIClient, url: str, body: dict[str, Any], status: int, code: str) -> None:
    answer = api.post(ALBUMS, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_images_wait_until_somebody_processes_them(api: APIClient, url: str) -> None:
    answer = api.post(f"{url}images/", {"images": [data_url(picture(RED)), "nonsense"]})
    assert answer.status_code == 201
    first, second = answer.json()
    assert (first["status"], first["has_file"], second["status"], second["error_code"]) == (
        "uploaded", True, "failed", "image.not_an_image",
    )  # fmt: skip
    assert api.get(url).json()["uploaded"] == 1
    processed = api.post(f"{url}process/", {"images": [first["id"]]})
    assert (processed.status_code, processed.json()) == (202, {"queued": 1})
    assert api.post(f"{url}process/").json() == {"queued": 0}
    image = api.get(f"{url}images/{first['id']}/").json()
    assert (image["status"], image["has_file"], len(image["faces"])) == ("done", False, 1)
    counts = api.get(url).json()
    assert [counts[name] for name in ("total", "uploaded", "running", "done", "failed")] == [2, 0, 0, 1, 1]


def test_matches_are_paged_closest_first(api: APIClient, url: str) -> None:
    near = (RED[0] - 30, *RED[1:])
    first, second, third = add(api, url, part(RED), part(near), part(BLUE, RED))
    page = api.get(f"{url}images/{first}/matches/").json()
    assert [match["image_id"] for match in page["items"]] == [third, second]
    assert page["items"][0] | {"distance": 0} == {
        "image_id": third, "external_id": None, "face": 0, "other_face": 1, "distance": 0, "similarity": 1,
    }  # fmt: skip
    assert api.get(f"{url}images/{first}/matches/?limit=1&offset=1").json()["items"][0]["image_id"] == second


def test_groups_become_people(api: APIClient, url: str) -> None:
    add(api, url, part(RED, BLUE), part(RED))
    groups = api.get(f"{url}groups/").json()
    assert [group["size"] for group in groups["items"]] == [2, 1]
    group = groups["items"][0]
    assert (group["name"], group["person_id"], group["is_curated"]) == ("", None, False)
    named = api.patch(f"{url}groups/{group['id']}/", {"name": "Rose"}).json()
    assert (named["name"], named["person_id"]) == ("Rose", Person.objects.get().number)
    assert FaceTemplate.objects.count() == 2
    assert api.get(f"{url}groups/{group['id']}/").json() == named


def test_groups_can_be_merged_and_split(api: APIClient, url: str) -> None:
    add(api, url, part(RED), part(BLUE), part(GREEN))
    first, second, third = (group["id"] for group in api.get(f"{url}groups/").json()["items"])
    merged = api.post(f"{url}groups/{first}/merge/", {"groups": [second, third]}).json()
    assert merged["size"] == 3
    off = api.post(f"{url}groups/{first}/split/", {"faces": [merged["faces"][2]["id"]]}).json()
    assert (off["size"], off["id"] == first) == (1, False)
    refused = api.post(f"{url}groups/{first}/merge/", {"groups": [first]})
    assert (refused.status_code, refused.json()["code"]) == (400, "album.bad_grouping")


def test_erased_image_is_gone(api: APIClient, url: str) -> None:
    first, second = add(api, url, part(RED), part(RED))
    assert api.delete(f"{url}images/{first}/").status_code == 204
    assert api.get(f"{url}images/{first}/").status_code == 404
    assert api.get(f"{url}images/{second}/matches/").json()["total_items"] == 0
    assert AlbumFace.objects.count() == AlbumImage.objects.count() == 1


@pytest.mark.parametrize("path", ["images/x/", "images/0/", "images/99999/matches/", "groups/x/", "groups/99/"])
def test_what_does_not_exist_is_said(api: APIClient, url: str, path: str) -> None:
    assert api.get(url + path).status_code in {404, 422}


def test_album_whose_model_is_gone_says_so(api: APIClient, url: str) -> None:
    Album.objects.update(space="retired")
    [image] = add(api, url, part(RED))
    answer = api.get(f"{url}images/{image}/").json()
    assert (answer["status"], answer["error_code"]) == ("failed", "engine.disabled")


def test_lists_take_a_fixed_number_of_queries(api: APIClient, url: str, django_assert_max_num_queries: Any) -> None:
    add(api, url, *[part(RED, BLUE) for _ in range(4)])
    with django_assert_max_num_queries(8):
        assert len(api.get(f"{url}images/").json()["items"]) == 4
    with django_assert_max_num_queries(9):
        assert len(api.get(f"{url}groups/").json()["items"]) == 2


def test_key_without_the_scope_is_refused(url: str, client_a: Client) -> None:
    api = APIClient(headers={"X-API-Key": key_of(client_a, "detect")})
    assert api.get(url).json()["code"] == "auth.missing_scope"


def test_naming_people_needs_the_scope_of_people(api: APIClient, url: str, client_a: Client) -> None:
    add(api, url, part(RED))
    [group] = api.get(f"{url}groups/").json()["items"]
    narrow = APIClient(headers={"X-API-Key": key_of(client_a, "albums")})
    answer = narrow.patch(f"{url}groups/{group['id']}/", {"name": "Rose"})
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.missing_scope")
    assert not Person.objects.exists()


def test_images_are_kept_as_long_as_the_client_or_the_deployment_says(
    album: Album, add: Add, upload: Add, settings: Settings
) -> None:
    done, waiting = add(RED), upload(GREEN)
    AlbumImage.objects.update(created_at=timezone.now() - timedelta(days=40))
    new = upload(RED)
    assert services.purge(limit=10) == 1  # 30 days for what nobody had processed
    assert set(AlbumImage.objects.values_list("pk", flat=True)) == {done.pk, new.pk}
    settings.ALBUM_DAYS = 50
    assert services.purge(limit=10) == 0
    Client.objects.update(album_days=39)
    assert services.purge(limit=10) == 1
    assert [image.pk for image in AlbumImage.objects.all()] == [new.pk]
    assert not AlbumFace.objects.exists() and waiting
