"""Enrolling, backfilling and erasing faces."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.fields.files import FieldFile

from faceapp.exceptions import InvalidInput, Unavailable
from people.exceptions import UnusableFace
from people.models import FaceTemplate, Person, ReferenceImage
from people.types import Portrait, Refusal, Upload
from vision import images, inference
from vision.engines import engines

STORAGE_ERRORS = (OSError, BotoCoreError, ClientError)


def read_portrait(*, upload: Upload) -> Portrait:
    """Find the one face of an image and embed it in every enabled space.

    Raises `InvalidImage`, `UnusableFace` (no face or several), or `EngineUnavailable`.
    """
    info = images.sniff(upload.data)
    analysis = inference.analyse(upload.data, aliases=engines.aliases())
    if not analysis.faces:
        raise UnusableFace("No face was found in this image.", code="face.none")
    if len(analysis.faces) > 1:
        count = len(analysis.faces)
        raise UnusableFace(f"This image shows {count} faces; exactly one is needed.", code="face.several")
    return Portrait(upload, info, analysis.faces[0], analysis.width, analysis.height)


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
    box, face = portrait.face.box, portrait.face
    reference = ReferenceImage(
        person=person,
        original_name=images.safe_name(portrait.upload.name, portrait.info),
        width=portrait.width,
        height=portrait.height,
        box_x=box.x,
        box_y=box.y,
        box_w=box.w,
        box_h=box.h,
        confidence=face.confidence,
        quality=asdict(face.quality) if face.quality else {},
    )
    store_file(file=reference.image, extension=portrait.info.extension, data=portrait.upload.data)
    try:
        reference.save()
        add_templates(reference=reference, portrait=portrait)
    except BaseException:
        discard_files(files=[reference.image])
        raise
    return reference


def add_templates(*, reference: ReferenceImage, portrait: Portrait) -> None:
    """Store the embeddings of a portrait; spaces that have a template already keep it."""
    person = reference.person
    templates = [
        FaceTemplate(
            client_id=person.client_id, person_id=person.pk, reference_image=reference, space=space, embedding=vector
        )
        for space, vector in portrait.face.embeddings.items()
    ]
    FaceTemplate.objects.bulk_create(templates, ignore_conflicts=True)


def embed_reference_image(*, reference: ReferenceImage) -> None:
    """Compute the templates that a stored reference image lacks. Raises as `read_portrait` does."""
    upload = Upload(read_file(file=reference.image), reference.original_name)
    add_templates(reference=reference, portrait=read_portrait(upload=upload))


def store_file(*, file: FieldFile, extension: str, data: bytes) -> None:
    """Write `data` under a new random name, or nothing: then it raises `Unavailable` (`storage.unavailable`)."""
    name = file.field.generate_filename(file.instance, f"image{extension}")
    try:
        file.name = file.storage.save(name, ContentFile(data), max_length=file.field.max_length)
    except STORAGE_ERRORS as error:
        _discard(file, name)
        message = "The image store is full or does not answer. Nothing was stored."
        raise Unavailable(message, code="storage.unavailable") from error


def read_file(*, file: FieldFile) -> bytes:
    """The bytes of a stored file. Raises `InvalidInput` (`image.gone`) or `Unavailable` (`storage.unavailable`)."""
    try:
        with file.open("rb") as handle:
            data: bytes = handle.read()
    except FileNotFoundError as error:
        raise InvalidInput("The stored image file is gone.", code="image.gone") from error
    except STORAGE_ERRORS as error:
        raise Unavailable("The image cannot be read from the store.", code="storage.unavailable") from error
    return data


def erase_files(*, files: Iterable[FieldFile]) -> None:
    """Delete files for good, as the last step of the transaction that deletes their rows: what cannot be deleted now
    keeps its row and can be found again. Raises `Unavailable` (`storage.unavailable`).
    """
    for file in files:
        try:
            if file.name:
                file.storage.delete(file.name)
        except STORAGE_ERRORS as error:
            message = "The image store does not answer. Nothing was deleted; try again."
            raise Unavailable(message, code="storage.unavailable") from error


def discard_files(*, files: Iterable[FieldFile]) -> None:
    """Delete files whose rows were never committed."""
    for file in files:
        if file.name:
            _discard(file, file.name)


def _discard(file: FieldFile, name: str) -> None:
    with suppress(*STORAGE_ERRORS):  # the store is down: an orphaned random name is all that can remain
        file.storage.delete(name)
