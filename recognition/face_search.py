"""Looking for somebody who was erased in screened images whose embeddings were not kept: in the background, anew."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F

from audit import receipts
from audit.types import Erased
from calibration.services import operating_point
from calibration.types import OperatingPoint
from clients.idempotency import forget_answers
from errors import FaceAppError
from people.types import Taken
from recognition.models import FaceSearch, ProcessedFace, ProcessedImage, Status
from recognition.news import forget_told
from storage.files import erase_files
from vectors.stored import Rotated, to_store
from vision.distances import distance
from vision.engines import engines
from vision.exceptions import EngineUnavailable
from vision.inference import AnalysisOptions
from vision.types import Analysis, Box, Embedding
from work.images import analyse_files
from work.queues import must_make_way
from work.services import run

AT_ONCE = 8  # images
SPACE_GONE = "The models of the erased photographs are no longer enabled."


def search_faces(*, search_ids: Sequence[int], task_id: str) -> None:
    """Search the images of a `FaceSearch`, and erase what shows the person. A task that makes way leaves the rest."""
    run(FaceSearch.objects.select_related("client"), _search, ids=search_ids, task_id=task_id)


def _search(searches: Sequence[FaceSearch]) -> list[FaceSearch]:
    [search] = searches
    aliases = [alias for alias, space in engines.spaces().items() if space.name in search.probes]
    if not aliases:
        raise FaceAppError(SPACE_GONE, code="engine.disabled")
    started = time.monotonic()
    while images := list(ProcessedImage.objects.to_be_searched(search)[:AT_ONCE]):
        for image, outcome in analyse_files(images, AnalysisOptions(aliases=aliases)):
            if isinstance(outcome, EngineUnavailable):
                raise outcome
            boxes = [] if isinstance(outcome, FaceAppError) else _of_the_erased(search, outcome)
            _note(search, image, boxes, unreadable=isinstance(outcome, FaceAppError))
        if must_make_way(started):
            return [search]
    search.finish(Status.DONE)
    return []


def _of_the_erased(search: FaceSearch, analysis: Analysis) -> list[Box]:
    """The faces within the one-to-one operating point of a probe, in any space."""
    spaces = {space.name: space for space in engines.spaces().values() if space.name in search.probes}
    points = {name: operating_point(client=search.client, space=space) for name, space in spaces.items()}
    return [
        face.box
        for face in analysis.faces
        if face.is_recognisable
        and any(_is_near(search, name, face.embeddings[name], point) for name, point in points.items())
    ]


def _is_near(search: FaceSearch, space: str, embedding: Embedding, point: OperatingPoint) -> bool:
    face = to_store(embedding, client_id=search.client_id, space=space).numbers
    distances = (distance(Rotated.of(probe).numbers, face, metric=point.metric) for probe in search.probes[space])
    return any(one <= point.threshold for one in distances)


@transaction.atomic
def _note(search: FaceSearch, image: ProcessedImage, boxes: Sequence[Box], *, unreadable: bool) -> None:
    """Erase the faces in these places, with a receipt, and note how far the search is."""
    FaceSearch.objects.held_as(search).update(
        last_image=image.pk,
        searched=F("searched") + 1,
        unreadable=F("unreadable") + int(unreadable),
        found=F("found") + int(bool(boxes)),
    )
    search.last_image = image.pk
    if boxes:
        faces = [face.pk for face in image.faces.all() if any(_meet(face.box, box) for box in boxes)]
        taken = erase_found(faces, images=[image.pk])
        receipts.add(
            Erased.FOUND, client_id=search.client_id, objects=taken.objects, taken=taken.counts, of=search.receipt
        )
        forget_answers(client_id=search.client_id)
        erase_files(files=taken.files)


def _meet(one: Box, other: Box) -> bool:
    """Whether the middle of one box lies in the other: detectors draw different boxes around one face."""

    def holds(box: Box, inner: Box) -> bool:
        x, y = inner.x + inner.w / 2, inner.y + inner.h / 2
        return box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h

    return holds(one, other) or holds(other, one)


def erase_found(faces: Iterable[int], *, images: Iterable[int] = ()) -> Taken:
    """Erase faces by their ids, with their matches and the files of their images, and of further images.

    The images' other faces stay. The caller deletes the files.
    """
    rows = ProcessedFace.objects.filter(pk__in=list(faces))
    places = list(rows.order_by("image").values_list("image__uuid", "index", "image"))
    touched = ProcessedImage.objects.filter(pk__in={*images, *(image for *_, image in places)})
    list(touched.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk"))  # none is judged now
    shown = touched.exclude(image="")
    files, names = [], [receipts.hashed("processed_face", f"{uuid}:{index}") for uuid, index, _ in places]
    for image in shown:
        files.append(image.image)
        names.append(receipts.hashed("processed_image", image.uuid))
    forget_told(touched)
    ProcessedImage.objects.filter(pk__in=[image.pk for image in shown]).update(image="", stored_bytes=0, identifier="")
    rows.delete()
    return Taken(counts=Counter(screened_faces=len(places), screened_files=len(files)), objects=names, files=files)
