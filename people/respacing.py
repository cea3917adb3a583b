"""Moving a client's people to another space, that is to another model, or to another back end, while they are searched.

1. `start_respace`: workers compute the templates that stored photographs lack in the new space, a few at a time.
   Enrolments write templates in every enabled space anyway.
2. Once every photograph has been tried, searches are decided in both spaces for comparison (`people.shadow`).
3. `switch` makes the new space decide in all of the client's galleries, `switch_back` the old one again.
4. `forget_old` deletes the templates of the old space.

A search reads the space of its galleries once, and the templates of both spaces stay until step 4: it is answered from
one of the two. Photographs that fail keep their old template. A step that would lose people is refused unless the
caller insists. Moves to another back end take the same steps (`people.elsewhere.moving`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from audit.types import Action
from clients.models import Client
from clients.numbering import record_rows
from errors import Unavailable
from people.elsewhere import moving
from people.exceptions import PeopleAtRisk, RespaceInProgress, RespaceNotReady
from people.models import FaceTemplate, Gallery, Person, ReferenceImage, Respace, RespacedImage
from people.persons import lock_owner_of
from people.querysets import GalleryQuerySet, PersonQuerySet, ReferenceImageQuerySet
from people.types import PersonAtRisk, RespaceState
from remote.registry import NAMES, OURS
from storage.files import read_file
from vectors.stored import to_store
from vision import inference
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions
from vision.selection import face_at, recognisable
from vision.types import DetectedFace
from walls.current import EVERYONE, showing
from work.models import Status
from work.queues import BULK
from work.services import enqueue, has_older_work, run

HANDING_OUT = 0x7265_7370_6163_65  # key of an advisory lock
MOST_LISTED = 1000  # people at risk, of those that are counted
SLICE = 2000  # templates that are deleted in one transaction
NO_PHOTOGRAPH = "known by embeddings alone: no photograph is stored"
NOT_EMBEDDED = "no photograph has a template in the new space"
FINISH_SECONDS = 30  # for searches that began before a switch, in addition to FACEAPP_WAIT_SECONDS


# ---- computing --------------------------------------------------------------------------------------------------
def start_respace(*, client: Client, alias: str = "", backend: str = "", only_fill: bool = False) -> Respace:
    """Have workers compute the templates that the client's photographs lack in the space of the engine `alias`, or have
    them added to the collections of a `backend`.

    An unfinished respace to this space goes on; photographs that failed are tried again. `only_fill`: switch nothing
    later, and finish by itself; the same where all galleries are in that space already. Raises `UnknownName` for an
    engine that is not enabled, or `RespaceInProgress` if the client is being moved to another space.
    """
    space = backend or engines[engines.alias_called(alias)].space.name
    with transaction.atomic():
        galleries = Gallery.objects.lock_of(client)
        unfinished = Respace.objects.of_client(client).unfinished().select_for_update()
        known = next((one for one in unfinished if one.space == space), None)
        respace = known or Respace(client=client, space=space, only_fill=True)
        if respace.only_fill and not only_fill:
            if other := next((one for one in unfinished if not one.only_fill), None):
                raise RespaceInProgress(f"The client is being moved to {other.space}. Finish that, or cancel it.")
            Gallery.objects.default_of(client)
            galleries.filter(space="").update(space=engines[DEFAULT].space.name)  # whatever becomes the default
            respace.only_fill = not galleries.exclude(**{"backend" if backend else "space": space}).exists()
        respace.computed_at, respace.last_image_id = None, 0
        respace.save()
        record_rows(Action.SETTINGS_CHANGED, [respace])
        RespacedImage.objects.filter(respace=respace, status=Status.FAILED).delete()
        moving.begin(respace)
    hand_out()
    respace.refresh_from_db()
    return respace


@showing(EVERYONE)
def hand_out() -> None:
    """Give workers the next photographs, as many as may be in work at the same time, whosever they are.

    A worker calls it after each photograph.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [HANDING_OUT])
        count = 0
        free = _at_once() - RespacedImage.objects.unfinished().count()
        enabled = [*(space.name for space in engines.spaces().values()), *NAMES]
        computing = Respace.objects.computing().filter(space__in=enabled).select_related("client")
        for pk in list(computing.order_by("pk").values_list("pk", flat=True)):
            if count >= free:
                break
            for respace in computing.select_for_update(of=("self",)).filter(pk=pk):
                rows = _next_images(respace, free - count)
                count += len(rows)
                if rows:
                    transaction.on_commit(partial(_send, rows, respace.client_id))


