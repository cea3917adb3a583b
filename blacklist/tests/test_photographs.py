"""Photographs that wait to be saved: each is saved once, by its user, within an hour, as if it had not waited."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from blacklist import photographs, tasks
from blacklist.exceptions import FaceNotChosen, NameTaken, PhotographGone, PhotographOutdated, TooManyPhotographs
from blacklist.models import BlacklistEntry, CheckedPhotograph, EntryEvent
from blacklist.services import add_images, check_photograph, choose, create_entry, delete_entry, enrol_entry, save_entry
from clients.erasure import reset_client
from clients.exceptions import StorageUsedUp
from clients.models import Client
from people.models import FaceTemplate, ReferenceImage
from storage.files import delete_due_files
from vision.exceptions import UnusableFace
from vision.tests.drawing import BLUE, GREEN, RED, picture
from vision.types import Upload

pytestmark = pytest.mark.django_db
BATCH = uuid4()


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna")


def check(client: Client, user: User, *colours: Any, entry: BlacklistEntry | None = None) -> CheckedPhotograph:
    upload = Upload(picture(*colours, side=80), "face.png")
    return check_photograph(client=client, user=user, upload=upload, entry=entry, batch=BATCH)


def test_what_is_stored_is_what_an_upload_would_have_stored(client_a: Client, anna: User) -> None:
    direct = create_entry(client=client_a, name="Direct", uploads=[Upload(picture(RED, side=80), "face.png")]).entry
    checked = check(client_a, anna, RED)
    waited = enrol_entry(entry=BlacklistEntry(client=client_a, name="Waited"), checked=[checked]).entry
    one, other = (ReferenceImage.objects.get(person=entry) for entry in (direct, waited))
    same = ("content_hash", "width", "height", "box", "confidence", "quality", "original_name")
    assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same]
    first, second = (FaceTemplate.objects.filter(person=entry).order_by("space")[0] for entry in (direct, waited))
    assert np.allclose(first.embedding.numbers, second.embedding.numbers, atol=2e-3)
    assert not checked.image.storage.exists(checked.image.name or "")
    assert other.image.storage.exists(other.image.name or "")


def test_what_was_uploaded_goes_when_the_store_answers(
    client_a: Client, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may show others than the one whose face is stored."""

    def away(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    checked = check(client_a, anna, RED)
    store, name = checked.image.storage, checked.image.name or ""
    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", away)
        enrol_entry(entry=BlacklistEntry(client=client_a, name="Waited"), checked=[checked])
    assert store.exists(name)
    assert delete_due_files() == 1
    assert not store.exists(name)


def test_two_callers_save_a_photograph_once(client_a: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = check(client_a, anna, RED)
    other = CheckedPhotograph.objects.get()
    enrol_entry(entry=BlacklistEntry(client=client_a, name="First"), checked=[checked])
    with pytest.raises(PhotographGone):
        enrol_entry(entry=BlacklistEntry(client=client_a, name="Second"), checked=[other])
    last = check(client_a, anna, RED)
    monkeypatch.setattr(photographs, "read_file", lambda file: picture(RED, side=80))  # the other is as far as we are
    CheckedPhotograph.objects.all().delete()
    with pytest.raises(PhotographGone):
        enrol_entry(entry=BlacklistEntry(client=client_a, name="Third"), checked=[last])
    assert [entry.name for entry in BlacklistEntry.objects.all()] == ["First"]


def test_a_refused_name_keeps_the_photographs(client_a: Client, anna: User) -> None:
    create_entry(client=client_a, name="Taken", uploads=[Upload(picture(BLUE))])
    checked = check(client_a, anna, RED)
    with pytest.raises(NameTaken):
        enrol_entry(entry=BlacklistEntry(client=client_a, name="Taken"), checked=[checked])
    assert CheckedPhotograph.objects.get() == checked and checked.image.storage.exists(checked.image.name or "")


def test_several_faces_need_a_choice_and_a_photograph_without_one_is_refused(client_a: Client, anna: User) -> None:
    checked = check(client_a, anna, BLUE, RED)
    with pytest.raises(FaceNotChosen):
        enrol_entry(entry=BlacklistEntry(client=client_a, name="Nobody"), checked=[checked])
    assert choose(photograph=checked, face=0) and not choose(photograph=checked, face=0)
    with pytest.raises(UnusableFace):
        check(client_a, anna)


def test_one_form_holds_so_many_and_storage_counts(
    client_a: Client, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs, "MOST", 1)
    first = check(client_a, anna, RED)
    assert first.stored_bytes > 0
    with pytest.raises(TooManyPhotographs):
        check(client_a, anna, BLUE)
    entry = create_entry(client=client_a, name="Other", uploads=[Upload(picture(GREEN))]).entry
    check(client_a, anna, BLUE, entry=entry)
    monkeypatch.setattr(photographs, "MOST", 10)
    monkeypatch.setattr("clients.quotas.limit_of", lambda client, quota: 1 if quota == "stored_bytes" else None)
    with pytest.raises(StorageUsedUp):
        check(client_a, anna, GREEN)


def test_what_nobody_saved_is_erased_after_an_hour(client_a: Client, anna: User, as_owner: None) -> None:
    old, new = check(client_a, anna, RED), check(client_a, anna, BLUE)
    CheckedPhotograph.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=1))
    tasks.purge()
    assert CheckedPhotograph.objects.get() == new
    assert not old.image.storage.exists(old.image.name or "") and new.image.storage.exists(new.image.name or "")


def test_a_photograph_checked_before_a_change_of_the_models_is_not_saved(client_a: Client, anna: User) -> None:
    """It would lack what screening compares, and the entry would never be found."""
    checked = check(client_a, anna, RED)
    for face in checked.faces:
        face["embeddings"] = {"former:1": next(iter(face["embeddings"].values()))}
    checked.save()
    entry = BlacklistEntry(client=client_a, name="Mallory")
    with pytest.raises(PhotographOutdated):
        enrol_entry(entry=entry, checked=[checked])
    assert not BlacklistEntry.objects.exists() and CheckedPhotograph.objects.get() == checked


def test_photographs_go_with_their_entry_their_user_and_their_client(client_a: Client, anna: User) -> None:
    entry = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(GREEN))]).entry
    checked = check(client_a, anna, GREEN, entry=entry)
    delete_entry(entry=entry)
    assert not CheckedPhotograph.objects.exists() and not checked.image.storage.exists(checked.image.name or "")
    check(client_a, anna, RED)
    reset_client(client=client_a)
    assert not CheckedPhotograph.objects.exists()
    check(client_a, anna, RED)
    anna.delete()
    assert not CheckedPhotograph.objects.exists()


def test_the_history_keeps_no_text_about_a_person(client_a: Client) -> None:
    entry = create_entry(client=client_a, name="Listed", uploads=[Upload(picture(GREEN))]).entry
    entry.name, entry.notes, entry.source = "Renamed", "secret", "Case 7"
    save_entry(entry=entry)
    save_entry(entry=entry)
    add_images(entry=entry, uploads=[Upload(picture(GREEN))])
    kept = [(event.what, event.changes) for event in EntryEvent.objects.order_by("pk")]
    assert kept == [
        ("created", {}),
        ("added", {"count": 1}),
        ("changed", {"name": None, "notes": None, "source": "Case 7"}),
        ("added", {"count": 1}),
    ]
