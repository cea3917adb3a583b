"""Comparing faces: with the gallery (1:N), with one person (1:1), with each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from calibration.services import comparisons, threshold_of
from calibration.types import Comparison
from clients.models import Client
from errors import InvalidInput
from liveness.services import redeem_token
from people.exceptions import NoTemplate, SourceReserved, UnusableEmbedding
from people.models import BLACKLIST, FaceTemplate, Person, ReferenceImage
from people.portraits import choose_face
from people.proofs import COMPARE, VERIFY, redeem_for
from people.querysets import FaceTemplateQuerySet
from people.types import Candidate, FaceComparisons, Faces, Neighbour, Refusal, Search, SearchedFace, SourcedImage
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions
from vision.types import DetectedFace, Embedding, Space

MAX_CANDIDATES = 100
LARGEST_NUMBER = 60_000.0  # what half precision holds
RESERVED = "The source 'blacklist' is kept for screening and cannot be searched here."


def search_people(
    *,
    client: Client,
    data: bytes | None = None,
    embeddings: Sequence[Embedding] | None = None,
    sources: Sequence[str] | None = None,
    faces: Faces = "all",
    limit: int = 10,
    threshold: float | None = None,
    space_alias: str = DEFAULT,
) -> Search:
    """The people nearest to each face of an image, or to each embedding ((n, dimensions) of the space).

    `sources` restricts the search to these sub-galleries (None: all; never the blacklist). `threshold` is a distance;
    None takes the client's. Of every person the best template counts; at most `limit` people are named for a face,
    whether they match or not. Exact, and whoever was enrolled before the call is found.

    Raises `InvalidImage`, `UnusableFace` (`face.none`), `UnusableEmbedding`, `SourceReserved`, or `Unavailable`.
    """
    if sources is not None and BLACKLIST in sources:
        raise SourceReserved(RESERVED)
    space = engines[space_alias].space
    threshold = threshold if threshold is not None else threshold_of(client=client, space_alias=space_alias)
    found, probes, milliseconds = _probes(data, embeddings, space, space_alias, faces)
    gallery = FaceTemplate.objects.of_client(client).in_space(space.name).enrolled(sources=sources)
    searched = tuple(
        SearchedFace(face, nearest_people(gallery=gallery, probe=probe, space=space, limit=limit, threshold=threshold))
        for face, probe in zip(found, probes, strict=True)
    )
    return Search(searched, space.name, space.metric, threshold, milliseconds)


def _probes(
    data: bytes | None, embeddings: Sequence[Embedding] | None, space: Space, alias: str, faces: Faces
) -> tuple[list[DetectedFace | None], list[Embedding], float]:
    """What to search for: faces (None where only a vector came), their embeddings, and the engine's time."""
    if data is None:
        vectors = [_usable(embedding, space) for embedding in embeddings or []]
        return [None] * len(vectors), vectors, 0.0
    analysis = inference.analyse(data, AnalysisOptions(aliases=[alias]))
    largest = choose_face(analysis.faces, "largest")
    chosen = analysis.faces if faces == "all" else [largest]
    return [*chosen], [face.embeddings[space.name] for face in chosen], analysis.milliseconds


def _usable(embedding: Embedding, space: Space) -> Embedding:
    vector = np.asarray(embedding, np.float32)
    if vector.shape != (space.dimensions,):
        raise UnusableEmbedding(f"An embedding of this service has {space.dimensions} numbers.")
    if not np.isfinite(vector).all() or np.abs(vector).max() > LARGEST_NUMBER:
        raise UnusableEmbedding("An embedding holds finite numbers of ordinary size.")
    return vector


def nearest_people(
    *, gallery: FaceTemplateQuerySet, probe: Embedding, space: Space, limit: int, threshold: float
) -> tuple[Candidate, ...]:
    """The `limit` people of a gallery of templates nearest to a probe, closest first."""
    limit = max(1, min(limit, MAX_CANDIDATES))
    near = gallery.nearest(probe, metric=space.metric, limit=limit + 1)  # one more, for the margin of the last
    compared = comparisons(distances=[n.distance for n in near], space=space, threshold=threshold)
    people = Person.objects.in_bulk([n.person_id for n in near[:limit]])
    images = ReferenceImage.objects.in_bulk([n.reference_image_id for n in near[:limit]])
    if any(n.person_id not in people or n.reference_image_id not in images for n in near[:limit]):
        # erased meanwhile; somebody else, or another photograph, may be near as well
        return nearest_people(gallery=gallery, probe=probe, space=space, limit=limit, threshold=threshold)
    return tuple(
        Candidate(people[n.person_id], images[n.reference_image_id], comparison)
        for n, comparison in zip(near[:limit], compared, strict=False)
    )


def people_like(*, person: Person, embedding: Embedding, limit: int = 10) -> tuple[Candidate, ...]:
    """Other people of the same client and source whose face is within the client's threshold, closest first."""
    space = engines[DEFAULT].space
    threshold = threshold_of(client=person.client)
    others = _gallery_of(person, space).exclude(person=person)
    near = nearest_people(gallery=others, probe=embedding, space=space, limit=limit, threshold=threshold)
    return tuple(candidate for candidate in near if candidate.comparison.matches)


