"""Offering the images of searches to workers, which decide them in another space as well (`people.shadow_decisions`).

Only where a respace of the client is ready to be switched, and for one image at a time, so that callers notice nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress

from clients.models import Client
from errors import FaceAppError
from people.models import Gallery, Respace
from people.types import Faces
from vision import dispatch
from vision.dispatch import handoff, queue_errors
from work.queues import BULK

SECONDS = 60  # that an image waits for a worker
PAUSE_SECONDS = 1  # between two images


def turn_of(respace_id: int) -> str:
    """The key in Redis that exists while an image of this respace is under way."""
    return f"faceapp:shadow:{respace_id}"


def offer_probe(
    *, client: Client, galleries: Iterable[Gallery], read: Callable[[], bytes], faces: Faces = "all"
) -> None:
    """Have the faces of an image decided in both spaces later, if it is the turn of one. Raises nothing.

    `galleries` and `faces` are those that were searched; `read` returns the image.
    """
    for respace_id in Respace.objects.of_client(client).in_shadow().values_list("pk", flat=True):
        with suppress(FaceAppError), queue_errors():
            if handoff().set(turn_of(respace_id), b"1", ex=SECONDS, nx=True):
                _send(respace_id, [gallery.pk for gallery in galleries], faces, read())


def _send(respace_id: int, gallery_ids: list[int], faces: Faces, data: bytes) -> None:
    from people.tasks import compare_probe  # a task module imports the services

    key = f"faceapp:image:{uuid.uuid4().hex}"
    handoff().set(key, data, ex=SECONDS)
    dispatch.send(compare_probe, (respace_id, gallery_ids, faces, key), queue=BULK, expires=SECONDS)
