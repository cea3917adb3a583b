"""Which photographs belong into which collection, and the calls that bring them there.

`admit` is called where photographs are stored, `settle` where they change their gallery. Nothing has to be called where
they are erased: see `people.elsewhere.rows`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from calls.places import aside
from errors import Unavailable
from people.elsewhere.rows import PREFIX, EnrolledFace, Operation, RemoteCall, RemoteCollection, lacking_in
from people.models import Gallery, ReferenceImage
from remote.registry import OURS
from work.queues import BULK, PATIENT
from work.services import enqueue

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.4  # seconds
REMAINS = "remote_service"
WHY = "Copies of these faces at the remote service go by calls that are repeated until it has carried them out."


def settle(image_ids: Sequence[int], gallery: Gallery) -> None:
    """These photographs are people's of `gallery` now, in the caller's transaction: their faces leave the collections
    of other galleries, and enter this one's if it is remote.
    """
    EnrolledFace.objects.filter(reference_image__in=image_ids).exclude(collection__gallery=gallery).delete()
    admit(image_ids, gallery)


def admit(image_ids: Sequence[int], gallery: Gallery) -> None:
    """`settle` for photographs that are in no collection yet.

    The gallery may have been switched since it was read, and is not until the transaction ends.
    """
    backend = Gallery.objects.hold(gallery.pk)
    if backend not in {"", OURS}:
        images = ReferenceImage.objects.filter(pk__in=image_ids)
        add_to(collection_of(gallery, backend), images, queue=PATIENT)


def collection_of(gallery: Gallery, backend: str) -> RemoteCollection:
    """The gallery's collection at this back end, which is made there with the first face."""
    own: dict[str, Any] = {"gallery": gallery, "backend": backend}
    defaults = {"client_id": gallery.client_id, "name": f"{PREFIX}{uuid4().hex}"}
    return RemoteCollection.objects.get_or_create(**own, defaults=defaults)[0]


def add_to(collection: RemoteCollection, images: Any, *, most: int | None = None, queue: str = BULK) -> int:
    """Calls for those of these photographs that the collection lacks, sent once they are committed. Returns how many.

    What is known by embeddings alone has no picture to be added.
    """
    lacking = images.with_file().filter(lacking_in(collection.backend)).order_by("pk")
    asked = RemoteCall.objects.filter(collection=collection.name, operation=Operation.ADD)
    lacking = lacking.exclude(uuid__in=asked.values("own_id"))
    calls = RemoteCall.objects.bulk_create(
        RemoteCall(
            client_id=collection.client_id,
            backend=collection.backend,
            collection=collection.name,
            operation=Operation.ADD,
            own_id=own_id,
        )
        for own_id in lacking.values_list("uuid", flat=True)[:most]
    )
    if calls:
        ids = [call.pk for call in calls]
        transaction.on_commit(partial(_send, ids, collection.client_id, queue), robust=True)
    return len(calls)


def _send(ids: Iterable[int], client: int, queue: str) -> None:
    with suppress(Unavailable):  # the next round does it
        enqueue(RemoteCall, ids=ids, queue=queue, client=client)


def wait_until_there(images: Sequence[ReferenceImage], gallery: Gallery) -> None:
    """Give the service a moment to get photographs that were just enrolled, so that the next search finds them.

    It takes no longer than `REMOTE_WAIT_SECONDS`, and ends at once when a call has to be repeated later.
    """
    if not gallery.is_remote or transaction.get_connection().in_atomic_block:
        return
    calls = RemoteCall.objects.awaiting([image.uuid for image in images]).due()
    end, pause = time.monotonic() + settings.REMOTE_WAIT_SECONDS, FIRST_PAUSE
    while calls.exists() and time.monotonic() < end:
        with aside():
            time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def remaining_of(images: Iterable[ReferenceImage]) -> list[dict[str, Any]]:
    """What a receipt says of faces that a remote service still has when their photographs are erased."""
    pks, uuids = [image.pk for image in images], [image.uuid for image in images]
    count = EnrolledFace.objects.filter(reference_image__in=pks).count() + RemoteCall.objects.awaiting(uuids).count()
    return [{"what": REMAINS, "why": WHY, "count": count, "days": None}] if count else []
