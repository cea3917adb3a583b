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
from remote.registry import MODULES
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
    for respace in Respace.objects.of_client(client).in_shadow().exclude(space__in=MODULES):
        with suppress(FaceAppError), queue_errors():
            if handoff().set(turn_of(respace.pk), b"1", ex=SECONDS, nx=True):
                _send(respace, [gallery.pk for gallery in galleries], faces, read())


def _send(respace: Respace, gallery_ids: list[int], faces: Faces, data: bytes) -> None:
    from people.tasks import compare_probe  # a task module imports the services

    key = f"faceapp:image:{uuid.uuid4().hex}"
    handoff().set(key, data, ex=SECONDS)
    args = (respace.pk, gallery_ids, faces, key)
    dispatch.send(compare_probe, args, queue=BULK, expires=SECONDS, client=str(respace.client_id))
