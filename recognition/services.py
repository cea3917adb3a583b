"""Screening images against the blacklist: submit, process, cancel, erase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from blacklist.services import search_blacklist
from blacklist.types import Hit
from calibration.types import OperatingPoint
from clients.models import Client
from clients.numbering import assign_numbers
from errors import Unavailable
from people.models import Gallery, GalleryKind
from people.services import SearchedGalleries, search_in
from recognition.exceptions import JobFinished
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.types import ScreeningOptions
from recognition.waiting import wait_for_job
from storage.files import discard_files, erase_files, read_file, store_file
from vision import inference
from vision.engines import check_names, engines
from vision.inference import AnalysisOptions
from vision.types import Analysis
from work.queues import BULK
from work.services import enqueue, run
from work.submissions import check_batch_size
from work.types import Submission

__all__ = ["cancel_job", "delete_images", "detect_faces", "process", "purge", "screening_options", "submit_images",
           "wait_for_job"]  # fmt: skip

SEARCHES = 3  # for the matches of one image, while entries are being deleted


def screening_options(
    *,
    client: Client,
    model: str | None = None,
    detector: str | None = None,
    metric: str | None = None,
    threshold: float | None = None,
) -> ScreeningOptions:
    """Fill in what the caller left open: engine, detector and metric, and the operating point of the blacklist.

    A threshold of 0 counts as absent. Raises `UnknownName` for names that do not exist or are not enabled here.
    """
    check_names(model=model, detector=detector, metric=metric)
    alias = engines.alias_of_model(model) if model else None
    search = _blacklists(client, threshold=threshold or None, alias=alias, metric=metric)
    point = search.point
    return ScreeningOptions(search.alias, detector or "", point.metric, point.threshold, threshold or None)


def _blacklists(client: Client, **options: Any) -> SearchedGalleries:
    """All blacklists of a client, searched together."""
    galleries = list(Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST))
    return search_in(client=client, galleries=galleries, **options)


def detect_faces(*, submission: Submission, detector: str | None = None) -> Analysis:
    """Find the faces of one image without storing or embedding anything."""
    check_names(detector=detector)
    if submission.error:
        raise submission.error
    options = AnalysisOptions(detector, aliases=[], liveness=True, attributes=settings.AGE_AND_GENDER)
    return inference.analyse(submission.data, options)


def submit_images(
    *, client: Client, submissions: Sequence[Submission], options: ScreeningOptions, queue: str = BULK
) -> Job:
    """Store images and the job that screens them, then enqueue one task per image.

    Unreadable images become results with an error. Raises `NoImages`, `TooManyImages` or `Unavailable`; nothing is
    stored then, so that the caller can safely send the images again.
    """
    check_batch_size(len(submissions))
    job = Job(client=client, queue=queue, **asdict(options))
    rows = [ProcessedImage(client=client, job=job, position=position) for position in range(len(submissions))]
    try:
        for row, submission in zip(rows, submissions, strict=True):
            row.take(submission)
            if submission.info:
                store_file(file=row.image, extension=submission.info.extension, data=submission.data)
        with transaction.atomic():
            job.save(force_insert=True)
            ProcessedImage.objects.bulk_create(assign_numbers(rows))
    except BaseException:
        discard_files(files=[row.image for row in rows])
        raise
    try:
        enqueue(ProcessedImage, ids=[row.pk for row in rows if row.status == Status.PENDING], queue=queue)
    except Unavailable:
        with transaction.atomic():  # workers may have begun: the locks let them store everything or nothing
            _lock(job.pk, job.images.all())
            job.delete()
        raise
    return job


def _lock(job_id: UUID, images_of_job: QuerySet[ProcessedImage]) -> None:
    """Lock rows that are about to be deleted: a reference to them is either committed before, and seen, or refused.

    Always in this order, so that two of these cannot block each other.
    """
    list(Job.objects.select_for_update().filter(pk=job_id).values_list("pk"))
    list(images_of_job.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


# ---- in the workers ---------------------------------------------------------------------------------------------
def process(*, image_id: int, task_id: str) -> None:
    """Screen one stored image: `run` claims it, calls `_screen`, and stores an error as the image's own."""
    run(ProcessedImage.objects.select_related("job", "client"), _screen, pk=image_id, task_id=task_id)


