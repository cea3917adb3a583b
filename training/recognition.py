"""Who is in a picture, according to one gallery: the nearest template, and its classifier if one is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import numpy as np

from audit.services import require_searching
from calibration.types import Decision
from clients.models import Client
from people.exceptions import UnusableFace
from people.models import Gallery, Person, ReferenceImage
from people.services import (
    SearchedGalleries,
    Seen,
    galleries_called,
    offer_probe,
    ours_of,
    record_search,
    search_in,
    search_people,
)
from people.types import Candidate, Neighbour, Probe, SearchOptions
from training.evaluation import choose
from training.models import KnownPerson, Recogniser
from training.network import Network
from training.querysets import marks_of
from training.types import Judgement, Recognition
from vectors.stored import Rotated
from vision import inference
from vision.inference import AnalysisOptions

STRANGER = Judgement()
CHECK_SECONDS = 30.0


@dataclass(frozen=True)
class Classifier:
    """A version ready to be asked: what it learned, and for each class the person and the state of the templates."""

    network: Network
    classes: Sequence[tuple[int | None, str]]
    minimum: float

    def judge(self, embedding: Rotated, marks: dict[int, str]) -> Judgement:
        """What it says about those people whose templates are still the ones it was trained with (`marks`)."""
        shares = self.network.probabilities(np.asarray([embedding.numbers], np.float32))[0]
        probabilities = {
            person: float(share)
            for (person, mark), share in zip(self.classes, shares, strict=True)
            if person and marks.get(person) == mark
        }
        return Judgement(probabilities, self.minimum)


@dataclass
class _Cache:
    """The classifiers in use that this process has read, and when it looked last whether they still are."""

    classifiers: dict[int, Classifier] = field(default_factory=dict)
    checked: float = field(default_factory=monotonic)


_cache = _Cache()


def recognise(*, client: Client, source: str, data: bytes, tells: bool = True) -> list[Recognition]:
    """Every recognisable face of an encoded image, in the engine's order, and which person of the gallery it is.

    Templates are read at the time of the call, so that a person who was enrolled before it is found. A gallery that a
    remote service keeps is searched by the service alone. `tells`: as `search_people`. Raises `InvalidImage` or
    `EngineUnavailable`.
    """
    require_searching(client.pk)
    galleries = galleries_called(client=client, sources=[source])
    if galleries != ours_of(galleries):
        return _recognise_there(client, source, data, tells)
    return _recognise_here(client, galleries, data, tells)


def _recognise_there(client: Client, source: str, data: bytes, tells: bool) -> list[Recognition]:
    options = SearchOptions([source], limit=1)
    try:
        found = search_people(client=client, probe=Probe(data), options=options, tells=tells).faces
    except UnusableFace:  # there is none
        return []
    matches = [(one.box, next(iter(one.matches), None)) for one in found if one.face and one.face.is_recognisable]
    return [
        Recognition(box, best.person, best.comparison.similarity, None, None)
        if best
        else Recognition(box, None, None, None, None)
        for box, best in matches
    ]


def _recognise_here(client: Client, galleries: Sequence[Gallery], data: bytes, tells: bool) -> list[Recognition]:
    search = search_in(client=client, galleries=galleries)
    found = inference.analyse(data, AnalysisOptions(aliases=(search.alias,))).faces
    faces = [face for face in found if face.is_recognisable]
    if not faces:
        record_search([], client_id=client.pk, searched=search.audited)
        return []
    offer_probe(client=client, galleries=galleries, read=partial(bytes, data))
    templates, point, space = search.templates, search.point, search.space.name
    embeddings = [search.rotated(face.embeddings[space]) for face in faces]
    reached = search.neighbourhood().within(embeddings, threshold=point.reach)
    near = [[one for one in people if one.distance <= point.threshold] for people in reached]
    versions = Recogniser.objects.filter(gallery__in=galleries, space=space)
    version = versions.active().without_weights().first()
    classifier = _classifier(version.pk) if version else None
    marks = marks_of(templates, {neighbour.person_id for people in near for neighbour in people}) if classifier else {}
    decisions = []
    for embedding, people in zip(embeddings, near, strict=True):
        judgement = classifier.judge(embedding, marks) if classifier and people else STRANGER
        by_person = {neighbour.person_id: neighbour for neighbour in people}
        answer = choose(distances={person: one.distance for person, one in by_person.items()}, judgement=judgement)
        decisions.append((None if answer is None else by_person[answer], judgement))
    known = Person.objects.of_client(client).in_bulk([nearest.person_id for nearest, _ in decisions if nearest])
    images = ReferenceImage.objects.in_bulk([nearest.reference_image_id for nearest, _ in decisions if nearest])
    seen = [
        _seen(search, nearest, known, images, is_near=bool(people))
        for (nearest, _), people in zip(decisions, reached, strict=True)
    ]
    record_search(seen, client_id=client.pk, searched=search.audited, tells=tells)
    return [
        Recognition(
            box=face.box,
            person=known.get(nearest.person_id) if nearest else None,
            similarity=point.similarity(nearest.distance) if nearest else None,
            probability=judgement.probabilities.get(nearest.person_id) if nearest else None,
            version=version.version if version and classifier else None,
        )
        for face, (nearest, judgement) in zip(faces, decisions, strict=True)
    ]


def _seen(
    search: SearchedGalleries,
    nearest: Neighbour | None,
    known: Mapping[int, Person],
    images: Mapping[int, ReferenceImage],
    *,
    is_near: bool,
) -> Seen:
    """What is said of a face. `is_near`: somebody is within reach, of whom it is not said to be that person."""
    if nearest is None:
        return Decision.REVIEW if is_near else Decision.NO_MATCH, ()
    if nearest.person_id not in known or nearest.reference_image_id not in images:  # erased meanwhile
        return None, ()
    [compared] = search.compare([nearest])
    return compared.decision, [Candidate(known[nearest.person_id], images[nearest.reference_image_id], compared)]


def _classifier(recogniser_id: int) -> Classifier | None:
    """A version never changes once it is ready; None when it has been deleted, as after the erasure of a person.

    The caller has just read the number of the version in use, so that a deleted one is never asked. What is cached of
    deleted versions goes at the next recognition that is `CHECK_SECONDS` later.
    """
    now = monotonic()
    if now - _cache.checked > CHECK_SECONDS:
        _cache.checked, known = now, set(_cache.classifiers)
        still = set(Recogniser.objects.filter(pk__in=known, is_active=True).values_list("pk", flat=True))
        for gone in known - still:
            _cache.classifiers.pop(gone, None)
    if recogniser_id not in _cache.classifiers and (read := _read(recogniser_id)):
        _cache.classifiers[recogniser_id] = read
    return _cache.classifiers.get(recogniser_id)


def _read(recogniser_id: int) -> Classifier | None:
    row = Recogniser.objects.filter(pk=recogniser_id).values_list("weights", "min_probability").first()
    if row is None:
        return None
    known = KnownPerson.objects.filter(recogniser=recogniser_id).order_by("position")
    classes = list(known.values_list("person_id", "mark"))
    return Classifier(Network.from_bytes(bytes(row[0])), classes, row[1] or 0.0)
