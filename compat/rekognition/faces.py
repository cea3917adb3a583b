"""Faces: the photographs of people in a collection, one face each. A face without a user is a nameless person's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects

from audit.types import Action
from calibration.types import Comparison
from clients.numbering import record_rows
from compat.rekognition import collections
from compat.rekognition.exceptions import BadParameter, StillErasing, UnknownCollection
from compat.rekognition.models import IndexedFace
from compat.rekognition.payloads import REASONS
from compat.rekognition.scale import to_aws
from people.exceptions import GalleryNotFound, PersonNotFound, ReferenceImageNotFound
from people.models import Gallery, ReferenceImage
from people.services import (
    Wanted,
    deployment_gate,
    enrol_nameless,
    erase_face,
    read_faces,
    remarks_on,
    search_face,
    search_stored_faces,
)
from people.types import Candidate, Gate
from vision.types import Analysis, DetectedFace, Upload

MOST_INDEXED = 100  # faces of a photograph
MOST_FOUND = 4096
THRESHOLD = 80.0  # where a call names none
ROUNDING = 1e-6
EXTERNAL_IMAGE_ID = "ExternalImageId"  # in the metadata of a nameless person
NO_FACES = "There are no faces in the image. Should be at least 1."


@dataclass(frozen=True)
class Indexed:
    """What became of the faces of a photograph: which were stored, and why others were not."""

    analysis: Analysis
    stored: list[tuple[DetectedFace, ReferenceImage]]
    refused: list[tuple[DetectedFace, list[str]]]


@dataclass(frozen=True)
class Threshold:
    """How similar a face must be to be named: `score`, 0 to 100, or None where the call leaves it to us.

    Without one, the gallery's operating point decides as well, as it always does for keys without `people:read`: with
    thresholds of their own these could have anybody named.
    """

    score: float | None
    decides: bool

    def accepts(self, comparison: Comparison) -> bool:
        if not comparison.matches and (self.score is None or not self.decides):
            return False
        least = THRESHOLD if self.score is None else self.score
        return to_aws(comparison.similarity or 0.0) >= least - ROUNDING


def index(*, gallery: Gallery, data: bytes, external_image_id: str, most: int, quality: str) -> Indexed:
    """Store the largest `most` faces of an image that pass the filter, each as a nameless person.

    Raises `UnknownCollection` if the collection is deleted meanwhile, and what `read_faces` and `enrol_nameless` raise.
    """
    analysis = read_faces(gallery=gallery, data=data)
    by_size = sorted(analysis.faces, key=lambda face: -face.box.area)
    chosen: list[DetectedFace] = []
    refused: list[tuple[DetectedFace, list[str]]] = []
    for face in by_size:
        reasons = reasons_against(face, gate_of(quality))
        if reasons or len(chosen) >= min(most, MOST_INDEXED):
            refused.append((face, reasons or ["EXCEEDS_MAX_FACES"]))
        else:
            chosen.append(face)
    stored = _store(gallery, data, analysis, chosen, external_image_id) if chosen else []
    return Indexed(analysis, list(zip(chosen, stored, strict=True)), refused)


def _store(
    gallery: Gallery, data: bytes, analysis: Analysis, faces: Sequence[DetectedFace], external_image_id: str
) -> list[ReferenceImage]:
    image_id, metadata = uuid.uuid4(), {EXTERNAL_IMAGE_ID: external_image_id} if external_image_id else {}
    try:
        with transaction.atomic():
            stored = enrol_nameless(
                gallery=gallery, upload=Upload(data), analysis=analysis, faces=faces, metadata=metadata
            )
            IndexedFace.objects.bulk_create(
                IndexedFace(
                    reference_image=image,
                    client=gallery.client,
                    image_id=image_id,
                    external_image_id=external_image_id,
                    left=face.box.x / analysis.width,
                    top=face.box.y / analysis.height,
                    width=face.box.w / analysis.width,
                    height=face.box.h / analysis.height,
                )
                for image, face in zip(stored, faces, strict=True)
            )
    except GalleryNotFound as error:
        raise UnknownCollection("The collection id does not exist.") from error
    return with_indexed(stored)


def gate_of(quality: str) -> Gate:
    """What a quality filter is here; `AUTO` leaves it to the deployment, as other enrolments do."""
    gates = {"NONE": Gate.OFF, "LOW": Gate.STANDARD, "MEDIUM": Gate.STRICT, "HIGH": Gate.STRICT}
    return gates.get(quality) or deployment_gate()


def reasons_against(face: DetectedFace, gate: Gate) -> list[str]:
    """Why a face is not used, in Rekognition's words; empty if it is."""
    if not face.is_recognisable:
        return [REASONS[face.recognisability_reason or "unclear"]]
    return list(dict.fromkeys(REASONS[remark.code] for remark in remarks_on(face=face, gate=gate)))


