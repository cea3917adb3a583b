"""Every face of an image against a stored photograph, those of two images against each other, and embeddings alone.

What is compared with everybody in a gallery is in `people.one_gallery`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from audit.services import record, require_searching
from audit.types import Action
from calibration.types import Comparison
from clients.models import Client
from liveness.types import FrameRules
from people.elsewhere.asking import AskedGalleries, compare_with_image
from people.evidence import proof_demanded, require_live, require_no_policy
from people.exceptions import NoTemplate
from people.failures import attempt_at
from people.galleries import SearchedGalleries, search_in
from people.looks import AS_USUAL, Look, faces_of
from people.models import ReferenceImage
from people.quality_gate import remarks_on
from people.search import usable_embedding
from people.types import Gate
from vectors.stored import Rotated
from vision import inference
from vision.distances import distance, distance_matrix
from vision.engines import DEFAULT
from vision.exceptions import NotRecognisable
from vision.selection import ALL_FACES, choose_face
from vision.types import Analysis, DetectedFace, Embedding

NO_FACE = "This photograph has no face that could be compared."


@dataclass(frozen=True)
class EveryComparison:
    """The faces of an image that count and can be recognised, each with its comparison with one photograph; `space` is
    the one that decided, or the name of the service.
    """

    analysis: Analysis
    faces: tuple[tuple[DetectedFace, Comparison], ...]
    space: str


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


# ---- a stored photograph --------------------------------------------------------------------------------------------
def compare_with_photograph(*, image: ReferenceImage, data: bytes, look: Look = AS_USUAL) -> EveryComparison:
    """Every face of an image against a stored photograph, at the one-to-one point: a verification of its person.

    Where the client's policy demands liveness, the largest wanted face alone counts, and must show it. Raises as
    `faces_of` does, `NoTemplate` for a photograph without a face that could be compared, `TooManyFailures`,
    `SearchingStopped`, or `NotLive`.
    """
    client, is_remote = image.person.client, image.person.gallery.is_remote
    searched = _for_photograph(image, beside=is_remote)
    due = proof_demanded(client=client, proof=None)
    wanted = replace(look.wanted or ALL_FACES, most=1) if due else look.wanted
    with attempt_at(image.person) as attempt, inference.admission(1) if is_remote else nullcontext():
        analysis = faces_of(data, replace(look, wanted=wanted), searched.alias, liveness=due is not None)
        chosen = [face for face in replace(look, wanted=wanted).chosen(analysis) if face.is_recognisable]
        judged: SearchedGalleries | AskedGalleries = searched
        if is_remote:
            judged, compared = compare_with_image(image=image, data=data, boxes=[face.box for face in chosen])
        else:
            probes = [searched.rotated(face.embeddings[searched.space.name]) for face in chosen]
            compared = _compare_with(searched, image, probes)
        _record(judged, compared, image.person.audit_name, image.audit_name)
        matches = any(one.matches for one in compared)
        if due and matches:
            rules = FrameRules(alias=searched.alias, point=searched.point)
            require_live(client=client, proof=due, face=chosen[0], rules=rules)
        attempt.has_failed = bool(compared) and not matches
    space = judged.space if isinstance(judged, AskedGalleries) else judged.space.name
    return EveryComparison(analysis, tuple(zip(chosen, compared, strict=True)), space)


def compare_embeddings_with_photograph(*, image: ReferenceImage, embeddings: Sequence[Embedding]) -> list[Comparison]:
    """`compare_with_photograph` for embeddings, in their order; `NotLive` where the client's policy demands liveness.

    Raises `UnusableEmbedding` and `NoEmbeddingsThere` too.
    """
    require_no_policy(client=image.person.client)
    searched = _for_photograph(image)
    probes = [searched.rotated(usable_embedding(embedding, searched.space)) for embedding in embeddings]
    with attempt_at(image.person) as attempt:
        compared = _compare_with(searched, image, probes)
        _record(searched, compared, image.person.audit_name, image.audit_name)
        attempt.has_failed = not any(one.matches for one in compared)
    return compared


# ---- two images -----------------------------------------------------------------------------------------------------
def compare_all(
    *,
    client: Client,
    first: bytes,
    second: bytes,
    gate: Gate = Gate.OFF,
    look: Look = AS_USUAL,
    only: bool = False,
) -> FacePairs:
    """The largest face of `first` against every face of `second`. Nothing is stored.

    `look` says which faces of both images count; the default space decides. With `only`, `first` may have one face
    alone. Faces that cannot be recognised, or that the gate refuses, are not compared. Where the client's policy
    demands liveness, that face of `first` must show it. Raises `InvalidImage`, `UnusableFace` (`face.several`),
    `SearchingStopped`, `NotLive` or `Unavailable`.
    """
    require_searching(client.pk)
    due = proof_demanded(client=client, proof=None)
    searched = search_in(client=client, galleries=[], one_to_one=True)
    both = [(first, look.options(DEFAULT, liveness=due is not None)), (second, look.options(DEFAULT))]
    one, other = inference.several(lambda image: inference.analyse(*image), both)
    faces = look.chosen(one)
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
        for found in look.chosen(other)
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
    one, other = inference.several(lambda image: faces_of(image[0], look, searched.alias, liveness=image[1]), both)
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


# ---- embeddings alone -----------------------------------------------------------------------------------------------
def compare_embeddings(*, client: Client, first: Embedding, others: Sequence[Embedding]) -> list[Comparison]:
    """One embedding of the default space against others, in their order, at the one-to-one point.

    Raises `UnusableEmbedding`, `SearchingStopped`, or `NotLive` where the client's policy demands liveness.
    """
    require_searching(client.pk)
    require_no_policy(client=client)
    searched = search_in(client=client, galleries=[], one_to_one=True)
    metric = searched.point.metric
    one, *rest = (usable_embedding(embedding, searched.space) for embedding in (first, *others))
    compared = _alone(searched, [distance(one, other, metric=metric) for other in rest])
    _record(searched, compared)
    return compared


def _for_photograph(image: ReferenceImage, *, beside: bool = False) -> SearchedGalleries:
    person = image.person
    require_searching(person.client_id)
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True, beside=beside)
    if not searched.templates.vectors_of(image.pk):
        raise NoTemplate(NO_FACE)
    return searched


def _compare_with(searched: SearchedGalleries, image: ReferenceImage, probes: Sequence[Rotated]) -> list[Comparison]:
    own = searched.templates.filter(reference_image=image)
    near = [one for probe in probes for one in own.nearest(probe, metric=searched.point.metric, limit=1)]
    if len(near) < len(probes):  # erased meanwhile
        raise NoTemplate(NO_FACE)
    return _alone(searched, [one.distance for one in near])


def _alone(searched: SearchedGalleries, distances: Sequence[float]) -> list[Comparison]:
    """Faces that are no rivals of each other."""
    return [searched.point.compare([one])[0] for one in distances]


def _record(searched: SearchedGalleries | AskedGalleries, compared: Sequence[Comparison], *names: str) -> None:
    matches, client_id = sum(one.matches for one in compared), searched.client.pk
    record(Action.COMPARE, client_id=client_id, objects=list(names), searched=searched.audited, results=matches)
