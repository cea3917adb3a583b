"""Screening images against the blacklist: submit, process, wait, cancel, erase."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from blacklist.services import search_blacklist
from blacklist.types import Hit
from clients.models import Client
from errors import FaceAppError, InvalidInput, Unavailable
from people.services import discard_files, erase_files, read_file, store_file
from recognition.exceptions import JobFinished, NoImages, TooManyImages
from recognition.models import Job, Match, ProcessedFace, ProcessedImage, Status
from recognition.types import ScreeningOptions
from vision import images, inference
from vision.engines import DEFAULT, check_names, engines
from vision.inference import AnalysisOptions
from vision.types import Analysis, DetectedFace
from work.claims import DATABASE_AWAY, work_on
from work.types import Submission

INTERACTIVE, BULK = "interactive", "bulk"
SEARCHES = 3  # for the matches of one image, while entries are being deleted
RECONNECT_SECONDS = 0.5


def screening_options(
    *, model: str | None = None, detector: str | None = None, metric: str | None = None, threshold: float | None = None
) -> ScreeningOptions:
    """Fill what the caller left open: the default engine, its detector, its metric and its calibrated threshold.

    A threshold of 0 counts as absent. Raises `UnknownName` for names that do not exist or are not enabled here.
    """
    check_names(model=model, detector=detector, metric=metric)
    alias = engines.alias_of_model(model) if model else DEFAULT
    space = engines[alias].space
    metric = metric or space.metric
    return ScreeningOptions(alias, detector or "", metric, threshold or space.thresholds[metric])


def read_submission(
    *, text: str | None = None, data: bytes | None = None, name: str = "", patience: float | None = None
) -> Submission:
    """Read one image of a call (a text form, or uploaded bytes) far enough to know whether it can be processed.

    `patience`: how many seconds there are for an image that has to be fetched; None for as long as one may take.
    """
    identifier = images.identify(text if text is not None else name)
    try:
        content = images.read_text(text, patience=patience) if text is not None else data or b""
        return Submission(identifier, content, images.sniff(content))
    except InvalidInput as error:
        return Submission(identifier, error=error)


def detect_faces(*, submission: Submission, detector: str | None = None) -> Analysis:
    """Find the faces of one image without storing or embedding anything."""
    check_names(detector=detector)
    if submission.error:
        raise submission.error
    return inference.analyse(submission.data, AnalysisOptions(detector, aliases=[], liveness=True))


def submit_images(
    *, client: Client, submissions: Sequence[Submission], options: ScreeningOptions, queue: str = BULK
) -> Job:
    """Store images and the job that screens them, then enqueue one task per image.

    Unreadable images become results with an error. Raises `NoImages`, `TooManyImages` or `Unavailable`; then nothing
    is stored.
    """
    check_batch_size(len(submissions))
    job = Job(client=client, queue=queue, **asdict(options))
    rows = [_new_image(job, position, submission) for position, submission in enumerate(submissions)]
    try:
        for row, submission in zip(rows, submissions, strict=True):
            if submission.info:
                store_file(file=row.image, extension=submission.info.extension, data=submission.data)
        with transaction.atomic():
            job.save(force_insert=True)
            ProcessedImage.objects.bulk_create(rows)
    except BaseException:
        discard_files(files=[row.image for row in rows])
        raise
    _enqueue_or_withdraw(job, [row.pk for row in rows if row.status == Status.PENDING])
    return job


def check_batch_size(count: int) -> None:
    """Refuse empty and oversized calls before their images are read."""
    if not count:
        raise NoImages("No images provided.")
    if count > settings.MAX_BATCH_IMAGES:
        raise TooManyImages(f"{count} images in one call; at most {settings.MAX_BATCH_IMAGES} are taken. Send several.")


def _new_image(job: Job, position: int, submission: Submission) -> ProcessedImage:
    row = ProcessedImage(client=job.client, job=job, position=position)
    row.take(submission)
    return row


def _enqueue_or_withdraw(job: Job, image_ids: Sequence[int]) -> None:
    """A job that cannot be queued is taken back, so that the caller can safely send it again."""
    try:
        enqueue_images(image_ids=image_ids, queue=job.queue)
    except Unavailable:
        _withdraw(job)
        raise


@transaction.atomic
def _withdraw(job: Job) -> None:
    """Workers may have begun with images that were queued already: the locks let them store everything or nothing."""
    _lock(job.pk, job.images.all())
    job.delete()


def _lock(job_id: UUID, images_of_job: QuerySet[ProcessedImage]) -> None:
    """Hold rows that are about to go: what refers to them is committed and seen, or refused. Always in this order."""
    list(Job.objects.select_for_update().filter(pk=job_id).values_list("pk"))
    list(images_of_job.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def enqueue_images(*, image_ids: Iterable[int], queue: str) -> None:
    """One task per image. Raises `Unavailable` (`queue.unavailable`)."""
    from recognition.tasks import process_image  # a task module imports this one

    with inference.queue_errors():
        for image_id in image_ids:
            process_image.apply_async((image_id,), queue=queue)


def process(*, image_id: int, task_id: str) -> None:
    """Screen one stored image; see `claims.work_on`."""
    images_to_screen = ProcessedImage.objects.select_related("job", "client")
    work_on(images_to_screen, image_id=image_id, task_id=task_id, work=_screen, fail=_fail)


def _screen(image: ProcessedImage) -> None:
    _search_and_store(image, _analyse(image))


def _fail(image: ProcessedImage, error: FaceAppError) -> None:
    _finish(image, error=error)


def _search_and_store(image: ProcessedImage, analysis: Analysis) -> None:
    """An entry or photograph that is deleted between search and commit breaks the matches with it: search again."""
    for left in reversed(range(SEARCHES)):
        hits = _search(image, analysis)
        try:
            _finish(image, analysis=analysis, hits=hits)
        except IntegrityError:
            if not left:
                raise
        else:
            return


def _analyse(image: ProcessedImage) -> Analysis:
    data = read_file(file=image.image)
    job = image.job
    return inference.analyse(data, AnalysisOptions(job.detector or None, [job.engine], liveness=True))


def _search(image: ProcessedImage, analysis: Analysis) -> list[list[Hit]]:
    """Hits of each face."""
    job = image.job
    space = engines[job.engine].space.name
    return search_blacklist(
        client=image.client,
        space=space,
        embeddings=[face.embeddings[space] for face in analysis.faces],
        metric=job.metric,
        threshold=job.threshold,
    )


@transaction.atomic
def _finish(
    image: ProcessedImage,
    *,
    analysis: Analysis | None = None,
    hits: Sequence[Sequence[Hit]] = (),
    error: FaceAppError | None = None,
) -> None:
    """Store the outcome, unless the image was cancelled or claimed by another task meanwhile."""
    outcome: dict[str, Any] = {"status": Status.DONE, "finished_at": timezone.now()}
    if error:
        outcome |= {"status": Status.FAILED, "error_code": error.code, "error": error.message}
    if analysis:
        outcome |= {"milliseconds": analysis.milliseconds, "width": analysis.width, "height": analysis.height}
    if not ProcessedImage.objects.held_as(image).update(**outcome):
        return
    if analysis:
        _store_faces(image, analysis, hits)
    announce(job=image.job, image_id=image.pk)


def _store_faces(image: ProcessedImage, analysis: Analysis, hits: Sequence[Sequence[Hit]]) -> None:
    faces = ProcessedFace.objects.bulk_create(_face(image, index, face) for index, face in enumerate(analysis.faces))
    Match.objects.bulk_create(
        _match(image.job, face, hit) for face, found in zip(faces, hits, strict=True) for hit in found
    )


def _face(image: ProcessedImage, index: int, face: DetectedFace) -> ProcessedFace:
    stored = ProcessedFace(image=image, index=index, landmarks=asdict(face.landmarks), liveness=face.liveness)
    return stored.describe(face)


def _match(job: Job, face: ProcessedFace, hit: Hit) -> Match:
    engine = engines[job.engine]
    return Match(
        face=face,
        entry_id=hit.entry_id,
        reference_image_id=hit.reference_image.pk,
        identity=hit.identity,
        model=engine.space.model,
        detector=job.detector or engine.detector,
        metric=job.metric,
        distance=hit.distance,
        threshold=job.threshold,
    )


def announce(*, job: Job, image_id: int | None = None) -> None:
    """Tell whoever waits for the job that this image (None: any) is finished, when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [job.channel, str(image_id or "")])