def tend_respaces() -> None:
    """What the beat repeats: photographs that came in since, and whatever was not given out."""
    Respace.objects.reopen()
    hand_out()


def _at_once() -> int:
    """A quarter of the workers leaves the others free for callers."""
    workers = settings.WORKER_CONCURRENCY or os.cpu_count() or 1
    return settings.RESPACE_AT_ONCE or max(1, workers // 4)


def _next_images(respace: Respace, count: int) -> list[RespacedImage]:
    """Rows for the next photographs; without any left, and none in work, everything is computed."""
    if moving.is_move(respace):
        moving.hand_out(respace)
        return []
    own = ReferenceImage.objects.of_client(respace.client).without_template_in(respace.space)
    untried = own.exclude(pk__in=respace.images.values("reference_image")).order_by("pk")
    chosen = _held(untried.filter(pk__gt=respace.last_image_id), count)
    busy = respace.images.unfinished().exists()
    if not (chosen or busy):  # ids are not committed in their order
        chosen = _held(untried, count)
    if chosen:
        respace.last_image_id = chosen[-1]
    elif not (busy or untried.exists()):
        respace.computed_at = timezone.now()
        respace.last_image_id = _last_image_id(respace)
        if respace.only_fill:
            respace.state = RespaceState.CLOSED
    respace.save(update_fields=["last_image_id", "computed_at", "state"])
    return RespacedImage.objects.bulk_create(RespacedImage(respace=respace, reference_image_id=pk) for pk in chosen)


def _held(images: ReferenceImageQuerySet, count: int) -> list[int]:
    """The first of these photographs, but for those that are being erased or changed; the others wait for us.

    An erasure that had looked for our rows before they were there could not delete the photograph.
    """
    held = images.select_related("person").select_for_update(of=("self", "person"), no_key=True, skip_locked=True)
    return [image.pk for image in held[:count]]


def _last_image_id(respace: Respace) -> int:
    images = ReferenceImage.objects.of_client(respace.client)
    return images.order_by("-pk").values_list("pk", flat=True).first() or 0


def _send(rows: Sequence[RespacedImage], client: int) -> None:
    with suppress(Unavailable):  # the sweep does it later
        enqueue(RespacedImage, ids=[row.pk for row in rows], queue=BULK, client=client)


# ---- in the workers ---------------------------------------------------------------------------------------------
def embed_images(*, image_ids: Sequence[int], task_id: str) -> None:
    """Compute templates: `run` claims the rows and stores errors as their own. Then the next ones are given out."""
    run(RespacedImage.objects.select_related("respace", "reference_image"), _embed, ids=image_ids, task_id=task_id)
    hand_out()


def _embed(images: Sequence[RespacedImage]) -> list[RespacedImage]:
    """One photograph, which is all that a message carries (`RespacedImage.batch`): callers come first after it."""
    image, *left = images
    reference, alias = image.reference_image, engines.alias_of_space(image.respace.space)
    analysis = inference.analyse(read_file(file=reference.image), AnalysisOptions(aliases=[alias]))
    _store(image, recognisable(face_at(analysis.faces, reference.box)))
    return left


@transaction.atomic
def _store(image: RespacedImage, face: DetectedFace) -> None:
    """The template, unless the claim was lost. Locked in the order in which photographs are deleted.

    Raises `PersonNotFound` if the person was erased meanwhile; then the image's own row is gone as well.
    """
    person, space = lock_owner_of(image.reference_image_id), image.respace.space
    references = ReferenceImage.objects.select_for_update(no_key=True).filter(pk=image.reference_image_id)
    if references and image.finish(Status.DONE):
        FaceTemplate.objects.bulk_create(
            [
                FaceTemplate(
                    client_id=person.client_id,
                    gallery_id=person.gallery_id,
                    person=person,
                    reference_image_id=image.reference_image_id,
                    space=space,
                    embedding=to_store(face.embeddings[space], client_id=person.client_id, space=space),
                )
            ],
            ignore_conflicts=True,
        )
        image.delete()


# ---- switching --------------------------------------------------------------------------------------------------
@transaction.atomic
def switch(*, respace: Respace, lose_people: bool = False) -> list[PersonAtRisk]:
    """Let the new space decide in all galleries of the client, in one step. Returns the people who are lost.

    Thresholds of galleries are distances of the old space: they are set aside. Raises `RespaceNotReady` while templates
    are being computed, `PeopleAtRisk` unless `lose_people`, or `UnknownName` if the engine is not enabled.
    """
    respace, galleries = _locked(respace, RespaceState.OPEN)
    is_move = moving.is_move(respace)
    if not is_move:
        engines.alias_of_space(respace.space)
    if respace.only_fill or respace.computed_at is None:
        raise RespaceNotReady("Not every photograph has been tried in the new space yet.")
    lost = _accepted(_lost_by_switch(respace), lose_people)
    if is_move:
        moving.switch(respace, galleries)
    else:
        switched = galleries.exclude(space=respace.space)
        _exchange_thresholds(switched)
        switched.update(space=respace.space, former_space=F("space"))
    _set_state(respace, RespaceState.SWITCHED)
    return lost


@transaction.atomic
def switch_back(*, respace: Respace, lose_people: bool = False) -> list[PersonAtRisk]:
    """Let the old space decide again, with the thresholds of that time. Raises as `switch` does."""
    respace, galleries = _locked(respace, RespaceState.SWITCHED)
    if moving.is_move(respace):
        lost = _accepted(moving.lost_by_return(Person.objects.of_client(respace.client)), lose_people)
        moving.switch_back(respace, galleries)
        _set_state(respace, RespaceState.OPEN)
        return lost
    switched = galleries.exclude(former_space="")
    for space in set(switched.values_list("former_space", flat=True)):
        engines.alias_of_space(space)
    lost = _accepted(
        Person.objects.of_client(respace.client)
        .exclude(gallery__former_space="")
        .with_template_only(OuterRef("gallery__space"), lacking=OuterRef("gallery__former_space")),
        lose_people,
    )
    _exchange_thresholds(switched)
    switched.update(space=F("former_space"), former_space=F("space"))
    _set_state(respace, RespaceState.OPEN)
    return lost


def _exchange_thresholds(galleries: GalleryQuerySet) -> None:
    """With those that were set aside; a remote gallery's is a distance of no space, and stays."""
    galleries.filter(backend=OURS).update(threshold=F("former_threshold"), former_threshold=F("threshold"))


def forget_old(*, respace: Respace, lose_people: bool = False) -> int:
    """Delete the templates of the old space, and end the respace; there is no way back then. Returns how many.

    May be stopped and repeated. Raises `RespaceNotReady` before the switch, and as long as searches or work from before
    it may still need them; `PeopleAtRisk` for people who have no other template unless `lose_people`.
    """
    with transaction.atomic():
        respace, galleries = _locked(respace, RespaceState.SWITCHED)
        _require_calm(respace)
        _accepted(_lost_since_switch(respace), lose_people)
        former = list(galleries.exclude(former_space="").values_list("pk", "former_space"))
    count = 0
    for gallery, space in former:
        old = FaceTemplate.objects.in_galleries([gallery]).in_space(space).values("pk")
        while deleted := FaceTemplate.objects.filter(pk__in=old[:SLICE]).delete()[0]:
            count += deleted
    if moving.is_move(respace):
        count += moving.forget_unused(respace.client)
    _close(respace)
    return count


def _require_calm(respace: Respace) -> None:
    switched_at = respace.switched_at or timezone.now()
    since = timezone.now() - switched_at
    wait = timedelta(seconds=settings.FACEAPP_WAIT_SECONDS + FINISH_SECONDS)
    if since < wait:
        seconds = (wait - since).seconds + 1
        raise RespaceNotReady(f"Searches from before the switch may still be running. Repeat it in {seconds} seconds.")
    if has_older_work(client=respace.client, than=switched_at):
        raise RespaceNotReady("Work from before the switch is still waiting. Repeat it when that is done.")


def cancel_respace(*, respace: Respace) -> None:
    """End a respace before its switch; templates that have been computed stay. Raises `RespaceNotReady`."""
    with transaction.atomic():
        respace, _ = _locked(respace, RespaceState.OPEN)
        respace.images.all().delete()
        if moving.is_move(respace):
            moving.forget_unused(respace.client)
    _close(respace)


@transaction.atomic
def _close(respace: Respace) -> None:
    Gallery.objects.lock_of(respace.client).update(former_space="", former_backend="", former_threshold=None)
    _set_state(respace, RespaceState.CLOSED)


def _locked(respace: Respace, state: RespaceState) -> tuple[Respace, GalleryQuerySet]:
    """The respace as it is now, and the client's galleries, both locked. Raises `RespaceNotReady` in another state."""
    galleries = Gallery.objects.lock_of(respace.client)
    rows = Respace.objects.select_related("client").select_for_update(of=("self",))
    stored = rows.filter(pk=respace.pk, state=state).first()
    if stored is None:
        needed = "has been switched" if state == RespaceState.SWITCHED else "has not been switched yet"
        raise RespaceNotReady(f"This is possible only for a respace that {needed}.")
    return stored, galleries


def _set_state(respace: Respace, state: RespaceState) -> None:
    respace.state = state
    if state != RespaceState.CLOSED:
        respace.switched_at = timezone.now() if state == RespaceState.SWITCHED else None
    respace.save(update_fields=["state", "switched_at"])
    record_rows(Action.SETTINGS_CHANGED, [respace])


# ---- people at risk ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RespaceProgress:
    """How far a respace is: stored photographs, those that have a template in its space, and those that failed."""

    photographs: int
    templates: int
    failed: int

    @property
    def tried(self) -> int:
        return self.templates + self.failed


def progress_of(respace: Respace) -> RespaceProgress:
    """How far it is, counted now."""
    images = ReferenceImage.objects.of_client(respace.client)
    photographs = images.with_file().count()
    if moving.is_move(respace):
        return RespaceProgress(photographs, photographs - moving.lacking(respace).count(), moving.failed_of(respace))
    lacking = images.without_template_in(respace.space).count()
    return RespaceProgress(photographs, photographs - lacking, respace.images.filter(status=Status.FAILED).count())


def count_at_risk(respace: Respace) -> int:
    """How many people the switch would lose or, afterwards, has lost."""
    return _at_risk(respace).count()


def people_at_risk(respace: Respace) -> list[PersonAtRisk]:
    """Those whom `count_at_risk` counts; at most `MOST_LISTED`."""
    return _listed(_at_risk(respace))


def _at_risk(respace: Respace) -> PersonQuerySet:
    if respace.state == RespaceState.CLOSED:
        return Person.objects.none()
    return _lost_since_switch(respace) if respace.state == RespaceState.SWITCHED else _lost_by_switch(respace)


def _lost_by_switch(respace: Respace) -> PersonQuerySet:
    people = Person.objects.of_client(respace.client)
    if moving.is_move(respace):
        return moving.lost_by_switch(people, respace.space)
    return people.with_template_only(OuterRef("gallery__space"), lacking=respace.space)


def _lost_since_switch(respace: Respace) -> PersonQuerySet:
    if moving.is_move(respace):
        return moving.lost_since_switch(Person.objects.of_client(respace.client))
    people = Person.objects.of_client(respace.client).exclude(gallery__former_space="")
    return people.with_template_only(OuterRef("gallery__former_space"), lacking=OuterRef("gallery__space"))


def _accepted(people: PersonQuerySet, lose_people: bool) -> list[PersonAtRisk]:
    listed = _listed(people)
    if listed and not lose_people:
        raise PeopleAtRisk(listed, people.count())
    return listed


def _listed(people: PersonQuerySet) -> list[PersonAtRisk]:
    photographs = ReferenceImage.objects.with_file().filter(person=OuterRef("pk"))
    rows = people.annotate(has_file=Exists(photographs)).order_by("pk")
    return [
        PersonAtRisk(number, gallery, NOT_EMBEDDED if has_file else NO_PHOTOGRAPH)
        for number, gallery, has_file in rows.values_list("number", "gallery__name", "has_file")[:MOST_LISTED]
    ]
