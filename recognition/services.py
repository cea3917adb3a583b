"""Screening images against the blacklist: submit, process, cancel, erase."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.services import record, require_searching
from audit.types import Action, Erased
from blacklist.services import search_blacklist
from blacklist.types import Hit
from clients.idempotency import forget_answers, note_stored
from clients.models import Client
from clients.numbering import assign_numbers, record_rows
from errors import FaceAppError, Unavailable
from people.services import AskedGalleries, SearchedGalleries, add_receipt, asked_in, offer_probe, ours_of, search_in
from recognition import news
from recognition.erasure import erase_images
from recognition.exceptions import JobFinished
from recognition.kept_faces import find_in_screened, find_screened_face
from recognition.looking_up import blacklists_of, decisive, look_up, screening_options, with_those_elsewhere
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.review import dismissed_earlier, judge, judge_all, open_again, stands, take_back
from recognition.types import ReviewState, ScreeningOptions
from recognition.waiting import wait_for_job
from storage.files import discard_files, erase_files, read_file, storable, store_file
from vision import callers, inference
from vision.distances import METRICS
from vision.engines import check_names, engines
from vision.inference import AnalysisOptions
from vision.types import Analysis, DetectedFace
from work.images import analyse_files
from work.queues import BULK, INTERACTIVE, PATIENT, must_make_way
from work.services import enqueue, run
from work.submissions import check_batch_size, require_quota
from work.types import Submission

__all__ = ["cancel_job", "delete_images", "detect_faces", "find_in_screened", "find_screened_face", "judge",
           "judge_all", "look_up", "open_again", "process", "purge", "screen_images", "screening_options",
           "stands", "submit_images", "take_back", "wait_for_job"]  # fmt: skip

Found = tuple[ProcessedImage, int, DetectedFace, Sequence[Hit]]  # a face at its place in an image, and its hits
SEARCHES = 3  # for the matches of one image, while entries are being deleted


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
    """Store images and the job that screens them, then enqueue tasks for them.

    Unreadable images become results with an error. Raises `NoImages`, `TooManyImages`, what `require_quota` raises, or
    `Unavailable`; nothing is stored then, so that the caller can safely send the images again.
    """
    require_searching(client.pk)
    check_batch_size(len(submissions))
    require_quota(client, submissions)
    job = Job(client=client, queue=queue, **asdict(options))
    rows = [ProcessedImage(client=client, job=job, position=position) for position in range(len(submissions))]
    try:
        for row, submission in zip(rows, submissions, strict=True):
            row.take(submission)
            if submission.info:
                store_file(
                    file=row.image,
                    extension=submission.info.extension,
                    data=storable(submission.data, is_evidence=True),
                )
        with transaction.atomic():
            job.save(force_insert=True)
            ProcessedImage.objects.bulk_create(assign_numbers(rows))
            note_stored(job=job.pk)
            record(Action.SCREEN, client_id=client.pk, objects=[f"job:{job.pk}"], results=len(rows))
            if all(row.status == Status.FAILED for row in rows):
                news.tell_if_done(job)
    except BaseException:
        discard_files(files=[row.image for row in rows])
        raise
    try:
        pending = [row.pk for row in rows if row.status == Status.PENDING]
        enqueue(ProcessedImage, ids=pending, queue=queue, client=client.pk)
    except Unavailable:
        with transaction.atomic():  # workers may have begun: the locks let them store everything or nothing
            _lock(job.pk, job.images.all())
            job.delete()
            note_stored(False)
        raise
    return job


def screen_images(
    *, client: Client, submissions: Sequence[Submission], options: ScreeningOptions, seconds: float
) -> tuple[Job, bool]:
    """`submit_images` for a caller who waits, and whether every image is finished after as many seconds.

    Raises `TooManyWaiting` as well; nothing is stored then.
    """
    with callers.waiting():
        queue = PATIENT if len(submissions) > 1 else INTERACTIVE
        job = submit_images(client=client, submissions=submissions, options=options, queue=queue)
        return job, wait_for_job(job=job, seconds=seconds)


def _lock(job_id: UUID, images_of_job: QuerySet[ProcessedImage]) -> None:
    """Lock rows that are about to be deleted: a reference to them is either committed before, and seen, or refused.

    Always in this order, so that two of these cannot block each other.
    """
    list(Job.objects.select_for_update().filter(pk=job_id).values_list("pk"))
    list(images_of_job.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


# ---- in the workers ---------------------------------------------------------------------------------------------
def process(*, image_ids: Sequence[int], task_id: str) -> None:
    """Screen stored images: `run` claims them, calls `_screen`, and stores an error as the image's own."""
    run(ProcessedImage.objects.select_related("job", "client"), _screen, ids=image_ids, task_id=task_id)


