"""Filling albums, processing their images, asking for matches, and erasing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from albums.curation import (
    forget_apart,
    merge_groups,
    move_faces,
    name_group,
    split_group,
    take_out,
    tell_apart,
)
from albums.erasure import erase_album, erase_images
from albums.exceptions import AlbumExists, AlbumNotFound, AlreadyQueued, ImageExists
from albums.grouping import group_faces
from albums.linking import link_point, point_for
from albums.models import Album, AlbumFace, AlbumImage
from albums.resemblance import alike_groups, find_in_album, groups_like
from albums.types import ImageMatch
from audit.services import require_searching
from audit.types import Action, Erased, Searched
from calibration.services import operating_point
from calibration.types import OperatingPoint
from clients.idempotency import forget_answers
from clients.models import Client
from clients.numbering import assign_numbers, public_id, record_rows
from errors import Unavailable
from people.services import add_receipt
from storage.files import discard_files, erase_files, storable, store_file
from vectors.stored import to_store
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions
from vision.types import Analysis
from work.images import analyse_files
from work.models import Status
from work.queues import BULK, must_make_way
from work.services import enqueue, run
from work.submissions import check_batch_size, require_quota
from work.types import Submission

__all__ = ["add_image", "add_images", "alike_groups", "comparison_point", "create_album", "delete_album",
           "delete_images", "find_in_album", "forget_apart", "get_album", "get_image", "get_or_create_album",
           "groups_like", "matches_of", "merge_groups", "move_faces", "name_group", "process", "purge",
           "queue_image", "queue_images", "save_album", "split_group", "take_out", "tell_apart"]  # fmt: skip


# ---- albums -----------------------------------------------------------------------------------------------------
def create_album(*, client: Client, name: str, keep_images: bool = False, threshold: float | None = None) -> Album:
    """A new album, whose faces are always compared in the space of today's default engine. Raises `AlbumExists`.

    `threshold`: a distance; None or 0 leaves it to the number of faces (`albums.linking`).
    """
    space = engines[DEFAULT].space
    point = operating_point(client=client, space=space, threshold=threshold or None)
    album = Album(client=client, name=name, keep_images=keep_images, space=space.name)
    album.metric, album.threshold, album.own_threshold = point.metric, point.threshold, bool(threshold)
    return _saved(album)


def get_or_create_album(*, client: Client, name: str) -> Album:
    """The client's album of this name."""
    try:
        return Album.objects.get(client=client, name=name)
    except Album.DoesNotExist:
        pass
    try:
        return create_album(client=client, name=name)
    except AlbumExists:  # created in the meantime
        return Album.objects.get(client=client, name=name)


def save_album(*, album: Album, fields: Iterable[str]) -> Album:
    """Store changed fields; a changed threshold is kept from then on.

    Raises `AlbumExists` when another album has the name.
    """
    changed = list(fields)
    if "threshold" in changed:
        album.own_threshold = True
        changed.append("own_threshold")
    return _saved(album, update_fields=changed)


def _saved(album: Album, **options: Any) -> Album:
    try:
        with transaction.atomic():
            action = Action.CREATE if album.pk is None else Action.CHANGE
            album.save(**options)
            record_rows(action, [album])
    except IntegrityError as error:
        raise AlbumExists("There is an album of this name.") from error
    return album


def get_album(*, client: Client, album_id: int | UUID) -> Album:
    """An album by its number or UUID. Raises `AlbumNotFound` for an unknown one and for another client's."""
    album = Album.objects.of_client(client).filter(public_id(album_id)).first()
    if album is None:
        raise AlbumNotFound("Album not found")
    return album


def get_image(*, album: Album, image_id: int | UUID | None = None, external_id: str | None = None) -> AlbumImage:
    """One image by its number or UUID, or by the caller's own id. Raises `AlbumNotFound`."""
    images = album.images.select_related("album__client")
    found = images.filter(external_id=external_id) if image_id is None else images.filter(public_id(image_id))
    image = found.first()
    if image is None:
        raise AlbumNotFound("Image not found")
    return image


