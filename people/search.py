"""Searching for faces among the people of a client (1:N)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from django.db import transaction

from audit.services import is_stopped, require_searching
from calibration.types import with_margins
from clients.models import Client
from errors import InvalidInput
from people.elsewhere.asking import AskedGalleries, RemoteNeighbour, asked_in, ours_of
from people.exceptions import UnusableEmbedding
from people.galleries import SearchedGalleries, galleries_called, search_in
from people.models import Person, ReferenceImage
from people.news import record_search
from people.shadow import offer_probe
from people.types import Candidate, Probe, Refusal, Search, SearchedFace, SearchOptions, SourcedImage
from vectors.stored import LONGEST
from vision import inference
from vision.engines import DEFAULT, engines
from vision.exceptions import NotRecognisable
from vision.inference import AnalysisOptions
from vision.selection import choose_face, recognisable
from vision.types import DetectedFace, Embedding, Space

MAX_CANDIDATES = 100


def search_people(*, client: Client, probe: Probe, options: SearchOptions | None = None, tells: bool = True) -> Search:
    """The people nearest to each face of an image, or to each embedding.

    Of every person the best template counts; at most `options.limit` people are named for a face, whether they match
    or not. Nobody is named for a face that cannot be recognised. Everyone who was enrolled before the call is found:
    the search is exact, except in large galleries that have a search index, whose recall is measured
    (`people.indexing`). If several galleries are searched, each candidate is judged at the operating point of its own
    gallery. `tells`: clients who want to know of searches are told, as of all but previews.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `UnusableEmbedding`, `NoEmbeddingsThere` for embeddings where a
    remote service keeps one of the galleries, or `Unavailable`.
    """
    require_searching(client.pk)
    options = options or SearchOptions()
    galleries = galleries_called(client=client, sources=options.sources)
    here = galleries if probe.data is None else ours_of(galleries)
    searched = search_in(client=client, galleries=here, threshold=options.threshold, alias=options.alias)
    if asked := asked_in(client=client, galleries=galleries, threshold=options.threshold):
        return _search_elsewhere(searched, asked, probe, options, tells)
    space, milliseconds = searched.space, 0.0
    if probe.data is None:
        probes: list[tuple[DetectedFace | None, Embedding]] = [
            (None, usable_embedding(embedding, space)) for embedding in probe.embeddings
        ]
    else:
        analysis = inference.analyse(probe.data, AnalysisOptions(aliases=[searched.alias]))
        largest = choose_face(analysis.faces, "largest")
        found = analysis.faces if options.faces == "all" else [largest]
        probes = [(face, face.embeddings[space.name]) for face in found]
        milliseconds = analysis.milliseconds
        if options.threshold is None and options.alias is None:
            offer_probe(client=client, galleries=galleries, read=partial(bytes, probe.data), faces=options.faces)
    faces = tuple(
        SearchedFace(face, nearest_people(searched, vector, limit=options.limit))
        if face is None or face.is_recognisable
        else SearchedFace(face, ())
        for face, vector in probes
    )
    _record(searched, faces, tells=tells)
    return Search(faces, space.name, searched.point, milliseconds)


def _search_elsewhere(
    searched: SearchedGalleries, asked: AskedGalleries, probe: Probe, options: SearchOptions, tells: bool
) -> Search:
    """Where a remote service keeps some of the galleries, or all: the candidates of both, the most similar first."""
    data, limit = probe.data or b"", max(1, min(options.limit, MAX_CANDIDATES))
    with inference.admission(1):
        analysis = inference.analyse(data, AnalysisOptions(aliases=[searched.alias]))
        largest = choose_face(analysis.faces, "largest")
        found = analysis.faces if options.faces == "all" else [largest]
        usable = [face for face in found if face.is_recognisable]
        near = iter(asked.nearest_each(data, [face.box for face in usable], limit=limit + 1))
    faces = tuple(
        SearchedFace(face, _joined(searched, asked, face, next(near), limit) if face.is_recognisable else ())
        for face in found
    )
    _record(searched, faces, asked, tells)
    return Search(faces, asked.space, asked.point, analysis.milliseconds)


def _joined(
    searched: SearchedGalleries, asked: AskedGalleries, face: DetectedFace, near: Sequence[RemoteNeighbour], limit: int
) -> tuple[Candidate, ...]:
    there = asked.candidates(near, limit=limit)
    if not searched.points:
        return there
    here = nearest_people(searched, face.embeddings[searched.space.name], limit=limit)
    both = sorted([*there, *here], key=lambda one: -(one.comparison.similarity or 0.0))
    margins = with_margins(one.comparison for one in both)
    return tuple(replace(one, comparison=own) for one, own in zip(both, margins, strict=True))[:limit]


def _record(
    searched: SearchedGalleries,
    faces: Sequence[SearchedFace],
    asked: AskedGalleries | None = None,
    tells: bool = True,
) -> None:
    """Who was named to the caller, whether they match or not."""
    where = searched.audited if asked is None else asked.audited
    if asked is not None and searched.points:
        where = replace(where, galleries=tuple(sorted({*where.galleries, *searched.points})))
    seen = [(face.decision, face.candidates) for face in faces]
    record_search(seen, client_id=searched.client.pk, searched=where, tells=tells)


def usable_embedding(embedding: Embedding, space: Space) -> Embedding:
    """A vector that a caller sent, as one of the space. Raises `UnusableEmbedding`."""
    vector = np.asarray(embedding, np.float32)
    if vector.shape != (space.dimensions,):
        raise UnusableEmbedding(f"An embedding of this service has {space.dimensions} numbers.")
    if not np.isfinite(vector).all() or np.linalg.norm(vector) > LONGEST:
        raise UnusableEmbedding("An embedding holds finite numbers of ordinary size.")
    return vector


def search_each(
    *, client: Client, images: Sequence[SourcedImage], limit: int = 10, tells: bool = True
) -> list[SearchedFace | Refusal]:
    """The people nearest to the largest face of each image, in the order of the images, each in its own gallery.

    Several images are with workers at the same time. One that cannot be used is a `Refusal` in its place. `tells`: as
    `search_people`. Raises `Unavailable`.
    """
    require_searching(client.pk)
    named = {source: galleries_called(client=client, sources=[source]) for source in {one.source for one in images}}
    searched = {source: search_in(client=client, galleries=ours_of(named[source])) for source in named}
    asked = {source: asked_in(client=client, galleries=galleries) for source, galleries in named.items()}
    seen = inference.several(lambda one: look_or_refusal(one.data, searched[one.source].alias), images)
    for source, data in [(one.source, one.data) for one in images if isinstance(one.data, bytes)][:1]:
        offer_probe(client=client, galleries=named[source], read=partial(bytes, data), faces="largest")
    found = [
        face
        if isinstance(face, Refusal)
        else _nearest_to(face, image, searched[image.source], asked[image.source], limit)
        for face, image in zip(seen, images, strict=True)
    ]
    with transaction.atomic():
        for face, image in zip(found, images, strict=True):
            if isinstance(face, SearchedFace):
                _record(searched[image.source], [face], asked[image.source], tells)
    return found


def _nearest_to(
    face: DetectedFace, image: SourcedImage, searched: SearchedGalleries, asked: AskedGalleries | None, limit: int
) -> SearchedFace:
    if asked is None:
        return SearchedFace(None, nearest_people(searched, face.embeddings[searched.space.name], limit=limit))
    assert isinstance(image.data, bytes)  # an image that could not be read is a refusal by now
    return SearchedFace(
        None, _joined(searched, asked, face, asked.nearest(image.data, face.box, limit=limit + 1), limit)
    )


def nearest_people(
    searched: SearchedGalleries, probe: Embedding, *, limit: int, but: Person | None = None
) -> tuple[Candidate, ...]:
    """The `limit` people nearest to a probe, closest first, without the person `but`."""
    limit = max(1, min(limit, MAX_CANDIDATES))
    near = searched.neighbourhood(but).nearest(
        searched.rotated(probe), limit=limit + 1
    )  # one more, for the last margin
    compared = searched.compare(near)
    people = Person.objects.select_related("gallery").in_bulk([one.person_id for one in near[:limit]])
    images = ReferenceImage.objects.in_bulk([one.reference_image_id for one in near[:limit]])
    if any(one.person_id not in people or one.reference_image_id not in images for one in near[:limit]):
        # Erased meanwhile: another person, or another photograph, may be near as well.
        return nearest_people(searched, probe, limit=limit, but=but)
    return tuple(
        Candidate(people[one.person_id], images[one.reference_image_id], comparison)
        for one, comparison in zip(near[:limit], compared, strict=False)
    )


def people_like(*, person: Person, face: DetectedFace, limit: int = 10) -> tuple[Candidate, ...]:
    """Other people of the same gallery whose face is within its threshold, closest first.

    Nobody while searching is stopped.
    """
    if is_stopped(person.client_id):
        return ()
    searched = search_in(client=person.client, galleries=[person.gallery], beside=True)
    near = nearest_people(searched, face.embeddings[searched.space.name], limit=limit, but=person)
    return tuple(candidate for candidate in near if candidate.comparison.matches)


def look_at(data: bytes, alias: str = DEFAULT) -> DetectedFace:
    """The largest face of an image. Raises `InvalidImage`, `UnusableFace` or `Unavailable`."""
    faces = inference.analyse(data, AnalysisOptions(aliases=[alias])).faces
    return recognisable(choose_face(faces, "largest"))


def face_of(data: bytes, alias: str = DEFAULT) -> Embedding:
    """Its embedding. Raises as `look_at` does."""
    return look_at(data, alias).embeddings[engines[alias].space.name]


def look_or_refusal(data: bytes | InvalidInput, alias: str = DEFAULT) -> DetectedFace | Refusal:
    """`look_at`, with what is wrong with the image as a value."""
    try:
        if isinstance(data, InvalidInput):
            raise data
        return look_at(data, alias)
    except NotRecognisable as error:
        return Refusal("", error.code, error.message, error.reason)
    except InvalidInput as error:
        return Refusal("", error.code, error.message)


def face_or_refusal(data: bytes | InvalidInput, alias: str = DEFAULT) -> Embedding | Refusal:
    """`face_of`, with what is wrong with the image as a value."""
    face = look_or_refusal(data, alias)
    return face if isinstance(face, Refusal) else face.embeddings[engines[alias].space.name]
