"""Changes of one entry that meet: nothing deleted comes back, nothing that was switched off is on again."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from rest_framework.test import APIClient

from blacklist import services
from blacklist.exceptions import EntryNotFound
from blacklist.models import BlacklistEntry
from clients.models import Client
from clients.services import create_api_key
from errors import Unavailable
from people.models import Person, ReferenceImage
from people.services import read_portraits
from storage.files import delete_due_files
from storage.models import DueFile
from vision.tests.drawing import RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(client_a: Client) -> BlacklistEntry:
    return services.create_entry(client=client_a, name="Red", uploads=[Upload(picture(RED))]).entry


@pytest.fixture
def api(client_a: Client) -> APIClient:
    _, key = create_api_key(client_name=client_a.name)
    return APIClient(headers={"X-API-Key": key})


def stored(entry: BlacklistEntry) -> BlacklistEntry:
    found: BlacklistEntry = BlacklistEntry.objects.get(pk=entry.pk)
    return found


def test_changing_an_entry_that_was_deleted_meanwhile_does_not_bring_it_back(entry: BlacklistEntry) -> None:
    stale = stored(entry)
    services.delete_entry(entry=entry)
    for fields in (None, ["reason"]):
        with pytest.raises(EntryNotFound):
            services.save_entry(entry=stale, fields=fields)
    assert not Person.objects.exists()


def test_photograph_for_an_entry_that_was_deleted_meanwhile_is_not_kept(
    entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    real = read_portraits

    def slow(**values: Any) -> Any:
        services.delete_entry(entry=stored(entry))
        return real(**values)

    monkeypatch.setattr(services, "read_portraits", slow)
    with pytest.raises(EntryNotFound):
        services.add_images(entry=entry, uploads=[Upload(picture(RED))])
    assert not ReferenceImage.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_removing_a_photograph_of_an_entry_that_was_deleted_meanwhile(entry: BlacklistEntry) -> None:
    image = entry.reference_images.get()
    services.delete_entry(entry=stored(entry))
    with pytest.raises(EntryNotFound):
        services.delete_image(entry=entry, image_id=image.number)


def test_changing_the_reason_leaves_an_entry_off_that_was_switched_off_meanwhile(
    api: APIClient, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = services.save_entry

    def slow(**values: Any) -> Any:
        services.set_active(entries=[stored(entry)], active=False)
        return real(**values)

    monkeypatch.setattr(services, "save_entry", slow)
    assert api.patch(f"/api/v1/blacklist/{entry.number}/", {"reason": "new"}, format="json").status_code == 200
    assert (stored(entry).reason, stored(entry).is_active) == ("new", False)


def test_switching_off_leaves_a_name_that_was_changed_meanwhile(entry: BlacklistEntry) -> None:
    stale = stored(entry)
    entry.name = "Scarlet"
    services.save_entry(entry=entry)
    assert services.set_active(entries=[stale], active=False) == 1
    assert (stored(entry).name, stored(entry).is_active) == ("Scarlet", False)
    assert stored(entry).updated_at > entry.updated_at


def test_photographs_that_cannot_be_deleted_go_when_the_store_answers(
    api: APIClient, entry: BlacklistEntry, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    """Nobody is told of an erasure while a photograph is still stored, and none is forgotten."""

    def read_only(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    services.add_images(entry=entry, uploads=[Upload(picture(RED))])
    image = entry.reference_images.all()[0]
    monkeypatch.setattr(FileSystemStorage, "delete", read_only)
    for number, path in enumerate((f"{entry.number}/images/{image.number}", f"{entry.number}/"), start=1):
        response = api.delete(f"/api/v1/blacklist/{path}")
        assert (response.status_code, response.json()["code"]) == (503, "storage.unavailable")
        assert DueFile.objects.count() == number
    assert not BlacklistEntry.objects.exists()
    with pytest.raises(Unavailable):
        delete_due_files()
    monkeypatch.undo()
    assert delete_due_files() == 2
    assert not DueFile.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]
