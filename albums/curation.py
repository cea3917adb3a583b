"""What people do with groups: name, merge and split them, move faces, and tell groups apart.

Images that are added later do not undo it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from albums.exceptions import AlbumNotFound, BadGrouping
from albums.models import Album, AlbumFace, ApartGroups, FaceGroup
from albums.querysets import AlbumFaceQuerySet
from audit.services import record
from audit.types import Action
from clients.idempotency import note_stored
from clients.numbering import public_id
from errors import InvalidInput
from people.exceptions import NoEmbeddingsThere
from people.models import Person, ReferenceImage
from people.services import adopt_face, create_person, require_no_policy, update_person
from people.types import AdoptedFace
from remote.registry import label_of
from storage.files import discard_files, read_file
from storage.previews import face_alone

REFERENCES = 5  # of a named group: its largest faces
CROP_SIDE = 480  # pixels


def get_group(*, album: Album, group_id: int | UUID) -> FaceGroup:
    """A group of the album by its number or UUID. Raises `AlbumNotFound`."""
    group: FaceGroup | None = FaceGroup.objects.of_album(album).with_faces().filter(public_id(group_id)).first()
    if group is None:
        raise AlbumNotFound("Group not found")
    return group


def name_group(*, group: FaceGroup, name: str) -> FaceGroup:
    """Make the group a person of the gallery, or rename the person that it is already.

    Raises `UnusableValue` for a name that cannot be stored. The person gets the group's largest faces as templates.
    Their reference images have a file only if the album still has one: an album that keeps none still has the
    embeddings, which are all that recognition needs. Files are read before the album is locked, because other calls
    wait for it. Raises `NotLive` (`liveness.required`) where the client's policy demands evidence for every enrolment,
    and `NoEmbeddingsThere` where a remote service would keep the person, and the album has no file.
    """
    if group.person_id is None:
        require_no_policy(client=group.album.client)
    faces = AlbumFace.objects.filter(group=group).select_related("image", "album")
    faces = faces.order_by((F("box_w") * F("box_h")).desc(), "pk")
    known = [face for face in faces if face.is_recognisable][:REFERENCES] if group.person_id is None else []
    described = {face.pk: _adoptable(face) for face in known}
    stored: list[ReferenceImage] = []
    try:
        with transaction.atomic():
            group = _hold(group)
            if group.person:
                group.person = update_person(person=group.person, changes={"name": name})
            else:
                group.person = create_person(client=group.album.client, name=name)
                _require_picture(group.person, [*described.values()])
                still = set(group.faces.filter(pk__in=described).values_list("pk", flat=True))
                for face in [face for pk, face in described.items() if pk in still]:
                    stored.append(adopt_face(person=group.person, face=face))
            group.is_curated = True
            group.save(update_fields=["person", "is_curated"])
            _record(Action.CHANGE, group)
    except BaseException:
        discard_files(files=[reference.image for reference in stored])
        raise
    return group


def _require_picture(person: Person, faces: Sequence[AdoptedFace]) -> None:
    if person.gallery.is_remote and faces and not any(face.picture for face in faces):
        label = label_of(person.gallery.backend)
        raise NoEmbeddingsThere(f"{label} would keep this person, and takes pictures only: the album has kept none.")


@transaction.atomic
def merge_groups(*, group: FaceGroup, others: Sequence[int]) -> FaceGroup:
    """Move the faces of other groups of the album, named by their numbers, into this one. Raises `BadGrouping`.

    A named group cannot be merged into another one; the others are merged into it.
    """
    note_stored()
    group = _hold(group)
    found = FaceGroup.objects.filter(album=group.album_id, number__in=set(others) - {group.number})
    if not others or found.count() != len(set(others)):
        raise BadGrouping("Name other groups of this album to merge.")
    if found.exclude(person=None).exclude(person=group.person_id).exists():
        raise BadGrouping("A named group keeps its faces: merge the others into it.")
    _record(Action.MERGE, group, *found)
    ApartGroups.objects.inherit(group, [one.pk for one in found])
    AlbumFace.objects.filter(group__in=found).update(group=group)
    found.delete()
    return _curated(group)


@transaction.atomic
def split_group(*, group: FaceGroup, faces: Sequence[int]) -> FaceGroup:
    """Move some of the group's faces, by their numbers, into a new group, which is returned. Raises `BadGrouping`.

    The two are remembered as different people.
    """
    note_stored()
    group = _hold(group)
    moved = _some(group, faces)
    new = FaceGroup.objects.create_in(group.album_id, is_curated=True)
    moved.update(group=new)
    ApartGroups.objects.remember(group, [new.pk])
    _record(Action.SPLIT, group, new)
    _curated(group)
    return new


@transaction.atomic
def take_out(*, group: FaceGroup, faces: Sequence[int]) -> list[FaceGroup]:
    """Faces, by their numbers, that do not show the group's person: each becomes a group of its own.

    They are remembered as different people than the group's, but not than each other. Raises `BadGrouping`.
    """
    note_stored()
    group = _hold(group)
    moved = list(_some(group, faces).values_list("pk", flat=True))
    new = [FaceGroup.objects.create_in(group.album_id, is_curated=True) for _ in moved]
    for face, own in zip(moved, new, strict=True):
        AlbumFace.objects.filter(pk=face).update(group=own)
    ApartGroups.objects.remember(group, [own.pk for own in new])
    _record(Action.SPLIT, group, *new)
    _curated(group)
    return new


@transaction.atomic
def move_faces(*, group: FaceGroup, faces: Sequence[int], to: int) -> FaceGroup:
    """Move faces of the group into another one of the album, which is returned; both by their numbers.

    A group without a name that has no face left is deleted. Raises `BadGrouping`.
    """
    note_stored()
    group = _hold(group)
    other = FaceGroup.objects.filter(album=group.album_id, number=to).exclude(pk=group.pk).first()
    if other is None:
        raise BadGrouping("Name another group of this album, to which the faces are moved.")
    moved = _some(group, faces, or_all=group.person_id is None)
    _record(Action.CHANGE, group, other)
    moved.update(group=other)
    for changed in (group, other):
        _curated(changed)
    FaceGroup.objects.delete_empty([group.pk])
    return other


@transaction.atomic
def tell_apart(*, group: FaceGroup, other: int) -> None:
    """Remember that the group and another one, by its number, show different people. Raises `BadGrouping`.

    They are not suggested to be merged any more, and not merged when images are added.
    """
    note_stored()
    group = _hold(group)
    found = FaceGroup.objects.filter(album=group.album_id, number=other).exclude(pk=group.pk).first()
    if found is None:
        raise BadGrouping("Name another group of this album.")
    ApartGroups.objects.remember(group, [found.pk])
    for changed in (group, found):
        _curated(changed)
    _record(Action.CHANGE, group, found)


@transaction.atomic
def forget_apart(*, group: FaceGroup, other: int) -> None:
    """Take back what `tell_apart` remembered. Both groups stay as they are."""
    group = _hold(group)
    found = list(FaceGroup.objects.filter(album=group.album_id, number=other))
    for one in found:
        ApartGroups.objects.of_group(group).filter(Q(first=one) | Q(second=one)).delete()
    _record(Action.CHANGE, group, *found)


def _some(group: FaceGroup, faces: Sequence[int], *, or_all: bool = False) -> AlbumFaceQuerySet:
    """These faces of a group that is held. Raises `BadGrouping` unless they are its own, and not all of them."""
    found: AlbumFaceQuerySet = AlbumFace.objects.filter(group=group, number__in=faces)
    count = found.count()
    if not faces or count != len(set(faces)) or (not or_all and count == group.faces.count()):
        raise BadGrouping(f"Name some{'' if or_all else ', but not all,'} faces of this group.")
    return found


def _hold(group: FaceGroup) -> FaceGroup:
    """The group as it is now, with its album locked until the transaction ends. Raises `AlbumNotFound`."""
    album = Album.objects.lock(group.album_id)
    found = FaceGroup.objects.select_related("album__client", "person").filter(pk=group.pk).first() if album else None
    if found is None:
        raise AlbumNotFound("Group not found" if album else "Album not found")
    return found


def _curated(group: FaceGroup) -> FaceGroup:
    group.is_curated = True
    group.save(update_fields=["is_curated"])
    return group


def _record(action: Action, group: FaceGroup, *others: FaceGroup) -> None:
    """Groups are numbered within their album."""
    names = [f"group:{one.number}" for one in (group, *others)]
    record(action, client_id=group.album.client_id, objects=[group.album.audit_name, *names])


def _adoptable(face: AlbumFace) -> AdoptedFace:
    """The face with its surroundings, cut out of the image if the album has kept the file and it can be read."""
    box, width, height, data = face.box, face.image.width or 0, face.image.height or 0, None
    if face.image.image:
        with suppress(InvalidInput):
            cut = face_alone(read_file(file=face.image.image), box, side=CROP_SIDE)
            box, width, height, data = cut.box, cut.width, cut.height, cut.jpeg
    return AdoptedFace(box, width, height, face.confidence, face.quality, face.album.space, face.embedding, data)
