"""Two things happen to the same rows at once: neither is lost, and nobody is told of an error that is ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from kombu.exceptions import OperationalError as QueueDown

from blacklist.models import BlacklistEntry
from blacklist.services import create_entry, delete_entry, delete_image
from clients.models import Client
from errors import Unavailable
from faceapp.tests.rivals import PATIENCE, Rival, wait_for_backend, wait_until_blocked
from people.models import ReferenceImage
from recognition import services
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.tasks import process_images
from vision.tests.drawing import BLUE, RED, picture
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(client_a: Client) -> Job:
    return Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)


@pytest.fixture
def image(job: Job) -> ProcessedImage:
    return add_image(job, 0)


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return create_entry(client=client_a, name="Red", uploads=[Upload(picture(RED)), Upload(picture(RED))]).entry


def add_image(job: Job, position: int) -> ProcessedImage:
    row = ProcessedImage(client=job.client, job=job, position=position, identifier="probe")
    row.image.save("a.png", ContentFile(picture(RED)), save=True)
    return row


def deleting_after_search(monkeypatch: pytest.MonkeyPatch, delete: Callable[[], object]) -> None:
    """Between the first search and the commit of its matches, something is deleted."""
    real = services.search_blacklist
    calls: list[int] = []

    def search(**options: Any) -> Any:
        hits = real(**options)
        if not calls:
            calls.append(1)
            assert hits
            delete()
        return hits

    monkeypatch.setattr(services, "search_blacklist", search)


# ---- entries that go while an image is matched with them --------------------------------------------------------
def test_entry_deleted_before_its_match_is_stored(
    image: ProcessedImage, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting_after_search(monkeypatch, lambda: delete_entry(entry=entry))
    services.process(image_ids=[image.pk], task_id="a")
    image.refresh_from_db()
    assert (image.status, image.attempts) == (Status.DONE, 1)
    assert ProcessedFace.objects.count() == 1
    assert not Match.objects.exists()


def test_photograph_deleted_before_its_match_is_stored(
    image: ProcessedImage, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = entry.reference_images.all()
    deleting_after_search(monkeypatch, lambda: delete_image(entry=entry, image_id=first.number))
    services.process(image_ids=[image.pk], task_id="a")
    assert Match.objects.get().reference_image == second


@pytest.mark.parametrize("what", ["entry", "photograph"])
def test_deletion_waits_for_a_match_that_is_being_stored(
    image: ProcessedImage, entry: BlacklistEntry, what: str
) -> None:
    services.process(image_ids=[image.pk], task_id="a")
    match = Match.objects.get()
    values = {
        field.attname: getattr(match, field.attname) for field in Match._meta.concrete_fields if field.name != "id"
    }
    photograph = match.reference_image.number  # type: ignore[union-attr]
    match.delete()
    deletions: dict[str, Callable[[], object]] = {
        "entry": lambda: delete_entry(entry=entry),
        "photograph": lambda: delete_image(entry=entry, image_id=photograph),
    }
    with transaction.atomic():
        Match.objects.create(**values)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as the commit does, which cannot be held up
        rival = Rival(deletions[what])
        wait_until_blocked()
    rival.finish()
    assert Match.objects.filter(reference_image=None).count() == (what == "photograph")
    assert not Match.objects.exclude(reference_image=None).exists()


# ---- images that go while they are processed --------------------------------------------------------------------
def test_erasing_an_image_waits_for_the_faces_that_are_being_stored(image: ProcessedImage, media_root: Path) -> None:
    assert ProcessedImage.objects.claim([image.pk], task_id="a")
    image.refresh_from_db()
    with transaction.atomic():
        services._screen([image])
        rival = Rival(lambda: services.delete_images(images_to_delete=[image]))
        wait_until_blocked()
    rival.finish()
    assert not ProcessedFace.objects.exists()
    assert not Job.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_last_two_images_of_a_job_erased_at_once_leave_no_empty_job(job: Job) -> None:
    first, second = add_image(job, 0), add_image(job, 1)
    with transaction.atomic():
        services.delete_images(images_to_delete=[first])
        rival = Rival(lambda: services.delete_images(images_to_delete=[second]))
        wait_until_blocked()
    rival.finish()
    assert not Job.objects.exists()


def test_job_whose_queue_fails_half_way_is_withdrawn_with_what_was_done(
    client_a: Client, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    real = process_images.apply_async
    sent: list[int] = []

    def failing(args: tuple[list[int]], **options: Any) -> Any:
        if len(sent) == 2:
            raise QueueDown("gone")
        sent.extend(args[0])
        return real(args, **options) if len(sent) == 1 else None  # the second waits in the queue

    monkeypatch.setattr(process_images, "apply_async", failing)
    kept = {path for path in media_root.rglob("*") if path.is_file()}
    submissions = [read_submission(Upload(picture(RED))) for _ in range(4)]
    with pytest.raises(Unavailable):
        services.submit_images(
            client=client_a, submissions=submissions, options=services.screening_options(client=client_a)
        )
    assert not Job.objects.exists()
    assert not Match.objects.exists()
    assert {path for path in media_root.rglob("*") if path.is_file()} == kept
    services.process(image_ids=[sent[1]], task_id="late")  # the message of an image that is gone
    assert not ProcessedFace.objects.exists()


# ---- the database goes while a caller waits ---------------------------------------------------------------------
def test_waiting_goes_on_when_the_database_cuts_the_connection(as_owner: None, image: ProcessedImage) -> None:
    answers: list[bool] = []
    rival = Rival(lambda: answers.append(services.wait_for_job(job=image.job, seconds=PATIENCE)))
    waiter = wait_for_backend("state = 'idle' AND query LIKE '%processedimage%'")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [waiter])
    services.process(image_ids=[image.pk], task_id="a")
    rival.finish()
    assert answers == [True]


def test_entries_of_a_batch_do_not_mix(client_a: Client, entry: BlacklistEntry) -> None:
    """Images that are processed side by side keep their own results."""
    pictures = [picture(RED), picture(BLUE)] * 4
    submissions = [read_submission(Upload(data)) for data in pictures]
    job = services.submit_images(
        client=client_a, submissions=submissions, options=services.screening_options(client=client_a)
    )
    ProcessedFace.objects.all().delete()
    ProcessedImage.objects.update(status=Status.PENDING, claim="", attempts=0)
    rivals = [
        Rival(lambda pk=pk: services.process(image_ids=[pk], task_id=f"task {pk}"))  # type: ignore[misc]
        for pk in job.images.values_list("pk", flat=True)
    ]
    for rival in rivals:
        rival.finish()
    matched = job.images.with_match().order_by("position").values_list("has_match", flat=True)
    assert list(matched) == [True, False] * 4
    assert ReferenceImage.objects.count() == 2
