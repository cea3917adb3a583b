"""What clients are told of screening (`notifications`): hits, and jobs whose images are all finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from django.db import connection

from blacklist.models import BlacklistEntry
from calibration.types import Decision, OperatingPoint
from notifications.services import forget, is_wanted, notify, withdraw
from notifications.types import Event, Message

if TYPE_CHECKING:
    from blacklist.types import Hit
    from recognition.models import Job, Match, ProcessedImage

LOCK = 0x646F_6E65  # of an advisory lock for each job
MOST_HITS = 50  # in one message; `count` has the whole number
Nearness = tuple["ProcessedImage", int, "Hit"]  # an image, the place of a face in it, and whom that resembles


def tell_of_hits(near: Iterable[Nearness], point: OperatingPoint, *, client_id: int) -> None:
    """Tell of the blacklist entries that images show. Those that are for review only are no hits.

    `near` is in the order of the images. Where two persons judge hits, `tell_of_confirmed` tells of them.
    """
    hits = [one for one in near if _point_of(one[2], point).decide(one[2].distance) == Decision.MATCH]
    if not hits or not is_wanted(Event.HIT, client_id=client_id):
        return
    judged_by_one = BlacklistEntry.objects.filter(gallery__two_person_review=False)
    names = dict(judged_by_one.filter(pk__in={hit.entry_id for *_, hit in hits}).values_list("pk", "name"))
    hits = [one for one in hits if one[2].entry_id in names]
    messages = [_message(image, list(of_image), point, names) for image, of_image in groupby(hits, key=itemgetter(0))]
    notify(Event.HIT, *messages, client_id=client_id)


def _point_of(hit: Hit, point: OperatingPoint) -> OperatingPoint:
    """What decides on a hit: a remote service's point, or that of the search."""
    return hit.there.point if hit.there else point


def tell_of_confirmed(matches: Sequence[Match], *, after: timedelta) -> None:
    """Tell that hits of a client have been confirmed, by two persons where their gallery wants them, after a while."""
    messages = [_message_of(match) for match in matches]
    notify(Event.HIT_CONFIRMED, *messages, client_id=matches[0].client_id, after=after)


def _message_of(match: Match) -> Message:
    image, entry = match.face.image, match.entry
    data = {
        "image": image.number,
        "image_uuid": str(image.uuid),
        "entry": entry.number,
        "face": match.face.index,
        "metric": match.metric,
        "distance": match.distance,
        "threshold": match.threshold,
        "decided_at": match.decided_at.isoformat() if match.decided_at else None,
        "url": f"/api/v1/processed-images/{image.number}/",
    }
    objects = [f"job:{image.job_id}", image.audit_name, f"person:{entry.number}"]
    return Message(_key_of(match), data, objects, data | {"name": entry.name})


def tell_not_of_confirmed(match: Match) -> None:
    """The hit is open again; whoever has been told keeps the message."""
    withdraw(Event.HIT_CONFIRMED, _key_of(match), client_id=match.face.image.client_id)


def _key_of(match: Match) -> str:
    return f"{match.face.image.audit_name}:{match.face.index}:{match.entry.number}"


def _message(
    image: ProcessedImage, hits: Sequence[Nearness], point: OperatingPoint, names: Mapping[int, str]
) -> Message:
    told = [
        {
            "entry": hit.entry_number,
            "face": face,
            "distance": hit.distance,
            "url": f"/api/v1/blacklist/{hit.entry_number}/",
        }
        for _, face, hit in hits[:MOST_HITS]
    ]
    named = [item | {"name": names[hit.entry_id]} for item, (*_, hit) in zip(told, hits, strict=False)]
    data = {
        "job": str(image.job_id),
        "image": image.number,
        "image_uuid": str(image.uuid),
        "url": f"/api/v1/processed-images/{image.number}/",
        "metric": _point_of(hits[0][2], point).metric,
        "threshold": _point_of(hits[0][2], point).threshold,
        "count": len(hits),
        "hits": told,
    }
    people = [f"person:{hit.entry_number}" for *_, hit in hits[:MOST_HITS]]
    objects = [f"job:{image.job_id}", image.audit_name, *people]
    return Message(image.audit_name, data, objects, data | {"hits": named})


def forget_told(images: Iterable[ProcessedImage]) -> None:
    """Erase messages about images that are erased, or lose faces."""
    names: dict[int, list[str]] = {}
    for image in images:
        names.setdefault(image.client_id, []).append(image.audit_name)
    for client_id, of_client in names.items():
        forget(of_client, client_id=client_id)


def tell_if_done(job: Job) -> None:
    """Tell that a job is done, if no image is left, in the transaction that has finished some of them.

    Of two workers that finish the last images at once, the second waits here, and then sees what the first has stored.
    """
    if not is_wanted(Event.JOB_DONE, client_id=job.client_id):
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, job.pk.int & 0x7FFF_FFFF])
    found = type(job).objects.with_progress().get(pk=job.pk)
    if found.done < found.total:
        return
    data = {
        "job": str(job.pk),
        "status": str(found.status),
        "images": found.total,
        "failed": found.failed,
        "url": f"/api/v1/jobs/{job.pk}/",
    }
    name = f"job:{job.pk}"
    notify(Event.JOB_DONE, Message(name, data, [name]), client_id=job.client_id)