def _screen(images: Sequence[ProcessedImage]) -> list[ProcessedImage]:
    """Find the faces, search each that can be recognised on the blacklist, and store both.

    Returns the images left for another task.
    """
    started, done = time.monotonic(), set[ProcessedImage]()
    for job, of_job in groupby(images, key=lambda image: image.job):
        if done and must_make_way(started):
            break
        done.update(_screen_together(job, list(of_job)))
    return [image for image in images if image not in done]


def _screen_together(job: Job, images: Sequence[ProcessedImage]) -> list[ProcessedImage]:
    """Images of one job, as many as may be worked on now."""
    options = AnalysisOptions(job.detector or None, [job.engine], liveness=True)
    outcomes = analyse_files(images, options)
    if found := {image: outcome for image, outcome in outcomes if isinstance(outcome, Analysis)}:
        _match(job, found)
    for image, outcome in outcomes:
        if isinstance(outcome, FaceAppError):
            image.fail(outcome)
    return [image for image, _ in outcomes]


def _match(job: Job, found: Mapping[ProcessedImage, Analysis]) -> None:
    """Search the faces of images that can be recognised on the blacklist, and store all faces and their hits.

    An entry or photograph that is deleted between search and commit breaks the matches with it: search again.
    """
    space, (first, *_) = engines[job.engine].space.name, found
    faces = [face for analysis in found.values() for face in analysis.faces if face.is_recognisable]
    embeddings = [face.embeddings[space] for face in faces]
    client, blacklists = first.client, blacklists_of(first.client)
    metric = job.metric if job.metric in METRICS else None  # a job that a remote service was to decide
    searched = search_in(
        client=client, galleries=ours_of(blacklists), threshold=job.asked_threshold, alias=job.engine, metric=metric
    )
    asked = asked_in(client=client, galleries=blacklists, threshold=job.asked_threshold)
    for left in reversed(range(SEARCHES)):
        hits = search_blacklist(
            client=client,
            space=space,
            embeddings=embeddings,
            metric=searched.point.metric,
            threshold=searched.point.reach,
        )
        if asked and faces:
            recognisable = [(image, [one for one in found[image].faces if one.is_recognisable]) for image in found]
            pictures = [(read_file(file=image.image), own) for image, own in recognisable if own]
            hits = with_those_elsewhere(hits, asked, pictures)
        try:
            _store(job, found, hits, decisive(searched, asked), task_id=first.claim)
        except IntegrityError:
            if not left:
                raise
        else:
            break
    offer_probe(client=client, galleries=blacklists, read=partial(read_file, file=first.image))