def _screen(image: ProcessedImage) -> None:
    """Find the faces, search each that can be recognised on the blacklist, and store both.

    An entry or photograph that is deleted between search and commit breaks the matches with it: search again.
    """
    job, space = image.job, engines[image.job.engine].space.name
    data = read_file(file=image.image)
    analysis = inference.analyse(data, AnalysisOptions(job.detector or None, [job.engine], liveness=True))
    embeddings = [face.embeddings[space] for face in analysis.faces if face.is_recognisable]
    point = _blacklists(image.client, threshold=job.asked_threshold, alias=job.engine, metric=job.metric).point
    for left in reversed(range(SEARCHES)):
        hits = search_blacklist(
            client=image.client, space=space, embeddings=embeddings, metric=job.metric, threshold=point.reach
        )
        try:
            _store(image, analysis, hits, point)
        except IntegrityError:
            if not left:
                raise
        else:
            break


@transaction.atomic
def _store(image: ProcessedImage, analysis: Analysis, hits: Sequence[Sequence[Hit]], point: OperatingPoint) -> None:
    """The image's faces, and the hits of each that can be recognised; nothing if the claim was lost meanwhile."""
    job, engine = image.job, engines[image.job.engine]
    size = {"width": analysis.width, "height": analysis.height}
    decided = {name: getattr(point, name) for name in ("threshold", "false_match_rate", "people")}
    if not image.finish(Status.DONE, milliseconds=analysis.milliseconds, **size, **decided):
        return
    faces = ProcessedFace.objects.bulk_create(
        ProcessedFace(image=image, index=index, landmarks=asdict(face.landmarks), liveness=face.liveness).describe(face)
        for index, face in enumerate(analysis.faces)
    )
    Match.objects.bulk_create(
        Match(
            face=face,
            entry_id=hit.entry_id,
            reference_image_id=hit.reference_image.pk,
            identity=hit.identity,
            model=engine.space.model,
            detector=job.detector or engine.detector,
            metric=job.metric,
            distance=hit.distance,
            threshold=point.threshold,
            decision=point.decide(hit.distance),
        )
        for face, found in zip([face for face in faces if face.is_recognisable], hits, strict=True)
        for hit in found
    )


# ---- cancelling and erasing -------------------------------------------------------------------------------------
@transaction.atomic
def cancel_job(*, job: Job) -> None:
    """Drop what has not finished; existing results stay. Raises `JobFinished` when there is nothing left to drop."""
    now = timezone.now()
    _lock(job.pk, job.images.unfinished())
    if not job.images.move_to(Status.CANCELLED, finished_at=now):
        raise JobFinished("The job has finished; there is nothing to cancel.")
    job.cancelled_at = now
    job.save(update_fields=["cancelled_at"])
    job.announce()


def delete_images(*, images_to_delete: Iterable[ProcessedImage]) -> int:
    """Erase processed images: rows, faces, matches, files, and jobs that have none left. Returns how many.

    Raises `Unavailable` when the store does not answer; the image in question is kept then.
    """
    count = 0
    for image in images_to_delete:
        with transaction.atomic():
            _lock(image.job_id, ProcessedImage.objects.filter(pk=image.pk))
            image.delete()
            Job.objects.filter(pk=image.job_id, images=None).delete()
            erase_files(files=[image.image])
        count += 1
    return count


def purge(*, limit: int, client: Client | None = None) -> int:
    """Erase up to `limit` processed images past their retention, the oldest first. Returns how many there were."""
    expired = ProcessedImage.objects.expired(default_days=settings.RETENTION_DAYS)
    if client:
        expired = expired.of_client(client)
    return delete_images(images_to_delete=list(expired.order_by("id")[:limit]))
