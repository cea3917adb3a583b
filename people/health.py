"""The health of a gallery: people who look like one another, photographs that look unlike their person, poor ones.

A periodic task compares everybody with the others of the gallery, by the templates of the space that decides there, and
stores what it finds as rows that go together with the people and photographs they are about. Of every person it keeps
by which templates it compared, so that it goes on after an interruption, and afterwards only compares people whose
templates have changed.

The threshold of a gallery moves with the number of its people. Findings are therefore kept for all thresholds within
`BAND` of the one at the time, and lists are cut at the threshold of now. Only beyond the band is everybody compared
again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.services import is_stopped
from calibration.types import OperatingPoint
from errors import FaceAppError
from people.galleries import search_in
from people.models import (
    CheckedPerson,
    FaceTemplate,
    Gallery,
    GalleryHealth,
    KeptApart,
    LookAlikes,
    OddPhotograph,
    ReferenceImage,
    SearchIndex,
)
from people.neighbours import SearchedTemplates
from people.querysets import FaceTemplateQuerySet, FindingQuerySet
from people.types import GalleryKind, HealthStatus, Resemblance
from vision.quality import RECOGNISABLE
from vision.types import Space
from work.alone import alone

log = logging.getLogger(__name__)

POOR = RECOGNISABLE  # photographs of a lower recognisability are poor
BAND = 0.1  # share of the threshold by which it may move
MOST_ALIKE = 20  # templates of other people that are found for each template
AT_ONCE = 200  # templates that are compared in one statement
LISTED = 20_000  # people whom one run looks at, in a gallery
RUN_SECONDS = 20.0  # of one run, which begins every minute
LOCK = 0x6865_616C_7468  # the advisory lock of the process that computes

Changed = tuple[int, int, int]  # a person, the number of templates, the highest id


@dataclass(frozen=True)
class Health:
    """What is known of a gallery. `point` is its operating point now; the lists are empty before the first run.

    `computed_at`: when the last computation ended.
    """

    gallery: Gallery
    space: str
    point: OperatingPoint
    status: HealthStatus
    computed_at: datetime | None
    look_alikes: FindingQuerySet  # the nearest first
    odd_photographs: FindingQuerySet  # the furthest first
    poor_people: FindingQuerySet  # the worst first


def health_of(gallery: Gallery) -> Health:
    """The health of a gallery, with lists that are read page by page. Raises as `search_in` does."""
    searched = search_in(client=gallery.client, galleries=[gallery], beside=True)
    point, space = searched.point, searched.space.name
    row = GalleryHealth.objects.select_related("gallery").filter(gallery=gallery, space=space).first()
    return Health(
        gallery,
        space,
        point,
        _status(row, point.threshold) if row else HealthStatus.NEVER_COMPUTED,
        row.computed_at if row else None,
        pairs_of(row, point.threshold),
        OddPhotograph.objects.filter(health=row, distance__gt=point.threshold)
        .with_people("person")
        .select_related("image"),
        CheckedPerson.objects.filter(health=row).poor().with_people("person").select_related("best_image"),
    )


def pairs_of(row: GalleryHealth | None, threshold: float) -> FindingQuerySet:
    """Of those that were found, the ones within the threshold that nobody has kept apart, the nearest first."""
    if row is None:
        return LookAlikes.objects.none()
    # The gallery as a number: by that of the health's row, PostgreSQL would begin with everybody in it.
    still = {"person__gallery": row.gallery_id, "other__gallery": row.gallery_id}
    pairs = LookAlikes.objects.filter(~KeptApart.objects.of_pair(), health=row, distance__lte=threshold, **still)
    return pairs.select_related("person", "other", "image", "other_image")


def _status(health: GalleryHealth, threshold: float) -> HealthStatus:
    if health.started_at:
        return HealthStatus.COMPUTING
    if health.computed_at is None:
        return HealthStatus.NEVER_COMPUTED
    is_current = covers(health, threshold) and not CheckedPerson.objects.missing(health, 1)
    return HealthStatus.CURRENT if is_current else HealthStatus.OUTDATED


def covers(health: GalleryHealth, threshold: float) -> bool:
    """Whether its findings are complete for this threshold."""
    return abs(threshold - health.threshold) <= BAND * health.threshold


# ---- computing --------------------------------------------------------------------------------------------------
def tend_health(seconds: float = RUN_SECONDS) -> None:
    """Compute what is missing in all galleries, for so long; one process at a time, others leave at once.

    May be stopped at any time: the next run goes on. Galleries of clients that may not search are left out.
    """
    until = monotonic() + seconds
    with alone(LOCK) as is_alone:
        # In any order, so that a large gallery does not keep the others waiting.
        for gallery in Gallery.objects.select_related("client").order_by("?") if is_alone else ():
            if monotonic() >= until:
                return
            if is_stopped(gallery.client_id):
                continue
            try:
                with suppress(IntegrityError):  # the gallery has been deleted meanwhile
                    _tend(gallery, until)
            except FaceAppError as error:  # the space is not enabled, or has no usable table
                log.warning("The health of gallery %s cannot be computed: %s", gallery.pk, error.code)


def _tend(gallery: Gallery, until: float) -> None:
    searched = search_in(client=gallery.client, galleries=[gallery], beside=True)
    health = row_of(gallery, searched.space, searched.point.threshold)
    changed = CheckedPerson.objects.missing(health, LISTED) if health else []
    if health is None or (health.computed_at and not changed and not health.started_at):
        return
    row = GalleryHealth.objects.filter(pk=health.pk)
    if health.started_at is None:
        row.update(started_at=timezone.now())
    for people in _chunks(changed):
        if monotonic() >= until:
            return
        _check(health, searched.space, people)
    if len(changed) < LISTED:
        row.update(started_at=None, computed_at=timezone.now())


@transaction.atomic
def row_of(gallery: Gallery, space: Space, threshold: float) -> GalleryHealth | None:
    """The row for this space; findings of another one are dropped. Another threshold begins another round.

    None if the gallery has been deleted.
    """
    if not Gallery.objects.hold(gallery.pk):
        return None
    GalleryHealth.objects.filter(gallery=gallery).exclude(space=space.name).delete()
    defaults = {"space": space.name, "threshold": threshold}
    health, _ = GalleryHealth.objects.select_related("gallery").get_or_create(gallery=gallery, defaults=defaults)
    if not covers(health, threshold):
        health.round, health.threshold, health.started_at = health.round + 1, threshold, timezone.now()
        health.save(update_fields=["round", "threshold", "started_at"])
    return health


def _chunks(changed: Iterable[Changed]) -> Iterator[list[Changed]]:
    """People who have `AT_ONCE` templates together, or one who has more."""
    chunk: list[Changed] = []
    for one in changed:
        if chunk and sum(count for _, count, _ in chunk) + one[1] > AT_ONCE:
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def _check(health: GalleryHealth, space: Space, changed: Sequence[Changed]) -> None:
    """Compare these people with all others, and their photographs with each other."""
    people = [person for person, _, _ in changed]
    own = FaceTemplate.objects.of_client(health.gallery.client).in_space(space.name).in_galleries([health.gallery_id])
    alike = _look_alikes(own, health, space.metric, people)
    odd = own.apart(people, metric=space.metric, threshold=health.threshold * (1 - BAND))
    _store(health, changed, _nearest_of_each_pair(alike), odd)


def _look_alikes(
    own: FaceTemplateQuerySet, health: GalleryHealth, metric: str, people: Sequence[int]
) -> Iterable[Resemblance]:
    """By the search index of a large gallery where there is one."""
    gallery, threshold = health.gallery, health.threshold * (1 + BAND)
    usable = SearchIndex.objects.usable(
        client=gallery.client, kind=GalleryKind(gallery.kind), space=health.space, metric=metric
    )
    indexes = [index for index in usable if index.gallery_id == gallery.pk]
    if not indexes:
        return own.look_alikes(people, metric=metric, threshold=threshold, limit=MOST_ALIKE)
    found = []
    for template in own.filter(person__in=people):
        searched = SearchedTemplates(own.exclude(person=template.person_id), own.none(), indexes, metric)
        for near in searched.nearest(template.embedding, limit=MOST_ALIKE):
            pair = (near.person_id, near.reference_image_id, near.distance)
            found.append(Resemblance(template.person_id, template.reference_image_id, *pair))
    return [one for one in found if one.distance <= threshold]


def _nearest_of_each_pair(found: Iterable[Resemblance]) -> list[Resemblance]:
    """Each pair once, the older person first."""
    pairs: dict[tuple[int, int], Resemblance] = {}
    for one in sorted(found, key=lambda one: one.distance):
        if one.person_id > one.other_id:
            one = Resemblance(one.other_id, one.other_image_id, one.person_id, one.reference_image_id, one.distance)
        pairs.setdefault((one.person_id, one.other_id), one)
    return list(pairs.values())


@transaction.atomic
def _store(
    health: GalleryHealth,
    changed: Sequence[Changed],
    alike: Sequence[Resemblance],
    odd: Sequence[tuple[int, int, float]],
) -> None:
    """Replace what is known of these people. Anyone who was changed, merged or erased meanwhile waits for the next run.

    A pair that was found before stays true while both photographs exist; with one of them its row goes.
    """
    wanted, held = _held([person for person, _, _ in changed], alike, odd)
    claimed = [(image, person) for person, image, _ in odd]
    claimed += [(one.reference_image_id, one.person_id) for one in alike]
    claimed += [(one.other_image_id, one.other_id) for one in alike]
    moved = {image for image, person in claimed if image in held and held[image].person_id != person}
    whole = {person for person, images in wanted.items() if images and images <= held.keys() - moved}
    OddPhotograph.objects.filter(person__in=whole).delete()
    OddPhotograph.objects.bulk_create(
        OddPhotograph(health=health, person_id=person, image_id=image, distance=distance)
        for person, image, distance in odd
        if person in whole
    )
    LookAlikes.objects.bulk_create(
        [
            LookAlikes(
                health=health,
                person_id=one.person_id,
                other_id=one.other_id,
                image_id=one.reference_image_id,
                other_image_id=one.other_image_id,
                distance=one.distance,
            )
            for one in alike
            if whole & {one.person_id, one.other_id}
        ],
        update_conflicts=True,
        unique_fields=["person", "other"],
        update_fields=["health", "image", "other_image", "distance"],
    )
    photographs = defaultdict(list)
    for image in held.values():
        photographs[image.person_id].append(image)
    CheckedPerson.objects.bulk_create(
        [
            CheckedPerson(
                person_id=person,
                health=health,
                round=health.round,
                templates=templates,
                last_template=last,
                **_best(photographs[person]),
            )
            for person, templates, last in changed
            if person in whole
        ],
        update_conflicts=True,
        unique_fields=["person"],
        update_fields=["health", "round", "templates", "last_template", "best_image", "recognisability", "reason"],
    )


def _held(
    people: Sequence[int], alike: Sequence[Resemblance], odd: Sequence[tuple[int, int, float]]
) -> tuple[dict[int, set[int]], dict[int, ReferenceImage]]:
    """The photographs that each person's findings need, and those of them that nobody changes until we have stored.

    An erasure that had looked for our rows before they were there could not delete the photograph.
    """
    wanted: dict[int, set[int]] = {person: set() for person in people}
    for person, image in ReferenceImage.objects.filter(person__in=people).values_list("person", "pk"):
        wanted[person].add(image)
    for person, image, _ in odd:
        wanted[person].add(image)
    for one in alike:
        for person in wanted.keys() & {one.person_id, one.other_id}:
            wanted[person] |= {one.reference_image_id, one.other_image_id}
    images = ReferenceImage.objects.filter(pk__in=set().union(*wanted.values())).select_related("person")
    locked = images.select_for_update(of=("self", "person"), no_key=True, skip_locked=True)
    return wanted, {image.pk: image for image in locked.order_by("pk")}


def _best(photographs: Sequence[ReferenceImage]) -> dict[str, Any]:
    """The photograph with the highest recognisability, and what is wrong with it if it is poor."""
    best = max(photographs, key=lambda image: (_remark(image) == "", _recognisability(image) or 0.0, -image.pk))
    return {"best_image": best, "recognisability": _recognisability(best), "reason": _remark(best)}


def _recognisability(image: ReferenceImage) -> float | None:
    share: float | None = image.quality.get("recognisability")
    return share


def _remark(image: ReferenceImage) -> str:
    """Why a photograph is poor, as `vision.quality` says it; empty for a good one, and if nothing is known."""
    share, reason = _recognisability(image), image.quality.get("recognisability_reason")
    if share is not None and share >= POOR:
        return ""
    return str(reason or ("" if share is None else "unclear"))