def wait_for_job(*, job: Job, seconds: float) -> bool:
    """Wait until every image of the job is finished; False when the deadline comes first. Nothing is lost then.

    A database that restarts meanwhile is waited for, within the deadline: the job goes on, so the caller need not ask
    for it a second time.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _listen(job, deadline)
        except DATABASE_AWAY:
            if connection.in_atomic_block or time.monotonic() + RECONNECT_SECONDS > deadline:
                raise
            connection.close()
            time.sleep(RECONNECT_SECONDS)


def _listen(job: Job, deadline: float) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'LISTEN "{job.channel}"')
        try:
            waiting = _unfinished(job)
            while waiting:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                heard = _heard(min(left, 1.0))
                # what was announced is finished; in silence, or after more than one image, the rows tell
                waiting = waiting - heard if heard else _unfinished(job)
        finally:
            cursor.execute(f'UNLISTEN "{job.channel}"')
    return True


def _unfinished(job: Job) -> set[int]:
    return set(job.images.unfinished().values_list("pk", flat=True))


def _heard(seconds: float) -> set[int]:
    """Images whose end was announced within so many seconds."""
    with connection.wrap_database_errors:
        notes = list(connection.connection.notifies(timeout=seconds, stop_after=1))
    return {int(note.payload) for note in notes if note.payload}


@transaction.atomic
def cancel_job(*, job: Job) -> None:
    """Drop what has not finished; results that exist stay. Raises `JobFinished` when nothing is left to drop."""
    now = timezone.now()
    _lock(job.pk, job.images.unfinished())
    if not job.images.unfinished().update(status=Status.CANCELLED, finished_at=now):
        raise JobFinished("The job has finished; there is nothing to cancel.")
    job.cancelled_at = now
    job.save(update_fields=["cancelled_at"])
    announce(job=job)


def sweep() -> None:
    """Give images back whose worker died, and refill a queue that lost its messages. Runs every few seconds."""
    ProcessedImage.objects.give_back_abandoned()
    moment = timezone.now() - timedelta(seconds=settings.CELERY_BEAT_SCHEDULE["sweep"]["schedule"])
    waiting = ProcessedImage.objects.waiting_since(moment)
    for queue in (INTERACTIVE, BULK):
        if inference.queue_length(queue) == 0:
            ids = list(waiting.filter(job__queue=queue).order_by("id").values_list("pk", flat=True)[:1000])
            enqueue_images(image_ids=ids, queue=queue)


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
