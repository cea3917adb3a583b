"""Searches of one gallery, for the largest face of an image or for every one, that name photographs rather than people.

The gallery is searched here or by the service that keeps it. What is compared with something else than a gallery is in
`people.pairs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from audit.services import record, require_searching
from audit.types import Action
from calibration.types import Comparison, Decision
from people.elsewhere.asking import AskedGalleries, asked_in, ours_of
from people.galleries import SearchedGalleries, search_in
from people.looks import AS_USUAL, Look, faces_of
from people.models import Gallery, Person, ReferenceImage
from people.news import Seen, record_search
from people.quality_gate import remarks_on
from people.search import usable_embedding
from people.shadow import offer_probe
from people.types import Candidate, Faces, Gate, Neighbour
from vectors.stored import Rotated
from vision import inference
from vision.inference import AnalysisOptions
from vision.types import Analysis, DetectedFace, Embedding

STEPS = (40, 200, 1000)  # photographs that are read at first; most searches match a few
LOOKS = 3  # at a gallery of which somebody is erased each time


@dataclass(frozen=True)
class Wanted:
    """Which of the nearest are named: the first `most` that `accepts` takes. What is farther than one that it refuses
    must be refused too.
    """

    most: int
    accepts: Callable[[Comparison], bool] = lambda comparison: True


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
class EveryFace:
    """The wanted faces of an image, each with the photographs that are nearest to it, closest first.

    A face that cannot be recognised has none. `space` and `model` say what has decided: those of the space that was
    searched, or the name of the service; `detector` what has found the faces.
    """

    analysis: Analysis
    faces: tuple[tuple[DetectedFace, tuple[Candidate, ...]], ...]
    space: str
    model: str
    detector: str


@dataclass(frozen=True)
class Place:
    """A gallery that is to be searched: here, or (`asked`) by its service, and then `searched` is of no gallery."""

    gallery: Gallery
    searched: SearchedGalleries
    asked: AskedGalleries | None

    def admission(self) -> AbstractContextManager[None]:
        """In which an image is analysed and searched for."""
        return inference.admission(1) if self.asked else nullcontext()

    @property
    def names(self) -> tuple[str, str]:
        """Of the space and its model, or of the service twice."""
        space = self.searched.space
        return (self.asked.space, self.asked.space) if self.asked else (space.name, space.model)


# ---- faces of an image ------------------------------------------------------------------------------------------
def search_face(
    *, gallery: Gallery, data: bytes, wanted: Wanted, gate: Gate = Gate.OFF, identified: bool = False
) -> FaceSearch:
    """The photographs of a gallery that are nearest to the largest face of an image, as far as they are `wanted`.

    A person may have several of them; a remote service names each person once. `identified`: the people who have an
    external id instead, each once, by the nearest of their photographs. Raises `InvalidImage`, `SearchingStopped` or
    `Unavailable`.
    """
    place = _place_of(gallery)
    with place.admission():
        analysis = inference.analyse(data, AnalysisOptions(aliases=[place.searched.alias]))
        face = max(analysis.faces, key=lambda one: one.box.area, default=None)
        if face is None or not face.is_recognisable or remarks_on(face=face, gate=gate):
            return FaceSearch(analysis, face, False, ())
        [found] = _search(place, data, [face], wanted, identified=identified, offered="largest")
    return FaceSearch(analysis, face, True, found)


def search_every_face(
    *, gallery: Gallery, data: bytes, wanted: Wanted, look: Look = AS_USUAL, metric: str | None = None
) -> EveryFace:
    """`search_face` for every face of an image that counts. Raises as `faces_of` does, or `SearchingStopped`."""
    place = _place_of(gallery, alias=look.alias, metric=metric)
    with place.admission():
        analysis = faces_of(data, look, place.searched.alias)
        faces = look.chosen(analysis)
        usable = [face for face in faces if face.is_recognisable]
        offered: Faces | None = "all" if look.is_usual and metric is None else None
        near = iter(_search(place, data, usable, wanted, offered=offered))
    found = tuple((face, next(near) if face.is_recognisable else ()) for face in faces)
    return EveryFace(analysis, found, *place.names, look.detector_of(place.searched.alias))


def _place_of(gallery: Gallery, *, alias: str | None = None, metric: str | None = None) -> Place:
    require_searching(gallery.client_id)
    asked = asked_in(client=gallery.client, galleries=[gallery])
    searched = search_in(client=gallery.client, galleries=ours_of([gallery]), alias=alias, metric=metric)
    return Place(gallery, searched, asked)


def _search(
    place: Place,
    data: bytes,
    faces: Sequence[DetectedFace],
    wanted: Wanted,
    *,
    identified: bool = False,
    offered: Faces | None = None,
) -> list[tuple[Candidate, ...]]:
    """Whoever is nearest to each of these faces; that they are named is recorded and told, once for the image."""
    searched, client = place.searched, place.gallery.client
    if place.asked:
        seen = _seen_there(place.asked, data, faces, wanted, identified)
    else:
        probes = [searched.rotated(face.embeddings[searched.space.name]) for face in faces]
        seen = [_seen_here(searched, [probe], wanted, identified) for probe in probes]
        if offered and faces:
            offer_probe(client=client, galleries=[place.gallery], read=partial(bytes, data), faces=offered)
    record_search(seen, client_id=client.pk, searched=(place.asked or searched).audited)
    return [tuple(found) for _, found in seen]


# ---- embeddings and stored faces, of galleries that are searched here -------------------------------------------
def search_embeddings(
    *, gallery: Gallery, embeddings: Sequence[Embedding], wanted: Wanted
) -> list[tuple[Candidate, ...]]:
    """`search_every_face` for embeddings, in their order.

    Raises `UnusableEmbedding`, `NoEmbeddingsThere` or `SearchingStopped`.
    """
    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    probes = [searched.rotated(usable_embedding(embedding, searched.space)) for embedding in embeddings]
    seen = [_seen_here(searched, [probe], wanted, False) for probe in probes]
    record_search(seen, client_id=gallery.client_id, searched=searched.audited)
    return [tuple(found) for _, found in seen]


def search_stored_faces(
    *, gallery: Gallery, images: Sequence[ReferenceImage], wanted: Wanted, identified: bool = False
) -> tuple[Candidate, ...]:
    """`search_face` for stored faces of one person, which are not among the photographs that are found.

    Nobody is told: nobody has been seen. Raises `NoEmbeddingsThere` or `SearchingStopped`.
    """
    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    own = {image.pk for image in images}
    probes = [vector for pk in own for vector in searched.templates.vectors_of(pk)]
    seen = _seen_here(searched, probes, wanted, identified, but=set() if identified else own)
    record_search([seen], client_id=gallery.client_id, searched=searched.audited, tells=False)
    return tuple(seen[1])


def similarity_to(*, person: Person, image: ReferenceImage) -> Comparison | None:
    """A stored face against the nearest photograph of a person, at the one-to-one point; None if there is nothing to
    compare. Raises `NoEmbeddingsThere`, `SearchingStopped`, or as `search_in` does.
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


