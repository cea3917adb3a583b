"""The calls of this API, in terms of one album of the client."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
import uuid
from pathlib import PurePosixPath

from django.conf import settings

from albums import services as albums
from albums.exceptions import AlbumNotFound, AlreadyQueued, ImageExists
from albums.models import Album, AlbumImage
from albums.types import ImageMatch
from clients.models import Client
from compat.faceanalysis.exceptions import BadName, ImageKnown, ImageQueued, ImageUnknown, WrongType
from vision import images
from vision.exceptions import InvalidImage
from vision.types import Upload
from work.types import Submission

ALBUM = "faceanalysis"
STEM, UUID = "stem", "uuid"  # where ids come from
LONGEST_ID = 49  # characters
EXTENSIONS = {".jpg", ".jpeg", ".png"}
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")  # of JPEG and PNG files
TYPES = {"image/jpeg", "image/png"}
ALLOWED = "Image upload failed: please use one of the following types: jpg, jpeg, png"


def album_of(client: Client) -> Album:
    """All accounts of a client share one space of images."""
    return albums.get_or_create_album(client=client, name=ALBUM)


def upload(*, client: Client, file: Upload, content_type: str = "") -> AlbumImage:
    """Store an image to be processed later.

    Raises `WrongType`, `BadName`, `ImageKnown`, `Unavailable`, or what `images.sniff` raises.

    A file that begins like an image but is damaged is accepted; processing will report it.
    """
    by_uuid = settings.FACEANALYSIS_IDS == UUID
    suffix = PurePosixPath(file.name).suffix.lower()
    declared = content_type if content_type in TYPES else mimetypes.guess_type(file.name)[0]
    if declared not in TYPES if by_uuid else suffix not in EXTENSIONS:
        raise WrongType(ALLOWED)
    image_id = str(uuid.uuid4()) if by_uuid else stem_of(file.name)
    if not file.data.startswith(BEGINNINGS):
        raise WrongType(ALLOWED)
    try:
        info = images.sniff(file.data)
    except InvalidImage as error:
        if error.code != "image.truncated":
            raise
        info = None
    submission = Submission(images.identify(file.name), file.data, info)
    try:
        return albums.add_image(album=album_of(client), submission=submission, external_id=image_id)
    except ImageExists as error:
        raise ImageKnown("Image upload failed: image previously uploaded") from error


def one_to_one(client: Client) -> float:
    """The distance in the album that stands for the dialect's threshold: that of a comparison, or the album's own."""
    album = album_of(client)
    return album.threshold if album.own_threshold else albums.comparison_point(album=album).threshold


def stem_of(name: str) -> str:
    """The id that a file name gives: everything before its first dot, made safe. Raises `BadName`."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    stem = re.sub(r"[^\w-]+", "_", last.partition(".")[0]).strip("_-")
    if not 1 <= len(stem) <= LONGEST_ID:
        raise BadName(f"Image upload failed: the file needs a name of 1 to {LONGEST_ID} characters")
    return stem


def process(*, client: Client, image_id: str) -> None:
    """Queue an uploaded image for the workers. Raises `ImageUnknown`, `ImageQueued` or `Unavailable`."""
    try:
        albums.queue_image(image=get_image(client=client, image_id=image_id))
    except AlreadyQueued as error:
        raise ImageQueued("Image previously placed on queue") from error


def get_image(*, client: Client, image_id: str) -> AlbumImage:
    """Raises `ImageUnknown`."""
    try:
        if "\0" in image_id:  # which the database cannot even compare
            raise AlbumNotFound("Image not found")
        return albums.get_image(album=album_of(client), external_id=image_id)
    except AlbumNotFound as error:
        raise ImageUnknown("Image not yet uploaded") from error


def matches_of(*, client: Client, image_id: str) -> list[ImageMatch]:
    """Matches of an image, closest first; none for an unknown one."""
    try:
        return albums.matches_of(image=get_image(client=client, image_id=image_id))
    except ImageUnknown:
        return []


def finished_images(*, client: Client) -> list[str]:
    """Ids of all images whose processing has ended, with or without success, in the order of their upload."""
    finished = album_of(client).images.finished().exclude(external_id=None)
    return [image_id or "" for image_id in finished.order_by("pk").values_list("external_id", flat=True)]
