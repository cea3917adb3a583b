"""Examples: the photographs of subjects, known by their UUID."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from audit.types import Action
from clients.numbering import record_rows
from compat.compreface import subjects
from compat.compreface.exceptions import UnknownImage
from errors.text import is_storable
from people.exceptions import PersonNotFound, ReferenceImageNotFound
from people.models import Gallery, ReferenceImage
from people.services import enrol_face, erase_face, erase_person
from people.types import EnrolmentRules, Whom
from vision.types import Upload

TRIES = 3  # to enrol for a subject that is erased meanwhile


def add(*, gallery: Gallery, subject: str, upload: Upload, surer_than: float) -> ReferenceImage:
    """Enrol the only face of an image for a subject, which may be new. Raises as `enrol_face` does."""
    rules = EnrolmentRules(surer_than=surer_than)
    for attempt in range(TRIES):
        known = subjects.look_up(gallery=gallery, name=subject)
        new = Whom(external_id=subject, source=gallery.name, name=subject[: subjects.LONGEST_SHOWN])
        whom = Whom(person=known) if known else new
        try:
            return enrol_face(client=gallery.client, upload=upload, whom=whom, rules=rules).reference_image
        except PersonNotFound:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def find(*, gallery: Gallery, uuid: UUID, message: str = "") -> ReferenceImage:
    """Raises `UnknownImage`."""
    rows = ReferenceImage.objects.filter(person__gallery=gallery, uuid=uuid)
    found: ReferenceImage | None = rows.select_related("person__client", "person__gallery").first()
    if found is None:
        raise UnknownImage(message or f"Image {uuid} not found")
    return found


def listed(*, gallery: Gallery, subject: str | None, page: int, size: int) -> tuple[list[ReferenceImage], int]:
    """A page of examples in the order in which they came, and how many there are; recorded. `subject`: in this case."""
    rows = ReferenceImage.objects.filter(person__gallery=gallery)
    if subject is not None:
        rows = rows.filter(person__external_id=subject) if is_storable(subject) else rows.none()
    total = rows.count()
    found = list(rows.select_related("person").order_by("pk")[page * size : (page + 1) * size])
    record_rows(Action.VIEW, list({image.person_id: image.person for image in found}.values()), results=len(found))
    return found, total


def delete(*, gallery: Gallery, uuid: UUID) -> ReferenceImage:
    """Erase an example; the subject stays. Raises `UnknownImage`."""
    image = find(gallery=gallery, uuid=uuid)
    try:
        erase_face(image=image)
    except (PersonNotFound, ReferenceImageNotFound) as error:
        raise UnknownImage(f"Image {uuid} not found") from error
    return image


def delete_several(*, gallery: Gallery, uuids: Iterable[UUID]) -> list[tuple[UUID, str]]:
    """Erase examples; returns those that there were, with their subjects."""
    wanted, gone = list(dict.fromkeys(uuids)), []
    there = set(ReferenceImage.objects.filter(person__gallery=gallery, uuid__in=wanted).values_list("uuid", flat=True))
    for uuid in (one for one in wanted if one in there):
        try:
            image = delete(gallery=gallery, uuid=uuid)
        except UnknownImage:  # erased meanwhile
            continue
        gone.append((uuid, subjects.title(image.person)))
    return gone


def delete_of(*, gallery: Gallery, subject: str) -> int:
    """Erase a subject with its examples; returns how many these were, 0 for one that is not known."""
    person = subjects.look_up(gallery=gallery, name=subject)
    if person is None:
        return 0
    count = ReferenceImage.objects.filter(person=person).count()
    try:
        erase_person(person=person)
    except PersonNotFound:
        return 0
    return count


def delete_all(*, gallery: Gallery) -> int:
    """Erase everybody; returns how many examples there were. Raises `StillErasing`."""
    count = ReferenceImage.objects.filter(person__gallery=gallery).count()
    subjects.delete_all(gallery=gallery)
    return count


def rows_of(images: Iterable[ReferenceImage]) -> list[dict[str, str]]:
    return [{"image_id": str(image.uuid), "subject": subjects.title(image.person)} for image in images]
