"""What people do with groups: name, merge and split them. What they decided, later images do not undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from django.db import transaction
from django.db.models import F

from albums.exceptions import AlbumNotFound, BadGrouping
from albums.models import Album, AlbumFace, FaceGroup
from errors import InvalidInput
from people.models import FaceTemplate, Person, ReferenceImage
from people.services import create_person, discard_files, read_file, store_file, update_person
from storage.previews import MARGIN, preview
from vision import images
from vision.types import Box

REFERENCES = 5  # of a named group: its largest faces
CROP_SIDE = 480  # pixels


def get_group(*, album: Album, group_id: int) -> FaceGroup:
    """Raises `AlbumNotFound`."""
    group: FaceGroup | None = FaceGroup.objects.of_album(album).with_faces().filter(pk=group_id).first()
    if group is None:
        raise AlbumNotFound("Group not found")
    return group


@transaction.atomic
def name_group(*, group: FaceGroup, name: str) -> FaceGroup:
    """Make the group a person of the gallery, or give the person another name.

    Raises `UnusableValue` for a name that cannot be stored. The person gets the group's largest faces as templates.
    Their reference images have a file only where the album still has one: an album that keeps none has the vectors all
    the same, and recognition needs no more.
    """
    group = _held(group)
    if group.person:
        group.person = update_person(person=group.person, changes={"name": name})
    else:
        group.person = create_person(client=group.album.client, name=name)
        _enrol(group.person, group)
    group.is_curated = True
    group.save(update_fields=["person", "is_curated"])
    return group


@transaction.atomic
def merge_groups(*, group: FaceGroup, others: Sequence[int]) -> FaceGroup:
    """Take the faces of other groups of the album into this one. Raises `BadGrouping`.

    A group that has a name cannot be taken into another: it is the one to merge into.
    """
    group = _held(group)
    found = FaceGroup.objects.filter(album=group.album_id, pk__in=set(others) - {group.pk})
    if not others or found.count() != len(set(others)):
        raise BadGrouping("Name other groups of this album to merge.")
    if found.exclude(person=None).exists():
        raise BadGrouping("A named group keeps its faces: merge the others into it.")
    AlbumFace.objects.filter(group__in=found).update(group=group)
    found.delete()
    return _curated(group)


@transaction.atomic
def split_group(*, group: FaceGroup, face_ids: Sequence[int]) -> FaceGroup:
    """Move some of the group's faces into a new group, which is returned. Raises `BadGrouping`."""
    group = _held(group)
    faces = AlbumFace.objects.filter(group=group, pk__in=face_ids)
    if not face_ids or faces.count() != len(set(face_ids)) or faces.count() == group.faces.count():
        raise BadGrouping("Name some, but not all, faces of this group to split off.")
    new = FaceGroup.objects.create(album_id=group.album_id, is_curated=True)
    faces.update(group=new)
    _curated(group)
    return new


def _held(group: FaceGroup) -> FaceGroup:
    """The group as it is now, while nobody else changes groups of its album. Raises `AlbumNotFound`."""
    album = Album.objects.lock(group.album_id)
    if album is None:
        raise AlbumNotFound("Album not found")
    return get_group(album=album, group_id=group.pk)


def _curated(group: FaceGroup) -> FaceGroup:
    group.is_curated = True
    group.save(update_fields=["is_curated"])
    return group


# ---- from faces to reference images -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Crop:
    """A face cut out of a stored image: an encoded JPEG, its size and the face's box in it, in pixels."""

    data: bytes
    width: int
    height: int
    box: Box


def _enrol(person: Person, group: FaceGroup) -> None:
    largest = group.faces.select_related("image").order_by((F("box_w") * F("box_h")).desc(), "pk")
    stored = []
    try:
        for face in largest[:REFERENCES]:
            stored.append(_add_reference(person, group.album, face))
    except BaseException:
        discard_files(files=[reference.image for reference in stored])
        raise


def _add_reference(person: Person, album: Album, face: AlbumFace) -> ReferenceImage:
    crop = _crop(face)
    reference = ReferenceImage(
        person=person,
        width=crop.width if crop else face.image.width or 0,
        height=crop.height if crop else face.image.height or 0,
        confidence=face.confidence,
        quality=face.quality,
    )
    reference.box = crop.box if crop else face.box
    if crop:
        store_file(file=reference.image, extension=".jpg", data=crop.data)
    reference.save()
    FaceTemplate.objects.create(
        client_id=album.client_id,
        gallery=person.gallery,
        person=person,
        reference_image=reference,
        space=album.space,
        embedding=face.embedding,
    )
    return reference


def _crop(face: AlbumFace) -> Crop | None:
    """The face's surroundings, where the album kept the file and it can still be read."""
    if not face.image.image:
        return None
    x, y, w, h = astuple(face.box)
    try:
        data = preview(read_file(file=face.image.image), side=CROP_SIDE, box=face.box)
    except InvalidInput:
        return None
    info = images.sniff(data)
    reach = max(w, h) * (0.5 + MARGIN)
    left, top = max(0.0, x + w / 2 - reach), max(0.0, y + h / 2 - reach)
    scale = info.width / max(min(face.image.width or 0, x + w / 2 + reach) - left, 1)
    box = Box(*(round(scale * value) for value in (x - left, y - top, w, h)))
    return Crop(data, info.width, info.height, box)
