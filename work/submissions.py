"""Images of a call, read far enough to know whether they can be processed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.conf import settings

from clients import quotas
from clients.models import Client
from errors import InvalidInput
from vision import images
from vision.types import Upload
from work.exceptions import NoImages, TooManyImages
from work.types import Submission


def check_batch_size(count: int) -> None:
    """Refuse empty and oversized calls before their images are read. Raises `NoImages` or `TooManyImages`."""
    if not count:
        raise NoImages("No images provided.")
    if count > settings.MAX_BATCH_IMAGES:
        raise TooManyImages(f"{count} images in one call; at most {settings.MAX_BATCH_IMAGES} are taken. Send several.")


def require_quota(client: Client, submissions: Sequence[Submission]) -> None:
    """Count the images of a call for later, all or none, before anything is stored.

    Raises `StorageUsedUp` or `ImagesUsedUp`.
    """
    quotas.require_room(client, stored_bytes=sum(len(one.data) for one in submissions if not one.error))
    quotas.take_images(client, sum(not one.error for one in submissions))


def read_submissions(values: Sequence[str | Upload]) -> list[Submission]:
    """The images of one call, whose number was checked before.

    Images that have to be fetched share the time that a caller waits, so that many slow ones do not hold a thread.
    """
    deadline = time.monotonic() + settings.FACEAPP_WAIT_SECONDS
    return [read_submission(value, patience=deadline - time.monotonic()) for value in values]


def read_submission(value: str | Upload, *, patience: float | None = None) -> Submission:
    """One image: a text form, or an upload. An unusable one carries its error.

    `patience`: seconds left for an image that has to be fetched; None for as long as one may take.
    """
    text = value if isinstance(value, str) else None
    identifier = images.identify(text if text is not None else value.name)  # type: ignore[union-attr]
    try:
        data = value.data if isinstance(value, Upload) else images.read_text(value, patience=patience)
        return Submission(identifier, data, images.sniff(data))
    except InvalidInput as error:
        return Submission(identifier, error=error)
