"""One face: who it is, whether it is presented, and what a client's policy makes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.conf import settings

from clients.models import Client, LivenessPolicy
from errors import InvalidInput
from liveness.exceptions import FaceNotFound
from liveness.types import PassiveResult, Policy
from vision import inference
from vision.distances import distance
from vision.engines import DEFAULT, engines, weights
from vision.engines import liveness as passive
from vision.exceptions import EngineUnavailable
from vision.inference import AnalysisOptions
from vision.similarity import similarity
from vision.types import DetectedFace, Embedding

Face = DetectedFace | Mapping[str, Embedding]  # or the embeddings of one, by space
PROMINENT = 0.25  # of the largest face's area: a smaller one is somebody in the background


def policy_of(*, client: Client) -> Policy:
    """The client's own policy, else the deployment's; where nobody has set one: what can be checked here."""
    if chosen := client.liveness_policy or settings.LIVENESS_POLICY:
        return Policy(LivenessPolicy(chosen), demanded=True)
    return Policy(LivenessPolicy.BOTH if can_assess() else LivenessPolicy.FRAMES, demanded=False)


def can_assess() -> bool:
    """Whether passive scores can be had in this deployment."""
    return engines[DEFAULT].assesses_liveness()


def read_face(*, data: bytes, alone: bool = False) -> DetectedFace:
    """The largest face of an encoded image with embedding, passive score and what frames are compared by.

    `alone`: no other prominent face may be there. Raises `InvalidImage`, `FaceNotFound` or `EngineUnavailable`.
    """
    faces = inference.analyse(data, AnalysisOptions(liveness=True, frame=True)).faces
    if not faces:
        raise FaceNotFound("No face was found in this image.", code="face.none")
    largest = max(faces, key=lambda face: face.box.area)
    others = [face for face in faces if face is not largest and face.box.area >= PROMINENT * largest.box.area]
    if alone and others:
        raise FaceNotFound("This image shows several faces; exactly one is needed.", code="face.several")
    return largest


def read_frames(*, frames: Sequence[bytes], alone: bool = False) -> list[DetectedFace | InvalidInput]:
    """`read_face` of every frame, several at a time; for one that cannot be used the refusal. Raises `Unavailable`."""

    def read(data: bytes) -> DetectedFace | InvalidInput:
        try:
            return read_face(data=data, alone=alone)
        except InvalidInput as error:
            return error

    return inference.several(read, frames)


def passive_check(*, data: bytes) -> PassiveResult:
    """How much the largest face of an image looks presented. Raises as `read_face` and `assess` do."""
    return assess(face=read_face(data=data))


def assess(*, face: DetectedFace) -> PassiveResult:
    """The passive score of a face. Raises `EngineUnavailable` (`engine.weights_missing`) where there is none."""
    if face.liveness is None:
        names = ", ".join(file.name for file in passive.files())
        hint = "Run `python manage.py fetch_models --liveness` and restart the workers."
        message = f"Passive scores need {names or 'weights'} in {weights.folder()}. {hint}"
        raise EngineUnavailable(message, code="engine.weights_missing")
    fake = 1 - face.liveness
    return PassiveResult(fake_prob=round(100 * fake, 5), is_fake=fake >= settings.ANTISPOOF_THRESHOLD)


def alike(*, one: Face, other: Face) -> float:
    """Similarity of two faces on the service's scale, 0 to 1; 0.7 is the threshold of the default space."""
    space = engines[DEFAULT].space
    first, second = (face.embeddings if isinstance(face, DetectedFace) else face for face in (one, other))
    apart = distance(first[space.name], second[space.name], metric=space.metric)
    return similarity(distance=apart, metric=space.metric, threshold=space.thresholds[space.metric])