def _gallery_of(person: Person, space: Space) -> FaceTemplateQuerySet:
    """The templates of the person's client and source."""
    gallery = FaceTemplate.objects.of_client(person.client).in_space(space.name)
    return gallery.enrolled(sources=[person.source])


def search_each(*, client: Client, images: Sequence[SourcedImage], limit: int = 10) -> list[SearchedFace | Refusal]:
    """The people nearest to the largest face of each image, in the order of the images, each in its own source.

    Several images are with workers at the same time. One that cannot be used is a `Refusal` in its place. Raises
    `SourceReserved` or `Unavailable`.
    """
    if any(image.source == BLACKLIST for image in images):
        raise SourceReserved(RESERVED)
    space, threshold = engines[DEFAULT].space, threshold_of(client=client)
    faces = _faces([image.data for image in images], DEFAULT)
    gallery = FaceTemplate.objects.of_client(client).in_space(space.name)

    def near(face: Embedding, source: str) -> SearchedFace:
        people = gallery.enrolled(sources=[source])
        found = nearest_people(gallery=people, probe=face, space=space, limit=limit, threshold=threshold)
        return SearchedFace(None, found)

    return [
        face if isinstance(face, Refusal) else near(face, image.source)
        for face, image in zip(faces, images, strict=True)
    ]


def verify_person(
    *, person: Person, data: bytes, threshold: float | None = None, space_alias: str = DEFAULT, token: str = ""
) -> Comparison:
    """Whether the largest face of an image is this person's: the distance to the best of the person's templates.

    The margin is to the most similar other person of the same source. A match uses the `token` of a liveness session up
    where one is given. Raises `InvalidImage`, `UnusableFace` (`face.none`), `NoTemplate` for a person without a face,
    `TokenRefused`, `SessionNotFound`, or `Unavailable`.
    """
    space = engines[space_alias].space
    threshold = threshold if threshold is not None else threshold_of(client=person.client, space_alias=space_alias)
    gallery = _gallery_of(person, space)
    if not gallery.of_person(person).exists():
        raise NoTemplate("This person has no enrolled face to compare with.")
    probe = face_of(data, space_alias)
    near = [
        *gallery.of_person(person).nearest(probe, metric=space.metric, limit=1),
        *gallery.exclude(person=person).nearest(probe, metric=space.metric, limit=1),
    ]
    compared = _first_of(near, person, space, threshold)
    if token and compared.matches:
        redeem_for(person=person, token=token, purpose=VERIFY, face={space.name: probe})
    return compared


def _first_of(near: Sequence[Neighbour], person: Person, space: Space, threshold: float) -> Comparison:
    if not near or near[0].person_id != person.pk:  # erased meanwhile
        raise NoTemplate("This person has no enrolled face to compare with.")
    return comparisons(distances=[n.distance for n in near], space=space, threshold=threshold)[0]


def face_of(data: bytes, space_alias: str = DEFAULT) -> Embedding:
    """The embedding of the largest face of an image. Raises `InvalidImage`, `UnusableFace` or `Unavailable`."""
    analysis = inference.analyse(data, AnalysisOptions(aliases=[space_alias]))
    return choose_face(analysis.faces, "largest").embeddings[engines[space_alias].space.name]


def compare_faces(
    *,
    client: Client,
    first: bytes,
    others: Sequence[bytes | InvalidInput],
    threshold: float | None = None,
    space_alias: str = DEFAULT,
    token: str = "",
    subject: str = "",
) -> FaceComparisons:
    """The largest face of `first` against the largest of each other image, in their order. Nothing is stored.

    `token` of a liveness session about `subject`: it must have been made for the face of `first`, and is used up.

    An image of `others` that cannot be used is a `Refusal` in its place, and so is the error that stands for one which
    could not even be read. Raises `InvalidImage` or `UnusableFace`
    (`face.none`) for `first`, `TokenRefused`, `SessionNotFound`, or `Unavailable`.
    """
    space = engines[space_alias].space
    threshold = threshold if threshold is not None else threshold_of(client=client, space_alias=space_alias)
    probe = face_of(first, space_alias)
    faces = _faces(others, space_alias)
    if token:
        redeem_token(client=client, token=token, purpose=COMPARE, subject=subject, face={space.name: probe})
    gaps = [distance(probe, face, metric=space.metric) for face in faces if not isinstance(face, Refusal)]
    compared = iter(comparisons(distances=gaps, space=space, threshold=threshold))
    results = tuple(face if isinstance(face, Refusal) else next(compared) for face in faces)
    return FaceComparisons(results, space.name, space.metric, threshold)


def _faces(images: Sequence[bytes | InvalidInput], space_alias: str) -> list[Embedding | Refusal]:
    return inference.several(partial(_face_or_refusal, space_alias=space_alias), images)


def _face_or_refusal(data: bytes | InvalidInput, space_alias: str) -> Embedding | Refusal:
    try:
        if isinstance(data, InvalidInput):
            raise data
        return face_of(data, space_alias)
    except InvalidInput as error:
        return Refusal("", error.code, error.message)
