"""What a client may store and send: refused before any work, exactly at the limit, and in the words of each dialect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from pytest_django.fixtures import Settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.test import APIClient

from albums.models import Album, AlbumImage
from albums.services import create_album
from blacklist.models import BlacklistEntry
from clients import quotas
from clients.exceptions import ImagesUsedUp, TooManyPeople
from clients.models import Client
from clients.quotas import Quota, limit_of, take_images, usage_of
from clients.services import create_api_key
from errors import FaceAppError
from people import enrolment
from people.models import Person, ReferenceImage
from people.services import create_person, enrol_face
from people.types import EnrolmentRules, Whom
from recognition import services as screening
from recognition.models import Job, ProcessedImage
from storage.orphans import remove_orphans
from vision import dispatch, inference
from vision.exceptions import EngineUnavailable
from vision.tests.drawing import BLUE, GREEN, RED, data_url, picture
from vision.types import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("servers")]
IMAGE = data_url(picture(RED))
SIZE = len(picture(RED))
PEOPLE, BLACKLIST, USAGE = "/api/v1/people/", "/api/v1/blacklist/", "/api/v1/usage/"
DETECT, PROCESS = "/api/v1/detect/detect-face/", "/api/v1/process/process-images/"


@pytest.fixture
def api(client_a: Client) -> APIClient:
    return caller(client_a)


def caller(client: Client) -> APIClient:
    return APIClient(headers={"X-API-Key": create_api_key(client_name=client.name)[1]})


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were analysed."""
    run, seen = inference.run_engines_on, list[int]()
    monkeypatch.setattr(inference, "run_engines_on", lambda *args: seen.append(1) or run(*args))  # type: ignore[func-returns-value]
    return seen


def allow(client: Client, **limits: int) -> Client:
    for field, limit in limits.items():
        setattr(client, field, limit)
    client.save()
    return client


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def post(api: APIClient, path: str, **body: Any) -> Any:
    return api.post(path, body, format="json")


def upload(api: APIClient, path: str, *colours: tuple[int, int, int], **fields: str) -> Any:
    images = [SimpleUploadedFile("a.png", picture(colour)) for colour in colours]
    return api.post(path, {"images": images, **fields}, format="multipart")


def enlist(api: APIClient, name: str, *colours: tuple[int, int, int]) -> Any:
    return upload(api, BLACKLIST, *colours, name=name)


def used(client: Client) -> dict[str, int | None]:
    return {quota.value: use.used for quota, use in usage_of(client).items()}


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def enrol(client: Client, external_id: str, colour: tuple[int, int, int] = RED, *, replace: bool = False) -> Person:
    whom = Whom(external_id=external_id)
    return enrol_face(
        client=client, upload=Upload(picture(colour), "a.png"), whom=whom, rules=EnrolmentRules(replace=replace)
    ).person


# ---- limits -----------------------------------------------------------------------------------------------------
def test_a_client_has_its_own_limit_or_the_deployment_s(client_a: Client, settings: Settings) -> None:
    assert limit_of(client_a, Quota.PEOPLE) is None
    settings.MAX_PEOPLE, settings.MAX_STORED_MB = 10, 3
    assert (limit_of(client_a, Quota.PEOPLE), limit_of(client_a, Quota.STORED_BYTES)) == (10, 3_000_000)
    allow(client_a, max_people=2, max_stored_mb=0)
    assert (limit_of(client_a, Quota.PEOPLE), limit_of(client_a, Quota.STORED_BYTES)) == (2, None)


def test_people_and_blacklist_entries_count_together(
    api: APIClient, client_a: Client, client_b: Client, analysed: list[int], media_root: Path
) -> None:
    allow(client_a, max_people=2)
    for number in range(3):
        enrol(client_b, f"u{number}")
    assert post(api, PEOPLE, image=IMAGE, external_id="u1").status_code == 201
    assert enlist(api, "Mallory", RED).status_code == 201
    before, stored = len(analysed), files(media_root)
    assert refusal(post(api, PEOPLE, image=IMAGE, external_id="u2")) == (409, "quota.people")
    assert refusal(enlist(api, "Eve", RED)) == (409, "quota.people")
    assert (len(analysed), files(media_root)) == (before, stored)
    assert post(api, PEOPLE, image=IMAGE, external_id="u1", on_existing="add").status_code == 200  # nobody new
    assert api.delete(f"{PEOPLE}1/").status_code == 200
    assert post(api, PEOPLE, image=IMAGE, external_id="u2").status_code == 201