# ---- images -----------------------------------------------------------------------------------------------------
def add_images(*, album: Album, submissions: Sequence[Submission], process: bool = False) -> list[AlbumImage]:
    """Store images for later, or queue them at once; one that cannot be used becomes a failed image with its reason.

    Raises `NoImages`, `TooManyImages`, `AlbumNotFound`, what `require_quota` raises, or `Unavailable`; then nothing is
    stored. To `process` them also raises what `queue_images` does; if the queue does not answer, they are stored.
    """
    if process:
        require_searching(album.client_id)
    check_batch_size(len(submissions))
    rows = [_new_image(album, submission) for submission in submissions]
    try:
        _store(rows, submissions)
    except IntegrityError as error:
        raise AlbumNotFound("Album not found") from error  # erased in the meantime
    if process:
        queue_images(album=album, image_ids=[row.number for row in rows])
    return rows


def add_image(*, album: Album, submission: Submission, external_id: str) -> AlbumImage:
    """Store one image under the caller's own id. Raises `ImageExists`, also for one of two at the same time."""
    row = _new_image(album, submission, external_id=external_id)
    try:
        _store([row], [submission])
    except IntegrityError as error:
        raise ImageExists("The album has an image with this id.") from error
    return row


def _new_image(album: Album, submission: Submission, external_id: str | None = None) -> AlbumImage:
    row = AlbumImage(album=album, status=Status.UPLOADED, queued_at=None, external_id=external_id)
    row.take(submission)
    return row


def _store(rows: Sequence[AlbumImage], submissions: Sequence[Submission]) -> None:
    """Files first, then rows; all of them or none."""
    require_quota(rows[0].album.client, submissions)
    try:
        for row, submission in zip(rows, submissions, strict=True):
            if not submission.error:
                extension = submission.info.extension if submission.info else ".bin"
                store_file(file=row.image, extension=extension, data=storable(submission.data, is_evidence=True))
        with transaction.atomic():
            AlbumImage.objects.bulk_create(assign_numbers(rows))
            record_rows(Action.CREATE, rows, results=len(rows))
    except BaseException:
        discard_files(files=[row.image for row in rows])
        raise


