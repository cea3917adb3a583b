"""Erasing faces from albums: those of people who are erased, by their groups or their looks, and whole images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from django.db import transaction
from django.db.models import Q, QuerySet

from albums.linking import point_for
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup
from audit import receipts
from people.models import Person
from people.types import Held, Leaving, Subject, Taken
from storage.files import erase_files

NOT_SEARCHED = "Faces of albums that nobody linked to the person were not searched; everywhere=true does."
OTHER_SPACE = "The album's model is another one than that of the person's photographs."
NOT_PROCESSED = "Images that are not processed yet were not searched."


def locked_before(people: Sequence[Person], spaces: Collection[str]) -> QuerySet[Album]:
    """The albums that may change: whoever names a group locks its album before the person."""
    concerned = Q(groups__person__in=people) | Q(client=people[0].client_id, space__in=spaces)
    return Album.objects.filter(pk__in=Album.objects.filter(concerned).values("pk"))


def forget(leaving: Leaving) -> Taken:
    """Erase the faces of the person's groups and, where there are probes, faces that look like the person's.

    With the file of each image that shows such a face; its other faces stay.
    """
    if not leaving.is_whole:
        return Taken()
    albums = Album.objects.filter(client=leaving.person.client_id).select_related("client")
    found = set(AlbumFace.objects.filter(group__person=leaving.person).values_list("pk", flat=True))
    for album in albums.filter(space__in=leaving.probes):
        threshold = point_for(album, people=1).threshold
        found |= AlbumFace.objects.like(album, leaving.probes[album.space], threshold)
    return replace(erase_found(found), remaining=_remaining(leaving))


def hand_over(person: Person, to: Person) -> None:
    """The groups that the one named are the other's."""
    FaceGroup.objects.filter(person=person).update(person=to)


def erase_found(found: Iterable[int]) -> Taken:
    """Erase faces by their ids, with what shows them; the caller deletes the files."""
    faces = AlbumFace.objects.filter(pk__in=list(found))
    places = list(faces.values_list("image__uuid", "index"))
    images = AlbumImage.objects.filter(pk__in=list(faces.values_list("image", flat=True)))
    files = [image.image for image in images.exclude(image="")]
    groups = [group for group in faces.values_list("group", flat=True) if group]
    images.update(image="", stored_bytes=0, identifier="")  # a file's name may be that of a person
    faces.delete()
    FaceGroup.objects.delete_empty(groups)
    return Taken(
        counts=Counter(album_faces=len(places), album_files=len(files)),
        objects=[receipts.hashed("album_face", f"{image}:{index}") for image, index in places],
        files=files,
    )


def erase_images(images: QuerySet[AlbumImage]) -> Taken:
    """Erase images with their faces, and groups that have no face left; the caller deletes the files."""
    rows = list(images)
    faces = AlbumFace.objects.filter(image__in=rows)
    groups, files = list(faces.values_list("group", flat=True)), [row.image for row in rows if row.image]
    AlbumImage.objects.filter(pk__in=[row.pk for row in rows]).delete()
    FaceGroup.objects.delete_empty([group for group in groups if group])
    return Taken(
        counts=Counter(album_images=len(rows), album_faces=len(groups), album_files=len(files)),
        objects=[receipts.hashed("album_image", row.uuid) for row in rows],
        files=files,
    )


def erase_album(album: Album) -> Taken:
    """Erase an album with everything in it; the caller deletes the files."""
    images, name = erase_images(album.images.all()), receipts.hashed("album", album.uuid)
    album.delete()
    return replace(images, counts=images.counts + Counter(albums=1), objects=[name])


def _remaining(leaving: Leaving) -> list[dict[str, object]]:
    images = AlbumImage.objects.filter(album__client=leaving.person.client_id)
    others = AlbumFace.objects.filter(album__client=leaving.person.client_id).exclude(album__space__in=leaving.probes)
    counted = {
        (OTHER_SPACE if leaving.probes else NOT_SEARCHED): others.count(),
        NOT_PROCESSED: images.exclude(image="").filter(Q(status="uploaded") | Q(pk__in=images.unfinished())).count(),
    }
    return [{"what": "albums", "why": why, "count": count, "days": None} for why, count in counted.items() if count]


@transaction.atomic
def again(wanted: frozenset[str]) -> Counter[str]:
    """Erase what receipts name and a restored backup has brought back."""
    faces = receipts.named("album_face", AlbumFace.objects.all(), "image__uuid", "index", wanted=wanted)
    images = receipts.named("album_image", AlbumImage.objects.all(), "uuid", wanted=wanted)
    albums = Album.objects.filter(pk__in=receipts.named("album", Album.objects.all(), "uuid", wanted=wanted))
    parts = [erase_found(faces), erase_images(AlbumImage.objects.filter(pk__in=images)), *map(erase_album, albums)]
    erase_files(files=[file for part in parts for file in part.files])
    return sum((part.counts for part in parts), Counter())


def held(subject: Subject) -> Held:
    """Faces of the person's groups, and faces that look like the probes."""
    named = AlbumFace.objects.filter(group__person=subject.person, group__person__isnull=False)
    found = set(named.values_list("pk", flat=True))
    albums = Album.objects.filter(client=subject.client).select_related("client")
    for album in albums.filter(space__in=subject.probes):
        found |= AlbumFace.objects.like(album, subject.probes[album.space], point_for(album, people=1).threshold)
    faces = AlbumFace.objects.filter(pk__in=found).defer("embedding").select_related("album", "image", "group")
    rows = [
        {
            "album": face.album.number,
            "image": face.image.number,
            "external_id": face.image.external_id,
            "face": face.index,
            "is_named": face.group is not None and face.group.person_id is not None,
            "has_file": bool(face.image.image),
            "created_at": face.image.created_at.isoformat(),
        }
        for face in faces.order_by("album", "image", "index")
    ]
    count = AlbumFace.objects.filter(album__in=albums.exclude(space__in=subject.probes)).count()
    missed = [{"what": "albums", "why": OTHER_SPACE, "count": count}] if count else []
    return Held("album_faces", rows, missed)