def listed(
    *, gallery: Gallery, after: int, most: int, user_id: str | None = None, face_ids: Sequence[str] | None = None
) -> list[ReferenceImage]:
    """By number, after this one; one more than `most` if there are so many. That they are listed is recorded."""
    rows = ReferenceImage.objects.filter(person__gallery=gallery, number__gt=after)
    if user_id is not None:
        rows = rows.filter(person__external_id=user_id)
    if face_ids is not None:
        rows = rows.filter(uuid__in=face_ids)
    found = list(rows.select_related("person", "indexed_face").order_by("number")[: most + 1])
    shown = found[:most]
    record_rows(Action.VIEW, list({image.person_id: image.person for image in shown}.values()), results=len(shown))
    return found


def find(*, gallery: Gallery, face_ids: Sequence[str]) -> dict[str, ReferenceImage]:
    """Those of the collection, by their id."""
    rows = ReferenceImage.objects.filter(person__gallery=gallery, uuid__in=face_ids)
    rows = rows.select_related("person__client", "person__gallery", "indexed_face")
    return {str(image.uuid): image for image in rows}


def delete(*, gallery: Gallery, face_ids: Sequence[str], may_read: bool) -> tuple[list[str], list[dict[str, Any]]]:
    """Erase faces that belong to no user. Returns the ids of these, and the others as `UnsuccessfulFaceDeletion`, with
    their users for callers who `may_read`.

    Raises `StillErasing` if there are too many for one call; what is erased by then is.
    """
    end = time.monotonic() + collections.ERASING_SECONDS
    found, gone, kept = find(gallery=gallery, face_ids=face_ids), list[str](), list[dict[str, Any]]()
    for face_id in dict.fromkeys(face_ids):
        image = found.get(face_id)
        if image is not None and image.person.external_id:
            user = {"UserId": image.person.external_id} if may_read else {}
            kept.append({"FaceId": face_id, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]} | user)
            continue
        if image is not None and time.monotonic() > end:
            raise StillErasing(f"{len(gone)} faces are erased so far. Call again, or with fewer faces at a time.")
        try:
            if image is None:
                raise ReferenceImageNotFound("Face not found")
            erase_face(image=image)
            gone.append(face_id)
        except (PersonNotFound, ReferenceImageNotFound):
            kept.append({"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]})
    return gone, kept


# ---- searches ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Found:
    """The largest face of an image, and who was found."""

    analysis: Analysis
    face: DetectedFace | None
    refused: list[str]  # why the face was not searched for
    candidates: tuple[Candidate, ...]


def search_image(
    *, gallery: Gallery, data: bytes, threshold: Threshold, most: int, quality: str, users: bool = False
) -> Found:
    gate = gate_of(quality)
    wanted = Wanted(most, threshold.accepts)
    searched = search_face(gallery=gallery, data=data, wanted=wanted, gate=gate, identified=users)
    refused = [] if searched.face is None or searched.is_searched else reasons_against(searched.face, gate)
    return Found(searched.analysis, searched.face, refused, _described(searched.candidates))


def search_stored(
    *, gallery: Gallery, stored: Sequence[ReferenceImage], threshold: Threshold, most: int, users: bool = False
) -> tuple[Candidate, ...]:
    wanted = Wanted(most, threshold.accepts)
    return _described(search_stored_faces(gallery=gallery, images=stored, wanted=wanted, identified=users))


def find_one(*, gallery: Gallery, face_id: str) -> ReferenceImage:
    """Raises `BadParameter`, as Rekognition does."""
    found = find(gallery=gallery, face_ids=[face_id]).get(face_id)
    if found is None:
        raise BadParameter("faceId was not found in the collection.")
    return found


def _described(found: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    with_indexed([one.reference_image for one in found])
    return found


def with_indexed(stored: list[ReferenceImage]) -> list[ReferenceImage]:
    """With what they were indexed with, by one query."""
    prefetch_related_objects(stored, "indexed_face")
    return stored