@transaction.atomic
def _store(
    job: Job,
    found: Mapping[ProcessedImage, Analysis],
    hits: Sequence[Sequence[Hit]],
    searched: SearchedGalleries | AskedGalleries,
    *,
    task_id: str,
) -> None:
    """The faces of images, and the hits of those that can be recognised; nothing of an image whose claim was lost."""
    engine, point = engines[job.engine], searched.point
    analyses = {image.pk: analysis for image, analysis in found.items()}
    stored = ProcessedImage.objects.finish_analysed(analyses, point, task_id=task_id)
    job.announce(*stored)
    remaining = iter(hits)
    described: list[Found] = [
        (image, index, face, next(remaining) if face.is_recognisable else [])
        for image, analysis in found.items()
        for index, face in enumerate(analysis.faces)
    ]
    kept = [one for one in described if one[0].pk in stored]
    faces = ProcessedFace.objects.bulk_create(
        ProcessedFace(image=image, index=index, landmarks=asdict(face.landmarks), liveness=face.liveness)
        .describe(face)
        .remember(face if image.client.keep_screened_embeddings else None, engine.space.name)
        for image, index, face, _ in kept
    )
    _record(job, kept, searched)
    repeated = dismissed_earlier(
        job.client_id,
        engine.space.name,
        job.metric,
        [(face, [hit for hit in of_face if hit.there is None]) for *_, face, of_face in kept],
    )
    Match.objects.bulk_create(
        Match(
            face=face,
            entry_id=hit.entry_id,
            reference_image_id=hit.reference_image.pk,
            identity=hit.identity,
            model=hit.there.backend if hit.there else engine.space.model,
            detector=job.detector or engine.detector,
            metric=hit.there.point.metric if hit.there else job.metric,
            distance=hit.distance,
            threshold=(hit.there.point if hit.there else point).threshold,
            decision=(hit.there.point if hit.there else point).decide(hit.distance),
            score=hit.there.score if hit.there else None,
            remote_face_id=hit.there.face_id if hit.there else "",
            state=ReviewState.REPEATED if (number, hit.entry_id) in repeated else ReviewState.OPEN,
        )
        for number, (face, (*_, of_face)) in enumerate(zip(faces, kept, strict=True))
        for hit in of_face
    )
    near = [
        (image, index, hit)
        for number, (image, index, _, of_face) in enumerate(kept)
        for hit in of_face
        if (number, hit.entry_id) not in repeated
    ]
    news.tell_of_hits(near, point, client_id=job.client_id)
    news.tell_if_done(job)


def _record(job: Job, kept: Sequence[Found], searched: SearchedGalleries | AskedGalleries) -> None:
    """What came out of the images of a job, and whom they resemble."""
    hits = [hit for *_, of_face in kept for hit in of_face]
    images = dict.fromkeys(image.audit_name for image, *_ in kept)
    names = [f"job:{job.pk}", *images, *(f"person:{hit.entry_number}" for hit in hits)]
    record(Action.SCREEN, client_id=job.client_id, objects=names, searched=searched.audited, results=len(hits))


# ---- cancelling and erasing -------------------------------------------------------------------------------------
@transaction.atomic
def cancel_job(*, job: Job) -> None:
    """Drop what has not finished; existing results stay. Raises `JobFinished` when there is nothing left to drop."""
    note_stored()
    now = timezone.now()
    _lock(job.pk, job.images.unfinished())
    if not job.images.move_to(Status.CANCELLED, finished_at=now):
        raise JobFinished("The job has finished; there is nothing to cancel.")
    job.cancelled_at = now
    job.save(update_fields=["cancelled_at"])
    record(Action.CHANGE, client_id=job.client_id, objects=[f"job:{job.pk}"])
    job.announce()
    news.tell_if_done(job)


def delete_images(*, images_to_delete: Iterable[ProcessedImage], is_due: bool = False) -> int:
    """Erase processed images: rows, faces, matches, files, and jobs that have none left. Returns how many.

    With a receipt, and with what `clients.idempotency` keeps, which may name them; not if `is_due`: retention keeps
    images longer than any answer, and erases them again after a backup was restored. Raises `Unavailable` when a file
    cannot be deleted yet (`storage.files.erase_files`); further images are kept then.
    """
    count = 0
    for image in images_to_delete:
        with transaction.atomic():
            _lock(image.job_id, ProcessedImage.objects.filter(pk=image.pk))
            was_awaited = ProcessedImage.objects.unfinished().filter(pk=image.pk).exists()
            taken = erase_images(ProcessedImage.objects.filter(pk=image.pk))
            record_rows(Action.ERASE, [image], results=1)
            for job in Job.objects.filter(pk=image.job_id) if was_awaited else ():
                job.announce()
                news.tell_if_done(job)
            if not is_due:
                forget_answers(client_id=image.client_id)
                add_receipt(Erased.SCREENED_IMAGE, client_id=image.client_id, taken=taken)
            erase_files(files=taken.files)
        count += 1
    return count


def purge(*, limit: int, client: Client | None = None) -> int:
    """Erase up to `limit` processed images past their retention, the oldest first. Returns how many there were."""
    expired = ProcessedImage.objects.expired(default_days=settings.RETENTION_DAYS)
    if client:
        expired = expired.of_client(client)
    chosen = list(expired.order_by("id")[:limit])
    return delete_images(images_to_delete=chosen, is_due=True)
