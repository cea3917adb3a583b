"""Storing photographs: files come before the transaction, and none stays without its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import transaction

from blacklist.services import add_images, create_entry
from clients.models import Client
from errors import Unavailable
from people import reference_images, services
from people.exceptions import PersonNotFound
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import AdoptedFace, Whom
from vectors.stored import to_store
from vision import dispatch, inference
from vision.engines import engines
from vision.tests.drawing import GREEN, RED, picture
from vision.types import Box, Upload

pytestmark = pytest.mark.django_db(transaction=True)
TWO = [Upload(picture(RED), "red.png"), Upload(picture(GREEN), "green.png")]


def files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each file that is written, whether a transaction was open."""
    real, seen = reference_images.store_file, list[bool]()

    def store(**values: Any) -> None:
        seen.append(transaction.get_connection().in_atomic_block)
        real(**values)

    monkeypatch.setattr(reference_images, "store_file", store)
    return seen


def test_files_are_written_before_the_transaction(client_a: Client, stored: list[bool]) -> None:
    person = services.enrol_face(client=client_a, upload=TWO[0], whom=Whom(external_id="u1")).person
    services.enrol_photographs(client=client_a, uploads=TWO, whom=Whom(external_id="u2"))
    add_images(entry=create_entry(client=client_a, name="Listed", uploads=TWO).entry, uploads=TWO)
    services.adopt_face(person=person, face=adopted(client_a, picture(RED)))
    assert stored == [False] * 8


def test_when_one_file_cannot_be_written_none_stays(
    client_a: Client, media_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = reference_images.store_file, 0

    def full(**values: Any) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise Unavailable("full", code="storage.unavailable")
        real(**values)

    monkeypatch.setattr(reference_images, "store_file", full)
    with pytest.raises(Unavailable):
        services.enrol_photographs(client=client_a, uploads=TWO, whom=Whom(external_id="u1"))
    count = 0
    with pytest.raises(Unavailable):
        create_entry(client=client_a, name="Listed", uploads=TWO)
    assert files(media_root) == Person.objects.count() == ReferenceImage.objects.count() == 0


def test_photographs_of_an_entry_are_analysed_at_once_behind_single_images(
    client_a: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse, queues = inference.analyse, list[str]()

    def noting(data: bytes, *args: Any, **options: Any) -> Any:
        queues.append(options["queue"])
        return analyse(data, *args, **options)

    several, batches = inference.several, list[int]()

    def counting(work: Any, items: Any) -> Any:
        batches.append(len(items))
        return several(work, items)

    monkeypatch.setattr(inference, "analyse", noting)
    monkeypatch.setattr(inference, "several", counting)
    done = create_entry(client=client_a, name="Listed", uploads=[*TWO, Upload(b"no image", "x")])
    assert ([image.original_name for image in done.added], len(done.refused)) == (["red.png", "green.png"], 1)
    assert (set(queues), batches) == ({dispatch.PATIENT}, [3])


# ---- faces that were described elsewhere ------------------------------------------------------------------------
def adopted(client: Client, image: bytes | None) -> AdoptedFace:
    space = engines["default"].space.name
    embedding = to_store(np.array([*(np.array(RED) / 255), 1], np.float32), client_id=client.pk, space=space)
    return AdoptedFace(Box(1, 2, 3, 4), 100, 90, 0.9, {"size": 40}, space, embedding, image)


@pytest.mark.parametrize("image", [picture(RED), None], ids=["with a picture", "by its embedding alone"])
def test_an_adopted_face_is_found(client_a: Client, media_root: Path, image: bytes | None) -> None:
    person = services.create_person(client=client_a, name="Red")
    reference = services.adopt_face(person=person, face=adopted(client_a, image))
    assert (reference.box, reference.width, reference.quality, reference.number) == (
        Box(1, 2, 3, 4), 100, {"size": 40}, 1
    )  # fmt: skip
    assert (files(media_root), bool(reference.content_hash)) == ((1, True) if image else (0, False))
    assert services.verify_person(person=person, data=picture(RED)).matches


def test_a_face_for_a_person_who_was_erased_leaves_no_file(client_a: Client, media_root: Path) -> None:
    person = services.create_person(client=client_a, name="Red")
    services.erase_person(person=Person.objects.get())
    with pytest.raises(PersonNotFound):
        services.adopt_face(person=person, face=adopted(client_a, picture(RED)))
    assert files(media_root) == FaceTemplate.objects.count() == 0
