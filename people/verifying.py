"""Comparing two faces and asking for a living person at the same time: each image is analysed once."""

from __future__ import annotations

from calibration.services import comparisons, threshold_of
from calibration.types import Comparison
from clients.models import Client
from errors import InvalidInput
from liveness.exceptions import NotLive
from liveness.services import read_face, read_frames, redeem_token
from people.exceptions import NoTemplate
from people.models import FaceTemplate, Person
from people.proofs import COMPARE, VERIFY, Face, check_proof, redeem_for, require_no_picture
from people.types import LiveComparison, Proof
from vision.distances import distance
from vision.engines import DEFAULT, engines
from vision.types import DetectedFace


def verify_live(*, person: Person, data: bytes, proof: Proof) -> LiveComparison:
    """Whether the largest face of an image is this person's, and somebody's who is alive.

    Liveness is looked at where the faces match; frames must show the person. Raises `InvalidImage`, `FaceNotFound`,
    `NoTemplate`, `NotLive` (to callers who have not asked, but must), `TokenRefused`, `SessionNotFound` or
    `Unavailable`.
    """
    space = engines[DEFAULT].space
    templates = FaceTemplate.objects.of_client(person.client).in_space(space.name).of_person(person)
    probe = read_face(data=data)
    near = templates.nearest(probe.embeddings[space.name], metric=space.metric, limit=1)
    stored = templates.vectors_of(near[0].reference_image_id) if near else []
    if not stored:  # never enrolled, or erased meanwhile
        raise NoTemplate("This person has no enrolled face to compare with.")
    known = {space.name: stored[0]}
    compared = _comparison(person.client, near[0].distance)
    if proof.token and compared.matches:
        require_no_picture(client=person.client, face=probe)
        redeem_for(person=person, token=proof.token, purpose=VERIFY, face=probe)
    return _judged(person.client, compared, known, probe, proof)


def compare_live(*, client: Client, known: bytes, data: bytes, proof: Proof) -> LiveComparison:
    """`verify_live` against the largest face of an image; nothing is stored. Raises as it does."""
    reference, probe = _both(known, data)
    space = engines[DEFAULT].space
    gap = distance(reference.embeddings[space.name], probe.embeddings[space.name], metric=space.metric)
    compared = _comparison(client, gap)
    if proof.token and compared.matches:
        require_no_picture(client=client, face=probe)
        redeem_token(client=client, token=proof.token, purpose=COMPARE, subject=proof.subject, face=probe)
    return _judged(client, compared, reference, probe, proof)


def _both(known: bytes, data: bytes) -> tuple[DetectedFace, DetectedFace]:
    """The faces of two images, which different workers may look at. Raises what is wrong with the first bad one."""
    faces = []
    for face in read_frames(frames=[known, data]):
        if isinstance(face, InvalidInput):
            raise face
        faces.append(face)
    return faces[0], faces[1]


def _comparison(client: Client, gap: float) -> Comparison:
    return comparisons(distances=[gap], space=engines[DEFAULT].space, threshold=threshold_of(client=client))[0]


def _judged(client: Client, compared: Comparison, known: Face, probe: DetectedFace, proof: Proof) -> LiveComparison:
    if not compared.matches:
        return LiveComparison(compared)
    if proof.token:
        return LiveComparison(compared, is_live=True)
    result = check_proof(client=client, proof=proof, reference=known, probe=probe)
    if result is None:
        return LiveComparison(compared)
    if not (result.is_live or proof.asked):  # who has not asked looks at the match alone
        raise NotLive("The faces match, but the policy demands more liveness.", code=result.reasons[0])
    return LiveComparison(compared, result.is_live, tuple(result.reasons))
