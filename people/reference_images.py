"""Reference images: from a photograph to the one face that is meant, into the tables, and out of them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from audit.types import Action
from clients.idempotency import note_stored
from clients.models import Client
from clients.numbering import assign_numbers, public_id, record_rows
from errors import InvalidInput
from notifications.services import is_wanted, notify
from notifications.types import Event, Message
from people.elsewhere.places import admit
from people.erasure import forget_photographs
from people.exceptions import ReferenceImageNotFound
from people.models import FaceTemplate, Gallery, GalleryKind, Person, ReferenceImage
from people.persons import lock_enrolled, lock_person
from people.quality_gate import require_quality
from people.types import AdoptedFace, Gate, Portrait, Refusal
from storage.files import content_hash, discard_files, erase_files, storable, store_file
from vectors.stored import to_store
from vision import dispatch, images, inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.regions import Region
from vision.selection import FaceChoice, choose_face, marked_face, recognisable
from vision.types import Upload


# ---- reading photographs ----------------------------------------------------------------------------------------
def read_portrait(
    *,
    upload: Upload,
    face_choice: FaceChoice = "only",
    marked: Region | None = None,
    surer_than: float = -1.0,
    liveness: bool = False,
    queue: str = dispatch.INTERACTIVE,
) -> Portrait:
    """Find the face of an image (the one that is `marked`, the only one, or the largest) and embed it in every space.

    Faces whose confidence is not above `surer_than` are overlooked. `liveness` adds to the face what liveness checks
    look at. Raises `InvalidImage`, `UnusableFace` (no face, several where the only one is meant, or one that cannot be
    recognised, whatever the gate), or `EngineUnavailable`.
    """
    info = images.sniff(upload.data)
    options = AnalysisOptions(aliases=engines.aliases(), liveness=liveness, frame=liveness)
    analysis = inference.analyse(upload.data, options, queue=queue)
    faces = [face for face in analysis.faces if face.confidence > surer_than]
    if marked:
        face = marked_face(faces, marked.box(analysis.width, analysis.height))
    else:
        face = choose_face(faces, face_choice)
    face = recognisable(face)
    return Portrait(upload, info, face, analysis.width, analysis.height)


def read_portraits(
    *, uploads: Sequence[Upload], face_choice: FaceChoice = "only"
) -> tuple[list[Portrait], list[Refusal]]:
    """`read_portrait` for several images, some of which are with workers at the same time. A bad one fails alone."""
    queue = dispatch.PATIENT if len(uploads) > 1 else dispatch.INTERACTIVE
    read = inference.several(
        lambda upload: portrait_or_refusal(upload, gate=Gate.OFF, queue=queue, face_choice=face_choice), uploads
    )
    portraits = [item for item in read if isinstance(item, Portrait)]
    return portraits, [item for item in read if isinstance(item, Refusal)]


def portrait_or_refusal(
    upload: Upload,
    *,
    gate: Gate | None,
    queue: str,
    liveness: bool = False,
    face_choice: FaceChoice = "only",
) -> Portrait | Refusal:
    """`read_portrait` and the quality gate, with what is wrong with the image as a value. Raises `Unavailable`."""
    try:
        portrait = read_portrait(upload=upload, face_choice=face_choice, queue=queue, liveness=liveness)
        require_quality(face=portrait.face, gate=gate)
    except InvalidInput as error:
        return Refusal(upload.name, error.code, error.message)
    return portrait


# ---- storing ----------------------------------------------------------------------------------------------------
@contextmanager
def written_files(*, client: Client, portraits: Sequence[Portrait]) -> Iterator[list[ReferenceImage]]:
    """Write the files of portraits and yield their rows, unsaved, for a transaction within the block.

    When the block fails the files are discarded. Writing them first keeps the transaction, and its locks, short. Raises
    `Unavailable` when they cannot be written.
    """
    references: list[ReferenceImage] = []
    try:
        for portrait in portraits:
            data = storable(portrait.upload.data)
            reference = ReferenceImage(
                person=Person(client=client),  # for the folder; `save_reference_images` sets the person
                original_name=images.safe_name(portrait.upload.name, portrait.info),
                content_hash=content_hash(data),
                width=portrait.width,
                height=portrait.height,
            ).describe(portrait.face)
            store_file(file=reference.image, extension=portrait.info.extension, data=data)
            references.append(reference)
        yield references
    except BaseException:
        discard_files(files=[reference.image for reference in references])
        raise


def save_reference_images(
    *, person: Person, references: Sequence[ReferenceImage], portraits: Sequence[Portrait]
) -> None:
    """Insert the rows of written files, and one template for each space. The caller has locked the person."""
    for reference in references:
        reference.person = person
    ReferenceImage.objects.bulk_create(assign_numbers(references))
    FaceTemplate.objects.bulk_create(
        template
        for reference, portrait in zip(references, portraits, strict=True)
        for template in _templates(person, reference, portrait)
    )
    admit([reference.pk for reference in references], person.gallery)
    record_rows(Action.ENROL, [person, *references], results=len(references))
    if references and is_wanted(Event.PERSON_ENROLLED, client_id=person.client_id):
        _tell_of_enrolment(person, references)


def _tell_of_enrolment(person: Person, references: Sequence[ReferenceImage]) -> None:
    is_listed = person.gallery.kind == GalleryKind.BLACKLIST
    data = {
        "person": person.number,
        "person_uuid": str(person.uuid),
        "is_blacklist_entry": is_listed,
        "photographs": len(references),
        "url": f"/api/v1/{'blacklist' if is_listed else 'people'}/{person.number}/",
    }
    message = Message(references[0].audit_name, data, [person.audit_name])
    notify(Event.PERSON_ENROLLED, message, client_id=person.client_id)


def _templates(person: Person, reference: ReferenceImage, portrait: Portrait) -> list[FaceTemplate]:
    owner = {"client_id": person.client_id, "gallery_id": person.gallery_id, "person_id": person.pk}
    return [
        FaceTemplate(
            **owner,
            reference_image=reference,
            space=space,
            embedding=to_store(vector, client_id=person.client_id, space=space),
        )
        for space, vector in portrait.face.embeddings.items()
    ]


def add_reference_image(*, person: Person, portrait: Portrait) -> ReferenceImage:
    """Store a portrait: its file, its row and one template for each space.

    A caller whose own transaction fails afterwards discards the file. Raises `PersonNotFound` or `Unavailable`.
    """
    with written_files(client=person.client, portraits=[portrait]) as references, transaction.atomic():
        save_reference_images(person=lock_person(person.pk), references=references, portraits=[portrait])
    return references[0]


def adopt_face(*, person: Person, face: AdoptedFace) -> ReferenceImage:
    """Store a face that was described elsewhere as a reference image of the person.

    A caller whose own transaction fails afterwards discards the file. Raises `PersonNotFound`, `InvalidImage`, or
    `Unavailable` when the picture cannot be stored.
    """
    reference = ReferenceImage(
        person=person, width=face.width, height=face.height, confidence=face.confidence, quality=face.quality
    )
    reference.box = face.box
    if face.picture is not None:
        data = storable(face.picture)
        reference.content_hash = content_hash(data)
        store_file(file=reference.image, extension=images.sniff(data).extension, data=data)
    try:
        with transaction.atomic():
            reference.person = owner = lock_person(person.pk)
            Gallery.objects.hold(owner.gallery_id)  # the face may lack a template in the space of a switch
            reference.save()
            for space, embedding in {face.space: face.embedding, **face.further}.items():
                FaceTemplate.objects.create(
                    client_id=owner.client_id,
                    gallery_id=owner.gallery_id,
                    person=owner,
                    reference_image=reference,
                    space=space,
                    embedding=embedding,
                )
            admit([reference.pk], owner.gallery)
            record_rows(Action.ENROL, [owner, reference], results=1)
    except BaseException:
        discard_files(files=[reference.image])
        raise
    return reference


# ---- stored photographs -----------------------------------------------------------------------------------------
def get_reference_image(*, person: Person, image_id: int | UUID) -> ReferenceImage:
    """By number or UUID. Raises `ReferenceImageNotFound` unless the photograph is one of this person's."""
    found: ReferenceImage | None = ReferenceImage.objects.filter(public_id(image_id), person=person).first()
    if found is None:
        raise ReferenceImageNotFound("Reference image not found")
    return found


@transaction.atomic
def set_primary_image(*, person: Person, image_id: int | UUID) -> ReferenceImage:
    """Show this photograph for the person. Raises `PersonNotFound` or `ReferenceImageNotFound`."""
    note_stored()
    lock_enrolled(person)
    chosen = get_reference_image(person=person, image_id=image_id)
    ReferenceImage.objects.filter(person=person, is_primary=True).update(is_primary=False)
    chosen.is_primary = True
    chosen.save(update_fields=["is_primary"])
    record_rows(Action.CHANGE, [person, chosen])
    return chosen


@transaction.atomic
def delete_reference_image(*, person: Person, image_id: int | UUID) -> None:
    """Remove one photograph with its templates and what was learned from it; the last one may go too.

    Raises `PersonNotFound`, `ReferenceImageNotFound`, or `Unavailable` when its file cannot be deleted yet.
    """
    lock_enrolled(person, to_erase=True)
    image = get_reference_image(person=person, image_id=image_id)
    erase_files(files=forget_photographs(person, [image]))
