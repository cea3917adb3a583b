"""Writing a client's people into an archive, but no blacklist entries: their reasons and dates belong to screening."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.db.models import Prefetch
from django.utils import timezone

from calibration.models import SpaceCalibration
from clients.models import Client
from errors import InvalidInput
from people.models import GalleryKind, Person, ReferenceImage
from people.querysets import PersonQuerySet
from people.types import Refusal
from storage.files import read_file
from transfer.archive import ArchiveWriter, writing
from transfer.records import ImageRecord, PersonRecord
from vision.images import sniff

AT_ONCE = 50  # people whose rows are in memory


@dataclass
class Exported:
    """What an archive holds. `templates` counts by space; `refused` are images whose file the store has lost."""

    people: int = 0
    images: int = 0
    templates: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)


def people_to_export(*, client: Client, sources: Sequence[str] | None = None) -> PersonQuerySet:
    """The client's people, of these sub-galleries only where some are named."""
    known: PersonQuerySet = Person.objects.of_client(client).of_kind(GalleryKind.PEOPLE)
    people = known.select_related("gallery").order_by("pk")
    return people if sources is None else people.in_sources(sources)


def export_people(*, client: Client, people: PersonQuerySet, file: Path, advance: Callable[[], object]) -> Exported:
    """Write the archive. An image whose file is gone is left out and reported. Raises `Unavailable` or OSError.

    Who is enrolled, changed or erased meanwhile may be in the archive as before or as after.
    """
    done = Exported()
    images = ReferenceImage.objects.order_by("pk").prefetch_related("face_templates")
    with writing(file) as archive:
        for person in people.prefetch_related(Prefetch("reference_images", images)).iterator(chunk_size=AT_ONCE):
            archive.add_person(_person_record(person, archive, done))
            done.people += 1
            advance()
        archive.finish(_manifest(client, done))
    return done


def _person_record(person: Person, archive: ArchiveWriter, done: Exported) -> PersonRecord:
    images = [_image_record(image, archive, done) for image in person.reference_images.all()]
    return PersonRecord(
        external_id=person.external_id,
        source="" if person.gallery.is_default else person.gallery.name,
        name=person.name,
        metadata=person.metadata,
        created_at=person.created_at,
        images=tuple(image for image in images if image),
    )


def _image_record(image: ReferenceImage, archive: ArchiveWriter, done: Exported) -> ImageRecord | None:
    try:
        data = read_file(file=image.image)
        extension = sniff(data).extension
    except InvalidInput as error:
        done.refused.append(Refusal(f"reference image {image.pk}", error.code, error.message))
        return None
    embeddings = {template.space: np.asarray(template.embedding, np.float32) for template in image.face_templates.all()}
    done.images += 1
    done.templates.update(embeddings.keys())
    return ImageRecord(
        file=archive.add_image(data, extension=extension),
        original_name=image.original_name,
        width=image.width,
        height=image.height,
        box=(image.box_x, image.box_y, image.box_w, image.box_h),
        confidence=image.confidence,
        created_at=image.created_at,
        is_primary=image.is_primary,
        quality=image.quality,
        embeddings=embeddings,
    )


def _manifest(client: Client, done: Exported) -> dict[str, object]:
    calibrations = SpaceCalibration.objects.of_client(client).order_by("space")
    columns = ("space", "metric", "threshold", "false_match_rate", "note")
    return {
        "created_at": timezone.now().isoformat(),
        "people": done.people,
        "images": done.images,
        "templates": dict(sorted(done.templates.items())),
        "calibrations": list(calibrations.values(*columns)),
    }
