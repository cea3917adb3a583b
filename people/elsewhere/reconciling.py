"""Comparing what we believe to be at a remote service with what is there, and mending both sides.

Nothing is compared while a collection has calls that are under way: they would look like differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from errors import FaceAppError
from people.elsewhere.places import add_to
from people.elsewhere.rows import EnrolledFace, Operation, RemoteCall, RemoteCollection
from people.models import ReferenceImage
from remote import registry
from remote.contract import RemoteFace
from remote.exceptions import CollectionGone
from work.models import Status


@dataclass
class Difference:
    """What one collection has and lacks. `problem`: why it could not be compared.

    `missing`: faces that we have an id of, and the service has not got. `unknown`: faces of the service of which we do
    not know. `unlisted`: faces with the id of a photograph that belongs there, of which we had no id. `absent`:
    photographs that were never added. `failed`: photographs that the service did not take.
    """

    collection: RemoteCollection
    is_gone: bool = False
    missing: list[EnrolledFace] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unlisted: list[tuple[int, str]] = field(default_factory=list)
    absent: int = 0
    failed: int = 0
    waiting: int = 0
    problem: str = ""

    @property
    def is_clean(self) -> bool:
        return not (self.is_gone or self.missing or self.unknown or self.unlisted or self.absent or self.problem)


def differences(collections: Iterable[RemoteCollection]) -> list[Difference]:
    """Of each collection; asks the service for every face, page by page."""
    return [_difference(collection) for collection in collections]


def _difference(collection: RemoteCollection) -> Difference:
    calls = RemoteCall.objects.filter(collection=collection.name)
    found = Difference(collection, waiting=calls.unfinished().count())
    found.failed = calls.filter(status=Status.FAILED).count()
    try:
        there = list(registry.backend_called(collection.backend).faces(collection.name))
    except CollectionGone:
        there, found.is_gone = [], collection.is_made
    except FaceAppError as error:
        found.problem = f"{error.code}: {error.message}"
        return found
    _compare(found, there, under_way=_under_way(calls.unfinished()))
    return found


@dataclass(frozen=True)
class UnderWay:
    """What calls that are not finished will change: our ids that are added, the service's ids that are removed."""

    added: frozenset[str]
    removed: frozenset[str]


def _under_way(calls: Iterable[RemoteCall]) -> UnderWay:
    rows = list(calls)
    added = frozenset(str(call.own_id) for call in rows if call.operation == Operation.ADD)
    return UnderWay(added, frozenset(face for call in rows for face in call.face_ids))


def _compare(found: Difference, there: Iterable[RemoteFace], *, under_way: UnderWay) -> None:
    collection = found.collection
    ours = {face.face_id: face for face in EnrolledFace.objects.filter(collection=collection)}
    belonging = ReferenceImage.objects.filter(person__gallery=collection.gallery_id).with_file()
    photographs = {str(uuid): pk for pk, uuid in belonging.values_list("pk", "uuid")}
    known = {face.reference_image_id for face in ours.values()}
    ids = set[str]()
    for face in there:
        ids.add(face.face_id)
        if face.face_id in ours or face.face_id in under_way.removed or face.own_id in under_way.added:
            continue
        image = photographs.get(face.own_id)
        if image is None or image in known:
            found.unknown.append(face.face_id)
        else:
            found.unlisted.append((image, face.face_id))
            known.add(image)
    found.missing = [face for face_id, face in ours.items() if face_id not in ids]
    failed = RemoteCall.objects.filter(collection=collection.name, operation=Operation.ADD, status=Status.FAILED)
    refused = {str(call.own_id) for call in failed}
    found.absent = sum(
        pk not in known and uuid not in under_way.added and uuid not in refused for uuid, pk in photographs.items()
    )


@transaction.atomic
def mend(found: Difference, *, again: bool = False) -> None:
    """Calls and rows that end the differences, which workers carry out. `again`: try photographs that failed too.

    A face that is missing there is added from its photograph; one that nobody knows of is removed; one that is there by
    our id is remembered. A collection that is gone is made anew, with all faces.
    """
    collection = found.collection
    if found.problem:
        return
    if found.is_gone:
        RemoteCollection.objects.filter(pk=collection.pk).update(is_made=False)
    lost = [face.pk for face in found.missing]
    EnrolledFace.objects.filter(pk__in=lost).delete()  # with a call that finds nothing there, and harms nothing
    here = _still_here(found)
    EnrolledFace.objects.bulk_create(
        [EnrolledFace(collection=collection, reference_image_id=image, face_id=face) for image, face in found.unlisted
         if image in here],
        ignore_conflicts=True,
    )  # fmt: skip
    if unknown := found.unknown + [face for image, face in found.unlisted if image not in here]:
        RemoteCall.objects.create(
            client_id=collection.client_id,
            backend=collection.backend,
            collection=collection.name,
            operation=Operation.REMOVE,
            face_ids=unknown,
            queued_at=None,
        )
    if again:
        calls = RemoteCall.objects.filter(collection=collection.name, status=Status.FAILED)
        calls.delete()
    if is_wanted(collection):
        add_to(collection, ReferenceImage.objects.filter(person__gallery=collection.gallery_id))


def _still_here(found: Difference) -> set[int]:
    """Photographs whose faces are to be remembered, kept until the transaction ends: others were erased or moved since
    the service was asked.
    """
    own = ReferenceImage.objects.filter(person__gallery=found.collection.gallery_id)
    listed = own.filter(pk__in=[image for image, _ in found.unlisted]).order_by("pk")
    return set(listed.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def is_wanted(collection: RemoteCollection) -> bool:
    """Whether the collection decides, or is about to: others fill or shrink by their respace."""
    return collection.gallery.backend == collection.backend
