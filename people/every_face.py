"""Every face of an image against photographs and embeddings: whose it is, or how similar it is to a stored one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from audit.services import record, require_searching
from audit.types import Action, Searched
from calibration.types import Comparison
from clients.models import Client
from liveness.types import FrameRules
from people.elsewhere.asking import asked_in, compare_photograph_there, require_picture
from people.evidence import proof_demanded, require_live, require_no_policy
from people.exceptions import NoTemplate
from people.failures import attempt_at
from people.galleries import SearchedGalleries, search_in
from people.models import Gallery, ReferenceImage
from people.search import usable_embedding
from people.shadow import offer_probe
from people.single_faces import Wanted, found_there, nearest_wanted
from people.types import Candidate
from vectors.stored import Rotated
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT, engines
from vision.inference import AnalysisOptions
from vision.selection import ALL_FACES, FacesWanted
from vision.types import Analysis, DetectedFace, Embedding

LOOKS = 3  # at a gallery of which somebody is erased each time
NO_FACE = "This photograph has no face that could be compared."


@dataclass(frozen=True)
class EveryFace:
    """The wanted faces of an image, largest first, each with the photographs that are nearest to it, closest first.

    Faces that cannot be recognised are left out: `faces` may be empty where the image is not. `space` is the one that
    was searched.
    """

    analysis: Analysis
    faces: tuple[tuple[DetectedFace, tuple[Candidate, ...]], ...]
    space: str


@dataclass(frozen=True)
class EveryDescription:
    """As `EveryFace`, of faces that nothing is compared with; embeddings are of `space`."""

    analysis: Analysis
    faces: tuple[DetectedFace, ...]
    space: str


@dataclass(frozen=True)
class EveryComparison:
    """As `EveryFace`, each face with its comparison with one photograph."""

    analysis: Analysis
    faces: tuple[tuple[DetectedFace, Comparison], ...]
    space: str


def search_every_face(
    *, gallery: Gallery, data: bytes, most: int, faces: FacesWanted = ALL_FACES, attributes: bool = False
) -> EveryFace:
    """The `most` photographs of a gallery that are nearest to each face of an image, however far they are.

    A person may have several of them, except where a remote service keeps the gallery. A face has none only where the
    gallery has none. Raises `InvalidImage`, `SearchingStopped` or `Unavailable`.
    """
    require_searching(gallery.client_id)
    searched = search_in(client=gallery.client, galleries=[gallery])
    analysis = inference.analyse(data, AnalysisOptions(aliases=[searched.alias], attributes=attributes))
    name = searched.space.name
    if asked := asked_in(client=gallery.client, galleries=[gallery]):
        wanted, chosen = Wanted(most, lambda comparison: True), recognisable_faces(analysis, faces)
        there = tuple((face, found_there(asked, data, face, wanted, identified=False)) for face in chosen)
        return EveryFace(analysis, there, name)
    found = tuple(
        (face, _nearest(searched, searched.rotated(face.embeddings[name]), most))
        for face in recognisable_faces(analysis, faces)
    )
    if found:
        offer_probe(client=gallery.client, galleries=[gallery], read=partial(bytes, data), faces="all")
    return EveryFace(analysis, found, name)


def search_embeddings(*, gallery: Gallery, embeddings: Sequence[Embedding], most: int) -> list[tuple[Candidate, ...]]:
    """`search_every_face` for embeddings, in their order.

    Raises `UnusableEmbedding`, `SearchingStopped`, or `NoEmbeddingsThere` for a gallery of a remote service.
    """
    require_searching(gallery.client_id)
    require_picture(asked_in(client=gallery.client, galleries=[gallery]))
    searched = search_in(client=gallery.client, galleries=[gallery])
    probes = [searched.rotated(usable_embedding(embedding, searched.space)) for embedding in embeddings]
    return [_nearest(searched, probe, most) for probe in probes]


def _nearest(searched: SearchedGalleries, probe: Rotated, most: int) -> tuple[Candidate, ...]:
    for _ in range(LOOKS):
        found = nearest_wanted(searched, [probe], Wanted(most, lambda comparison: True), identified=False)
        if found or not searched.templates.exists():
            break  # otherwise whoever was nearest has been erased meanwhile
    return found


def describe_every_face(
    *, client: Client, data: bytes, faces: FacesWanted = ALL_FACES, embeddings: bool = False, attributes: bool = False
) -> EveryDescription:
    """The wanted faces of an image, largest first, recognisable or not; recorded if their embeddings are told.

    Raises `InvalidImage` or `Unavailable`.
    """
    options = AnalysisOptions(aliases=[DEFAULT] if embeddings else [], attributes=attributes)
    analysis = inference.analyse(data, options)
    found, space = tuple(faces.of(analysis.faces)), engines[DEFAULT].space.name
    if embeddings:
        record(Action.DETECT, client_id=client.pk, searched=Searched(space=space), results=len(found))
    return EveryDescription(analysis, found, space)


def compare_with_photograph(
    *, image: ReferenceImage, data: bytes, faces: FacesWanted = ALL_FACES, attributes: bool = False
) -> EveryComparison:
    """Every face of an image against a stored photograph, at the one-to-one point: a verification of its person.

    Where the client's policy demands liveness, the largest wanted face alone counts, and must show it. Raises
    `InvalidImage`, `NoTemplate` for a photograph without a face in the space that decides, `TooManyFailures`,
    `SearchingStopped`, `NotLive` or `Unavailable`.
    """
    searched, client = _for_photograph(image), image.person.client
    due = proof_demanded(client=client, proof=None)
    with attempt_at(image.person) as attempt:
        options = AnalysisOptions(aliases=[searched.alias], attributes=attributes, liveness=due is not None)
        analysis = inference.analyse(data, options)
        chosen, name = recognisable_faces(analysis, replace(faces, most=1) if due else faces), searched.space.name
        if image.person.gallery.is_remote:
            compared = compare_photograph_there(image=image, data=data, boxes=[face.box for face in chosen])
            _record(searched, compared, image.person.audit_name, image.audit_name)
        else:
            probes = [searched.rotated(face.embeddings[name]) for face in chosen]
            compared = _compare_with(searched, image, probes)
        matches = any(one.matches for one in compared)
        if due and matches:
            rules = FrameRules(alias=searched.alias, point=searched.point)
            require_live(client=client, proof=due, face=chosen[0], rules=rules)
        attempt.has_failed = bool(compared) and not matches
    return EveryComparison(analysis, tuple(zip(chosen, compared, strict=True)), name)


def compare_embeddings_with_photograph(*, image: ReferenceImage, embeddings: Sequence[Embedding]) -> list[Comparison]:
    """`compare_with_photograph` for embeddings, in their order; `NotLive` where the client's policy demands liveness.

    Raises `UnusableEmbedding` too, or `NoEmbeddingsThere` for a photograph at a remote service.
    """
    require_no_policy(client=image.person.client)
    require_picture(asked_in(client=image.person.client, galleries=[image.person.gallery]))
    searched = _for_photograph(image)
    probes = [searched.rotated(usable_embedding(embedding, searched.space)) for embedding in embeddings]
    with attempt_at(image.person) as attempt:
        compared = _compare_with(searched, image, probes)
        attempt.has_failed = not any(one.matches for one in compared)
    return compared


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


def recognisable_faces(analysis: Analysis, faces: FacesWanted) -> list[DetectedFace]:
    """The wanted faces of an image about which something can be decided, largest first."""
    return [face for face in faces.of(analysis.faces) if face.is_recognisable]


def _for_photograph(image: ReferenceImage) -> SearchedGalleries:
    person = image.person
    require_searching(person.client_id)
    searched = search_in(client=person.client, galleries=[person.gallery], one_to_one=True)
    if not searched.templates.vectors_of(image.pk):
        raise NoTemplate(NO_FACE)
    return searched


def _compare_with(searched: SearchedGalleries, image: ReferenceImage, probes: Sequence[Rotated]) -> list[Comparison]:
    own = searched.templates.filter(reference_image=image)
    near = [one for probe in probes for one in own.nearest(probe, metric=searched.point.metric, limit=1)]
    if len(near) < len(probes):  # erased meanwhile
        raise NoTemplate(NO_FACE)
    compared = _alone(searched, [one.distance for one in near])
    _record(searched, compared, image.person.audit_name, image.audit_name)
    return compared


def _alone(searched: SearchedGalleries, distances: Sequence[float]) -> list[Comparison]:
    """Faces that are no rivals of each other."""
    return [searched.point.compare([one])[0] for one in distances]


def _record(searched: SearchedGalleries, compared: Sequence[Comparison], *names: str) -> None:
    matches, client_id = sum(one.matches for one in compared), searched.client.pk
    record(Action.COMPARE, client_id=client_id, objects=list(names), searched=searched.audited, results=matches)
