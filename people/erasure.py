"""Erasing people or their faces, with a receipt that names nobody."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from people.models import FaceTemplate, Person, ReferenceImage
from people.records import lock_enrolled
from people.types import Receipt
from storage.files import erase_files


@transaction.atomic
def erase_person(*, person: Person) -> Receipt:
    """Remove the person with photographs, files and templates, and what other parts of the service hold of them.

    Crops and search results are stored nowhere. Raises `PersonNotFound`, or `Unavailable` when a file cannot be
    deleted; then nothing is.
    """
    stored = lock_enrolled(person, to_erase=True)
    images, templates = _faces_of(stored)
    digest = _digest([f"person {stored.pk}"], images, templates)
    rows, _ = stored.delete()
    return _receipt(digest, images, templates, people=1, rows=rows)


@transaction.atomic
def erase_faces(*, person: Person) -> Receipt:
    """Remove photographs, files and templates; the record stays. Raises as `erase_person` does."""
    stored = lock_enrolled(person, to_erase=True)
    images, templates = _faces_of(stored)
    digest = _digest([], images, templates)
    rows, _ = ReferenceImage.objects.filter(person=stored).delete()
    return _receipt(digest, images, templates, people=0, rows=rows)


def _faces_of(person: Person) -> tuple[list[ReferenceImage], list[int]]:
    images = list(ReferenceImage.objects.filter(person=person).order_by("id"))
    return images, list(FaceTemplate.objects.of_person(person).order_by("id").values_list("id", flat=True))


def _digest(people: Sequence[str], images: Sequence[ReferenceImage], templates: Sequence[int]) -> str:
    lines = [
        *people,
        *(f"image {image.pk} {image.image.name}" for image in images),
        *(f"template {pk}" for pk in templates),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _receipt(
    digest: str, images: Sequence[ReferenceImage], templates: Sequence[int], *, people: int, rows: int
) -> Receipt:
    files = [image.image for image in images if image.image]
    erase_files(files=files)  # last: what cannot be deleted keeps its row
    return Receipt(
        id=str(uuid.uuid4()),
        erased_at=timezone.now(),
        people=people,
        images=len(images),
        templates=len(templates),
        files=len(files),
        rows=rows,
        digest=digest,
    )
