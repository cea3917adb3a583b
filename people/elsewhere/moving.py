"""Moves between our own database and remote services: respaces whose `space` is the name of a back end.

Photographs are added to new collections by the calls of the outbox while the old back end goes on deciding. Templates
of our own stay in any case, so that the way back needs nothing computed.
"""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from clients.models import Client
from people.elsewhere.places import add_to, collection_of
from people.elsewhere.rows import EnrolledFace, Operation, RemoteCall, RemoteCallQuerySet, RemoteCollection, lacking_in
from people.models import FaceTemplate, Gallery, ReferenceImage, Respace
from people.querysets import GalleryQuerySet, PersonQuerySet, ReferenceImageQuerySet
from remote.registry import MODULES, NAMES, OURS
from work.models import Status

AT_ONCE = 8  # calls of one move that wait or are carried out


def is_move(respace: Respace) -> bool:
    """Whether it is about a back end rather than a space."""
    return respace.space in NAMES


def lacking(respace: Respace) -> ReferenceImageQuerySet:
    """Photographs that the new back end has not got."""
    own = ReferenceImage.objects.of_client(respace.client).with_file()
    return own.filter(lacking_in(respace.space)) if respace.space in MODULES else own.none()


def calls_of(respace: Respace) -> RemoteCallQuerySet:
    """Calls that add photographs there."""
    return RemoteCall.objects.of_client(respace.client).filter(backend=respace.space, operation=Operation.ADD)


def failed_of(respace: Respace) -> int:
    return calls_of(respace).filter(status=Status.FAILED).count()


def begin(respace: Respace) -> None:
    """Let photographs that failed be tried again."""
    calls_of(respace).filter(status=Status.FAILED).delete()


def hand_out(respace: Respace) -> None:
    """Calls for the next photographs; without any left, and none under way, the new back end is complete."""
    free = AT_ONCE - calls_of(respace).unfinished().count()
    images = lacking(respace)
    for gallery in Gallery.objects.filter(pk__in=images.values("person__gallery")).order_by("pk"):
        if free > 0:
            own = images.filter(person__gallery=gallery)
            free -= add_to(collection_of(gallery, respace.space), own, most=free)
    if not calls_of(respace).unfinished().exists():
        newest = ReferenceImage.objects.of_client(respace.client).order_by("-pk").values_list("pk", flat=True).first()
        respace.computed_at, respace.last_image_id = timezone.now(), newest or 0
    respace.save(update_fields=["last_image_id", "computed_at"])


# ---- switching --------------------------------------------------------------------------------------------------
def switch(respace: Respace, galleries: GalleryQuerySet) -> None:
    """The new back end decides; thresholds, which are distances of the old one, are set aside."""
    galleries.exclude(backend=respace.space).update(
        backend=respace.space,
        former_backend=F("backend"),
        threshold=F("former_threshold"),
        former_threshold=F("threshold"),
    )
    Client.objects.filter(pk=respace.client_id).update(backend=respace.space)


def switch_back(respace: Respace, galleries: GalleryQuerySet) -> None:
    moved = galleries.exclude(former_backend="")
    former = moved.order_by("-is_default", "pk").values_list("former_backend", flat=True).first()
    if former:
        Client.objects.filter(pk=respace.client_id).update(backend=former)
    moved.update(
        backend=F("former_backend"),
        former_backend=F("backend"),
        threshold=F("former_threshold"),
        former_threshold=F("threshold"),
    )


def forget_unused(client: Client) -> int:
    """Have collections that decide nowhere dropped. Returns how many faces they hold."""
    unused = RemoteCollection.objects.of_client(client).exclude(backend=F("gallery__backend"))
    count = EnrolledFace.objects.filter(collection__in=unused).count()
    unused.delete()
    return count


# ---- people at risk ---------------------------------------------------------------------------------------------
def lost_by_switch(people: PersonQuerySet, backend: str) -> PersonQuerySet:
    """Those who are found by their gallery's back end now, and would not be by this one."""
    there = _in_ours() if backend == OURS else _in_collection_of(backend)
    return people.exclude(gallery__backend=backend).filter(_found_by("gallery__backend")).exclude(there)


def lost_since_switch(people: PersonQuerySet) -> PersonQuerySet:
    """Those who were found by the former back end, and are not any more."""
    found = _found_by("gallery__backend")
    return people.exclude(gallery__former_backend="").filter(_found_by("gallery__former_backend")).exclude(found)


def lost_by_return(people: PersonQuerySet) -> PersonQuerySet:
    """Those who are found now, and would not be by the former back end."""
    found = _found_by("gallery__former_backend")
    return people.exclude(gallery__former_backend="").filter(_found_by("gallery__backend")).exclude(found)


def _found_by(field: str) -> Q:
    ours = Q(**{field: OURS})
    return (ours & Q(_in_ours())) | (~ours & Q(_in_collection_of(OuterRef(field))))


def _in_ours() -> Exists:
    templates = FaceTemplate.objects.filter(person=OuterRef("pk"), space=OuterRef("gallery__space"))
    return Exists(templates)


def _in_collection_of(backend: str | OuterRef) -> Exists:
    return Exists(EnrolledFace.objects.filter(reference_image__person=OuterRef("pk"), collection__backend=backend))
