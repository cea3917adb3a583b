"""Which photographs belong into which collection, and the calls that bring them there.

`admit` is called where photographs are stored, `settle` where they change their gallery. Nothing has to be called where
they are erased: see `people.elsewhere.rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction

from errors import Unavailable
from people.elsewhere.rows import PREFIX, EnrolledFace, Operation, RemoteCall, RemoteCollection, lacking_in
from people.models import Gallery, ReferenceImage
from work.queues import BULK
from work.services import enqueue

REMAINS = "remote_service"
WHY = "Copies of these faces at the remote service go by calls that are repeated until it has carried them out."


def settle(image_ids: Sequence[int], gallery: Gallery) -> None:
    """These photographs are people's of `gallery` now, in the caller's transaction: their faces leave the collections
    of other galleries, and enter this one's if it is remote.
    """
    EnrolledFace.objects.filter(reference_image__in=image_ids).exclude(collection__gallery=gallery).delete()
    admit(image_ids, gallery)


def admit(image_ids: Sequence[int], gallery: Gallery) -> None:
    """`settle` for photographs that are in no collection yet."""
    if gallery.is_remote:
        add_to(collection_of(gallery, gallery.backend), ReferenceImage.objects.filter(pk__in=image_ids))


def collection_of(gallery: Gallery, backend: str) -> RemoteCollection:
    """The gallery's collection at this back end, which is made there with the first face."""
    own: dict[str, Any] = {"gallery": gallery, "backend": backend}
    defaults = {"client_id": gallery.client_id, "name": f"{PREFIX}{uuid4().hex}"}
    return RemoteCollection.objects.get_or_create(**own, defaults=defaults)[0]


def add_to(collection: RemoteCollection, images: Any, *, most: int | None = None) -> int:
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
        transaction.on_commit(partial(_send, [call.pk for call in calls], collection.client_id), robust=True)
    return len(calls)


def _send(ids: Iterable[int], client: int) -> None:
    with suppress(Unavailable):  # the next round does it
        enqueue(RemoteCall, ids=ids, queue=BULK, client=client)


def remaining_of(images: Iterable[ReferenceImage]) -> list[dict[str, Any]]:
    """What a receipt says of faces that a remote service still has when their photographs are erased."""
    pks, uuids = [image.pk for image in images], [image.uuid for image in images]
    count = EnrolledFace.objects.filter(reference_image__in=pks).count() + RemoteCall.objects.awaiting(uuids).count()
    return [{"what": REMAINS, "why": WHY, "count": count, "days": None}] if count else []
