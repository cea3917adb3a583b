"""Writing a client's people into an archive. Blacklist entries stay: their reasons and dates belong to screening."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from django.db.models import Prefetch
from django.utils import timezone

from audit import services as audit
from audit.types import Action
from calibration.models import SpaceCalibration
from clients.models import Client
from errors import InvalidInput
from people.models import GalleryKind, Person, ReferenceImage
from people.querysets import PersonQuerySet
from people.types import Refusal
from storage.files import read_file
from transfer.archive import ArchiveWriter, writing
from transfer.archive_records import ImageRecord, PersonRecord
from transfer.sealing import Lock
from transfer.types import Exported
from vectors.stored import from_store
from vision.images import sniff

AT_ONCE = 50  # people whose rows are in memory


def people_to_export(*, client: Client, sources: Sequence[str] | None = None) -> PersonQuerySet:
    """The client's people; with `sources`, those of these galleries only."""
    known: PersonQuerySet = Person.objects.of_client(client).of_kind(GalleryKind.PEOPLE)
    people = known.select_related("gallery").order_by("pk")
    return people if sources is None else people.in_sources(sources)


def export_people(
    *, client: Client, people: PersonQuerySet, file: Path, lock: Lock, advance: Callable[[], object]
) -> Exported:
    """Write the archive, which `lock` encrypts; `advance` is called after each person. Raises `Unavailable` or OSError.

    An image whose file is lost is left out and reported. People who are enrolled, changed or erased meanwhile may be
    in the archive as before or as after.
    """
    done, names = Exported(), list[str]()
    images = ReferenceImage.objects.order_by("pk").prefetch_related("face_templates")
    with writing(file, lock) as archive:
        for person in people.prefetch_related(Prefetch("reference_images", images)).iterator(chunk_size=AT_ONCE):
            faces = [_image_record(image, archive, done) for image in person.reference_images.all()]
            record = PersonRecord(
                external_id=person.external_id,
                source="" if person.gallery.is_default else person.gallery.name,
                name=person.name,
                metadata=person.metadata,
                legal_basis=person.legal_basis,
                created_at=person.created_at,
                images=tuple(face for face in faces if face),
            )
            archive.add_person(record)
            names.append(person.audit_name)
            done.people += 1
            advance()
        columns = ("space", "metric", "threshold", "false_match_rate", "note")
        calibrations = SpaceCalibration.objects.of_client(client).order_by("space").values(*columns)
        manifest = {
            "created_at": timezone.now().isoformat(),
            "people": done.people,
            "images": done.images,
            "faces_without_picture": done.faces,
            "templates": dict(sorted(done.templates.items())),
            "calibrations": list(calibrations),
        }
        archive.finish(manifest)
        for some in (names[at : at + audit.MOST_OBJECTS] for at in range(0, len(names), audit.MOST_OBJECTS)):
            audit.record(Action.EXPORT, client_id=client.pk, objects=some, results=len(some))
    return done


def _image_record(image: ReferenceImage, archive: ArchiveWriter, done: Exported) -> ImageRecord | None:
    """None for an image that says nothing about a face: its file is lost, or it has neither file nor embedding."""
    embeddings = {
        one.space: from_store(one.embedding, client_id=one.client_id, space=one.space)
        for one in image.face_templates.all()
    }
    entry = None  # stays None for a face that is known by its embeddings alone
    try:
        if image.image:
            data = read_file(file=image.image)
            entry = archive.add_image(data, extension=sniff(data).extension)
    except InvalidInput as error:
        done.refused.append(Refusal(f"reference image {image.pk}", error.code, error.message))
        return None
    if not entry and not embeddings:
        return None
    done.images += entry is not None
    done.faces += entry is None
    done.templates.update(embeddings.keys())
    return ImageRecord(
        file=entry,
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
