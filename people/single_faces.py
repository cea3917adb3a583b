"""Faces one by one: searches that name photographs rather than people, and all faces of one image against another's.

For images of which every face is searched or compared see `people.every_face`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from django.db import transaction

from audit.services import record, require_searching
from audit.types import Action
from calibration.types import Comparison, Decision
from clients.models import Client
from people.elsewhere.asking import AskedGalleries, asked_in
from people.evidence import proof_demanded, require_live
from people.galleries import SearchedGalleries, search_in
from people.looks import Look, faces_of
from people.models import Gallery, Person, ReferenceImage
from people.news import tell_of_search
from people.quality_gate import remarks_on
from people.shadow import offer_probe
from people.types import Candidate, Gate, Neighbour
from vectors.stored import Rotated
from vision import inference
from vision.distances import distance, distance_matrix
from vision.engines import DEFAULT
from vision.exceptions import NotRecognisable
from vision.inference import AnalysisOptions
from vision.selection import ALL_FACES, FacesWanted, choose_face
from vision.types import Analysis, DetectedFace

STEPS = (40, 200, 1000)  # photographs that are read at first; most searches match a few


@dataclass(frozen=True)
class Wanted:
    """Which of the nearest are named: the first `most` that `accepts` takes. What is farther than one that it refuses
    must be refused too.
    """

    most: int
    accepts: Callable[[Comparison], bool]


@dataclass(frozen=True)
class FaceSearch:
    """The faces of an image, the largest one (None: there is none), and whom it is like, closest first.

    Nobody is searched for a face that cannot be recognised or that the gate refuses: `is_searched` is False.
    """

    analysis: Analysis
    face: DetectedFace | None
    is_searched: bool
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class FacePairs:
    """The largest face of one image (None: there is none) against every face of another.

    `space` is the one that they are compared in.
    """

    first: Analysis
    face: DetectedFace | None
    second: Analysis
    compared: tuple[tuple[DetectedFace, Comparison | None], ...]  # None: it cannot be compared
    space: str


@dataclass(frozen=True)
class ClosestPair:
    """The two faces of two images that are nearest to each other, in which space, and by which detector found.

    `distance` is told also where one of them cannot be recognised, which nothing is decided about.
    """

    faces: tuple[DetectedFace, DetectedFace]
    distance: float
    comparison: Comparison
    model: str
    detector: str


@dataclass(frozen=True)
class FacesByLook:
    """The faces of an image, each with the photographs nearest to it, closest first, and how they were searched."""

    faces: tuple[tuple[DetectedFace, tuple[Candidate, ...]], ...]
    model: str
    detector: str


def search_face(
    *, gallery: Gallery, data: bytes, wanted: Wanted, gate: Gate = Gate.OFF, identified: bool = False
) -> FaceSearch:
    """The photographs of a gallery that are nearest to the largest face of an image, as far as they are `wanted`.

    A person may have several of them. `identified`: the people who have an external id instead, each once, by the
    nearest of their photographs. Raises `InvalidImage`, `SearchingStopped` or `Unavailable`.
    """
    require_searching(gallery.client_id)
    asked = asked_in(client=gallery.client, galleries=[gallery])
    searched = search_in(client=gallery.client, galleries=[gallery])
    analysis = inference.analyse(data, AnalysisOptions(aliases=[searched.alias]))
    face = max(analysis.faces, key=lambda one: one.box.area, default=None)
    if face is None or not face.is_recognisable or remarks_on(face=face, gate=gate):
        return FaceSearch(analysis, face, False, ())
    if asked:
        return FaceSearch(analysis, face, True, found_there(asked, data, face, wanted, identified))
    offer_probe(client=gallery.client, galleries=[gallery], read=partial(bytes, data), faces="largest")
    probe = searched.rotated(face.embeddings[searched.space.name])
    with transaction.atomic():
        found = nearest_wanted(searched, [probe], wanted, identified)
        if any(one.comparison.matches for one in found):  # nobody is unknown by the caller's own idea of a match
            tell_of_search([(Decision.MATCH, found)], client_id=gallery.client_id)
    return FaceSearch(analysis, face, True, found)


def found_there(
    asked: AskedGalleries, data: bytes, face: DetectedFace, wanted: Wanted, identified: bool
) -> tuple[Candidate, ...]:
    """People whom a remote service finds, each once, and a row of the audit that names them."""
    near = asked.nearest(data, face.box, limit=min(wanted.most, STEPS[-1]))
    known = [one for one in asked.candidates(near, limit=len(near)) if one.person.external_id or not identified]
    found = tuple(one for one in known if wanted.accepts(one.comparison))
    names = [one.person.audit_name for one in found]
    with transaction.atomic():
        record(Action.SEARCH, client_id=asked.client.pk, objects=names, searched=asked.audited, results=len(found))
        if any(one.comparison.matches for one in found):
            tell_of_search([(Decision.MATCH, found)], client_id=asked.client.pk)
    return found


def search_stored_faces(
    *, gallery: Gallery, images: Sequence[ReferenceImage], wanted: Wanted, identified: bool = False
) -> tuple[Candidate, ...]:
    """`search_face` for stored faces of one person, which are not among the photographs that are found."""
    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    own = {image.pk for image in images}
    probes = [vector for pk in own for vector in searched.templates.vectors_of(pk)]
    return nearest_wanted(searched, probes, wanted, identified, but=set() if identified else own)


def nearest_wanted(
    searched: SearchedGalleries,
    probes: Sequence[Rotated],
    wanted: Wanted,
    identified: bool,
    but: Collection[int] = (),
) -> tuple[Candidate, ...]:
    """Whoever is nearest to any of the probes, and a row of the audit that names them."""
    best: dict[int, Neighbour] = {}
    for probe in probes:
        for one in _near(searched, probe, wanted, len(but), identified):
            key = one.person_id if identified else one.reference_image_id
            if key not in best or one.distance < best[key].distance:
                best[key] = one
    near = sorted(best.values(), key=lambda one: (one.distance, one.reference_image_id))
    near = [one for one in near if one.reference_image_id not in but]
    pairs = list(zip(near, searched.compare(near), strict=True))
    chosen = [pair for pair in pairs if wanted.accepts(pair[1])][: wanted.most]
    people = Person.objects.select_related("gallery", "client").in_bulk({one.person_id for one, _ in chosen})
    images = ReferenceImage.objects.in_bulk({one.reference_image_id for one, _ in chosen})
    found = tuple(
        Candidate(people[one.person_id], images[one.reference_image_id], comparison)
        for one, comparison in chosen
        if one.person_id in people and one.reference_image_id in images  # others were erased meanwhile
    )
    names = list(dict.fromkeys(one.person.audit_name for one in found))
    record(Action.SEARCH, client_id=searched.client.pk, objects=names, searched=searched.audited, results=len(found))
    return found


def _near(searched: SearchedGalleries, probe: Rotated, wanted: Wanted, more: int, identified: bool) -> list[Neighbour]:
    """The nearest `wanted.most + more`, or fewer once one is too far: that is asked for in steps."""
    known = searched.templates.filter(person__external_id__isnull=False)
    neighbourhood, metric = searched.neighbourhood(), searched.point.metric
    most = wanted.most + more
    for limit in (*(step for step in STEPS if step < most), most):
        if identified:
            rows = known.nearest(probe, metric=metric, limit=limit)
        else:
            rows = neighbourhood.nearest_templates(probe, limit=limit)
        if len(rows) < limit or not wanted.accepts(searched.compare(rows[-1:])[0]):
            break
    return rows


def similarity_to(*, person: Person, image: ReferenceImage) -> Comparison | None:
    """A stored face against the nearest photograph of a person, at the one-to-one point; None if there is nothing to
    compare. Raises `SearchingStopped`, or as `search_in` does.
    """
    require_searching(person.client_id)
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True)
    own = searched.templates.of_person(person).exclude(reference_image=image)
    near = [
        one
        for vector in searched.templates.vectors_of(image.pk)
        for one in own.nearest(vector, metric=searched.point.metric, limit=1)
    ]
    compared = searched.compare(near[:1])[0] if near else None
    names, matches = [person.audit_name, image.audit_name], int(compared is not None and compared.matches)
    record(Action.COMPARE, client_id=person.client_id, objects=names, searched=searched.audited, results=matches)
    return compared


def compare_all(
    *,
    client: Client,
    first: bytes,
    second: bytes,
    gate: Gate = Gate.OFF,
    wanted: FacesWanted = ALL_FACES,
    only: bool = False,
    attributes: bool = False,
) -> FacePairs:
    """The largest face of `first` against every face of `second`. Nothing is stored.

    In both images only the faces that are `wanted` count; with `only`, `first` may have one alone. Faces that cannot be
    recognised, or that the gate refuses, are not compared. Where the client's policy demands liveness, that face of
    `first` must show it. Raises `InvalidImage`, `UnusableFace` (`face.several`), `SearchingStopped`, `NotLive` or
    `Unavailable`.
    """
    require_searching(client.pk)
    due = proof_demanded(client=client, proof=None)
    searched = search_in(client=client, galleries=[], one_to_one=True)
    options = AnalysisOptions(aliases=[DEFAULT], attributes=attributes)
    both = [(first, replace(options, liveness=due is not None)), (second, options)]
    one, other = inference.several(lambda image: inference.analyse(*image), both)
    faces = wanted.of(one.faces)
    face = choose_face(faces, "only" if only else "largest") if faces else None
    if due and face is not None:
        require_live(client=client, proof=due, face=face)
    name, metric = searched.space.name, searched.point.metric

    def usable(found: DetectedFace) -> bool:
        return found.is_recognisable and not remarks_on(face=found, gate=gate)

    compared = tuple(
        (
            found,
            searched.point.compare([distance(face.embeddings[name], found.embeddings[name], metric=metric)])[0]
            if face is not None and usable(face) and usable(found)
            else None,
        )
        for found in (other.faces if wanted is ALL_FACES else wanted.of(other.faces))
    )
    matches = sum(comparison is not None and comparison.matches for _, comparison in compared)
    record(Action.COMPARE, client_id=client.pk, searched=searched.audited, results=matches)
    return FacePairs(one, face, other, compared, name)


def compare_closest(
    *, client: Client, first: bytes, second: bytes, look: Look, metric: str | None = None
) -> ClosestPair:
    """The faces of two images that are nearest to each other, at the one-to-one point. Nothing is stored.

    A face that cannot be recognised is compared only where there is no other: `NotRecognisable` is raised then or,
    where `look` lets whole images count as faces, nothing is decided. Where the client's policy demands liveness, the
    largest face of `first` alone counts, and must show it. Raises as `faces_of` does, `SearchingStopped`, or `NotLive`.
    """
    require_searching(client.pk)
    due = proof_demanded(client=client, proof=None)
    searched = search_in(client=client, galleries=[], alias=look.alias, metric=metric, one_to_one=True)
    both = [(first, due is not None), (second, False)]
    one, other = inference.several(
        lambda image: faces_of(image[0], look, alias=searched.alias, liveness=image[1]), both
    )
    if due:
        one = replace(one, faces=[choose_face(one.faces, "largest")])
        require_live(client=client, proof=due, face=one.faces[0])
    pairs = [(mine, theirs) for mine in _usable(one, look) for theirs in _usable(other, look)]
    name = searched.space.name
    rows, columns = ([face.embeddings[name] for face in _usable(image, look)] for image in (one, other))
    distances = distance_matrix(np.stack(rows), np.stack(columns), metric=searched.point.metric).ravel()
    nearest = int(distances.argmin())
    faces, between = pairs[nearest], float(distances[nearest])
    unclear = next((face for face in faces if not face.is_recognisable), None)
    if unclear:
        compared = Comparison.refused(searched.point, unclear.recognisability_reason)
    else:
        [compared] = searched.point.compare([between])
    record(Action.COMPARE, client_id=client.pk, searched=searched.audited, results=int(compared.matches))
    return ClosestPair(faces, between, compared, searched.space.model, look.detector_of(searched.alias))


def _usable(analysis: Analysis, look: Look) -> list[DetectedFace]:
    """The faces that can be recognised or, if there is none and `look` allows it, all."""
    found = [face for face in analysis.faces if face.is_recognisable]
    if not found and look.whole == "never":
        raise NotRecognisable(analysis.faces[0].recognisability_reason)
    return found or analysis.faces


def search_by_look(
    *, gallery: Gallery, data: bytes, look: Look, wanted: Wanted, metric: str | None = None
) -> FacesByLook:
    """`search_face` for every face of an image; a remote service has a model and a metric of its own.

    Raises as `faces_of` does, or `SearchingStopped`.
    """
    require_searching(gallery.client_id)
    asked = asked_in(client=gallery.client, galleries=[gallery])
    searched = search_in(client=gallery.client, galleries=[gallery], alias=look.alias, metric=metric)
    analysis, name = faces_of(data, look, alias=searched.alias), searched.space.name
    if asked:
        there = tuple(
            (face, found_there(asked, data, face, wanted, False) if face.is_recognisable else ())
            for face in analysis.faces
        )
        return FacesByLook(there, asked.space, look.detector_of(searched.alias))
    if look == Look() and metric is None:
        offer_probe(client=gallery.client, galleries=[gallery], read=partial(bytes, data), faces="all")
    faces = tuple(
        (face, nearest_wanted(searched, [searched.rotated(face.embeddings[name])], wanted, False))
        if face.is_recognisable
        else (face, ())
        for face in analysis.faces
    )
    return FacesByLook(faces, searched.space.model, look.detector_of(searched.alias))