def test_templates_of_people_and_entries_count_together(
    api: APIClient, client_a: Client, analysed: list[int], media_root: Path
) -> None:
    allow(client_a, max_templates=2)
    enrol(client_a, "u1")
    assert enlist(api, "Mallory", RED).status_code == 201
    before, stored = len(analysed), files(media_root)
    assert refusal(post(api, f"{PEOPLE}1/images/", image=IMAGE)) == (409, "quota.templates")
    assert refusal(upload(api, f"{BLACKLIST}2/images/", RED)) == (409, "quota.templates")
    assert refusal(post(api, PEOPLE, image=IMAGE, external_id="u2")) == (409, "quota.templates")
    assert (len(analysed), files(media_root)) == (before, stored)
    assert not Person.objects.filter(external_id="u2").exists()
    assert enrol(client_a, "u1", GREEN, replace=True).number == 1  # takes the place of the earlier one
    assert (used(client_a)["people"], used(client_a)["templates"]) == (2, 2)


def test_more_photographs_than_there_is_room_for_are_refused_together(
    api: APIClient, client_a: Client, media_root: Path
) -> None:
    allow(client_a, max_templates=2)
    response = enlist(api, "Mallory", RED, GREEN, BLUE)
    assert refusal(response) == (409, "quota.templates")
    assert not BlacklistEntry.objects.exists() and files(media_root) == 0


def test_stored_bytes_are_those_of_all_files(
    api: APIClient, client_a: Client, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    monkeypatch.setattr(quotas, "MEGABYTE", 1)
    allow(client_a, max_stored_mb=4 * SIZE)
    enrol(client_a, "u1")
    album = create_album(client=client_a, name="a", keep_images=True)
    images = f"/api/v1/albums/{album.number}/images/?process=false"
    assert post(api, PROCESS, images=[IMAGE]).status_code == 200
    assert upload(api, images, RED).status_code == 201
    assert used(client_a)["stored_bytes"] == 3 * SIZE
    stored = files(media_root)
    assert refusal(upload(api, images, RED, RED)) == (507, "quota.storage")
    assert refusal(post(api, f"{PROCESS}?async=true", images=[IMAGE, IMAGE])) == (507, "quota.storage")
    assert post(api, PEOPLE, image=IMAGE, external_id="u2").status_code == 201
    assert refusal(post(api, PEOPLE, image=IMAGE, external_id="u3")) == (507, "quota.storage")
    assert (files(media_root), Job.objects.count(), AlbumImage.objects.count()) == (stored + 1, 1, 1)
    assert api.delete("/api/v1/processed-images/1/").status_code == 204
    assert used(client_a)["stored_bytes"] == 3 * SIZE
    Album.objects.update(keep_images=False)
    assert api.post(f"/api/v1/albums/{album.number}/process/").status_code == 202
    assert used(client_a)["stored_bytes"] == 2 * SIZE  # a processed image has no file any more


def test_sizes_of_older_files_are_noted_by_the_purge(client_a: Client) -> None:
    enrol(client_a, "u1")
    ReferenceImage.objects.update(stored_bytes=0)
    remove_orphans(dry_run=True)
    assert used(client_a)["stored_bytes"] == 0
    remove_orphans()
    assert used(client_a)["stored_bytes"] == SIZE


# ---- at the same time -------------------------------------------------------------------------------------------
def outcomes(work: Callable[[int], object], count: int = 8) -> list[str]:
    """What several callers at the same time are told, each with a connection of its own; empty for success."""

    def call(number: int) -> str:
        try:
            work(number)
        except FaceAppError as error:
            return error.code
        finally:
            connections.close_all()
        return ""

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(call, range(count)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_people": 3}, "quota.people"),
        ({"max_templates": 3}, "quota.templates"),
        ({"max_stored_mb": 3 * SIZE}, "quota.storage"),
    ],
    ids=["people", "templates", "bytes"],
)
def test_parallel_enrolments_end_exactly_at_the_limit(
    client_a: Client, media_root: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], code: str
) -> None:
    monkeypatch.setattr(quotas, "MEGABYTE", 1)
    monkeypatch.setattr(quotas, "require_room", lambda *args, **more: None)  # all of them find room before the work
    allow(client_a, **limits)
    enrol(client_a, "first")
    assert outcomes(lambda number: enrol(client_a, f"u{number}")) == ["", "", *[code] * 6]
    assert (Person.objects.count(), ReferenceImage.objects.count(), files(media_root)) == (3, 3, 3)


