"""Filling albums, processing their images, asking for matches, and erasing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from albums.exceptions import AlbumExists, AlbumNotFound, AlreadyQueued, ImageExists
from albums.grouping import group_faces
from albums.models import Album, AlbumFace, AlbumImage, FaceGroup, ImageStatus
from albums.types import ImageMatch
from clients.models import Client
from errors import FaceAppError, Unavailable
from people.services import discard_files, erase_files, read_file, store_file
from recognition.services import BULK, check_batch_size
from vision import inference
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions
from vision.types import Analysis, DetectedFace
from work.claims import work_on
from work.types import Submission


# ---- albums -----------------------------------------------------------------------------------------------------
def create_album(*, client: Client, name: str, keep_images: bool = False, threshold: float | None = None) -> Album:
    """A new album, whose faces are compared in the space of the default engine from now on. Raises `AlbumExists`."""
    space = engines[DEFAULT].space
    near = {"space": space.name, "metric": space.metric, "threshold": threshold or space.thresholds[space.metric]}
    return _saved(Album(client=client, name=name, keep_images=keep_images, **near))


def get_or_create_album(*, client: Client, name: str) -> Album:
    """The client's album of this name."""
    try:
        return Album.objects.get(client=client, name=name)
    except Album.DoesNotExist:
        pass
    try:
        return create_album(client=client, name=name)
    except AlbumExists:  # made meanwhile
        return Album.objects.get(client=client, name=name)


def save_album(*, album: Album, fields: Iterable[str]) -> Album:
    """Store changed fields. Raises `AlbumExists` when another album has the name."""
    return _saved(album, update_fields=list(fields))


def _saved(album: Album, **options: Any) -> Album:
    try:
        with transaction.atomic():
            album.save(**options)
    except IntegrityError as error:
        raise AlbumExists("There is an album of this name.") from error
    return album


def get_album(*, client: Client, album_id: int) -> Album:
    """Raises `AlbumNotFound` for an unknown album and for another client's."""
    album = Album.objects.of_client(client).filter(pk=album_id).first()
    if album is None:
        raise AlbumNotFound("Album not found")
    return album


def get_image(*, album: Album, **which: Any) -> AlbumImage:
    """One image by `pk` or `external_id`. Raises `AlbumNotFound`."""
    image = album.images.select_related("album").filter(**which).first()
    if image is None:
        raise AlbumNotFound("Image not found")
    return image


# ---- images -----------------------------------------------------------------------------------------------------
def add_images(*, album: Album, submissions: Sequence[Submission]) -> list[AlbumImage]:
    """Store images for later; one that cannot be used becomes a failed image with its reason.

    Raises `NoImages`, `TooManyImages`, `AlbumNotFound` or `Unavailable`; then nothing is stored.
    """
    check_batch_size(len(submissions))
    rows = [_new_image(album, submission) for submission in submissions]
    try:
        _store(rows, submissions)
    except IntegrityError as error:
        raise AlbumNotFound("Album not found") from error  # erased meanwhile
    return rows


def add_image(*, album: Album, submission: Submission, external_id: str) -> AlbumImage:
    """Store one image under the caller's own id. Raises `ImageExists`, also for one of two at the same time."""
    row = _new_image(album, submission, external_id=external_id)
    try:
        _store([row], [submission])
    except IntegrityError as error:
        raise ImageExists("The album has an image with this id.") from error
    return row


def _new_image(album: Album, submission: Submission, **fields: Any) -> AlbumImage:
    row = AlbumImage(album=album, **fields)
    row.take(submission)
    return row


def _store(rows: Sequence[AlbumImage], submissions: Sequence[Submission]) -> None:
    """Files first, then rows; all of them or none."""
    try:
        for row, submission in zip(rows, submissions, strict=True):
            if not submission.error:
                extension = submission.info.extension if submission.info else ".bin"
                store_file(file=row.image, extension=extension, data=submission.data)
        with transaction.atomic():
            AlbumImage.objects.bulk_create(rows)
    except BaseException:
        discard_files(files=[row.image for row in rows])
        raise


