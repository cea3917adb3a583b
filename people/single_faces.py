"""Faces one by one: searches that name photographs rather than people, and all faces of one image against another's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from audit.services import record, require_searching
from audit.types import Action
from calibration.types import Comparison
from clients.models import Client
from liveness.services import read_face
from people.elsewhere.asking import AskedGalleries, asked_in
from people.evidence import proof_demanded, require_live
from people.galleries import SearchedGalleries, search_in
from people.models import Gallery, Person, ReferenceImage
from people.quality_gate import remarks_on
from people.shadow import offer_probe
from people.types import Candidate, Gate, Neighbour
from vectors.stored import Rotated
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT
from vision.inference import AnalysisOptions
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
    """The largest face of one image (None: there is none) against every face of another."""

    first: Analysis
    face: DetectedFace | None
    second: Analysis
    compared: tuple[tuple[DetectedFace, Comparison | None], ...]  # None: it cannot be compared


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
        return FaceSearch(analysis, face, True, _found_there(asked, data, face, wanted, identified))
    offer_probe(client=gallery.client, galleries=[gallery], read=partial(bytes, data), faces="largest")
    probe = searched.rotated(face.embeddings[searched.space.name])
    return FaceSearch(analysis, face, True, _found(searched, [probe], wanted, identified))


def _found_there(
    asked: AskedGalleries, data: bytes, face: DetectedFace, wanted: Wanted, identified: bool
) -> tuple[Candidate, ...]:
    """People whom a remote service finds, each once, and a row of the audit that names them."""
    near = asked.nearest(data, face.box, limit=min(wanted.most, STEPS[-1]))
    known = [one for one in asked.candidates(near, limit=len(near)) if one.person.external_id or not identified]
    found = tuple(one for one in known if wanted.accepts(one.comparison))
    names = [one.person.audit_name for one in found]
    record(Action.SEARCH, client_id=asked.client.pk, objects=names, searched=asked.audited, results=len(found))
    return found


def search_stored_faces(
    *, gallery: Gallery, images: Sequence[ReferenceImage], wanted: Wanted, identified: bool = False
) -> tuple[Candidate, ...]:
    """`search_face` for stored faces of one person, which are not among the photographs that are found."""
    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    own = {image.pk for image in images}
    probes = [vector for pk in own for vector in searched.templates.vectors_of(pk)]
    return _found(searched, probes, wanted, identified, but=set() if identified else own)


def _found(
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


def compare_all(*, client: Client, first: bytes, second: bytes, gate: Gate = Gate.OFF) -> FacePairs:
    """The largest face of `first` against every face of `second`. Nothing is stored.

    Faces that cannot be recognised, or that the gate refuses, are not compared. Where the client's policy demands
    liveness, `first` must show it. Raises `InvalidImage`, `SearchingStopped`, `NotLive` or `Unavailable`.
    """
    require_searching(client.pk)
    due = proof_demanded(client=client, proof=None)
    searched = search_in(client=client, galleries=[], one_to_one=True)
    options = AnalysisOptions(aliases=[DEFAULT])
    one, other = inference.several(lambda data: inference.analyse(data, options), [first, second])
    face = max(one.faces, key=lambda found: found.box.area, default=None)
    if due and face is not None:
        require_live(client=client, proof=due, face=read_face(data=first))
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
        for found in other.faces
    )
    matches = sum(comparison is not None and comparison.matches for _, comparison in compared)
    record(Action.COMPARE, client_id=client.pk, searched=searched.audited, results=matches)
    return FacePairs(one, face, other, compared)
