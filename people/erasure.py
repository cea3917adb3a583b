"""Erasing people or their faces, with a receipt that contains no personal data."""

from __future__ import annotations

import hashlib
import uuid

from django.db import transaction
from django.utils import timezone

from audit.types import Action
from clients.idempotency import forget_answers
from clients.numbering import record_rows
from people.models import FaceTemplate, Person, ReferenceImage
from people.persons import lock_enrolled
from people.types import Receipt
from storage.files import erase_files


@transaction.atomic
def erase_person(*, person: Person) -> Receipt:
    """Remove the person with photographs, files and templates, and what other parts of the service hold of them.

    Crops and search results are stored nowhere. Raises `PersonNotFound`, or `Unavailable` when a file cannot be
    deleted; then nothing is.
    """
    return _erase(lock_enrolled(person, to_erase=True), with_record=True)


@transaction.atomic
def erase_faces(*, person: Person) -> Receipt:
    """Remove photographs, files and templates; the record stays. Raises as `erase_person` does."""
    return _erase(lock_enrolled(person, to_erase=True), with_record=False)


def _erase(person: Person, *, with_record: bool) -> Receipt:
    images = list(ReferenceImage.objects.filter(person=person).order_by("id"))
    templates = FaceTemplate.objects.of_person(person).order_by("id").values_list("uuid", flat=True)
    lines = [f"person {person.uuid}"] if with_record else []
    lines += [f"image {image.uuid} {image.image.name}" for image in images]
    lines += [f"template {template}" for template in templates]
    rows, _ = person.delete() if with_record else ReferenceImage.objects.filter(person=person).delete()
    files = [image.image for image in images if image.image]
    record_rows(Action.ERASE, [person, *images], results=len(images))
    forget_answers(client_id=person.client_id)
    erase_files(files=files)  # last: what cannot be deleted keeps its row
    return Receipt(
        id=str(uuid.uuid4()),
        erased_at=timezone.now(),
        people=int(with_record),
        images=len(images),
        templates=len(lines) - len(images) - int(with_record),
        files=len(files),
        rows=rows,
        digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    )