@pytest.mark.django_db(transaction=True)
def test_parallel_images_end_exactly_at_the_limit(client_a: Client) -> None:
    allow(client_a, max_images_a_day=10)
    assert outcomes(lambda _: take_images(client_a, 3)) == ["", "", "", *["quota.images"] * 5]
    assert used(client_a)["images_today"] == 9


# ---- images a day -----------------------------------------------------------------------------------------------
def test_every_image_that_is_analysed_or_accepted_counts(api: APIClient, client_a: Client) -> None:
    post(api, DETECT, image=IMAGE)
    post(api, PEOPLE, image=IMAGE, external_id="u1")
    post(api, f"{PEOPLE}search/", image=IMAGE)
    post(api, "/api/v1/compare/", image=IMAGE, images=[IMAGE, IMAGE])
    enlist(api, "Mallory", RED, RED)
    assert used(client_a)["images_today"] == 1 + 1 + 1 + 3 + 2
    post(api, PROCESS, images=[IMAGE, IMAGE])
    post(api, f"{PROCESS}?async=true", images=[IMAGE, "no image"])
    assert used(client_a)["images_today"] == 8 + 2 + 1
    album = create_album(client=client_a, name="a")
    upload(api, f"/api/v1/albums/{album.number}/images/", RED)
    assert used(client_a)["images_today"] == 12


def test_a_call_beyond_the_day_s_limit_is_refused_as_a_whole(
    api: APIClient, client_a: Client, analysed: list[int], media_root: Path
) -> None:
    allow(client_a, max_images_a_day=3)
    assert post(api, DETECT, image=IMAGE).status_code == 200
    before = len(analysed)
    for response in (
        post(api, PROCESS, images=[IMAGE] * 3),
        post(api, f"{PROCESS}?async=true", images=[IMAGE] * 3),
        enlist(api, "Mallory", RED, GREEN, BLUE),
    ):
        assert refusal(response) == (429, "quota.images")
        assert 0 < int(response.headers["Retry-After"]) <= 86_401
    assert len(analysed) == before and files(media_root) == 0
    assert not (Job.objects.exists() or ProcessedImage.objects.exists() or Person.objects.exists())
    assert post(api, PROCESS, images=[IMAGE, IMAGE]).status_code == 200
    assert refusal(post(api, DETECT, image=IMAGE)) == (429, "quota.images")


