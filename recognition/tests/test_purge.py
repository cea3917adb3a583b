"""Retention: what is past it goes with its files, everything else stays."""

from __future__ import annotations

import errno
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from clients.models import Client
from errors import Unavailable
from recognition import services, tasks
from recognition.models import Job, ProcessedFace, ProcessedImage, Status
from storage.models import DueFile
from storage.tasks import delete_due_files
from vision.types import Upload
from work.submissions import read_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client.objects.create(name="alice")


def picture() -> bytes:
    """A grey picture with one red square: one face for the fake engine."""
    canvas = Image.new("RGB", (120, 90), (128, 128, 128))
    canvas.paste((220, 30, 30), (30, 20, 70, 60))
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def processed(client: Client, *, count: int = 1, days_old: float = 0) -> Job:
    """A finished job whose images were made `days_old` days ago."""
    submissions = [read_submission(Upload(picture(), f"{i}.png")) for i in range(count)]
    job = services.submit_images(
        client=client, submissions=submissions, options=services.screening_options(client=client)
    )
    job.images.update(created_at=timezone.now() - timedelta(days=days_old))
    return job


def files(media_root: Path) -> list[Path]:
    return [path for path in media_root.rglob("*") if path.is_file()]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("purge", *arguments, stdout=out)
    return out.getvalue()


def test_erases_rows_files_and_empty_jobs_past_retention(client: Client, settings: Settings, media_root: Path) -> None:
    settings.RETENTION_DAYS = 30
    processed(client, count=3, days_old=31)
    kept = processed(client, days_old=29)
    assert len(files(media_root)) == 4

    assert "Erased 3 of 3 images." in run()

    assert list(Job.objects.all()) == [kept]
    assert ProcessedImage.objects.count() == ProcessedFace.objects.count() == 1
    assert [path.name for path in files(media_root)] == [Path(kept.images.get().image.name).name]


def test_goes_on_until_nothing_is_left_when_there_are_several_batches(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recognition.management.commands.purge.BATCH", 2)
    processed(client, count=5, days_old=31)
    assert "Erased 5 of 5 images." in run()
    assert not ProcessedImage.objects.exists()


def test_dry_run_counts_by_client_and_erases_nothing(client: Client, media_root: Path) -> None:
    processed(client, count=2, days_old=31)
    assert "alice: 2 images past their retention would be erased" in run("--dry-run")
    assert ProcessedImage.objects.count() == len(files(media_root)) == 2


def test_images_past_retention_are_found_by_an_index() -> None:
    """The table only grows at its end, so that an index of block ranges is enough and costs nothing."""
    with connection.cursor() as cursor:
        indexes = connection.introspection.get_constraints(cursor, ProcessedImage._meta.db_table)
    assert ("brin", ["created_at"]) in [(index.get("type"), index["columns"]) for index in indexes.values()]


@pytest.mark.parametrize(("own", "deployment", "left"), [(5, 30, 0), (60, 30, 1), (0, 30, 1), (None, 0, 1)])
def test_a_clients_own_retention_wins_and_zero_keeps(
    client: Client, settings: Settings, own: int | None, deployment: int, left: int
) -> None:
    settings.RETENTION_DAYS = deployment
    client.retention_days = own
    client.save()
    processed(client, days_old=31)
    run()
    assert ProcessedImage.objects.count() == left


def test_unfinished_images_stay(client: Client) -> None:
    job = processed(client, days_old=31)
    job.images.update(status=Status.PROCESSING)
    assert "No image is past its retention." in run()
    assert job.images.exists()


def test_one_client_only(client: Client) -> None:
    other = Client.objects.create(name="bob")
    processed(client, days_old=31)
    theirs = processed(other, days_old=31)
    run("--client", "alice")
    assert list(Job.objects.all()) == [theirs]


def test_an_unknown_client_is_refused() -> None:
    with pytest.raises(CommandError, match="no client 'nobody'"):
        run("--client", "nobody")


def test_the_nightly_task_continues_until_all_is_erased(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PURGE_SLICE", 2)
    processed(client, count=5, days_old=31)
    tasks.purge.delay()
    assert not ProcessedImage.objects.exists()


def test_the_schedule_names_a_task_that_exists_on_the_maintenance_queue() -> None:
    entry: dict[str, Any] = django_settings.CELERY_BEAT_SCHEDULE["purge"]
    assert entry["task"] == tasks.purge.name
    assert django_settings.CELERY_TASK_ROUTES[entry["task"]] == {"queue": "maintenance"}


def test_a_retention_of_ages_stops_nobody_elses_purge(client: Client) -> None:
    Client.objects.create(name="for-ever", retention_days=2_147_483_647)
    processed(Client.objects.get(name="for-ever"), days_old=1000)
    processed(client, days_old=1000)
    assert services.purge(limit=10) == 1
    assert ProcessedImage.objects.get().client.name == "for-ever"


def test_files_that_cannot_be_deleted_stop_the_purge_and_go_later(
    client: Client, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    processed(client, count=3, days_old=1000)

    def read_only(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileSystemStorage, "delete", read_only)
    with pytest.raises(Unavailable):
        services.purge(limit=10)
    with pytest.raises(CommandError, match="store does not answer"):
        run()
    assert ProcessedImage.objects.count() == ProcessedFace.objects.count() == 1
    assert (DueFile.objects.count(), len(files(media_root))) == (2, 3)
    monkeypatch.undo()
    assert services.purge(limit=10) == 1
    delete_due_files.delay()
    assert files(media_root) == []
