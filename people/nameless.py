"""People of whom nothing is known but a face: every face of a photograph as a person of its own, and moving faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from audit.types import Action
from clients import quotas
from clients.idempotency import note_stored
from clients.numbering import assign_numbers, record_rows
from people.erasure import erase_person, hold_people
from people.evidence import require_no_policy
from people.exceptions import GalleryNotFound, PersonNotFound
from people.merging import forget_learned, merge_persons, move_photographs
from people.models import Gallery, Person, ReferenceImage
from people.persons import checked
from people.reference_images import delete_reference_image, get_reference_image, save_reference_images, written_files
from people.types import Portrait
from storage.previews import face_alone
from vision import images, inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.types import Analysis, DetectedFace, Upload

CUT_SIDE = 640  # pixels of the part of a photograph that is kept for one of several faces


def read_faces(*, gallery: Gallery, data: bytes) -> Analysis:
    """All faces of an image that is to be enrolled, embedded in every enabled space.

    Raises `InvalidImage`, `NotLive` where the client's policy demands evidence of every enrolment, what
    `quotas.require_room` raises, or `Unavailable`.
    """
    require_no_policy(client=gallery.client)
    quotas.require_room(gallery.client, people=1, templates=1, stored_bytes=1)
    return inference.analyse(data, AnalysisOptions(aliases=engines.aliases()))


def enrol_nameless(
    *, gallery: Gallery, upload: Upload, analysis: Analysis, faces: Sequence[DetectedFace], metadata: Mapping[str, Any]
) -> list[ReferenceImage]:
    """Store each of these faces of an image as a person without name and external id: all of them or none.

    A photograph with one face is kept as it is. Of one with several, each person gets the surroundings of their own
    face, so that erasing one leaves nothing of them with the others. Raises `GalleryNotFound`, what
    `quotas.require_room` raises, or `Unavailable`.
    """
    portraits = [_portrait(upload, analysis, face) for face in faces]
    fields = checked({"metadata": metadata})
    with written_files(client=gallery.client, portraits=portraits) as references, transaction.atomic():
        if not Gallery.objects.hold(gallery.pk):
            raise GalleryNotFound("Gallery not found")
        for reference, portrait in zip(references, portraits, strict=True):
            person = Person(client=gallery.client, gallery=gallery, **fields)
            person.save()
            save_reference_images(person=person, references=[reference], portraits=[portrait])
    return references


def _portrait(upload: Upload, analysis: Analysis, face: DetectedFace) -> Portrait:
    if len(analysis.faces) == 1:
        return Portrait(upload, images.sniff(upload.data), face, analysis.width, analysis.height)
    cut = face_alone(upload.data, face.box, side=CUT_SIDE)
    moved = replace(face, box=cut.box)
    return Portrait(Upload(cut.jpeg, upload.name), images.sniff(cut.jpeg), moved, cut.width, cut.height)


@transaction.atomic
def move_face(*, image: ReferenceImage, person: Person) -> None:
    """Give a photograph with its templates to another person of the same gallery.

    What was learned from it is forgotten. A nameless person of whom nothing else is left is merged into the other one,
    by whose ids it is known from then on; its metadata go. Raises `PersonNotFound` if either is gone.
    """
    note_stored()
    former = image.person
    hold_people(former, person)
    own = ReferenceImage.objects.filter(person=former)
    is_there = own.filter(pk=image.pk).exists()
    if not is_there or former.pk == person.pk or former.gallery_id != person.gallery_id:
        raise PersonNotFound("Person not found")
    if is_nameless(former) and not own.exclude(pk=image.pk).exists():
        Person.objects.filter(pk=former.pk).update(metadata={})
        merge_persons(person=person, other=former)
    else:
        forget_learned(former, person)
        move_photographs([image], person, keep_primary=False)
        record_rows(Action.CHANGE, [former, person, image])
    image.person = person


@transaction.atomic
def set_apart(*, image: ReferenceImage, metadata: Mapping[str, Any]) -> Person:
    """Give a photograph to a new person without name and external id, also where the client has no room for people: the
    photograph is stored already. Raises as `move_face` does.
    """
    former = image.person
    person = Person(client_id=former.client_id, gallery=former.gallery, **checked({"metadata": metadata}))
    assign_numbers([person], beyond_quota=True)
    person.save()
    record_rows(Action.CREATE, [person])
    move_face(image=image, person=person)
    return person


@transaction.atomic
def erase_face(*, image: ReferenceImage) -> None:
    """Erase one photograph, with its person if it is all that there is of a nameless one.

    Raises `PersonNotFound`, `ReferenceImageNotFound` or `Unavailable`.
    """
    person = image.person
    hold_people(person)
    others = ReferenceImage.objects.filter(person=person).exclude(pk=image.pk)
    get_reference_image(person=person, image_id=image.uuid)
    if is_nameless(person) and not others.exists():
        erase_person(person=person)
    else:
        delete_reference_image(person=person, image_id=image.uuid)


def is_nameless(person: Person) -> bool:
    """Whether nothing says who this is."""
    return not person.external_id and not person.name