def test_the_count_begins_anew_at_midnight_utc(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(client_a, max_images_a_day=1)
    monkeypatch.setattr(quotas, "_now", lambda: datetime(2030, 1, 1, 23, 59, 30, tzinfo=UTC))
    take_images(client_a, 1)
    with pytest.raises(ImagesUsedUp) as caught:
        take_images(client_a, 1)
    assert caught.value.retry_after == 31
    monkeypatch.setattr(quotas, "_now", lambda: datetime(2030, 1, 2, tzinfo=UTC))
    take_images(client_a, 1)


def test_without_redis_images_pass_and_the_log_says_so(
    client_a: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = redis.Redis(unix_socket_path="/nonexistent/redis.sock", retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(dispatch, "counters", lambda: away)
    monkeypatch.setattr(quotas, "_take", lambda: away.register_script(quotas.TAKE))
    allow(client_a, max_images_a_day=1)
    for _ in range(2):
        take_images(client_a, 1)
    quotas.require_images(client_a)
    assert used(client_a)["images_today"] is None
    assert "Images are not counted: ConnectionError" in caplog.text


def unavailable(*_: Any, **__: Any) -> None:
    raise EngineUnavailable("No worker answered.", code="engine.timeout")


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError


@pytest.mark.parametrize(
    ("where", "name", "fail", "path", "body", "status"),
    [
        (inference, "run_engines_on", unavailable, DETECT, {"image": IMAGE}, 503),
        (inference, "run_engines_on", broken, DETECT, {"image": IMAGE}, 500),
        (screening, "enqueue", unavailable, f"{PROCESS}?async=true", {"images": [IMAGE] * 3}, 503),
        (enrolment, "written_files", unavailable, PEOPLE, {"image": IMAGE}, 503),
    ],
)
def test_images_of_a_call_that_the_service_failed_to_carry_out_are_given_back(
    client_a: Client,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    fail: Any,
    path: str,
    body: Any,
    status: int,
) -> None:
    allow(client_a, max_images_a_day=5)
    key = create_api_key(client_name=client_a.name)[1]
    api = APIClient(headers={"X-API-Key": key}, raise_request_exception=False)
    assert post(api, DETECT, image=IMAGE).status_code == 200
    with monkeypatch.context() as failing:
        failing.setattr(where, name, fail)
        assert post(api, path, **body).status_code == status
    assert used(client_a)["images_today"] == 1
    assert refusal(post(api, PEOPLE, image=data_url(picture()))) == (400, "face.none")
    assert used(client_a)["images_today"] == 2


def test_images_of_a_failed_call_are_given_back_only_as_far_as_redis_knows_of_them(client_a: Client) -> None:
    with quotas.returnable() as give_back:
        take_images(client_a, 3)
        dispatch.counters().delete(quotas._key(client_a))
        take_images(client_a, 1)
        give_back()
    assert used(client_a)["images_today"] == 0
    take_images(client_a, 1)
    assert used(client_a)["images_today"] == 1


# ---- how it is shown --------------------------------------------------------------------------------------------
def test_any_key_reads_what_its_client_uses(client_a: Client, client_b: Client) -> None:
    allow(client_a, max_people=5, max_stored_mb=2)
    enrol(client_a, "u1")
    enrol(client_b, "u1")
    reader = APIClient(headers={"X-API-Key": create_api_key(client_name=client_a.name, scopes=["detect"])[1]})
    assert post(reader, DETECT, image=IMAGE).status_code == 200
    assert reader.get(USAGE).json() == {
        "people": {"used": 1, "limit": 5},
        "templates": {"used": 1, "limit": None},
        "stored_bytes": {"used": SIZE, "limit": 2_000_000},
        "images_today": {"used": 1, "limit": None},
    }
    assert APIClient().get(USAGE).status_code == 401


# ---- counting as little as possible -----------------------------------------------------------------------------
def test_everything_is_counted_only_if_it_can_matter(client_a: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(client_a, max_people=4)
    count, counts = quotas._rows, list[Quota]()
    monkeypatch.setattr(quotas, "_rows", lambda client, quota: counts.append(quota) or count(client, quota))  # type: ignore[func-returns-value]
    for number in range(3):
        create_person(client=client_a, name=f"n{number}")
    assert len(counts) == 1  # at first, when nothing was known
    Person.objects.filter(number__lte=2).delete()
    create_person(client=client_a)  # the fourth number
    assert len(counts) == 1
    create_person(client=client_a)  # the fifth: there may be too many, and there are not
    create_person(client=client_a)
    assert (len(counts), Person.objects.count()) == (2, 4)
    with pytest.raises(TooManyPeople):
        create_person(client=client_a)
    assert (len(counts), Person.objects.count()) == (3, 4)


def test_what_was_stored_without_a_limit_counts_when_there_is_one(client_a: Client) -> None:
    allow(client_a, max_people=9)
    create_person(client=client_a)
    allow(client_a, max_people=0)
    for _ in range(3):
        create_person(client=client_a)
    allow(client_a, max_people=4)
    with pytest.raises(TooManyPeople):
        create_person(client=client_a)