# ---- the nearest ------------------------------------------------------------------------------------------------
def _seen_here(
    searched: SearchedGalleries,
    probes: Sequence[Rotated],
    wanted: Wanted,
    identified: bool,
    but: Collection[int] = (),
) -> Seen:
    """Whoever is nearest to any of the probes, without the photographs `but`."""
    for _ in range(LOOKS):
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
            if one.person_id in people and one.reference_image_id in images
        )
        if len(found) == len(chosen):
            break  # otherwise somebody was erased meanwhile, and others may be near as well
    return _said(pairs[0][1] if pairs else None, wanted, identified), found


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


def _seen_there(
    asked: AskedGalleries, data: bytes, faces: Sequence[DetectedFace], wanted: Wanted, identified: bool
) -> list[Seen]:
    """People whom a remote service finds, each once."""
    seen = list[Seen]()
    most = min(max(wanted.most, STEPS[0] if identified else 1), STEPS[-1])
    for near in asked.nearest_each(data, [face.box for face in faces], limit=most):
        everybody = asked.candidates(near, limit=len(near))
        known = [one for one in everybody if one.person.external_id or not identified]
        found = [one for one in known if wanted.accepts(one.comparison)][: wanted.most]
        nearest = everybody[0].comparison if everybody else None
        seen.append((_said(nearest, wanted, identified), found))
    return seen


def _said(nearest: Comparison | None, wanted: Wanted, identified: bool) -> Decision | None:
    """What is said of a face by the nearest of everybody, whoever is named; nothing where only some were looked at."""
    if identified or not wanted.most:
        return None
    return nearest.decision if nearest else Decision.NO_MATCH