def queue_images(*, album: Album, image_ids: Sequence[int] | None = None) -> int:
    """Queue uploaded images for the workers, each only once: all of the album's, or those with these numbers.

    Returns how many. Raises `SearchingStopped`, or `Unavailable` when the queue does not answer; the images can be
    queued again then.
    """
    require_searching(album.client_id)
    with transaction.atomic():
        Album.objects.lock(album.pk)
        waiting = album.images.filter(status=Status.UPLOADED)
        if image_ids is not None:
            waiting = waiting.filter(number__in=image_ids)
        ids = list(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        queued = AlbumImage.objects.filter(pk__in=ids)
        queued.move_to(Status.PENDING, queued_at=timezone.now())
    try:
        enqueue(AlbumImage, ids=ids, queue=BULK, client=album.client_id)
    except Unavailable:
        queued.move_to(Status.UPLOADED, queued_at=None)
        raise
    return len(ids)


def queue_image(*, image: AlbumImage) -> None:
    """`queue_images` for one. Raises `AlreadyQueued` if it was queued before, even by a concurrent call."""
    if not queue_images(album=image.album, image_ids=[image.number]):
        raise AlreadyQueued("The image has been queued already.")


# ---- in the workers ---------------------------------------------------------------------------------------------
def process(*, image_ids: Sequence[int], task_id: str) -> None:
    """Find, store and group the faces of images: `run` claims them and stores an error as the image's own."""
    run(AlbumImage.objects.select_related("album__client"), _find_faces, ids=image_ids, task_id=task_id)


def _find_faces(images: Sequence[AlbumImage]) -> list[AlbumImage]:
    """Returns the images left for another task. Each is stored by itself: groups grow with one image after another."""
    started, done = time.monotonic(), set[AlbumImage]()
    for space, of_space in groupby(images, key=lambda image: image.album.space):
        if done and must_make_way(started):
            break
        options = AnalysisOptions(aliases=[engines.alias_of_space(space)])
        for image, outcome in analyse_files(list(of_space), options):
            if isinstance(outcome, Analysis):
                _store_faces(image, outcome)
            else:
                image.fail(outcome)
            done.add(image)
    return [image for image in images if image not in done]


@transaction.atomic
def _store_faces(image: AlbumImage, analysis: Analysis) -> None:
    """The image's faces, and their groups; nothing if the image is gone or its claim was lost in the meantime."""
    album, size = image.album, {"width": analysis.width, "height": analysis.height}
    if not image.finish(Status.DONE, milliseconds=analysis.milliseconds, **size):
        return
    numbers = Album.objects.take_numbers(album.pk, "face", len(analysis.faces))
    rows = (
        AlbumFace(
            album_id=album.pk,
            image=image,
            number=number,
            index=index,
            embedding=to_store(face.embeddings[album.space], client_id=album.client_id, space=album.space),
        ).describe(face)
        for index, (number, face) in enumerate(zip(numbers, analysis.faces, strict=True))
    )
    group_faces(album=album, faces=AlbumFace.objects.bulk_create(rows))
    record_rows(Action.MATCH, [album, image], searched=Searched(space=album.space), results=len(analysis.faces))


# ---- answers and erasure ----------------------------------------------------------------------------------------
def matches_of(*, image: AlbumImage) -> list[ImageMatch]:
    """Other images of the album with a person of this one, closest first; none before it is processed."""
    require_searching(image.album.client_id)
    point = link_point(image.album)
    matches = AlbumFace.objects.matches_of(image, point)
    searched = Searched(space=image.album.space, threshold=point.threshold)
    record_rows(Action.MATCH, [image.album, image], searched=searched, results=len(matches))
    return matches


def comparison_point(*, album: Album) -> OperatingPoint:
    """Where two faces of the album count as one person's if they are compared with nobody else."""
    return point_for(album, people=1)


def delete_images(*, album: Album, images: Iterable[AlbumImage], is_due: bool = False) -> int:
    """Erase images: files, faces and with them every match, and groups that have no face left. Returns how many.

    With a receipt, unless the image `is_due`: retention erases again what a backup has brought back.
    Raises `Unavailable` when a file cannot be deleted yet (`storage.files.erase_files`); further images are kept then.
    """
    count = 0
    for image in images:
        with transaction.atomic():
            Album.objects.lock(album.pk)
            taken = erase_images(album.images.filter(pk=image.pk))
            record_rows(Action.ERASE, [album, image], results=1)
            forget_answers(client_id=album.client_id)
            if not is_due:
                add_receipt(Erased.ALBUM_IMAGE, client_id=album.client_id, taken=taken)
            erase_files(files=taken.files)
        count += 1
    return count


def purge(*, limit: int) -> int:
    """Erase up to `limit` images past their retention, the oldest first. Returns how many there were."""
    chosen = list(AlbumImage.objects.expired().select_related("album__client")[:limit])
    return sum(delete_images(album=image.album, images=[image], is_due=True) for image in chosen)


def delete_album(*, album: Album) -> None:
    """Erase an album with everything in it; people named from its groups stay in the gallery. With a receipt.

    Raises `Unavailable` when a file cannot be deleted yet (`storage.files.erase_files`).
    """
    with transaction.atomic():
        Album.objects.lock(album.pk)
        taken = erase_album(album)
        record_rows(Action.ERASE, [album], results=taken.counts["album_files"])
        forget_answers(client_id=album.client_id)
        add_receipt(Erased.ALBUM, client_id=album.client_id, taken=taken)
        erase_files(files=taken.files)
