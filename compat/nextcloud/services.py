"""The model of a key, the faces of an image, and one face of an original photograph."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from audit.services import record
from audit.types import Action, Searched
from clients import quotas
from clients.models import ApiKey
from compat.nextcloud.exceptions import AreaTooLarge, ModelDisabled
from compat.nextcloud.models import FaceModel, KeyModel
from vision import images, inference
from vision.images import Limits
from vision.types import Box, RawFace


@dataclass(frozen=True)
class Choice:
    """The model of a key, and whether it has been recorded."""

    model: FaceModel
    pinned: bool


@dataclass(frozen=True)
class Detection:
    """The faces of an image and the model they were found with."""

    model: FaceModel
    faces: list[RawFace]


def choose(*, key: ApiKey) -> Choice:
    """The model chosen for the key; else the one that computed the client's faces so far; else FACE_MODEL.

    Raises `ModelDisabled`, or `EngineUnavailable` when weights are missing.
    """
    own = KeyModel.objects.of_key(key)
    row = own or KeyModel.objects.latest_of(key.client)
    model = FaceModel(row.model if row else settings.NEXTCLOUD_MODEL)
    require(model=model)
    return Choice(model, pinned=own is not None and own.computed_at is not None)


def require_ready(*, key: ApiKey) -> None:
    """Raise what `choose` raises, or `ImagesUsedUp` if no image can be sent today any more."""
    choose(key=key)
    quotas.require_images(key.client)


def require(*, model: FaceModel) -> None:
    """Raise `ModelDisabled` or `EngineUnavailable` unless the model can be used here."""
    if model == FaceModel.CNN_68 and not settings.NEXTCLOUD_68_POINTS:
        message = "Model 2 is switched off here: its landmarks must not be used commercially. See docs/nextcloud.md."
        raise ModelDisabled(message)
    inference.require_raw_weights(options=model.options)


def detect(*, key: ApiKey, data: bytes) -> Detection:
    """The faces of an image no larger than `/open` allowed. Raises `AreaTooLarge` or what `find_raw_faces` raises."""
    choice, limits = choose(key=key), original_limits()
    info = images.sniff(data, limits=limits)
    if info.width * info.height > largest_area(info.width, info.height):
        raise AreaTooLarge(f"The image has more than {settings.NEXTCLOUD_MAX_AREA} pixels.")
    faces = inference.find_raw_faces(
        data, options=choice.model.options, timeout=settings.NEXTCLOUD_WAIT_SECONDS, limits=limits
    )
    if faces:
        _pin(key, choice)
    _record(key, choice, results=len(faces))
    return Detection(choice.model, faces)


def compute(*, key: ApiKey, data: bytes, box: Box) -> RawFace:
    """One face of an original photograph, which may be larger. Raises what `find_raw_faces` raises."""
    choice, limits = choose(key=key), original_limits()
    images.sniff(data, limits=limits)
    [face] = inference.find_raw_faces(
        data,
        options=choice.model.options,
        timeout=settings.NEXTCLOUD_WAIT_SECONDS,
        box=box,
        limits=limits,
    )
    _pin(key, choice)
    _record(key, choice, results=1)
    return face


def _record(key: ApiKey, choice: Choice, *, results: int) -> None:
    """Embeddings leave the service."""
    searched = Searched(space=f"nextcloud model {choice.model.value}")
    record(Action.DETECT, client_id=key.client_id, searched=searched, results=results)


def _pin(key: ApiKey, choice: Choice) -> None:
    """Record the key's model, unless it is. The wait may have outlasted the connection to the database."""
    if choice.pinned:
        return
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    KeyModel.objects.pin(key, model=choice.model)


def original_limits() -> Limits:
    return Limits(settings.MAX_ORIGINAL_BYTES, settings.MAX_ORIGINAL_PIXELS)


def largest_area(width: int, height: int) -> int:
    """The area that is accepted. The app rounds each side separately and so may exceed what `/open` allows."""
    area: int = settings.NEXTCLOUD_MAX_AREA
    return area + max(area // 100, (width + height) // 2 + 1)