def queue_images(*, album: Album, image_ids: Sequence[int] | None = None) -> int:
    """Give uploaded images to the workers, all of the album's or these. Returns how many: each is given once only.

    Raises `Unavailable` when the queue does not answer; the images wait to be given again then.
    """
    with transaction.atomic():
        Album.objects.lock(album.pk)
        waiting = album.images.filter(status=ImageStatus.UPLOADED)
        if image_ids is not None:
            waiting = waiting.filter(pk__in=image_ids)
        ids = list(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        AlbumImage.objects.filter(pk__in=ids).update(status=ImageStatus.PENDING, queued_at=timezone.now())
    try:
        _enqueue(ids)
    except Unavailable:
        given = AlbumImage.objects.filter(pk__in=ids, status=ImageStatus.PENDING)
        given.update(status=ImageStatus.UPLOADED, queued_at=None)
        raise
    return len(ids)


def queue_image(*, image: AlbumImage) -> None:
    """`queue_images` for one. Raises `AlreadyQueued` when it was given before, even at this moment."""
    if not queue_images(album=image.album, image_ids=[image.pk]):
        raise AlreadyQueued("The image has been given to the workers before.")


def _enqueue(image_ids: Iterable[int]) -> None:
    from albums.tasks import process_image  # a task module imports this one

    with inference.queue_errors():
        for image_id in image_ids:
            process_image.apply_async((image_id,), queue=BULK)


# ---- in the workers ---------------------------------------------------------------------------------------------
def process(*, image_id: int, task_id: str) -> None:
    """Find, store and group the faces of one image; see `claims.work_on`."""
    rows = AlbumImage.objects.select_related("album")
    work_on(rows, image_id=image_id, task_id=task_id, work=_work, fail=_fail)


def _work(image: AlbumImage) -> None:
    alias = engines.alias_of_space(image.album.space)
    _finish(image, analysis=inference.analyse(read_file(file=image.image), AnalysisOptions(aliases=[alias])))


def _fail(image: AlbumImage, error: FaceAppError) -> None:
    _finish(image, error=error)


@transaction.atomic
def _finish(image: AlbumImage, *, analysis: Analysis | None = None, error: FaceAppError | None = None) -> None:
    """Store the outcome, unless the image went or another task claimed it meanwhile. One image of an album at a time:
    the second of two that are processed at the same moment finds the groups of the first.

    The file goes after the commit: until then a worker that dies has lost nothing.
    """
    outcome: dict[str, Any] = {"status": ImageStatus.DONE, "finished_at": timezone.now()}
    if error:
        outcome |= {"status": ImageStatus.FAILED, "error_code": error.code, "error": error.message}
    if analysis:
        outcome |= {"milliseconds": analysis.milliseconds, "width": analysis.width, "height": analysis.height}
    file, album = image.image, Album.objects.lock(image.album_id)
    if album is None:
        return
    if not album.keep_images:
        outcome["image"] = ""
    if not AlbumImage.objects.held_as(image).update(**outcome):
        return
    if not album.keep_images:
        transaction.on_commit(lambda: discard_files(files=[file]))
    if analysis:
        group_faces(image=image, faces=_store_faces(image, analysis))


def _store_faces(image: AlbumImage, analysis: Analysis) -> list[AlbumFace]:
    space = image.album.space
    rows = (_face(image, index, face, space) for index, face in enumerate(analysis.faces))
    return AlbumFace.objects.bulk_create(rows)


def _face(image: AlbumImage, index: int, face: DetectedFace, space: str) -> AlbumFace:
    stored = AlbumFace(
        album_id=image.album_id,
        image=image,
        index=index,
        embedding=face.embeddings[space],
    )
    return stored.describe(face)


def sweep() -> None:
    """Give images back whose worker died, and refill a queue that lost its messages. Runs every few seconds."""
    AlbumImage.objects.give_back_abandoned()
    moment = timezone.now() - timedelta(seconds=settings.CELERY_BEAT_SCHEDULE["sweep"]["schedule"])
    waiting = AlbumImage.objects.waiting_since(moment).order_by("pk").values_list("pk", flat=True)
    if waiting.exists() and inference.queue_length(BULK) == 0:
        _enqueue(waiting[:1000])


# ---- answers and erasure ----------------------------------------------------------------------------------------
def matches_of(*, image: AlbumImage) -> list[ImageMatch]:
    """Other images of the album that show somebody of this one, closest first; none while it is not processed."""
    return AlbumFace.objects.matches_of(image)


def delete_images(*, album: Album, images: Iterable[AlbumImage]) -> int:
    """Erase images: files, faces and with them every match, and groups that have no face left. Returns how many.

    Raises `Unavailable` when the store does not answer; the image in question is kept then.
    """
    count = 0
    for image in images:
        with transaction.atomic():
            Album.objects.lock(album.pk)
            groups = [group for group in image.faces.values_list("group_id", flat=True) if group]
            image.delete()
            FaceGroup.objects.delete_empty(groups)
            erase_files(files=[image.image])
        count += 1
    return count


def delete_album(*, album: Album) -> None:
    """Erase an album with everything in it; people named from its groups stay in the gallery. Raises `Unavailable`."""
    with transaction.atomic():
        Album.objects.lock(album.pk)
        files = [image.image for image in album.images.exclude(image="")]
        album.delete()
        erase_files(files=files)
