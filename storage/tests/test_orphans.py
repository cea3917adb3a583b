from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db.models import FileField

from clients.models import Client
from recognition.models import Job, ProcessedImage
from storage.orphans import image_fields, remove_orphans
from vision.tests.drawing import RED, picture
from walls.current import NOBODY, showing

pytestmark = pytest.mark.django_db


def age(path: Path, days: float) -> Path:
    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def stored(client_a: Client, media_root: Path) -> dict[str, Path]:
    """An old file with a row, an old one without, and a new one without."""
    image = ProcessedImage(
        client=client_a,
        job=Job.objects.create(client=client_a, metric="euclidean", threshold=0.2),
        position=0,
        identifier="x",
    )
    image.image.save("a.png", ContentFile(picture(RED)), save=True)
    lost = default_storage.save(f"references/{client_a.pk}/lost.png", ContentFile(picture(RED)))
    new = default_storage.save(f"processed/{client_a.pk}/new.png", ContentFile(picture(RED)))
    return {
        "kept": age(media_root / str(image.image.name), 2),
        "lost": age(media_root / lost, 2),
        "new": media_root / new,
    }


def existing(stored: dict[str, Path]) -> set[str]:
    return {name for name, path in stored.items() if path.exists()}


def test_only_old_files_without_a_row_go(stored: dict[str, Path]) -> None:
    assert remove_orphans(dry_run=True) == 1
    assert existing(stored) == {"kept", "lost", "new"}
    assert remove_orphans() == 1
    assert existing(stored) == {"kept", "new"}
    assert remove_orphans() == 0


def test_rows_that_are_not_shown_keep_their_files(stored: dict[str, Path]) -> None:
    """By a worker that is not the owner of the tables, and works for no client in particular."""
    with showing(NOBODY):
        assert remove_orphans() == 1
    assert existing(stored) == {"kept", "new"}


def test_purge_removes_them_too(stored: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("purge")
    assert existing(stored) == {"kept", "new"}
    assert "1 file" in capsys.readouterr().out


def test_an_empty_store_has_none(db: None, media_root: Path) -> None:
    assert remove_orphans() == 0


def test_every_model_with_files_declares_a_folder_of_its_own() -> None:
    """Otherwise its orphans would never be found, or it would lose files to another model's search."""
    with_files = {
        field
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, FileField) and field.model.__module__.partition(".")[0] != "django"
    }
    assert with_files == image_fields()
    folders = sorted(field.folder for field in image_fields())
    assert folders == ["albums", "checked", "processed", "references"]


def test_files_of_every_folder_are_looked_at(client_a: Client, media_root: Path) -> None:
    for field in image_fields():
        lost = default_storage.save(f"{field.folder}/{client_a.pk}/lost.png", ContentFile(picture(RED)))
        age(media_root / lost, 2)
    assert remove_orphans() == len(image_fields())
