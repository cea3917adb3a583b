"""Who is on a picture, as far as one gallery tells: the nearest template, and its classifier where one is in use."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from calibration.services import threshold_of
from clients.models import Client
from people.models import Person
from people.types import Neighbour
from training.evaluation import choose
from training.models import Recogniser
from training.network import Network
from training.querysets import marks_of, templates_of
from training.types import Judgement, Recognition
from vision import inference
from vision.engines import DEFAULT, engines
from vision.similarity import similarity
from vision.types import DetectedFace, Space

STRANGER = Judgement()


def recognise(*, client: Client, source: str, data: bytes) -> list[Recognition]:
    """Every face of an encoded image, in the engine's order, and who of the gallery it is.

    Templates are read when the question comes: whoever was enrolled before it is found. Raises `InvalidImage` or
    `EngineUnavailable`.
    """
    space = engines[DEFAULT].space
    faces = inference.analyse(data).faces
    if not faces:
        return []
    templates = templates_of(client=client, source=source, space=space.name)
    threshold = threshold_of(client=client)
    near = templates.within([f.embeddings[space.name] for f in faces], metric=space.metric, threshold=threshold)
    people = {neighbour.person_id for found in near for neighbour in found}
    versions = Recogniser.objects.of_gallery(client=client, source=source, space=space.name)
    recogniser = versions.active().without_weights().first()
    marks = marks_of(templates, people) if recogniser and people else {}
    chosen = [_choose(face, found, space, recogniser, marks) for face, found in zip(faces, near, strict=True)]
    known = Person.objects.of_client(client).in_bulk([n.person_id for n, _ in chosen if n])
    version = recogniser.version if recogniser else None
    return [
        Recognition(
            box=face.box,
            person=known.get(neighbour.person_id) if neighbour else None,
            similarity=_similarity(neighbour, space, threshold) if neighbour else None,
            probability=judgement.probabilities.get(neighbour.person_id) if neighbour else None,
            version=version,
        )
        for face, (neighbour, judgement) in zip(faces, chosen, strict=True)
    ]


def _similarity(neighbour: Neighbour, space: Space, threshold: float) -> float:
    return similarity(distance=neighbour.distance, metric=space.metric, threshold=threshold)


def _choose(
    face: DetectedFace, found: list[Neighbour], space: Space, recogniser: Recogniser | None, marks: dict[int, str]
) -> tuple[Neighbour | None, Judgement]:
    judgement = _judge(recogniser, face, space, marks) if recogniser and found else STRANGER
    by_person = {neighbour.person_id: neighbour for neighbour in found}
    distances = {person: neighbour.distance for person, neighbour in by_person.items()}
    answer = choose(distances=distances, judgement=judgement)
    return (by_person[answer] if answer is not None else None), judgement


def _judge(recogniser: Recogniser, face: DetectedFace, space: Space, marks: dict[int, str]) -> Judgement:
    """The classifier's word about people whose templates are still those it was trained with."""
    network = _network(recogniser.pk)
    shares = network.probabilities(np.asarray([face.embeddings[space.name]], np.float32))[0]
    trained = zip(recogniser.people, recogniser.marks, shares, strict=True)
    probabilities = {person: float(share) for person, mark, share in trained if marks.get(person) == mark}
    return Judgement(probabilities, recogniser.min_probability or 0.0)


@lru_cache(maxsize=256)
def _network(recogniser_id: int) -> Network:
    """A version's weights never change once it is ready."""
    weights = Recogniser.objects.filter(pk=recogniser_id).values_list("weights", flat=True).get()
    return Network.from_bytes(bytes(weights))
