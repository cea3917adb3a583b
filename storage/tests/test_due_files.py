"""Files of erased rows: they go after the commit, whatever happens then, and stay if there is none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from django.db import transaction

from clients.models import Client
from errors import Unavailable
from recognition.models import Job, ProcessedImage
from storage import files
from storage.files import delete_due_files, erase_files, store_file
from storage.models import DueFile
from vision.tests.drawing import RED, picture
from walls.current import showing

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(client_a: Client) -> ProcessedImage:
    job = Job.objects.create(client=client_a, metric="euclidean", threshold=0.2)
    image = ProcessedImage(client=client_a, job=job, position=0, identifier="x")
    store_file(file=image.image, extension=".png", data=picture(RED))
    image.save()
    return image


def path_of(image: ProcessedImage, media_root: Path) -> Path:
    return media_root / str(image.image.name)


def erase(image: ProcessedImage) -> None:
    ProcessedImage.objects.filter(pk=image.pk)._raw_delete("default")
    erase_files(files=[image.image])


def test_the_file_goes_with_the_commit(image: ProcessedImage, media_root: Path) -> None:
    with transaction.atomic():
        erase(image)
        assert path_of(image, media_root).exists()
    assert not path_of(image, media_root).exists()
    assert not DueFile.objects.exists()


def test_without_a_commit_row_and_file_stay(image: ProcessedImage, media_root: Path) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        erase(image)
        raise ZeroDivisionError
    assert ProcessedImage.objects.get() == image and path_of(image, media_root).exists()
    assert not DueFile.objects.exists()


def test_a_process_that_dies_after_the_commit_leaves_the_name(
    image: ProcessedImage, media_root: Path, monkeypatch: pytest.MonkeyPatch, client_b: Client
) -> None:
    with monkeypatch.context() as dying, transaction.atomic():
        dying.setattr(transaction, "on_commit", lambda *_, **__: None)
        erase(image)
    assert path_of(image, media_root).exists()
    with showing(client_b.pk):
        assert not DueFile.objects.exists()
    assert delete_due_files() == 1
    assert not path_of(image, media_root).exists()
    assert delete_due_files() == 0


@pytest.mark.parametrize("at_once", [1, 500])
def test_a_file_that_cannot_be_deleted_does_not_keep_the_others(
    client_a: Client, media_root: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(files, "AT_ONCE", at_once)
    folder = media_root / "processed" / str(client_a.pk)
    (folder / "stuck.png" / "within").mkdir(parents=True)  # a folder is not deleted as a file is
    (folder / "other.png").write_bytes(b"x")
    for name in ("stuck.png", "other.png"):
        DueFile.objects.create(client_id=client_a.pk, name=f"processed/{client_a.pk}/{name}")
    for _ in range(2):
        with suppress(Unavailable):
            delete_due_files()
    assert not (folder / "other.png").exists()
    with pytest.raises(Unavailable):
        delete_due_files()
    assert DueFile.objects.get().name.endswith("stuck.png")
