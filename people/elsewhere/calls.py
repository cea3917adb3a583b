"""Carrying out the calls of the outbox, each as often as it takes, and the same end whenever a worker dies.

A call that adds looks again, once the service has answered, whether its photograph is still there and where it was: if
not, it leaves a call that removes what it has added. One that is repeated finds what an earlier attempt has added.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from errors import FaceAppError, InvalidInput, Unavailable
from people.elsewhere.crops import portrait_of
from people.elsewhere.rows import LONGEST_WAIT, EnrolledFace, Operation, RemoteCall, RemoteCollection
from people.exceptions import PersonNotFound
from people.models import ReferenceImage
from people.persons import lock_owner_of
from remote import registry
from remote.contract import RemoteFace
from remote.exceptions import RemoteUnavailable
from telemetry.request_ids import acting_as
from work.models import Status
from work.queues import BULK, must_make_way
from work.services import SWEEP_ID, enqueue, run

REFUSED_WAIT = 60.0  # before the second attempt where somebody has to mend something
MOST_SENT = 1000  # calls that one round sends


def carry_out(*, call_ids: Sequence[int], task_id: str) -> None:
    """`run` claims the calls. What the service refuses for good is stored as the call's own error."""
    run(RemoteCall.objects.all(), _work, ids=call_ids, task_id=task_id)


def send_due() -> None:
    """What the beat repeats: give workers the calls that are due, and that no message is under way for.

    Refused photographs that have been erased since leave nothing, not even their ids.
    """
    photograph = ReferenceImage.objects.filter(uuid=OuterRef("own_id"))
    RemoteCall.objects.filter(~Exists(photograph), operation=Operation.ADD, status=Status.FAILED).delete()
    moment = timezone.now() - timedelta(seconds=settings.SWEEP_SECONDS)
    due = RemoteCall.objects.unsent(moment).order_by("next_try_at", "pk")
    rows = list(due.values_list("client_id", "pk")[:MOST_SENT])
    RemoteCall.objects.filter(pk__in=[pk for _, pk in rows]).update(queued_at=timezone.now())
    for client, own in groupby(sorted(rows), key=itemgetter(0)):
        with acting_as(SWEEP_ID):
            enqueue(RemoteCall, ids=[pk for _, pk in own], queue=BULK, client=client)


def _work(calls: Sequence[RemoteCall]) -> list[RemoteCall]:
    started, arrived, rest = time.monotonic(), list[Arrived](), list[RemoteCall]()
    try:
        for number, call in enumerate(calls):
            if number and must_make_way(started):
                rest = list(calls[number:])
                break
            with _put_off(call):
                arrived += _carry_out(call)
    finally:
        _let_be_found(arrived)
    return rest


def _carry_out(call: RemoteCall) -> list[Arrived]:
    """What has arrived and is found after a training; the call is done then. Raises `Unavailable`."""
    if call.operation == Operation.ADD:
        return _add(call)
    backend = registry.backend_called(call.backend)
    if call.operation == Operation.DROP:
        backend.drop(call.collection)
    else:
        backend.remove(call.collection, call.face_ids)
    _done(call)
    return []


@contextmanager
def _put_off(*calls: RemoteCall) -> Iterator[None]:
    """Calls that fail within are tried again later."""
    try:
        yield
    except Unavailable as error:
        for call in calls:
            RemoteCall.objects.put_off(call, seconds=wait_after(call, error), code=error.code, message=error.message)


def _let_be_found(arrived: Sequence[Arrived]) -> None:
    """Train each collection once for all its new faces, which are ours only then."""
    for name in dict.fromkeys(one.call.collection for one in arrived):
        own = [one for one in arrived if one.call.collection == name]
        with _put_off(*(one.call for one in own)):
            registry.backend_called(own[0].call.backend).train(name)
            for one in own:
                _keep(one.call, one.image_id, one.face)


def wait_after(call: RemoteCall, error: FaceAppError) -> float:
    """Seconds: twice as many after each attempt, or as many as the service asks for, and not the same for all."""
    first = 1.0 if error.is_temporary else REFUSED_WAIT
    wait: float = min(first * 2 ** min(call.tries, 20), LONGEST_WAIT) * random.uniform(0.8, 1.2)  # noqa: S311  no secret
    asked = error.wait if isinstance(error, RemoteUnavailable) else None
    return max(wait, asked or 0.0)


def _done(call: RemoteCall) -> bool:
    """Whether it was still ours."""
    return bool(RemoteCall.objects.held_as(call).delete()[0])


# ---- adding -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Arrived:
    """A face that the service has, and finds after a training."""

    call: RemoteCall
    image_id: int
    face: RemoteFace


def _add(call: RemoteCall) -> list[Arrived]:
    """Raises `Unavailable`. A photograph that the service does not take fails for good."""
    backend, collection = (
        registry.backend_called(call.backend),
        RemoteCollection.objects.filter(name=call.collection).first(),
    )
    image = wanted_image(collection, call.own_id) if collection else None
    if image is None or collection is None:
        _give_up(call)
        return []
    if EnrolledFace.objects.filter(collection=collection, reference_image=image).exists():
        _done(call)
        return []
    try:
        picture = portrait_of(image, registry.abilities_of(call.backend))
        if not collection.is_made:
            backend.ensure(collection.name)
            RemoteCollection.objects.filter(pk=collection.pk).update(is_made=True)
        RemoteCall.objects.held_as(call).update(tries=call.tries + 1)  # whatever happens next, it may have arrived
        face = backend.add(collection.name, picture, str(image.uuid), is_first=call.is_first)
    except InvalidInput as error:
        call.fail(error)
        return []
    if backend.abilities.needs_training:
        return [Arrived(call, image.pk, face)]
    _keep(call, image.pk, face)
    return []


def wanted_image(collection: RemoteCollection, own_id: UUID | None) -> ReferenceImage | None:
    """The photograph, if it is its place."""
    images = ReferenceImage.objects.filter(person__gallery=collection.gallery_id).select_related("person")
    return images.filter(uuid=own_id).first()


def _give_up(call: RemoteCall) -> None:
    """The photograph is gone: what an earlier attempt may have added goes too."""
    backend = registry.backend_called(call.backend)
    if not call.is_first:
        backend.remove(call.collection, [face.face_id for face in backend.find(call.collection, str(call.own_id))])
    _done(call)


@transaction.atomic
def _keep(call: RemoteCall, image_id: int, face: RemoteFace) -> None:
    """Remember the face, or have it removed if the photograph was erased, moved or left without its collection
    meanwhile. If the claim was lost, whoever has it now finds the face.
    """
    try:
        owner = lock_owner_of(image_id)
    except PersonNotFound:
        owner = None
    images = ReferenceImage.objects.select_for_update(no_key=True).filter(pk=image_id, person=owner)
    collection = (
        RemoteCollection.objects.filter(name=call.collection, gallery=owner.gallery_id).first() if owner else None
    )
    if not RemoteCall.objects.held_as(call).exists():
        return
    if images and collection:
        own = {"collection": collection, "reference_image_id": image_id}
        EnrolledFace.objects.get_or_create(**own, defaults={"face_id": face.face_id})
    else:
        is_known = RemoteCollection.objects.filter(name=call.collection).exists()  # or it was made anew by the face
        RemoteCall.objects.create(
            client_id=call.client_id,
            backend=call.backend,
            collection=call.collection,
            operation=Operation.REMOVE if is_known else Operation.DROP,
            face_ids=[face.face_id] if is_known else [],
            queued_at=None,
        )
    _done(call)
