"""From an image to the one face that is meant, and from there into the tables."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from errors import InvalidInput
from people.exceptions import PersonNotFound, UnusableFace
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import FaceChoice, Portrait, Refusal
from storage.files import content_hash, discard_files, read_file, store_file
from vision import images, inference
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.types import DetectedFace, Upload


def read_portrait(
    *,
    upload: Upload,
    face_choice: FaceChoice = "only",
    liveness: bool = False,
    queue: str = inference.INTERACTIVE,
) -> Portrait:
    """Find the face of an image (the only one, or the largest) and embed it in every enabled space.

    `liveness` adds to the face what liveness checks look at.

    Raises `InvalidImage`, `UnusableFace` (no face, or several where the only one is meant), or `EngineUnavailable`.
    """
    info = images.sniff(upload.data)
    options = AnalysisOptions(aliases=engines.aliases(), liveness=liveness, frame=liveness)
    analysis = inference.analyse(upload.data, options, queue=queue)
    return Portrait(upload, info, choose_face(analysis.faces, face_choice), analysis.width, analysis.height)


def choose_face(faces: list[DetectedFace], face_choice: FaceChoice) -> DetectedFace:
    """Raises `UnusableFace`: `face.none`, or `face.several` where the only one is meant."""
    if not faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    if len(faces) > 1 and face_choice == "only":
        count = len(faces)
        raise UnusableFace(f"This image shows {count} faces; exactly one is needed.", code="face.several")
    return max(faces, key=lambda face: face.box.area)


def read_portraits(*, uploads: Iterable[Upload]) -> tuple[list[Portrait], list[Refusal]]:
    """`read_portrait` for several images; a bad one is refused alone."""
    portraits: list[Portrait] = []
    refusals: list[Refusal] = []
    for upload in uploads:
        try:
            portraits.append(read_portrait(upload=upload))
        except InvalidInput as error:
            refusals.append(Refusal(upload.name, error.code, error.message))
    return portraits, refusals


@transaction.atomic
def add_reference_image(*, person: Person, portrait: Portrait) -> ReferenceImage:
    """Store a portrait: its file, its row and one template per space."""
    reference = ReferenceImage(
        person=person,
        original_name=images.safe_name(portrait.upload.name, portrait.info),
        content_hash=content_hash(portrait.upload.data),
        width=portrait.width,
        height=portrait.height,
    ).describe(portrait.face)
    store_file(file=reference.image, extension=portrait.info.extension, data=portrait.upload.data)
    try:
        reference.save()
        add_templates(reference=reference, portrait=portrait)
    except BaseException:
        discard_files(files=[reference.image])
        raise
    return reference


@transaction.atomic
def add_templates(*, reference: ReferenceImage, portrait: Portrait) -> None:
    """Store the embeddings of a portrait; spaces that have a template already keep it. Raises `PersonNotFound`."""
    person = lock_person(reference.person_id)
    templates = [
        FaceTemplate(
            client_id=person.client_id,
            source=person.source,
            person_id=person.pk,
            reference_image=reference,
            space=space,
            embedding=vector,
        )
        for space, vector in portrait.face.embeddings.items()
    ]
    FaceTemplate.objects.bulk_create(templates, ignore_conflicts=True)


def lock_person(person_id: int, *, to_erase: bool = False) -> Person:
    """The person as it is now, kept from changes and erasure until the transaction ends. Raises `PersonNotFound`.

    `to_erase` waits for, or holds up, everybody who stores rows that refer to the person.
    """
    person = Person.objects.select_for_update(no_key=not to_erase).filter(pk=person_id).first()
    if person is None:
        raise PersonNotFound("Person not found")
    return person


def embed_reference_image(*, reference: ReferenceImage) -> None:
    """Compute the templates that a stored reference image lacks. Raises as `read_portrait` does.

    Where the image shows several faces, the one that was enrolled is the largest.
    """
    upload = Upload(read_file(file=reference.image), reference.original_name)
    add_templates(reference=reference, portrait=read_portrait(upload=upload, face_choice="largest"))
