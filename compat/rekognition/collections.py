"""Collections: a client's galleries of people, as far as their names can be collection ids."""

from __future__ import annotations

from django.db.models import Count

from clients.models import Client
from compat.rekognition.exceptions import CollectionExists, NotDeletable, StillErasing, UnknownCollection
from people.exceptions import GalleryIsDefault, GalleryNameTaken, GalleryNotEmpty, GalleryNotFound
from people.models import Gallery, GalleryKind, Person, ReferenceImage
from people.services import create_gallery, delete_gallery, erase_people, galleries_called

NAME = r"^[a-zA-Z0-9_.-]+$"
ERASING_SECONDS = 20.0  # of a call; boto3 waits for 60 and calls again


def create(*, client: Client, name: str) -> Gallery:
    """Raises `CollectionExists` or `UnusableValue`."""
    try:
        return create_gallery(client=client, name=name)
    except GalleryNameTaken as error:
        raise CollectionExists("The collection id already exists.") from error


def find(*, client: Client, name: str) -> Gallery:
    """Raises `UnknownCollection`."""
    found = galleries_called(client=client, sources=[name])
    if not found:
        raise UnknownCollection("The collection id does not exist.")
    found[0].client = client
    return found[0]


def delete(*, client: Client, name: str) -> None:
    """Erase everybody in the collection, and the collection. Raises `UnknownCollection`, `NotDeletable`, or
    `StillErasing` when a further call has to erase the rest.
    """
    gallery = find(client=client, name=name)
    if gallery.is_default:
        raise NotDeletable("This is the client's default gallery, which stays. Delete its faces instead.")
    try:
        if not erase_people(gallery=gallery, seconds=ERASING_SECONDS):
            raise StillErasing("The collection is large. Some of its faces are erased; call again to erase the others.")
        delete_gallery(gallery=gallery)
    except GalleryNotEmpty as error:
        raise StillErasing("Faces were added meanwhile; call again to erase them.") from error
    except GalleryIsDefault as error:
        raise NotDeletable(error.message) from error
    except GalleryNotFound as error:
        raise UnknownCollection("The collection id does not exist.") from error


def several(*, client: Client, after: str, most: int) -> list[Gallery]:
    """By name, after this one; one more than `most` if there are so many."""
    own = Gallery.objects.of_client(client).of_kind(GalleryKind.PEOPLE).filter(name__regex=NAME)
    return list(own.filter(name__gt=after).order_by("name")[: most + 1])


def counts(*, gallery: Gallery) -> tuple[int, int]:
    """How many faces and users it has."""
    faces = ReferenceImage.objects.filter(person__gallery=gallery).aggregate(count=Count("pk"))["count"]
    return faces, Person.objects.filter(gallery=gallery, external_id__isnull=False).count()
