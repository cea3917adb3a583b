"""Erasing faces from screening: those of people who are erased, while images are stored that show them, and images."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from audit import receipts
from calibration.services import operating_point
from clients.models import Client
from errors import Unavailable
from people.models import Person
from people.types import Held, Leaving, Subject, Taken
from recognition.face_search import erase_found
from recognition.models import FaceSearch, Job, Match, ProcessedFace, ProcessedImage, Verdict
from recognition.news import forget_told
from storage.files import erase_files
from vectors.stored import Rotated
from vision.engines import engines
from work.queues import BULK
from work.services import enqueue

NOT_SEARCHED = "They were not searched for the person; everywhere=true does."
NOT_KEPT = "Their embeddings were not kept (keep_screened_embeddings)."
ARE_SEARCHED = "They are analysed anew in the background; a further receipt names each that shows the person."


def locked_before(people: Sequence[Person], spaces: Collection[str]) -> None:
    """Nothing: screening locks no people."""


def forget(leaving: Leaving) -> Taken:
    """Erase faces that look like the probes, as far as their embeddings were kept, with the files of their images.

    Images without embeddings are searched in the background, after the commit.
    """
    if not leaving.is_whole:
        return Taken()
    found = _like(leaving.person.client, leaving.probes)
    return replace(erase_found(found), remaining=_remaining(leaving))


def hand_over(person: Person, to: Person) -> None:
    """Nothing: faces of screened images belong to entries of the blacklist, if to anybody."""


def _remaining(leaving: Leaving) -> list[dict[str, Any]]:
    client, why = leaving.person.client, NOT_SEARCHED
    images = ProcessedImage.objects.of_client(client).exclude(image="")
    count = images.count()
    if leaving.probes and count:
        last = images.aggregate(last=Max("pk"))["last"] or 0
        probes = {space: [probe.numbers.tolist() for probe in own] for space, own in leaving.probes.items()}
        search = FaceSearch(client=client, receipt=leaving.receipt_id, probes=probes, until_image=last)
        search.created_at = timezone.now()
        count, why = images.to_be_searched(search).count(), ARE_SEARCHED
        if count:
            search.save(force_insert=True)
            transaction.on_commit(partial(_send, search.pk, client.pk))
    days = settings.RETENTION_DAYS if client.retention_days is None else client.retention_days
    return [{"what": "screened_images", "why": why, "count": count, "days": days or None}] if count else []


def _send(search: int, client: int) -> None:
    with suppress(Unavailable):  # the sweep does it later
        enqueue(FaceSearch, ids=[search], queue=BULK, client=client)


def erase_images(images: QuerySet[ProcessedImage]) -> Taken:
    """Erase images with their faces and matches, and jobs that have none left. The caller deletes the files."""
    rows = list(images)
    faces, files = ProcessedFace.objects.filter(image__in=rows).count(), [row.image for row in rows if row.image]
    forget_told(rows)
    ProcessedImage.objects.filter(pk__in=[row.pk for row in rows]).delete()
    Job.objects.filter(pk__in={row.job_id for row in rows}, images=None).delete()
    return Taken(
        counts=Counter(screened_images=len(rows), screened_faces=faces, screened_files=len(files)),
        objects=[receipts.hashed("screened_image", row.uuid) for row in rows],
        files=files,
    )


@transaction.atomic
def again(wanted: frozenset[str]) -> Counter[str]:
    """Erase what receipts name and a restored backup has brought back."""
    faces = receipts.named("processed_face", ProcessedFace.objects.all(), "image__uuid", "index", wanted=wanted)
    with_file = ProcessedImage.objects.exclude(image="")
    shown = receipts.named("processed_image", with_file, "uuid", wanted=wanted)
    whole = receipts.named("screened_image", ProcessedImage.objects.all(), "uuid", wanted=wanted)
    parts = erase_found(faces, images=shown), erase_images(ProcessedImage.objects.filter(pk__in=whole))
    erase_files(files=[file for part in parts for file in part.files])
    return sum((part.counts for part in parts), Counter())


def held(subject: Subject) -> Held:
    """Screened faces that look like the probes, as far as their embeddings were kept; and the person's matches.

    `verdicts` are what people said of those matches, without who they were.
    """
    found = _like(subject.client, subject.probes)
    rows = ProcessedFace.objects.filter(pk__in=found).defer("embedding").select_related("image")
    matches = Match.objects.filter(entry=subject.person.pk if subject.person else None).select_related("face__image")
    verdicts = defaultdict[int, list[dict[str, Any]]](list)
    for verdict in Verdict.objects.filter(match__in=matches).select_related("match"):
        said = {"said": verdict.said, "note": verdict.note, "given_at": verdict.given_at.isoformat()}
        verdicts[verdict.match.face_id].append(said)
    faces = {face.pk: face for face in [*rows, *(match.face for match in matches)]}
    images = ProcessedImage.objects.of_client(subject.client).exclude(image="")
    count = images.exclude(faces__embedding__isnull=False).count()
    missed = [{"what": "screened_images", "why": NOT_KEPT, "count": count}] if count else []
    return Held(
        "screened_faces",
        [
            {
                "image": face.image.number,
                "job": str(face.image.job_id),
                "face": face.index,
                "has_file": bool(face.image.image),
                "created_at": face.image.created_at.isoformat(),
                "verdicts": verdicts[face.pk],
            }
            for face in sorted(faces.values(), key=lambda face: (face.image.number, face.index))
        ],
        missed,
    )


def _like(client: Client, probes: Mapping[str, list[Rotated]]) -> set[int]:
    found = set[int]()
    for space in engines.spaces().values():
        if wanted := probes.get(space.name):
            point = operating_point(client=client, space=space)
            found |= ProcessedFace.objects.like(client.pk, space.name, wanted, point)
    return found
