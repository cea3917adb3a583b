"""Photographs that a worker has looked at and that wait, for an hour, to be saved with an entry: no model runs again.

Of a photograph with several faces somebody chooses one, and only that face is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from audit.services import is_stopped, record
from audit.types import Action
from blacklist.exceptions import FaceNotChosen, PhotographGone, PhotographOutdated, TooManyPhotographs
from blacklist.models import BlacklistEntry, CheckedPhotograph
from clients import quotas
from clients.models import Client
from errors import InvalidInput
from people.models import FaceTemplate, Gallery, GalleryKind, Person
from people.services import search_in
from people.types import Portrait
from storage.files import discard_files, erase_files, read_file, storable, store_file
from storage.previews import face_alone
from vectors.stored import Rotated, from_store, to_store
from vision import images, inference
from vision.distances import distance_matrix
from vision.engines import engines
from vision.inference import AnalysisOptions
from vision.selection import choose_face, recognisable
from vision.types import Analysis, Box, DetectedFace, Landmarks, Quality, Upload

MOST = 50  # of one form
MOST_FACES = 20  # of one photograph, the largest
MOST_ALIKE = 3  # entries that are named for a face
GONE = "A photograph was saved or removed meanwhile. Look at the others again."
AGAIN = "Remove the photograph, and choose the file again."
STORED_SIDE = 1600  # pixels of a face that is cut out of a photograph


# ---- checking ---------------------------------------------------------------------------------------------------
def check_photograph(
    *, client: Client, user: User, upload: Upload, entry: BlacklistEntry | None = None, batch: UUID | None = None
) -> CheckedPhotograph:
    """Find the faces of a photograph and keep both for an hour. The only face there is is chosen.

    Raises `InvalidImage`, `UnusableFace`, `TooManyPhotographs`, what `quotas.require_room` raises, or `Unavailable`.
    """
    if CheckedPhotograph.objects.of_form(user.pk, entry=entry, batch=batch).count() >= MOST:
        raise TooManyPhotographs(f"There are {MOST} photographs already. Save these first, then add the others.")
    quotas.require_room(client, stored_bytes=len(upload.data))
    info = images.sniff(upload.data)
    analysis = inference.analyse(upload.data, AnalysisOptions(aliases=engines.aliases()))
    faces = _usable(analysis)
    photograph = CheckedPhotograph(
        client=client,
        user=user,
        entry=entry,
        batch=None if entry else batch,
        name=images.safe_name(upload.name, info),
        width=analysis.width,
        height=analysis.height,
        found=len(analysis.faces),
        faces=[_described(face, client.pk) for face in faces],
        chosen=0 if len(analysis.faces) == 1 else None,
    )
    if photograph.chosen is not None:
        photograph.alike = _alike(photograph)
    data = storable(upload.data)
    store_file(file=photograph.image, extension=info.extension, data=data)
    try:
        with transaction.atomic():
            photograph.save()
    except BaseException:
        discard_files(files=[photograph.image])
        raise
    return photograph


def _usable(analysis: Analysis) -> list[DetectedFace]:
    """The faces that can be recognised, from left to right. Raises `UnusableFace` if there is none."""
    usable = [face for face in analysis.faces if face.is_recognisable]
    if not usable:
        recognisable(choose_face(analysis.faces, "largest"))  # says why
    largest = sorted(usable, key=lambda face: -face.box.area)[:MOST_FACES]
    return sorted(largest, key=lambda face: face.box.x)


def _described(face: DetectedFace, client_id: int) -> dict[str, Any]:
    box = face.box
    return {
        "box": [box.x, box.y, box.w, box.h],
        "confidence": face.confidence,
        "quality": asdict(face.quality) if face.quality else {},
        "embeddings": {
            space: to_store(vector, client_id=client_id, space=space).numbers.tolist()
            for space, vector in face.embeddings.items()
        },
    }


def choose(*, photograph: CheckedPhotograph, face: int) -> bool:
    """Say which face is meant. Returns whether it is another one than before. Raises `FaceNotChosen`."""
    if not 0 <= face < len(photograph.faces):
        raise FaceNotChosen("Choose one of the faces.")
    if photograph.chosen == face:
        return False
    photograph.chosen = face
    photograph.alike = _alike(photograph)
    if not CheckedPhotograph.objects.filter(pk=photograph.pk).update(chosen=face, alike=photograph.alike):
        raise PhotographGone(GONE)
    return True


def _alike(photograph: CheckedPhotograph) -> list[int] | None:
    """Other entries that the chosen face matches, in force or not; None while searching is stopped."""
    client = photograph.client
    if is_stopped(client.pk):
        return None
    galleries = list(Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST))
    if not galleries:
        return []
    searched = search_in(client=client, galleries=galleries, beside=True)
    probe = _embedding(photograph, searched.space.name)
    if probe is None:
        return None
    widest = max(point.threshold for point in searched.points.values())
    [near] = searched.neighbourhood(photograph.entry).within([probe], threshold=widest)
    found = [one.person_id for one, said in zip(near, searched.compare(near), strict=True) if said.matches][:MOST_ALIKE]
    named = [person.audit_name for person in Person.objects.filter(pk__in=found)]
    record(Action.SEARCH, client_id=client.pk, objects=named, searched=searched.audited, results=len(found))
    return found


def _embedding(photograph: CheckedPhotograph, space: str) -> Rotated | None:
    if photograph.chosen is None:
        return None
    numbers = photograph.faces[photograph.chosen]["embeddings"].get(space)
    return None if numbers is None else Rotated.of(numbers)


def odd_ones(photographs: Sequence[CheckedPhotograph], entry: BlacklistEntry | None) -> set[int]:
    """Ids of those whose face resembles no other photograph, of these and of the entry, as one person's would.

    None of them while there is nothing to compare with.
    """
    if not photographs or is_stopped(photographs[0].client_id):
        return set()
    client = photographs[0].client
    galleries = Gallery.objects.of_client(client).of_kind(GalleryKind.BLACKLIST)
    if entry:
        galleries = galleries.filter(pk=entry.gallery_id)
    searched = search_in(client=client, galleries=list(galleries), one_to_one=True, beside=True)
    space = searched.space.name
    embedded = {photograph.pk: _embedding(photograph, space) for photograph in photographs}
    own = {pk: embedding.numbers for pk, embedding in embedded.items() if embedding is not None}
    stored = FaceTemplate.objects.of_person(entry).in_space(space).values_list("embedding", flat=True) if entry else []
    others = [*own.values(), *(embedding.numbers for embedding in stored)]
    if not own or len(others) < 2:
        return set()
    apart = distance_matrix(np.stack([*own.values()]), np.stack(others), metric=searched.point.metric)
    np.fill_diagonal(apart, np.inf)
    return {pk for pk, nearest in zip(own, apart.min(axis=1), strict=True) if nearest > searched.point.threshold}


# ---- saving and forgetting --------------------------------------------------------------------------------------
def portraits_of(photographs: Iterable[CheckedPhotograph]) -> list[Portrait]:
    """Photographs as they are stored with an entry. Raises `FaceNotChosen`, `PhotographGone` or `Unavailable`."""
    return [_portrait(photograph) for photograph in photographs]


def _portrait(photograph: CheckedPhotograph) -> Portrait:
    if photograph.chosen is None:
        raise FaceNotChosen(f"Say who is meant in {photograph.name}: it shows several faces.")
    described, data = photograph.faces[photograph.chosen], _data_of(photograph)
    if not {space.name for space in engines.spaces().values()} <= described["embeddings"].keys():
        raise PhotographOutdated(f"The models have changed since {photograph.name} was checked. {AGAIN}")
    face = DetectedFace(
        Box(*described["box"]),
        described["confidence"],
        Landmarks(),
        Quality(**described["quality"]) if described["quality"] else None,
        embeddings={
            space: from_store(Rotated.of(numbers), client_id=photograph.client_id, space=space)
            for space, numbers in described["embeddings"].items()
        },
    )
    width, height = photograph.width, photograph.height
    if photograph.found > 1:  # nobody else's face is stored
        cut = face_alone(data, face.box, side=STORED_SIDE)
        data, width, height, face = cut.jpeg, cut.width, cut.height, replace(face, box=cut.box)
    return Portrait(Upload(data, photograph.name), images.sniff(data), face, width, height)


def _data_of(photograph: CheckedPhotograph) -> bytes:
    try:
        return read_file(file=photograph.image)
    except InvalidInput as error:
        raise PhotographGone(GONE) from error


def take(photographs: Sequence[CheckedPhotograph]) -> None:
    """Delete the rows, in the caller's transaction, each for one caller only; their files go with the commit.

    Raises `PhotographGone`.
    """
    if photographs:
        _, of = CheckedPhotograph.objects.filter(pk__in=[one.pk for one in photographs]).delete()
        if of.get(CheckedPhotograph._meta.label, 0) != len(photographs):
            raise PhotographGone(GONE)
        erase_files(files=[one.image for one in photographs], robust=True)


@transaction.atomic
def forget(photographs: Sequence[CheckedPhotograph]) -> None:
    """Erase photographs that are not to be saved. Raises `Unavailable` when a file cannot be deleted."""
    CheckedPhotograph.objects.filter(pk__in=[one.pk for one in photographs]).delete()
    erase_files(files=[one.image for one in photographs])


def purge(*, limit: int) -> int:
    """Erase up to `limit` checked photographs whose hour is over. Returns how many. Raises `Unavailable`."""
    over = list(CheckedPhotograph.objects.expired()[:limit])
    forget(over)
    return len(over)
