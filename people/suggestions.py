"""Who may be the same person: pairs that the health of a gallery has found, and how far its check has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from audit.services import is_stopped, record, require_searching
from audit.types import Action
from calibration.types import Comparison
from people.galleries import search_in
from people.health import covers, pairs_of, row_of
from people.models import CheckedPerson, FaceTemplate, Gallery, GalleryHealth, OddPhotograph, Person, ReferenceImage
from people.querysets import FindingQuerySet
from people.types import HealthStatus
from work.queues import queue_errors

MOST_COMPARED = 50  # photographs of a person
ANYWHERE = 1e9  # beyond every distance


@dataclass(frozen=True)
class Check:
    """How far the people of a gallery have been compared with one another. `people`: those with a face."""

    status: HealthStatus
    done: int
    people: int
    computed_at: datetime | None


@dataclass(frozen=True)
class Hints:
    """What the gallery's health says of one person. `odd`: ids of photographs unlike the others."""

    alike: FindingQuerySet
    odd: frozenset[int]


def same_person_pairs(gallery: Gallery) -> FindingQuerySet:
    """Pairs within the operating point of a comparison of two people, the nearest first, without those kept apart.

    Complete where that point is within `people.health.BAND` of the gallery's threshold. Raises as `search_in` does.
    """
    searched = search_in(client=gallery.client, galleries=[gallery], one_to_one=True, beside=True)
    return pairs_of(_row(gallery, searched.space.name), searched.point.threshold)


def hints_of(person: Person) -> Hints:
    """Raises as `search_in` does."""
    pairs = same_person_pairs(person.gallery).filter(Q(person=person) | Q(other=person))
    threshold = search_in(client=person.client, galleries=[person.gallery], beside=True).point.threshold
    odd = OddPhotograph.objects.filter(person=person, health__gallery=person.gallery, distance__gt=threshold)
    return Hints(pairs, frozenset(odd.values_list("image", flat=True)))


def is_unlike(image: ReferenceImage) -> bool:
    """Whether a photograph is farther from all others of its person than two photographs of one person may be.

    Not of the only one, and not while searching is stopped. Raises as `search_in` does.
    """
    person = image.person
    if is_stopped(person.client_id):
        return False
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=True)
    own = searched.templates
    apart = own.apart([person.pk], metric=searched.point.metric, threshold=searched.point.threshold)
    return any(photograph == image.pk for _, photograph, _ in apart)


def compare_people(person: Person, other: Person) -> Comparison | None:
    """The two nearest photographs of two people of one client, in a one-to-one comparison; None without a face.

    Of each the newest `MOST_COMPARED` count. It is recorded. Raises `SearchingStopped`, or as `search_in` does.
    """
    require_searching(person.client_id)
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=True)
    own = FaceTemplate.objects.of_client(person.client).in_space(searched.space.name)
    newest = [list(own.of_person(one).order_by("-pk")[:MOST_COMPARED]) for one in (person, other)]
    if not all(newest):
        return None
    theirs = own.filter(pk__in=[template.pk for template in newest[1]])
    probes = [template.embedding for template in newest[0]]
    found = theirs.within(probes, metric=searched.point.metric, threshold=ANYWHERE)
    [compared] = searched.point.compare([min(near[0].distance for near in found if near)])
    named, results = [person.audit_name, other.audit_name], int(compared.matches)
    record(Action.COMPARE, client_id=person.client_id, objects=named, searched=searched.audited, results=results)
    return compared


# ---- the check --------------------------------------------------------------------------------------------------
def check_of(gallery: Gallery) -> Check:
    """How far it has come, by totals: `people.health` finds out who is missing. Raises as `search_in` does."""
    searched = search_in(client=gallery.client, galleries=[gallery], beside=True)
    row, totals = _row(gallery, searched.space.name), {"templates": Count("pk"), "last": Max("pk")}
    stored = searched.templates.aggregate(people=Count("person", distinct=True), **totals)
    if row is None:
        return Check(HealthStatus.NEVER_COMPUTED, 0, stored["people"], None)
    totals = {"templates": Sum("templates"), "last": Max("last_template")}
    done = CheckedPerson.objects.filter(health=row, round=row.round).aggregate(people=Count("pk"), **totals)
    is_complete = covers(row, searched.point.threshold) and done | {"templates": done["templates"] or 0} == stored
    status = HealthStatus.CURRENT if is_complete else HealthStatus.OUTDATED
    if row.started_at or row.computed_at is None:
        status = HealthStatus.COMPUTING if row.started_at else HealthStatus.NEVER_COMPUTED
    return Check(status, min(done["people"], stored["people"]), stored["people"], row.computed_at)


def request_check(gallery: Gallery) -> None:
    """Compare everybody of the gallery anew, in the background, unless that is under way.

    Raises `SearchingStopped`, `Unavailable` (`queue.unavailable`), or as `search_in` does.
    """
    from people.tasks import tend_health

    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery], beside=True)
    row = row_of(gallery, searched.space, searched.point.threshold)
    if row is None:
        return
    if row.started_at is None:
        again = {"round": row.round + 1, "started_at": timezone.now()}
        GalleryHealth.objects.filter(pk=row.pk, started_at=None).update(**again)
    with queue_errors():
        tend_health.delay()


def _row(gallery: Gallery, space: str) -> GalleryHealth | None:
    return GalleryHealth.objects.select_related("gallery").filter(gallery=gallery, space=space).first()
