"""Taking the people of an archive in, one person in one step, so that a run may stop anywhere and be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from math import isfinite
from typing import Any

from django.db import transaction
from django.db.models import Q

from calibration.models import SpaceCalibration
from calibration.services import set_calibration
from clients.models import Client
from people.exceptions import UnusableValue
from people.models import Gallery, Person, ReferenceImage
from people.services import add_reference_image, checked, save_person
from people.types import Portrait, Refusal
from storage.files import discard_files
from transfer.archive import ArchiveReader
from transfer.people_import import Outcome, known_hashes
from transfer.records import BadRecord, ImageRecord, PersonRecord
from vision.engines import engines
from vision.exceptions import InvalidImage
from vision.images import sniff
from vision.types import Box, DetectedFace, Landmarks, Quality, Upload


def import_archive(*, client: Client, archive: ArchiveReader, outcome: Outcome, advance: Callable[[], object]) -> None:
    """Add the people and photographs that the client lacks; `verify` the archive first.

    People with an external id are the same where id and source are; others where name, metadata and a photograph
    are. Of those who are there nothing changes but that photographs come in. Every embedding is kept as it is, also
    of spaces that are not enabled here: no search reads those until they are. Raises `BadArchive` or `Unavailable`.
    """
    for number, record in enumerate(archive.people(), start=1):
        try:
            _import_person(client, record, archive, outcome, f"person {number}")
        except UnusableValue as error:
            outcome.refused.append(Refusal(f"person {number}", error.code, error.message))
        advance()


def _import_person(client: Client, record: PersonRecord, archive: ArchiveReader, outcome: Outcome, shown: str) -> None:
    """Everything of the person that can be stored, or nothing. Raises `UnusableValue`."""
    names = ("external_id", "source", "name", "metadata")
    values = checked({name: getattr(record, name) for name in names})
    added: list[ReferenceImage] = []
    refused: list[Refusal] = []
    try:
        with transaction.atomic():
            found = _find(client, record, values)
            person = found or _make(client, record, values)
            new = _lacking(person, record)
            for place, image in new:
                try:
                    added.append(_add_image(person, image, archive))
                except (InvalidImage, BadRecord) as error:
                    refused.append(Refusal(f"{shown}, image {place}", error.code, error.message))
    except BaseException:
        discard_files(files=[image.image for image in added])
        raise
    outcome.people += found is None
    outcome.images += len(added)
    outcome.known += len(record.images) - len(new)
    outcome.refused += refused


def _lacking(person: Person, record: PersonRecord) -> list[tuple[int, ImageRecord]]:
    """The photographs that the person does not have, each once, with their place in the record."""
    known = known_hashes(person)
    new = {image.content_hash: (place, image) for place, image in reversed(list(enumerate(record.images, start=1)))}
    return [new[content] for content in reversed(new) if content not in known]


def _find(client: Client, record: PersonRecord, values: Mapping[str, Any]) -> Person | None:
    people = Person.objects.of_client(client).in_sources([values["source"]]).filter(external_id=values["external_id"])
    if values["external_id"] is None:
        hashes = [image.content_hash for image in record.images]
        same = Q(reference_images__content_hash__in=hashes) | Q(reference_images__isnull=True)
        people = people.filter(same, external_id__isnull=True, name=values["name"], metadata=values["metadata"])
    found: Person | None = people.order_by("pk").first()
    return found


def _make(client: Client, record: PersonRecord, values: Mapping[str, Any]) -> Person:
    fields = {name: value for name, value in values.items() if name != "source"}
    gallery = Gallery.objects.named(client, values["source"])
    person = save_person(person=Person(client=client, gallery=gallery, **fields))
    Person.objects.filter(pk=person.pk).update(created_at=record.created_at)
    return person


def _add_image(person: Person, image: ImageRecord, archive: ArchiveReader) -> ReferenceImage:
    """Raises `InvalidImage` for what this deployment does not accept, `BadArchive` or `Unavailable`."""
    reference = add_reference_image(person=person, portrait=_portrait(image, archive.read_image(image)))
    primary = image.is_primary and not ReferenceImage.objects.filter(person=person, is_primary=True).exists()
    stored = ReferenceImage.objects.filter(pk=reference.pk)
    stored.update(created_at=image.created_at, is_primary=primary)
    return reference


def _portrait(image: ImageRecord, data: bytes) -> Portrait:
    for space in engines.spaces().values():
        if space.name in image.embeddings and len(image.embeddings[space.name]) != space.dimensions:
            raise BadRecord("An embedding has the wrong length for its space.")
    face = DetectedFace(
        box=Box(*image.box),
        confidence=image.confidence,
        landmarks=Landmarks(),
        quality=_quality(image.quality),
        embeddings=image.embeddings,
    )
    return Portrait(Upload(data, image.original_name), sniff(data), face, image.width, image.height)


def _quality(found: Mapping[str, Any]) -> Quality | None:
    """What is known of the face's quality; None where the archive's maker measured something else."""
    names = {f.name for f in fields(Quality)}
    numbers = all(value is None or (type(value) in (int, float) and isfinite(value)) for value in found.values())
    return Quality(**found) if found.keys() == names and numbers else None


def import_calibrations(*, client: Client, archive: ArchiveReader) -> list[str]:
    """Take over thresholds of spaces that are enabled here, where the client has none. Returns the spaces' names."""
    enabled = {space.name: space.metric for space in engines.spaces().values()}
    own = set(SpaceCalibration.objects.of_client(client).values_list("space", flat=True))
    taken = []
    for row in archive.calibrations():
        if row.space not in own and enabled.get(row.space) == row.metric:
            set_calibration(
                client=client,
                space=row.space,
                threshold=row.threshold,
                false_match_rate=row.false_match_rate,
                note=row.note,
            )
            taken.append(row.space)
    return taken
