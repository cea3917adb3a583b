"""Importing the people of an archive, each in one transaction, so that a run may be stopped anywhere and repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from audit import services as audit
from audit.types import Action
from calibration.models import SpaceCalibration
from calibration.services import set_calibration
from clients.models import Client
from people.exceptions import UnusableValue
from people.models import FaceTemplate, Person, ReferenceImage
from people.querysets import FaceTemplateQuerySet
from people.services import add_reference_image, adopt_face, checked, create_person
from people.types import AdoptedFace, Portrait, Refusal
from storage.files import discard_files
from transfer.archive import ArchiveReader
from transfer.archive_records import BadRecord, ImageRecord, PersonRecord
from transfer.people_import import known_hashes
from transfer.types import Outcome
from vectors.stored import Rotated, to_store
from vision.engines import engines
from vision.exceptions import InvalidImage
from vision.images import sniff
from vision.types import Box, DetectedFace, Landmarks, Upload

ROUNDING = 1e-3  # of an embedding's length: several times what rounding it twice to half precision moves it


def import_archive(*, client: Client, archive: ArchiveReader, outcome: Outcome, advance: Callable[[], object]) -> None:
    """Add the people and faces that the client lacks; `verify` the archive first. `advance` is called for each person.

    Two people are the same if id and source are equal; without an id, if name, metadata and a face are. A person
    who is there already is not changed, except that faces are added. Every embedding is stored, also those of
    spaces that are not enabled here: no search reads them until they are. Raises `BadArchive` or `Unavailable`.
    """
    for number, record in enumerate(archive.people(), start=1):
        try:
            _import_person(client, record, archive, outcome, f"person {number}")
        except UnusableValue as error:
            outcome.refused.append(Refusal(f"person {number}", error.code, error.message))
        advance()
    audit.record(Action.IMPORT, client_id=client.pk, results=outcome.images + outcome.faces)


def _import_person(client: Client, record: PersonRecord, archive: ArchiveReader, outcome: Outcome, shown: str) -> None:
    """Everything of the person that can be stored, or nothing. Raises `UnusableValue`."""
    values = checked(
        {name: getattr(record, name) for name in ("external_id", "source", "name", "metadata", "legal_basis")}
    )
    added: list[ReferenceImage] = []
    refused: list[Refusal] = []
    try:
        with transaction.atomic():
            found = _find(client, record, values)
            person = found or create_person(client=client, **values)
            if not found:
                Person.objects.filter(pk=person.pk).update(created_at=record.created_at)
            new = _lacking(person, record)
            for place, image in new:
                try:
                    added.append(_add_face(person, image, archive))
                except (InvalidImage, BadRecord) as error:
                    refused.append(Refusal(f"{shown}, image {place}", error.code, error.message))
    except BaseException:
        discard_files(files=[image.image for image in added])
        raise
    with_file = sum(bool(image.image) for image in added)
    outcome.added += found is None
    outcome.found += found is not None
    outcome.images += with_file
    outcome.faces += len(added) - with_file
    outcome.known += len(record.images) - len(new)
    outcome.refused += refused


def _find(client: Client, record: PersonRecord, values: Mapping[str, Any]) -> Person | None:
    people = Person.objects.of_client(client).in_sources([values["source"]]).filter(external_id=values["external_id"])
    if values["external_id"] is None:
        hashes = [image.content_hash for image in record.images if image.file]
        same = Q(reference_images__content_hash__in=hashes) | Q(reference_images__isnull=True)
        for image in record.images:
            for space, vector in {} if image.file else _rotated(client, image).items():
                templates = _holding(vector, FaceTemplate.objects.of_client(client).in_space(space))
                same |= Q(pk__in=templates.values("person"))
        people = people.filter(same, name=values["name"], metadata=values["metadata"])
    found: Person | None = people.order_by("pk").first()
    return found


def _lacking(person: Person, record: PersonRecord) -> list[tuple[int, ImageRecord]]:
    """The faces that the person does not have, each once, with their place in the record."""
    known, own, new = known_hashes(person), FaceTemplate.objects.of_person(person), []
    for place, image in enumerate(record.images, start=1):
        stored = {} if image.file else _rotated(person.client, image)
        is_stored = any(_holding(vector, own.in_space(space)).exists() for space, vector in stored.items())
        if not (is_stored or image.fingerprints & known):
            new.append((place, image))
            known |= image.fingerprints
    return new


def _holding(vector: Rotated, templates: FaceTemplateQuerySet) -> FaceTemplateQuerySet:
    """Those of one space that hold this embedding, but for what the way through an archive rounds."""
    sql = "CASE WHEN vector_dims(embedding) = %s THEN embedding <-> %s::halfvec <= %s ELSE false END"
    numbers = vector.numbers
    values = [len(numbers), vector.text, ROUNDING * float(np.linalg.norm(numbers))]
    return templates.filter(RawSQL(sql, values, output_field=BooleanField()))  # noqa: S611  parameters only


def _rotated(client: Client, image: ImageRecord) -> dict[str, Rotated]:
    """The embeddings of a face as the client's are stored, by the name of their space."""
    return {space: to_store(vector, client_id=client.pk, space=space) for space, vector in image.embeddings.items()}


def _add_face(person: Person, image: ImageRecord, archive: ArchiveReader) -> ReferenceImage:
    """Raises `InvalidImage` for what this deployment does not accept, `BadRecord`, `BadArchive` or `Unavailable`."""
    for enabled in engines.spaces().values():
        if enabled.name in image.embeddings and len(image.embeddings[enabled.name]) != enabled.dimensions:
            raise BadRecord("An embedding has the wrong length for its space.")
    box, quality = Box(*image.box), image.known_quality
    if image.file:
        data = archive.read_image(image)
        face = DetectedFace(box, image.confidence, Landmarks(), quality=quality, embeddings=image.embeddings)
        portrait = Portrait(Upload(data, image.original_name), sniff(data), face, image.width, image.height)
        reference = add_reference_image(person=person, portrait=portrait)
    else:
        (space, embedding), *further = _rotated(person.client, image).items()
        adopted = AdoptedFace(
            box=box,
            width=image.width,
            height=image.height,
            confidence=image.confidence,
            quality=asdict(quality) if quality else {},
            space=space,
            embedding=embedding,
            picture=None,
            further=dict(further),
        )
        reference = adopt_face(person=person, face=adopted)
    primary = image.is_primary and not ReferenceImage.objects.filter(person=person, is_primary=True).exists()
    ReferenceImage.objects.filter(pk=reference.pk).update(created_at=image.created_at, is_primary=primary)
    return reference


def import_calibrations(*, client: Client, archive: ArchiveReader) -> list[str]:
    """Store the archive's thresholds for enabled spaces in which the client has none. Returns the spaces' names."""
    enabled = {space.name: space.metric for space in engines.spaces().values()}
    own = set(SpaceCalibration.objects.of_client(client).values_list("space", flat=True))
    new = [row for row in archive.calibrations() if row.space not in own and enabled.get(row.space) == row.metric]
    for row in new:
        set_calibration(
            client=client,
            space=row.space,
            threshold=row.threshold,
            false_match_rate=row.false_match_rate,
            note=row.note,
        )
    return [row.space for row in new]
